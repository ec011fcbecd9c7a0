"""The fold of evidence: points in, verdict out."""

import random

from benchmarks.measure import Finding, cpu_seconds
from hypercare.domain.evidence.bounds import Below
from hypercare.domain.evidence.criteria import Criterion, QueryKind
from hypercare.domain.evidence.fold import EvidenceState, fold, states, yardstick
from hypercare.domain.evidence.points import Bad, Good, Mark, Measurement, Missing, MissingReason, Point
from hypercare.domain.evidence.streaks import assess

STEP = 30
DAY = 86400 // STEP
PERIODS, CRITERIA = 1000, 5
CRITERION = Criterion(
    name="errors",
    kind=QueryKind("errors", Below(0.01)),
    sustained_seconds=6 * 3600,
    coverage=0.95,
    max_gap_seconds=600,
)


def fold_points() -> tuple[Finding, ...]:
    """Folding evidence: one criterion over a day of points that are steady, and over one that is restless."""
    by = yardstick(CRITERION, STEP)
    steady, restless = _day(0.002), _day(0.2)
    start = EvidenceState("definition", 0)
    at_once = cpu_seconds(lambda: fold(start, steady, by)) / DAY
    seconds = cpu_seconds(lambda: list(states(start, steady, by))) / DAY
    worst = cpu_seconds(lambda: fold(start, restless, by)) / DAY
    state = fold(start, restless, by)
    judging = cpu_seconds(lambda: [assess(state.main, DAY * STEP, by.rule, STEP) for _ in range(DAY)]) / DAY
    share = PERIODS * CRITERIA * seconds / STEP
    return (
        Finding(seconds * 1e6, "us per point", "steady data, point by point, as it comes in live"),
        Finding(at_once / seconds, "times that", "a day at once, after an absence"),
        Finding(worst / seconds, "times that", "a day at once that changes its mark at every fifth point"),
        Finding(judging / seconds, "times that", "one judgement of where the window stands"),
        Finding(share * 100, "% of one core", f"{PERIODS} periods of {CRITERIA} criteria, live, a point each {STEP} s"),
        Finding(1 / (at_once * DAY), "days a second", "one criterion, catching up"),
    )


def _day(change: float) -> tuple[Point, ...]:
    """A day of points whose mark is another than good with the given probability."""
    chance = random.Random(1)
    return tuple(Point(STEP * number, _mark(chance, change)) for number in range(1, DAY + 1))


def _mark(chance: random.Random, change: float) -> Mark:
    measurement = Measurement(chance.random() / 100, {})
    if chance.random() >= change:
        return Good(measurement)
    return Missing(MissingReason.NO_DATA, "") if chance.random() < 0.5 else Bad(measurement)
