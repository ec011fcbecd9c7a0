"""Which runs of a CronJob succeeded: a pure fold over what kube-state-metrics shows at each time of the grid.

Remembered are the newest runs that began after the floor, by the time their Job was created: as many finished ones as
can decide, and those still active. Jobs are pruned soon after they end, so what was seen once stays, and a Job that is
seen again is known by its time and name. What is remembered does not depend on how often one looked.

Nothing that was not seen counts in favour. A run that the CronJob says it scheduled and that was never seen, and one
that went before it was seen to end (deleted, replaced, or pruned at once), may have failed. After a stretch without
data that is longer than `maxGap` only runs that began later count as successes; failures from before still count.

A Job that somebody made from the CronJob by hand (`kubectl create job --from=cronjob/…`) is a run like any other: it
has the same owner and the same template.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from hypercare.domain.evidence.fold import Measured, NotMeasured, Shown
from hypercare.domain.evidence.points import Marked, Missing
from hypercare.domain.evidence.runs import RunsKind

MAX_ENTRIES = 64
"""More active runs than this are not told apart; what is older then counts as not seen."""
_MINUTE = 60
_NOT_MEASURED = NotMeasured()


class Ending(StrEnum):
    """How a run ended, as far as it is known."""

    SUCCEEDED = "s"
    FAILED = "f"
    ACTIVE = "a"
    UNSEEN = "u"


@dataclass(frozen=True)
class Run:
    """A Job that is there at some time; `created` in Unix seconds."""

    name: str
    created: int
    ending: Ending


@dataclass(frozen=True)
class Seen:
    """All Jobs of the CronJob, and when it scheduled one last (Unix seconds; 0 for never)."""

    runs: tuple[Run, ...]
    scheduled: int = 0


@dataclass(frozen=True)
class RunsPoint(Marked):
    """One time of the grid (Unix seconds)."""

    time: int
    mark: Seen | Missing


@dataclass(frozen=True, order=True)
class Entry:
    """What is remembered of a run: when its Job was created (Unix seconds), a hash of its name, how it ended."""

    created: int
    tag: str
    ending: Ending

    @property
    def ended(self) -> bool:
        """Whether it is over, seen or not."""
        return self.ending is not Ending.ACTIVE


@dataclass(frozen=True)
class RunsState:
    """All that a `runs` criterion keeps between visits. Times in Unix seconds.

    Attributes:
        definition: Hash of everything that was asked; another one starts anew.
        final_through: The last final point; points after it will be read again.
        floor: Only runs that began after it count; 0 for none.
        last_seen: The last point that was present.
        blind_until: Successes count from here on: before it too much was not seen.
        entries: Runs, oldest first.
        worst: The newest failure, as 0 with the name of its Job.
    """

    definition: str
    final_through: int
    floor: int = 0
    last_seen: int = 0
    blind_until: int = 0
    entries: tuple[Entry, ...] = ()
    worst: Shown = _NOT_MEASURED

    @classmethod
    def begun(cls, definition: str, at: int) -> "RunsState":
        """Nothing yet; only runs that began after `at` (Unix seconds) will count."""
        return cls(definition, at, floor=at, last_seen=at)

    @property
    def last(self) -> Shown:
        """The newest run that was seen to end: 1 for success, 0 for failure."""
        for entry in reversed(self.entries):
            if entry.ending in (Ending.SUCCEEDED, Ending.FAILED):
                return Measured(float(entry.ending is Ending.SUCCEEDED), "", entry.created)
        return NotMeasured()

    def restarted(self, at: int) -> "RunsState":
        """The same with only those runs that began after `at` (Unix seconds); an earlier floor stays lower."""
        if at <= self.floor:
            return self
        kept = tuple(each for each in self.entries if each.created > at)
        forgotten = isinstance(self.worst, Measured) and self.worst.time <= at
        return replace(self, floor=at, entries=kept, worst=NotMeasured() if forgotten else self.worst)


@dataclass(frozen=True)
class RunRule:
    """Everything of a `runs` criterion that the fold needs; `since` is when the window starts, in Unix seconds."""

    kind: RunsKind
    step: int
    max_gap_seconds: int
    since: int


def states(state: RunsState, points: Iterable[RunsPoint], rule: RunRule) -> Iterator[RunsState]:
    """The state after each of these points, oldest first, each one step after the one before."""
    for point in points:
        state = _take(state, point, rule)
        yield state


def fold(state: RunsState, points: Iterable[RunsPoint], rule: RunRule) -> RunsState:
    """Take points in, as `states` does."""
    for following in states(state, points, rule):
        state = following
    return state


def tag_of(name: str) -> str:
    """What is remembered of a Job's name."""
    return hashlib.sha256(name.encode()).hexdigest()[:6]


def _take(state: RunsState, point: RunsPoint, rule: RunRule) -> RunsState:
    match point.mark:
        case Missing():
            return replace(state, final_through=point.time)
        case Seen() as seen:
            pass
    hole = point.time - rule.step - state.last_seen
    blind = point.time if hole > rule.max_gap_seconds else state.blind_until
    counting = [run for run in seen.runs if run.created > state.floor and run.created >= rule.since]
    entries, dropped = _newest(_merged(state, counting, seen.scheduled, rule), rule.kind.most)
    return replace(
        state,
        final_through=point.time,
        last_seen=point.time,
        blind_until=max(blind, dropped),
        entries=entries,
        worst=_newest_failure(counting, state.worst),
    )


def _merged(state: RunsState, runs: Iterable[Run], scheduled: int, rule: RunRule) -> list[Entry]:
    known = {(each.created, each.tag): each for each in state.entries}
    there = {(run.created, tag_of(run.name)): run for run in runs}
    for key, entry in known.items():
        if entry.ending is Ending.ACTIVE and key not in there:
            known[key] = replace(entry, ending=Ending.UNSEEN)
    appeared = {tag: created for created, tag in there}
    for key in [key for key, each in known.items() if _found_again(each, appeared)]:
        del known[key]
    for key, run in there.items():
        ending = _worse(known[key].ending, run.ending) if key in known else run.ending
        known[key] = Entry(run.created, key[1], ending)
    # The controller names a Job after the minute for which it was scheduled (kubernetes, pkg/controller/cronjob).
    tag = tag_of(f"{rule.kind.target}-{scheduled // _MINUTE}")
    if scheduled > state.floor and scheduled >= rule.since and all(each.tag != tag for each in known.values()):
        known[scheduled, tag] = Entry(scheduled, tag, Ending.UNSEEN)
    return sorted(known.values())


def _found_again(entry: Entry, appeared: dict[str, int]) -> bool:
    """Whether a run that was not seen is there after all: its Job came a moment later than the word of it."""
    return entry.ending is Ending.UNSEEN and appeared.get(entry.tag, 0) >= entry.created


def _worse(known: Ending, seen: Ending) -> Ending:
    """What is final stays, and of two final words the worse one."""
    if known is Ending.FAILED or (known is Ending.SUCCEEDED and seen is not Ending.FAILED):
        return known
    return seen


def _newest(entries: list[Entry], most: int) -> tuple[tuple[Entry, ...], int]:
    """The newest entries: as many ended ones as decide; also from when on all are there, if active ones had to go."""
    kept: list[Entry] = []
    ended = 0
    for entry in reversed(entries):
        if ended == most:
            break
        ended += entry.ended
        kept.append(entry)
    crowded = kept[MAX_ENTRIES:]
    return tuple(reversed(kept[:MAX_ENTRIES])), crowded[0].created + 1 if crowded else 0


def _newest_failure(runs: list[Run], before: Shown) -> Shown:
    failed = [run for run in runs if run.ending is Ending.FAILED]
    if not failed:
        return before
    newest = max(failed, key=lambda run: (run.created, run.name))
    if isinstance(before, Measured) and before.time > newest.created:
        return before
    return Measured(0.0, newest.name, newest.created)


@dataclass(frozen=True)
class Walk:
    """What a walk back from the newest run found, up to where the last success that is needed was counted.

    `enough` tells whether it got that far.
    """

    succeeded: int
    failed: int
    unseen: int
    enough: bool


def walk_back(state: RunsState, kind: RunsKind) -> Walk:
    """Count the runs that ended, the newest first, until enough succeeded."""
    counts = dict.fromkeys(Ending, 0)
    for entry in reversed(state.entries):
        if entry.ending is Ending.SUCCEEDED and entry.created < state.blind_until:
            continue
        counts[entry.ending] += 1
        if counts[Ending.SUCCEEDED] == kind.succeeded:
            break
    succeeded = counts[Ending.SUCCEEDED]
    return Walk(succeeded, counts[Ending.FAILED], counts[Ending.UNSEEN], succeeded == kind.succeeded)
