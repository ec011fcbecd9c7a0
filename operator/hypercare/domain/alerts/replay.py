"""Replaying alerting rules on history: when each instance would have fired, on the grid of its group's interval.

Prometheus computes where an expression has results; whether its value is a number does not matter there. From that, the
rest follows: an instance (a label set without the metric name, as in an alerting rule) is active from the first
evaluation with a result to the last one before an evaluation without, and fires when it has been active for the `for`.
So with a `for` of k intervals it fires where it had a result at each of the last k + 1 points. `keep_firing_for` only
prolongs what fires already, and is left out. Limit: the group's own evaluations lie between the points of the grid.

A day of points is kept as one whole number per instance, with bit i for point i.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hypercare.domain.samples import Answer, Column, RangeQuery, Sample

_ONE = ord("1")

Times = int
"""A set of points of a grid: bit i stands for point i."""

Labels = frozenset[tuple[str, str]]
Instances = Mapping[Labels, Times]
"""By instance, where the expression has a result."""


@dataclass(frozen=True)
class Grid:
    """Points `step` seconds apart; the first one in Unix seconds."""

    start: int
    step: int
    points: int

    @property
    def end(self) -> int:
        """The last point."""
        return self.start + (self.points - 1) * self.step

    @property
    def everywhere(self) -> Times:
        """All points."""
        return (1 << self.points) - 1

    def query(self, expr: str) -> RangeQuery:
        """Ask for an expression at all points."""
        return RangeQuery(expr, self.start, self.end, self.step)

    def last(self, seconds: int) -> Times:
        """The points that are at most so long before the last one, itself included."""
        many = min(self.points, seconds // self.step + 1)
        return self.everywhere >> (self.points - many) << (self.points - many)

    def times(self, samples: Sequence[Sample]) -> Times:
        """The points at which there are samples."""
        column = samples if isinstance(samples, Column) else Column.of(samples)
        moments = column.times
        if isinstance(moments, range) and moments.step == self.step and moments.start >= self.start:
            return ((1 << len(moments)) - 1) << self._index(moments.start) & self.everywhere
        # One digit for each point, the last one first: an answer may have a million samples.
        digits, start, step = bytearray(b"0") * self.points, self.start, self.step
        for index in [(round(moment) - start) // step for moment in moments]:
            if 0 <= index < self.points:
                digits[-1 - index] = _ONE
        return int(digits, 2)

    def select(self, samples: Iterable[Sample], times: Times) -> list[float]:
        """The values at these points."""
        bits = times.to_bytes(self.points // 8 + 1, "little")
        placed = ((self._index(sample.time), sample.value) for sample in samples)
        return [value for index, value in placed if 0 <= index < self.points and bits[index >> 3] >> (index & 7) & 1]

    def _index(self, moment: float) -> int:
        return (round(moment) - self.start) // self.step


def instances(answer: Answer, grid: Grid) -> Instances:
    """Where each instance of an alert has a result."""
    found: dict[Labels, Times] = {}
    for series in answer.series:
        key = frozenset((name, value) for name, value in series.labels.items() if name != "__name__")
        found[key] = found.get(key, 0) | grid.times(series.samples)
    return found


def evaluations(for_seconds: int, interval_seconds: int) -> int:
    """How many intervals a `for` takes."""
    return -(-for_seconds // interval_seconds)


def held(active: Times, intervals: int) -> Times:
    """The points up to which it was active for so many intervals: at each of the last `intervals` + 1 points."""
    wanted, have = intervals + 1, 1
    while have < wanted and active:
        further = min(have, wanted - have)
        active &= active << further
        have += further
    return active


def joined(times: Times, seeds: Times) -> Times:
    """The uninterrupted stretches of `times` that hold any of the seeds, which are among them."""
    up, down, upwards, downwards, distance = seeds, seeds, times, times, 1
    while upwards or downwards:
        up |= upwards & up << distance
        down |= downwards & down >> distance
        upwards &= upwards << distance
        downwards &= downwards >> distance
        distance *= 2
    return up | down


def widened(times: Times, before: int, after: int) -> Times:
    """The points with so many before and after each of them; those before the first are dropped."""
    found = times
    for reach, earlier in ((after, False), (before, True)):
        have = 0
        while have < reach:
            further = min(have + 1, reach - have)
            found |= found >> further if earlier else found << further
            have += further
    return found


def count_episodes(times: Times) -> int:
    """How many uninterrupted stretches there are."""
    return (times & ~(times << 1)).bit_count()


@dataclass(frozen=True)
class Replayed:
    """A rule on history: where it has results, and how many intervals its `for` takes."""

    instances: Instances
    intervals: int

    @property
    def firing(self) -> Times:
        """Where any instance fires."""
        return _union(held(active, self.intervals) for active in self.instances.values())

    @property
    def alarmed(self) -> Times:
        """Where any instance fires, or is about to: firing episodes from when their condition became true."""
        return _union(joined(active, held(active, self.intervals)) for active in self.instances.values())


@dataclass(frozen=True)
class Alone:
    """A copy where its original is quiet: when, and whether so at the last point.

    A whole episode of an instance counts as alone when the original of that instance fires at no point of it: an
    episode that the original joins later is what a copy is for. At the last point each instance counts for itself.
    """

    times: Times
    at_end: bool

    @property
    def fires(self) -> int:
        """In how many episodes; instances that fire at the same time, or one after the other, are one."""
        return count_episodes(self.times)


def fires_alone(copy: Replayed, original: Replayed, within: Times) -> Alone:
    """Where a copy would have fired without its original; `within` are the points that count, up to the end."""
    end = 1 << within.bit_length() >> 1
    alone, at_end = 0, False
    for key, active in copy.instances.items():
        firing = held(active, copy.intervals)
        if not firing:
            continue
        original_firing = held(original.instances.get(key, 0), original.intervals)
        at_end = at_end or bool(firing & end & ~original_firing)
        alone |= firing & ~joined(firing, firing & original_firing)
    return Alone(alone & within, at_end)


def _union(each: Iterable[Times]) -> Times:
    found = 0
    for times in each:
        found |= times
    return found
