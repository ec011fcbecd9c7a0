"""From points to a verdict: a pure fold over final points, and a judgement of where it stands.

What is kept of the past is a run-length list of marks, as long as the window of `sustainedFor` active points and no
longer, so nothing old can pay for a later hole. The fold works point by point, hence a verdict does not depend on how
the points were cut into batches, and a restart goes on from the stored list.

A window (`streaks`) is met when none of its points is bad (but for `allowBad`), enough of them are present, no hole is
too long, the newest is present, and all lie after the floor: the last point at which something restarted the streak.

A regression is the same fold with its own bound and marks turned around: there "met" means past the bound for `for`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from math import ceil, floor, inf

from hypercare.domain.evidence.bounds import Above, AtLeast, AtMost, Bound, excess_over
from hypercare.domain.evidence.criteria import (
    AlertsKind,
    Criterion,
    NoRegression,
    QueryKind,
    RatioKind,
    Regression,
)
from hypercare.domain.evidence.points import Bad, Good, Idle, Mark, Measurement, Missing, Point, Restarted, series_text
from hypercare.domain.evidence.streaks import Rule, Sort, Streak, assess, push, push_run, with_restarts
from hypercare.domain.evidence.workload import WorkloadKind


@dataclass(frozen=True)
class NotMeasured:
    """No point has had a value yet."""


@dataclass(frozen=True)
class Measured:
    """A value at a time (Unix seconds), with the labels of its series as text."""

    value: float
    series: str
    time: int


Shown = Measured | NotMeasured
_NO_POINTS = Streak()


@dataclass(frozen=True)
class EvidenceState:
    """All that one criterion's evidence keeps between visits.

    Attributes:
        definition: Hash of everything that was asked; another one starts anew.
        final_through: The last final point (Unix seconds); points after it will be read again.
        main: The fold over the criterion's bound. Its floor is the streak floor.
        regression: The fold over the regression bound.
        last: Newest value, for people.
        worst: Worst value in the window, for people; forgotten when it is older than `sustainedFor`.
    """

    definition: str
    final_through: int
    main: Streak = _NO_POINTS
    regression: Streak = _NO_POINTS
    last: Shown = NotMeasured()
    worst: Shown = NotMeasured()

    @classmethod
    def begun(cls, definition: str, at: int) -> "EvidenceState":
        """Nothing yet; only points after `at` (Unix seconds) will count."""
        return cls(definition, at, main=Streak(floor=at), regression=Streak(floor=at))

    def restarted(self, at: int) -> "EvidenceState":
        """The same with streaks that count only points after `at` (Unix seconds); an earlier floor stays lower."""
        return replace(
            self,
            main=replace(self.main, floor=max(self.main.floor, at)),
            regression=replace(self.regression, floor=max(self.regression.floor, at)),
        )


class Judged(StrEnum):
    """What points are about, for people."""

    VALUES = "values"
    ALERTS = "alerts"
    TARGETS = "targets"


@dataclass(frozen=True)
class Yardstick:
    """Everything of a criterion that the fold needs.

    Attributes:
        step: The distance of points, in seconds.
        rule: What the window must look like.
        regression: The same for the regression.
        bound: What a value is compared with. The value of an alerts point is how many are in a bad state, that of a
            workload point how many restarts there were, or how many replicas were lacking.
        judged: What the points are about.
    """

    step: int
    rule: Rule
    regression: Rule | NoRegression
    bound: Bound
    judged: Judged = Judged.VALUES


def window_rule(criterion: Criterion, step: int) -> Rule:
    """Translate the window, and what may be missing or bad in it, into numbers of points."""
    points = max(1, ceil(criterion.sustained_seconds / step))
    return Rule(
        points=points,
        bad=_share(criterion.allow_bad, points),
        missing=_share(1 - criterion.coverage, points),
        gap=criterion.max_gap_seconds // step,
    )


def yardstick(criterion: Criterion, step: int) -> Yardstick:
    """Translate times and shares into numbers of points."""
    rule = window_rule(criterion, step)
    match criterion.regression:
        case Regression(_, seconds):
            regression: Rule | NoRegression = Rule(points=max(1, ceil(seconds / step)))
        case none:
            regression = none
    match criterion.kind:
        case AlertsKind():
            return Yardstick(step, rule, regression, AtMost(0), Judged.ALERTS)
        case WorkloadKind(max_restarts=restarts):
            return Yardstick(step, replace(rule, restarts=restarts), regression, AtMost(0), Judged.TARGETS)
        case QueryKind() | RatioKind() as kind:
            return Yardstick(step, rule, regression, kind.bound)
    raise TypeError(f"{criterion.kind_name} is judged elsewhere")


def not_regressed(regression: Regression) -> Bound:
    """The bound that values satisfy while they are not past the regression's."""
    limit = regression.bound.limit
    return AtMost(limit) if isinstance(regression.bound, Above) else AtLeast(limit)


def fold(state: EvidenceState, points: Iterable[Point], by: Yardstick) -> EvidenceState:
    """Take final points in, oldest first, each one step after the one before."""
    points = tuple(points)
    if not points:
        return state
    main = push_points(state.main, points, by)
    regression, relapsed = _relapses(state.regression, points, by)
    newest = newest_shown(points)
    return EvidenceState(
        definition=state.definition,
        final_through=points[-1].time,
        main=Streak(main.track, max(main.floor, relapsed), main.last_bad),
        regression=regression,
        last=newest if isinstance(newest, Measured) else state.last,
        worst=_worst(state.worst, points, by),
    )


def states(state: EvidenceState, points: Iterable[Point], by: Yardstick) -> Iterator[EvidenceState]:
    """The state after each of these points, as `fold` goes through them."""
    for point in points:
        state = fold(state, (point,), by)
        yield state


def push_points(streak: Streak, points: Iterable[Point], by: Yardstick) -> Streak:
    """Append the marks of points, with the restarts that they count. Most days are a few long runs of equal marks."""
    for sort, run in groupby(points, key=_sort_of_point):
        equal = list(run)
        if sort is Sort.RESTARTED:
            streak = _push_restarts(streak, equal, by)
        else:
            streak = push_run(streak, (sort, len(equal)), equal[0].time, by.rule, by.step)
    return streak


def _push_restarts(streak: Streak, points: Iterable[Point], by: Yardstick) -> Streak:
    for point in points:
        streak = push(streak, Sort.RESTARTED, point.time, by.rule, by.step)
        if isinstance(point.mark, Restarted):
            streak = with_restarts(streak, int(point.mark.worst.value))
    return streak


def _relapses(regression: Streak, points: Iterable[Point], by: Yardstick) -> tuple[Streak, int]:
    """The regression's own fold, and the last of these points at which it holds (Unix seconds, 0 for none)."""
    relapsed = 0
    if isinstance(by.regression, Rule):
        for point in points:
            regression = push(regression, turned(point.regression), point.time, by.regression, by.step)
            if assess(regression, point.time, by.regression, by.step).met:
                relapsed = point.time
    return regression, relapsed


def _sort_of_point(point: Point) -> Sort:
    return sort_of(point.mark)


def sort_of(mark: Mark) -> Sort:
    """The mark without its value."""
    match mark:
        case Good():
            return Sort.GOOD
        case Bad():
            return Sort.BAD
        case Missing():
            return Sort.MISSING
        case Idle():
            return Sort.IDLE
        case Restarted():
            return Sort.RESTARTED


def turned(mark: Mark) -> Sort:
    """For a regression: a point past its bound is good, one that is not is bad."""
    sort = sort_of(mark)
    return {Sort.GOOD: Sort.BAD, Sort.BAD: Sort.GOOD}.get(sort, sort)


def _share(share: float, points: int) -> int:
    # 0.05 * 100 is 5.000000000000001 or 4.999999999999999, depending on how it came about.
    return floor(share * points + 1e-9)


def shown_value(point: Point) -> Shown:
    """The value of a point that is present."""
    match point.mark:
        case Good(worst) | Bad(worst) | Restarted(worst):
            return _measured(worst, point.time)
    return NotMeasured()


def _measured(measurement: Measurement, time: int) -> Measured:
    return Measured(measurement.shown, series_text(measurement.series), time)


def newest_shown(points: Sequence[Point]) -> Shown:
    """The value of the newest point that is present."""
    for point in reversed(points):
        shown = shown_value(point)
        if isinstance(shown, Measured):
            return shown
    return NotMeasured()


def _worst(worst: Shown, points: Iterable[Point], by: Yardstick) -> Shown:
    """The worst value so far; a newer one replaces one that is no worse, or has left the window."""
    reach = by.rule.points * by.step
    excess = excess_over(by.bound)
    since, distance = -inf, -inf
    if isinstance(worst, Measured):
        since, distance = worst.time, excess(worst.value)
    chosen: Point | None = None
    for point in points:
        mark = point.mark
        if isinstance(mark, Good | Bad | Restarted):
            beyond = excess(mark.worst.shown)
            if beyond >= distance or since <= point.time - reach:
                since, distance, chosen = point.time, beyond, point
    return worst if chosen is None else shown_value(chosen)
