"""Changes of verdicts: as if every point had been looked at, whenever and however often it was."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.evidence.bounds import Below
from hypercare.domain.evidence.fold import EvidenceState, Yardstick, fold
from hypercare.domain.evidence.judgement import Judgement, Tail, Verdict, judge
from hypercare.domain.evidence.points import (
    Bad,
    Good,
    Idle,
    Mark,
    Measurement,
    Missing,
    MissingReason,
    Point,
    Restarted,
)
from hypercare.domain.evidence.streaks import Rule
from hypercare.domain.evidence.verdict_history import (
    CATCHING_UP,
    MOST_TOLD,
    Told,
    VerdictChange,
    fold_with_changes,
    joined,
    told_early,
    untold,
)

T0, STEP = 1_800_000_000, 30
MET, UNMET, UNKNOWN = Verdict
GOOD, BAD = Good(Measurement(1, {})), Bad(Measurement(9, {}))
MISSING = Missing(MissingReason.NO_DATA, "the query returned no series")
MARKS: dict[str, Mark] = {"g": GOOD, "b": BAD, "m": MISSING, "i": Idle(), "r": Restarted(Measurement(1, {}))}
BY = Yardstick(STEP, Rule(points=3, gap=1, missing=1), Rule(points=2), Below(5))
START = EvidenceState("definition", T0)


def points(marks: str, past: str = "") -> tuple[Point, ...]:
    """One point for each letter; `past` has a `p` where the value is past the regression bound."""
    turned = [BAD if letter == "p" else GOOD for letter in past.ljust(len(marks), ".")]
    return tuple(Point(T0 + STEP * (index + 1), MARKS[letter], turned[index]) for index, letter in enumerate(marks))


def change(verdict: Verdict, index: int, reason: str = "") -> VerdictChange:
    return VerdictChange(T0 + STEP * index, Judgement(verdict, reason, "", 0, 0))


def shown(found: tuple[VerdictChange, ...]) -> list[tuple[int, Verdict]]:
    return [((each.time - T0) // STEP, each.verdict) for each in found]


@pytest.mark.parametrize(
    ("sentence", "marks", "expected"),
    [
        ("It begins with the verdict before.", "", [(0, UNKNOWN)]),
        ("Met comes with the last point it needs.", "ggggg", [(0, UNKNOWN), (3, MET)]),
        ("Unmet comes with the bad point.", "gggb", [(0, UNKNOWN), (3, MET), (4, UNMET)]),
        ("It is met again when the bad point has left.", "gbggg", [(0, UNKNOWN), (2, UNMET), (5, MET)]),
        ("A hole is unknown while it lasts.", "gggmg", [(0, UNKNOWN), (3, MET), (4, UNKNOWN), (5, MET)]),
        ("A long hole restarts.", "gggmmg", [(0, UNKNOWN), (3, MET), (4, UNKNOWN)]),
        ("After bad points a hole stays unmet until they have left.", "bmmm", [(0, UNKNOWN), (1, UNMET), (4, UNKNOWN)]),
        ("Idle points change nothing.", "gggiiib", [(0, UNKNOWN), (3, MET), (7, UNMET)]),
    ],
)
def test_changes_belong_to_points(sentence: str, marks: str, expected: list[tuple[int, Verdict]]) -> None:
    assert shown(fold_with_changes(START, points(marks), BY)[1]) == expected, sentence


def test_a_regression_restarts_a_streak_whose_points_are_good() -> None:
    found = fold_with_changes(START, points("ggggggg", "...pp"), BY)[1]
    assert shown(found) == [(0, UNKNOWN), (3, MET), (5, UNKNOWN)]


def test_each_change_has_the_words_of_its_time() -> None:
    _, (_, met, unmet) = fold_with_changes(START, points("gggb"), BY)
    assert (met.judgement.reason, met.judgement.message) == ("Sustained", "Values were below 5 for 1m30s")
    assert (unmet.judgement.reason, unmet.judgement.message) == ("BoundViolated", "9 is not below 5")


TRACKS = st.text(alphabet="gggggbmir", max_size=40)
PASTS = st.text(alphabet="......p", max_size=40)
RULES = st.builds(
    Rule,
    points=st.integers(1, 8),
    bad=st.integers(0, 2),
    missing=st.integers(0, 3),
    gap=st.integers(0, 2),
    restarts=st.integers(0, 2),
)


@given(TRACKS, PASTS, RULES)
def test_no_change_is_missed_by_not_looking_at_each_point(marks: str, past: str, rule: Rule) -> None:
    by = replace(BY, rule=rule)
    state, naive = START, [(0, judge(START, Tail((), 0), by).verdict)]
    for index, point in enumerate(points(marks, past), 1):
        state = fold(state, [point], by)
        verdict = judge(state, Tail((), 0), by).verdict
        if verdict is not naive[-1][1]:
            naive.append((index, verdict))
    found_state, found = fold_with_changes(START, points(marks, past), by)
    assert shown(found) == naive
    assert found_state == state


@given(TRACKS, RULES, st.lists(st.integers(0, 40), max_size=5))
def test_what_is_told_in_the_end_does_not_depend_on_when_it_was_read(marks: str, rule: Rule, cuts: list[int]) -> None:
    by, every = replace(BY, rule=rule), points(marks)

    def told(edges: list[int]) -> list[tuple[int, Verdict]]:
        state, before, news = START, Told(UNKNOWN, 0), list[VerdictChange]()
        for begin, end in zip([0, *edges], [*edges, len(every)], strict=True):
            state, found = fold_with_changes(state, every[begin:end], by)
            assert len(found) <= MOST_TOLD * 4
            fresh = untold(before, found, VerdictChange(state.final_through, judge(state, Tail((), 0), by)))
            news += fresh
            before = Told(news[-1].verdict, news[-1].time) if news else before
        return shown(tuple(news))

    assert told(sorted(cuts))[-MOST_TOLD:] == told([])


class TestToldEarly:
    """What points show that are not final yet."""

    def early(self, marks: str, tail: str, settled: int) -> list[tuple[int, Verdict]]:
        every = points(marks + tail)
        state = fold(START, every[: len(marks)], BY)
        ahead = Tail(every[len(marks) :], T0 + STEP * settled)
        return shown(told_early(state, ahead, judge(state, ahead, BY), BY))

    def test_a_bad_point_is_told_with_its_time(self) -> None:
        assert self.early("ggg", "gbg", settled=3) == [(5, UNMET)]

    def test_a_hole_is_told_with_the_time_of_its_beginning(self) -> None:
        assert self.early("ggg", "gmm", settled=6) == [(5, UNKNOWN)]

    def test_a_hole_that_samples_may_still_fill_is_not_told(self) -> None:
        assert self.early("ggg", "gmm", settled=4) == []

    def test_good_points_complete_nothing(self) -> None:
        assert self.early("gg", "gg", settled=2) == []


NEWS = (change(UNKNOWN, 0), change(MET, 3), change(UNMET, 5))


@pytest.mark.parametrize(
    ("sentence", "before", "found", "now", "expected"),
    [
        ("All that happened is told.", Told(UNKNOWN, T0), NEWS, change(UNMET, 5), [(3, MET), (5, UNMET)]),
        ("What is told is not told again.", Told(UNMET, T0 + 150), NEWS, change(UNMET, 5), []),
        ("Only what came later is told.", Told(MET, T0 + 90), NEWS, change(UNMET, 5), [(5, UNMET)]),
        ("What is told early is not told when it is final.", Told(UNMET, T0 + 150), NEWS, change(UNMET, 6), []),
        (
            "What was told early and did not come true is taken back.",
            Told(UNKNOWN, T0 + 120),
            NEWS[:2],
            change(MET, 6),
            [(6, MET)],
        ),
        ("It is taken back after it was told.", Told(UNKNOWN, T0 + 270), NEWS[:2], change(MET, 6), [(9, MET)]),
        ("A kind without points tells its verdict.", Told(UNKNOWN, T0), (), change(MET, 2), [(2, MET)]),
        ("Not having read everything is no news.", Told(MET, T0 + 90), NEWS[:2], change(UNKNOWN, 9, CATCHING_UP), []),
        ("What was found meanwhile is.", Told(MET, T0 + 90), NEWS, change(UNKNOWN, 9, CATCHING_UP), [(5, UNMET)]),
        ("What had been met stays so.", Told(UNKNOWN, T0 + 90, CATCHING_UP), NEWS[:2], change(MET, 9), []),
        ("Also after a restart.", Told(UNKNOWN, T0 + 90, CATCHING_UP), (change(MET, 8),), change(MET, 9), []),
    ],
)
def test_news(
    sentence: str,
    before: Told,
    found: tuple[VerdictChange, ...],
    now: VerdictChange,
    expected: list[tuple[int, Verdict]],
) -> None:
    told = (
        [(each.time - T0) // STEP for each in untold(before, found, now)],
        [each.verdict for each in untold(before, found, now)],
    )
    assert list(zip(*told, strict=True)) == expected, sentence


def test_what_is_told_at_once_is_bounded() -> None:
    many = tuple(change((MET, UNMET)[index % 2], index) for index in range(1, 100))
    assert len(untold(Told(UNKNOWN, T0), many, many[-1])) == MOST_TOLD


def test_histories_are_joined_without_what_is_no_change() -> None:
    assert shown(joined(NEWS, (change(UNMET, 7), change(MET, 8)))) == [(0, UNKNOWN), (3, MET), (5, UNMET), (8, MET)]
    assert len(joined(tuple(change((MET, UNMET)[index % 2], index) for index in range(50)), ())) == MOST_TOLD
