"""Replaying alerting rules on history: when each instance would have fired, on the grid of its group's interval.

Prometheus computes where an expression has results; whether its value is a number does not matter there. From that, the
rest follows: an instance (a label set without the metric name, as in an alerting rule) is active from the first
evaluation with a result to the last one before an evaluation without, and fires when it has been active for the `for`.
So with a `for` of k intervals it fires where it had a result at each of the last k + 1 points. `keep_firing_for` only
prolongs what fires already, and is left out. Limit: the group's own evaluations lie between the points of the grid.

A day of points is kept as one whole number per instance, with bit i for point i.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hypercare.domain.samples import Answer, Column, RangeQuery, Sample

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
        bits = bytearray(self.points // 8 + 1)
        for moment in moments:
            index = self._index(moment)
            if 0 <= index < self.points:
                bits[index >> 3] |= 1 << (index & 7)
        return int.from_bytes(bits, "little")

    def has(self, times: Times, moment: float) -> bool:
        """Whether a time (Unix seconds) is among the points."""
        index = self._index(moment)
        return index >= 0 and bool(times >> index & 1)

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


def episodes(times: Times) -> Iterator[Times]:
    """The uninterrupted stretches, in order."""
    while times:
        rest = times & (times + (times & -times))
        yield times ^ rest
        times = rest


def widened(times: Times, before: int, after: int) -> Times:
    """The points with so many before and after each of them; those before the first are dropped."""
    found = 0
    for episode in episodes(times):
        first, length = (episode & -episode).bit_length() - 1, episode.bit_count()
        start = max(0, first - before)
        found |= ((1 << (first + length + after - start)) - 1) << start
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
        return _union(
            stretch
            for active in self.instances.values()
            if held(active, self.intervals)
            for stretch in episodes(active)
            if held(stretch, self.intervals)
        )


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
        for episode in episodes(firing):
            if not episode & original_firing:
                alone |= episode
    return Alone(alone & within, at_end)


def _union(each: Iterable[Times]) -> Times:
    found = 0
    for times in each:
        found |= times
    return found
