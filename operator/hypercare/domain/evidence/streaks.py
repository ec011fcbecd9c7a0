"""Runs of marks, and whether the window at their end holds: the arithmetic of the verdict, without times or values.

A streak remembers marks as runs, as long as the window of active points and no longer. A list with too many changes
forgets its oldest part and raises the floor, which can only delay a verdict.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

MAX_SEGMENTS = 64
"""A list of this length stays under 512 characters in status."""


class Sort(StrEnum):
    """A mark without its value."""

    GOOD = "g"
    BAD = "b"
    MISSING = "m"
    IDLE = "i"
    RESTARTED = "r"


Track = tuple[tuple[Sort, int], ...]
"""Marks of consecutive points, oldest first, as runs: what and how many.

A run of `RESTARTED` is one point, however many restarts it counts."""


@dataclass(frozen=True)
class Rule:
    """What a window must look like, in points.

    Attributes:
        points: Length of the window in active points.
        bad: How many may be bad.
        missing: How many may be missing.
        gap: How many may be missing on end (idle points between do not end a hole).
        restarts: How many restarts there may be.
    """

    points: int
    bad: int = 0
    missing: int = 0
    gap: int = 0
    restarts: int = 0


@dataclass(frozen=True)
class Streak:
    """What one fold remembers. `floor` and `last_bad` in Unix seconds, 0 for never."""

    track: Track = ()
    floor: int = 0
    last_bad: int = 0


def push(streak: Streak, sort: Sort, time: int, rule: Rule, step: int) -> Streak:
    """Append one point, and forget what lies before the window."""
    runs = list(streak.track)
    if runs and runs[-1][0] is sort and sort is not Sort.RESTARTED:
        runs[-1] = (sort, runs[-1][1] + 1)
    else:
        runs.append((sort, 1))
    _forget(runs, rule)
    lowest = streak.floor
    if len(runs) > MAX_SEGMENTS:
        runs.pop(0)
        lowest = max(lowest, time - step * _length(runs))
    return Streak(tuple(runs), lowest, time if sort is Sort.BAD else streak.last_bad)


def push_run(streak: Streak, run: tuple[Sort, int], first: int, rule: Rule, step: int) -> Streak:
    """Append a run of points, the first of them at `first` (Unix seconds): the same as pushing them one by one."""
    sort, count = run
    if sort is Sort.RESTARTED:
        for time in range(first, first + count * step, step):
            streak = push(streak, sort, time, rule, step)
        return streak
    # A list becomes too long with the first point of a run; the others only push out what is old.
    begun = push(streak, sort, first, rule, step)
    runs = list(begun.track)
    runs[-1] = (sort, runs[-1][1] + count - 1)
    _forget(runs, rule)
    last = first + (count - 1) * step
    return Streak(tuple(runs), begun.floor, last if sort is Sort.BAD else begun.last_bad)


def _forget(runs: list[tuple[Sort, int]], rule: Rule) -> None:
    """Drop what lies before the window."""
    surplus = _length(run for run in runs if run[0] is not Sort.IDLE) - rule.points
    while surplus > 0:
        kind, count = runs.pop(0)
        if kind is Sort.RESTARTED:
            surplus -= 1
        elif kind is not Sort.IDLE:
            if count > surplus:
                runs.insert(0, (kind, count - surplus))
            surplus -= min(count, surplus)


def with_restarts(streak: Streak, restarts: int) -> Streak:
    """Write down how many restarts the newest point counts."""
    return Streak((*streak.track[:-1], (Sort.RESTARTED, restarts)), streak.floor, streak.last_bad)


def _length(runs: Iterable[tuple[Sort, int]]) -> int:
    """How many points these runs are."""
    return sum(1 if kind is Sort.RESTARTED else count for kind, count in runs)


@dataclass(frozen=True)
class Assessment:
    """How a window stands.

    Attributes:
        held: Length, in active points, of the longest stretch up to now that could be part of a met window.
        active: Points in the window that are not idle; fewer than asked for at the beginning.
        countable: Of these, after the floor.
        bad: Of these, bad.
        missing: Of these, missing.
        restarts: How many restarts they count.
        newest: The newest active point; idle when there is none.
        newest_present_bad: Whether the newest point that is present is bad.
        rule: What was asked.
    """

    held: int
    active: int
    countable: int
    bad: int
    missing: int
    restarts: int
    newest: Sort
    newest_present_bad: bool
    rule: Rule

    @property
    def met(self) -> bool:
        """Everything that was asked holds."""
        return self.held >= self.rule.points and not self.unmet and self.newest is not Sort.MISSING

    @property
    def unmet(self) -> bool:
        """The newest present point is bad, or more of the window than is tolerated."""
        return self.newest_present_bad or self.bad > self.rule.bad or self.restarts > self.rule.restarts

    @property
    def remaining(self) -> int:
        """How many good points are needed from now on."""
        return 0 if self.met else max(1, self.rule.points - self.held)


def assess(streak: Streak, through: int, rule: Rule, step: int) -> Assessment:
    """Assess the window that ends at `through` (Unix seconds), the time of the newest point of the streak."""
    active = [(kind, count) for kind, count in streak.track if kind is not Sort.IDLE]
    present = [kind for kind, _ in active if kind is not Sort.MISSING]
    after_floor = max(0, (through - streak.floor) // step)
    return Assessment(
        held=_held(streak.track, after_floor, rule),
        countable=_countable(streak.track, after_floor),
        active=_length(active),
        bad=sum(count for kind, count in active if kind is Sort.BAD),
        missing=sum(count for kind, count in active if kind is Sort.MISSING),
        restarts=sum(count for kind, count in active if kind is Sort.RESTARTED),
        newest=active[-1][0] if active else Sort.IDLE,
        newest_present_bad=bool(present) and present[-1] is Sort.BAD,
        rule=rule,
    )


def _countable(track: Track, left: int) -> int:
    countable = 0
    for run in reversed(track):
        length = min(_length((run,)), left)
        countable += 0 if run[0] is Sort.IDLE else length
        left -= length
    return countable


def _held(track: Track, left: int, rule: Rule) -> int:
    """Walk back over at most `left` points, from the newest on, until something breaks the window."""
    budget = {Sort.GOOD: rule.points, Sort.BAD: rule.bad, Sort.MISSING: rule.missing, Sort.RESTARTED: rule.restarts}
    hole = rule.gap
    held = 0
    for kind, count in reversed(track):
        length = _length(((kind, count),))
        within = min(length, left)
        left -= within
        if kind is not Sort.IDLE:
            hole = hole if kind is Sort.MISSING else rule.gap
            taken = min(within, _affordable(kind, count, budget[kind]), hole if kind is Sort.MISSING else within)
            budget[kind] -= count if kind is Sort.RESTARTED else taken
            hole -= taken if kind is Sort.MISSING else 0
            held += taken
            if taken < length:
                break
    return min(held, rule.points)


def _affordable(kind: Sort, count: int, budget: int) -> int:
    """How many points of a run fit into what is left of its budget."""
    if kind is Sort.RESTARTED:
        return 1 if count <= budget else 0
    return budget
