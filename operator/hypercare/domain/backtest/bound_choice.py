"""How the answer changes with the bound: other bounds for a criterion, judged from points that were read already.

Candidates lie around quantiles of the worst values seen, rounded outwards to numbers that people write, with the
criterion's own bound among them. Each is judged by the same fold as the criterion itself.

A point holds the worst value and one mark. What it would be under a bound that this value keeps (fresh samples may be
lacking), and which value hides behind a point that is missing under the own bound, is found out from the same answers
with two other bounds: one that every value keeps, and one that hardly any does.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import floor, inf, isfinite, log10

from hypercare.domain.backtest.criterion import Trace
from hypercare.domain.evidence.bounds import Above, Below, excess, satisfied
from hypercare.domain.evidence.criteria import Criterion, QueryKind, RatioKind, Regression
from hypercare.domain.evidence.fold import sort_of, window_rule
from hypercare.domain.evidence.judgement import Regressed
from hypercare.domain.evidence.points import Bad, Good, Mark, Missing, Point
from hypercare.domain.evidence.streak_reading import StreakReading, evaluate_streak
from hypercare.domain.evidence.streaks import Rule, Sort, Streak, assess, push_run
from hypercare.domain.samples import RangeQuery, Result

Side = Above | Below
_QUANTILES = (0.8, 0.9, 0.99, 0.999, 1.0)
_ROUND = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_FACTORS = (0.5, 2.0)
_HARDLY_ANY = 1e6
"""How far beyond the own bound, measured in its own size, lies the one that hardly any value keeps."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One final point (Unix seconds): its worst value, None without any, and what it is under a bound that keeps it."""

    time: int
    worst: float | None
    kept: Sort


@dataclass(frozen=True)
class _Window:
    """What must hold: the rule, the distance of points in seconds, and the points (Unix seconds) that restart it."""

    rule: Rule
    step: int
    relapsed: frozenset[int]

    def push(self, streak: Streak, sort: Sort, times: Sequence[int]) -> Streak:
        """Append points of one sort."""
        return push_run(streak, (sort, len(times)), times[0], self.rule, self.step)

    def holds(self, streak: Streak, time: int) -> bool:
        """Whether the window that ends here is met."""
        return assess(streak, time, self.rule, self.step).met


@dataclass(frozen=True)
class Choice:
    """A bound, and what would have followed from it.

    Attributes:
        bound: The bound.
        own: Whether it is the criterion's own.
        bad_share: Of the points that are good or bad under it, how many are bad; 0 without any.
        first_met: The first point (Unix seconds) with which the criterion would have been met; None for never.
    """

    bound: Side
    own: bool
    bad_share: float
    first_met: int | None


def can_choose(criterion: Criterion) -> bool:
    """Whether the bound is one number that values stay above or below."""
    kind = criterion.kind
    return isinstance(kind, QueryKind | RatioKind) and isinstance(kind.bound, Above | Below)


def see(reading: StreakReading, final: Sequence[Point], results: Mapping[RangeQuery, Result]) -> tuple[Seen, ...]:
    """Keep of the final points of a reading what other bounds need.

    Only for a criterion whose bound can be chosen.
    """
    own = _bound(reading.criterion)
    loose: Mapping[int, Mark] = {}
    strict: Mapping[int, Mark] = {}
    if any(isinstance(point.mark, Bad) for point in final):
        loose = _marks(reading, _loosest(own), results)
    if any(point.missing for point in final):
        strict = _marks(reading, _strictest(own), results)
    return tuple(_seen(point, loose, strict) for point in final)


def choices(criterion: Criterion, seen: Sequence[Seen], trace: Trace, step: int) -> tuple[Choice, ...]:
    """Judge candidates for the bound, the strictest first.

    Args:
        criterion: One whose bound can be chosen.
        seen: All its final points.
        trace: What was said of it: no other bound changes when it was past its regression bound.
        step: The distance of points, in seconds.
    """
    own = _bound(criterion)
    found = _candidates(own, [each.worst for each in seen if each.worst is not None])
    ordered = sorted(found, key=lambda bound: -excess(bound, 0.0))
    relapsed = frozenset(_relapsed(trace, [each.time for each in seen]))
    rule = window_rule(criterion, step)
    return tuple(_choose(bound, bound == own, seen, _Window(rule, step, relapsed)) for bound in ordered)


def _relapsed(trace: Trace, times: Iterable[int]) -> Iterator[int]:
    """The points at which the criterion was past its regression bound, which restarts the streak."""
    if isinstance(trace.criterion.regression, Regression):
        for time in times:
            if trace.at(time).regressed is Regressed.YES:
                yield time


def _bound(criterion: Criterion) -> Side:
    kind = criterion.kind
    if isinstance(kind, QueryKind | RatioKind) and isinstance(kind.bound, Above | Below):
        return kind.bound
    raise TypeError(f"criterion {criterion.name} has no bound to choose")


def _with(criterion: Criterion, bound: Side) -> Criterion:
    match criterion.kind:
        case QueryKind() | RatioKind() as kind:
            return replace(criterion, kind=replace(kind, bound=bound))
    return criterion


def _loosest(own: Side) -> Side:
    return Below(inf) if isinstance(own, Below) else Above(-inf)


def _strictest(own: Side) -> Side:
    # Not an infinity: of several series, the worst must still be found by how far it is beyond the bound.
    away = _HARDLY_ANY * max(1.0, abs(own.limit))
    return Below(own.limit - away) if isinstance(own, Below) else Above(own.limit + away)


def _marks(reading: StreakReading, bound: Side, results: Mapping[RangeQuery, Result]) -> Mapping[int, Mark]:
    other = replace(reading, criterion=_with(reading.criterion, bound))
    return {point.time: point.mark for point in evaluate_streak(other, results).points}


def _seen(point: Point, loose: Mapping[int, Mark], strict: Mapping[int, Mark]) -> Seen:
    match point.mark:
        case Good(worst):
            return Seen(point.time, worst.value, Sort.GOOD)
        case Bad(worst):
            return Seen(point.time, worst.value, sort_of(loose[point.time]))
        case Missing():
            hidden = strict[point.time]
            return Seen(point.time, hidden.worst.value if isinstance(hidden, Bad) else None, Sort.MISSING)
    return Seen(point.time, None, sort_of(point.mark))


def _choose(bound: Side, own: bool, seen: Sequence[Seen], window: _Window) -> Choice:
    sorts = [_under(bound, each) for each in seen]
    bad = sorts.count(Sort.BAD)
    present = bad + sorts.count(Sort.GOOD)
    met = _first_met([(each.time, sort) for each, sort in zip(seen, sorts, strict=True)], window)
    return Choice(bound, own, bad / present if present else 0.0, met)


def _under(bound: Side, seen: Seen) -> Sort:
    return Sort.BAD if seen.worst is not None and not satisfied(bound, seen.worst) else seen.kept


def _first_met(points: Sequence[tuple[int, Sort]], window: _Window) -> int | None:
    """The first point with which the window holds. That is a good one, and once it holds in a run, it goes on to."""
    streak, length = Streak(), 0
    for (sort, relapsed), equal in groupby(points, key=lambda point: (point[1], point[0] in window.relapsed)):
        times = [time for time, _ in equal]
        if relapsed or (sort is Sort.BAD and not window.rule.bad):
            # Nothing before can be part of a window that holds.
            streak, length = Streak(), 0
            continue
        after = window.push(streak, sort, times)
        length += len(times)
        if sort is Sort.GOOD and length >= window.rule.points and window.holds(after, times[-1]):
            return times[bisect_left(times, True, key=lambda time: _holds_at(streak, times, time, window))]
        streak = after
    return None


def _holds_at(streak: Streak, times: Sequence[int], time: int, window: _Window) -> bool:
    return window.holds(window.push(streak, Sort.GOOD, [each for each in times if each <= time]), time)


def _candidates(own: Side, values: Iterable[float]) -> set[Side]:
    limits = {_rounded(own.limit * factor) for factor in _FACTORS if own.limit}
    ordered = sorted((value for value in values if isfinite(value)), key=lambda value: excess(own, value))
    for quantile in _QUANTILES if ordered else ():
        limits |= set(_beyond(ordered[min(len(ordered) - 1, floor(quantile * len(ordered)))], own))
    return {own, *(type(own)(limit) for limit in limits)}


def _beyond(value: float, own: Side) -> Iterator[float]:
    """The next round number that the value keeps as a bound; none for 0, which no round number is next to."""
    if value:
        upwards = (value > 0) is isinstance(own, Below)
        yield _next_round(abs(value), upwards=upwards) * (1 if value > 0 else -1)


def _next_round(size: float, *, upwards: bool) -> float:
    exponent = floor(log10(size))
    steps = [float(f"{factor}e{exponent + shift}") for shift in (-1, 0, 1) for factor in _ROUND[:-1]]
    return next(step for step in steps if step > size) if upwards else max(step for step in steps if step < size)


def _rounded(value: float) -> float:
    return float(f"{value:.2g}")
