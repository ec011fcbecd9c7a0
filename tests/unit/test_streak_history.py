"""The history of a streak says, at every point, what a judgement of that point alone says."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.evidence.criteria import NoRegression
from hypercare.domain.evidence.fold import fold, states
from hypercare.domain.evidence.judgement import Judgement, Regressed, Verdict
from hypercare.domain.evidence.streak_history import streak_history
from hypercare.domain.evidence.streaks import Rule
from tests.unit.evidence_points import STEP, fresh, points, verdict_of, yardstick_of

LETTERS = st.lists(st.tuples(st.sampled_from("gggbmirR"), st.integers(1, 12)), max_size=12)
RULES = st.builds(
    Rule,
    points=st.integers(1, 15),
    bad=st.integers(0, 2),
    missing=st.integers(0, 4),
    gap=st.integers(0, 3),
    restarts=st.integers(0, 2),
)


def text_of(runs: list[tuple[str, int]]) -> str:
    return "".join(letter * count for letter, count in runs)


def says(judgement: Judgement) -> tuple[Verdict, str, Regressed]:
    """Verdict and reason; which kind of missing it is, is told by the history alone."""
    reason = "EvidenceMissing" if judgement.reason == "ScrapeGap" else judgement.reason
    return judgement.verdict, reason, judgement.regressed


@given(
    runs=LETTERS,
    regression=st.lists(st.tuples(st.sampled_from("gbmi"), st.integers(1, 12)), max_size=12),
    rule=RULES,
    other=st.builds(Rule, points=st.integers(1, 4)) | st.just(NoRegression()),
    cut=st.integers(0, 150),
)
def test_it_says_at_every_point_what_judging_there_says(
    runs: list[tuple[str, int]], regression: list[tuple[str, int]], rule: Rule, other: Rule | NoRegression, cut: int
) -> None:
    text = text_of(runs)
    every = points(text, regression=text_of(regression).ljust(len(text), "g")[: len(text)])
    by = yardstick_of(rule, other)
    earlier, later = every[:cut], every[cut:]
    halfway = fold(fresh(), earlier, by)
    steps = [*streak_history(fresh(), earlier, by), *streak_history(halfway, later, by)]
    told = dict(steps)
    current = None
    for point, state in zip(every, states(fresh(), every, by), strict=True):
        current = told.get(point.time, current)
        assert current is not None
        assert says(current) == says(verdict_of(state, by))
    assert [time for time, _ in steps] == sorted(told)


def test_a_step_is_told_only_where_something_else_is_said() -> None:
    steps = list(streak_history(fresh(), points("g" * 500 + "m" * 3 + "b" + "g" * 400), yardstick_of(Rule(100))))
    assert [(time // STEP, judgement.reason) for time, judgement in steps] == [
        (1, "Collecting"),
        (100, "Sustained"),
        (501, "ScrapeGap"),
        (504, "BoundViolated"),
        (505, "RecentlyViolated"),
        (604, "Sustained"),
    ]
    assert all(says(one) != says(other) for (_, one), (_, other) in pairwise(steps))


def test_a_step_of_missing_data_says_what_is_missing() -> None:
    (_, judgement), *_ = list(streak_history(fresh(), points("m"), yardstick_of(Rule(2))))
    assert (judgement.reason, judgement.message) == ("ScrapeGap", "no fresh samples")
