"""Reading a bound from history: as near to what is normal as leaves some headroom, and never looser than the original.

On the grid of the group's interval, E is the largest value that any series held for as long as the copy's `for` takes
(mirrored for bounds from below), outside of the times at which the original was alarmed. The bound goes to E plus
headroom. Prometheus computes E point by point, so thousands of series come back as one. Source of the rules:
docs/semantics.md, 2.4; what it leaves open is in docs/decisions/0020-preflight.md.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import isinf, isnan

from hypercare.domain.alerts.comparisons import GREATER, Comparison
from hypercare.domain.alerts.deciding import deciding
from hypercare.domain.alerts.history import (
    DAY,
    Asking,
    Moment,
    Stretch,
    answered,
    before_the_release,
    positive,
    read_instances,
)
from hypercare.domain.alerts.preflight import Candidate
from hypercare.domain.alerts.protection import Calibrated
from hypercare.domain.alerts.replay import Replayed, Times, evaluations, held, widened
from hypercare.domain.alerts.thresholds import ThresholdRule, move_threshold, shift_bound
from hypercare.domain.alerts.tightening import FULL_STRENGTH, MovedThreshold, Untouched
from hypercare.domain.durations import format_duration
from hypercare.domain.promql.number_literals import TextNotUnderstood, number_literals
from hypercare.domain.promql.syntax import parse
from hypercare.domain.samples import Result

WEEK = 7 * DAY
MARGIN_SECONDS = 1800
"""What lies so near to a firing original says nothing about what is normal."""
MAX_MOVE = Fraction(4, 5)
MAX_EXCLUDED = Fraction(5, 100)
MIN_COVERAGE = Fraction(95, 100)
MAX_POINTS = 150_000
"""A week and a day, every five seconds."""
_LEAST_DISTANCE = Fraction(1, 10)
_FIRST_VALUE_SECONDS = 3600
"""History begins where values do; a gap of so long at its very beginning is forgiven."""


@dataclass(frozen=True)
class Bound:
    """A bound that was read, as a rule for thresholds, and the data behind it in words."""

    rule: ThresholdRule
    told: str


@dataclass(frozen=True)
class Refused:
    """No bound was read, and why in words."""

    message: str


def calibrated_bound(found: Comparison, normal: Fraction, headroom: Fraction) -> Fraction:
    """Where a bound goes when `normal` is the most extreme value that counts as normal.

    The result lies from the original bound, included, to where a move by `MAX_MOVE` would bring it.
    """
    bound, furthest = found.exact, shift_bound(found.exact, found.operator, MAX_MOVE)
    distance = max(headroom * abs(normal), _LEAST_DISTANCE * abs(bound - normal))
    if found.operator in GREATER:
        return min(bound, max(furthest, normal + distance))
    return max(bound, min(furthest, normal - distance))


def extreme_expr(value: str, operator: str, intervals: int, interval_seconds: int) -> str:
    """PromQL for the most extreme value that a series held for so many intervals, up to each point.

    A range reaches half an interval further than its first point, since only some servers count what lies on the edge.
    """
    window = f"[{(2 * intervals + 1) * interval_seconds * 500}ms:{interval_seconds}s]"
    numbers, most, inner = numbers_of(value), *(("max", "min") if operator in GREATER else ("min", "max"))
    complete = f"count_over_time({numbers}{window}) == {intervals + 1}"
    return f"{most}({inner}_over_time({numbers}{window}) and {complete})"


def numbers_of(value: str) -> str:
    """PromQL for the values that are numbers: NaN compares with nothing."""
    return f"((\n{value}\n) >= -Inf)"


def calibrate(candidate: Candidate, wish: Calibrated, copy_for: int, moment: Moment) -> Asking[Bound | Refused]:
    """Read the bound of an alert whose copy has a `for` of `copy_for` seconds.

    Raises:
        PromQLError: its value cannot be asked for by itself.
        Unreadable: the history was not answered.
    """
    found = calibratable(candidate.expr)
    if isinstance(found, Refused):
        return found
    stretch = Stretch.of(candidate, moment, WEEK)
    if stretch.grid.points > MAX_POINTS:
        return Refused(f"a week at its interval of {format_duration(stretch.interval)} is too much to read")
    return (yield from _Week(candidate, found, wish, copy_for, stretch).bound())


def calibratable(expr: str) -> Comparison | Refused:
    """The one comparison that decides, if its bound may be read from history."""
    tree = parse(expr)
    try:
        literals = number_literals(expr, tree)
    except TextNotUnderstood as error:
        return Refused(str(error))
    findings = deciding(tree, [each.value for each in literals])
    comparisons = [each for each in findings if isinstance(each, Comparison)]
    if not comparisons:
        return Refused(next(each.message for each in findings if isinstance(each, Untouched)))
    if len(comparisons) > 1:
        return Refused("it has several deciding comparisons")
    (found,) = comparisons
    if found.scales:
        return Refused("it is compared with a multiple of other series")
    # What a share may not move, history may not move either.
    probe = move_threshold(expr, ThresholdRule(MAX_MOVE), FULL_STRENGTH)
    return Refused(probe.message) if isinstance(probe, Untouched) else found


@dataclass(frozen=True)
class _Week:
    """The history of one alert that can be calibrated."""

    candidate: Candidate
    found: Comparison
    wish: Calibrated
    copy_for: int
    stretch: Stretch

    @property
    def intervals(self) -> int:
        """How many intervals the copy's `for` takes."""
        return evaluations(self.copy_for, self.stretch.interval)

    def bound(self) -> Asking[Bound | Refused]:
        """Ask for what is normal, and try what comes of it."""
        stretch, value = self.stretch, self.found.value.prettify()
        grid = stretch.grid
        original = stretch.ask(self.candidate.expr, grid)
        values = stretch.ask(f"count({numbers_of(value)})", grid)
        extremes = stretch.ask(extreme_expr(value, self.found.operator, self.intervals, stretch.interval), grid)
        results = yield (original, values, extremes)
        excluded = self._excluded(results[original])
        refusal = self._refusal(excluded, positive(results[values], grid))
        if refusal:
            return Refused(refusal)
        normal = self._normal(results[extremes], excluded)
        match normal:
            case Refused():
                return normal
            case Fraction():
                return (yield from self._tried(normal, excluded))

    def _excluded(self, original: Result) -> Times:
        """Where the original was alarmed, and the time around."""
        grid, interval = self.stretch.grid, self.stretch.interval
        replayed = Replayed(read_instances(original, grid), evaluations(self.candidate.original_for_seconds, interval))
        margin = evaluations(MARGIN_SECONDS, interval)
        return widened(replayed.alarmed, margin, margin) & grid.everywhere

    def _refusal(self, excluded: Times, present: Times) -> str:
        """Why so much history is not enough; empty if it is."""
        grid, counted, span = self.stretch.grid, self.stretch.counted, before_the_release(self.stretch.seconds)
        excluded, present = excluded & counted, present & counted
        if not present:
            return f"it has no values {span}"
        known = (grid.points - (present & -present).bit_length()) * grid.step
        if known < self.stretch.seconds - _FIRST_VALUE_SECONDS:
            begins, needed = format_duration(known), format_duration(self.stretch.seconds)
            return f"its values begin {begins} before the release, and {needed} are needed"
        share = Fraction(excluded.bit_count(), counted.bit_count())
        if share > MAX_EXCLUDED:
            return f"it was firing, or within 30m of it, for {_percent(share)} of the time {span}"
        usable = counted & ~excluded
        coverage = Fraction((present & usable).bit_count(), usable.bit_count())
        if coverage < MIN_COVERAGE:
            return f"it has values for only {_percent(coverage)} of the time {span}"
        return ""

    def _normal(self, extremes: Result, excluded: Times) -> Fraction | Refused:
        """The most extreme value that was held, outside of what is excluded."""
        grid = self.stretch.grid
        usable = self.stretch.counted & ~widened(excluded, 0, self.intervals)
        found = (grid.select(series.samples, usable) for series in answered(extremes).series)
        seen = [value for values in found for value in values if not isnan(value)]
        if not seen:
            return Refused(f"no value was held for {self._held_for} {before_the_release(self.stretch.seconds)}")
        normal = max(seen) if self.found.operator in GREATER else min(seen)
        if isinf(normal):
            return Refused(f"its values are infinite at times {before_the_release(self.stretch.seconds)}")
        return Fraction(normal)

    def _tried(self, normal: Fraction, excluded: Times) -> Asking[Bound | Refused]:
        """The bound, if the copy is quiet with it on a grid half an interval off as well."""
        stretch = self.stretch
        rule = ThresholdRule(override=calibrated_bound(self.found, normal, self.wish.headroom))
        moved = move_threshold(self.candidate.expr, rule, FULL_STRENGTH)
        if isinstance(moved, Untouched):
            return Refused(f"{self._seen(normal)}, too near to its bound of {_shown(self.found.exact)}")
        shifted = stretch.ask(moved.expr, stretch.shifted)
        results = yield (shifted,)
        # A point lies between two of the other grid. What began while the original was alarmed belongs to that.
        usable = stretch.counted & ~(excluded | excluded << 1)
        found = read_instances(results[shifted], stretch.shifted)
        if any(held(active & usable, self.intervals) for active in found.values()):
            return Refused(f"{_bounds(moved)} would still have fired, on a grid shifted by half an interval")
        share = Fraction((excluded & stretch.counted).bit_count(), stretch.counted.bit_count())
        left_out = f", {_percent(share)} of the time left out around alerts that fired" if share else ""
        return Bound(rule, f"{_bounds(moved)} was read from history: {self._seen(normal)}{left_out}")

    def _seen(self, normal: Fraction) -> str:
        most = "most" if self.found.operator in GREATER else "least"
        span = before_the_release(self.stretch.seconds)
        return f"{_shown(normal)} was the {most} that was held for {self._held_for} {span}"

    @property
    def _held_for(self) -> str:
        return format_duration(max(self.copy_for, self.stretch.interval))


def _bounds(moved: MovedThreshold) -> str:
    return " or ".join(f"{each.operator} {each.copy}" for each in moved.bounds)


def _shown(value: Fraction) -> str:
    return f"{float(value):.6g}"


def _percent(share: Fraction) -> str:
    return f"{float(share):.1%}"
