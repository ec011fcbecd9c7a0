"""Points for tests, written as text, one letter per point.

`g` good, `b` bad, `m` missing, `i` idle, `r` one restart, `R` three restarts.
"""

from collections.abc import Sequence

from hypercare.domain.evidence.bounds import Below
from hypercare.domain.evidence.criteria import NoRegression
from hypercare.domain.evidence.fold import EvidenceState, Yardstick, fold
from hypercare.domain.evidence.judgement import Judgement, Tail, judge
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

STEP = 10
NONE = NoRegression()
MARKS: dict[str, Mark] = {
    "g": Good(Measurement(1, {})),
    "b": Bad(Measurement(9, {"pod": "a"})),
    "m": Missing(MissingReason.SCRAPE_GAP, "no fresh samples"),
    "i": Idle(),
    "r": Restarted(Measurement(1, {"pod": "a"})),
    "R": Restarted(Measurement(3, {"pod": "a"})),
}


def points(text: str, first: int = 1, regression: str = "") -> tuple[Point, ...]:
    """Points at `first` x STEP and on; `regression` has `b` where the regression bound is passed."""
    other = regression or "i" * len(text)
    return tuple(
        Point((first + index) * STEP, MARKS[kind], MARKS[second])
        for index, (kind, second) in enumerate(zip(text, other, strict=True))
    )


def yardstick_of(rule: Rule, regression: Rule | NoRegression = NONE) -> Yardstick:
    """Judge values that must be below 5."""
    return Yardstick(STEP, rule, regression, Below(5))


def fresh() -> EvidenceState:
    """No point yet; the first one is at STEP."""
    return EvidenceState("d", 0)


def verdict_of(state: EvidenceState, by: Yardstick, tail: Sequence[Point] = (), settled: int = 0) -> Judgement:
    """Judge a state with a provisional tail."""
    return judge(state, Tail(tail, settled or state.final_through), by)


def judged(text: str, rule: Rule) -> Judgement:
    """Judge final points."""
    by = yardstick_of(rule)
    return verdict_of(fold(fresh(), points(text), by), by)
