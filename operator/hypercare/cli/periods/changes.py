"""What has become different between two looks at a period, a line for each: for pipes and logs.

Transitions and verdicts are told in the words of the timeline; what it does not tell are conditions that flip.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hypercare.cli.periods.seen import Seen, SeenCondition
from hypercare.domain.exit_criteria import NONE

# The timeline has the time of the visit, a condition that of its transition.
_ONE_VISIT_SECONDS = 5
_TOLD = ("Stalled", "Ready", "TargetsFound", "AlertsTightened", "ScalingRaised", "EvidenceFresh", "Restored")


@dataclass(frozen=True)
class Told:
    """One line. `time` in Unix seconds."""

    time: int
    text: str


def told_of(before: Seen | None, seen: Seen, now: int) -> Iterator[Told]:
    """What to tell after a look at a period: where it stands at the first one, then what is new."""
    if before is None:
        yield first_look(seen, now)
    else:
        yield from changes(before, seen, now)


def first_look(seen: Seen, now: int) -> Told:
    """Where a period stands when nothing is known of it yet."""
    if not seen.visited:
        return Told(now, "is not seen by any operator yet")
    if seen.over:
        return Told(now, seen.summary or seen.phase)
    stage = f", stage {seen.stage}" if seen.stage else ""
    blocked = "" if seen.blocked in {"", NONE} else f", blocked by {seen.blocked}"
    return Told(now, f"{seen.phase} at {seen.strength}%{stage}{blocked}")


def changes(before: Seen, after: Seen, now: int) -> Iterator[Told]:
    """What is new in `after`, in the order of time."""
    known = set(before.timeline) if before.run == after.run else set()
    for entry in after.timeline:
        if entry not in known:
            yield Told(now if entry.time is None else entry.time, f"{entry.reason}: {entry.message}")
    for kind in _TOLD:
        old, new = before.conditions.get(kind), after.conditions.get(kind)
        if new is not None and _flipped(old, new) and not _in_timeline(after, new):
            told = f": {new.message}" if new.message else ""
            yield Told(now, f"{kind}={new.status} ({new.reason}){told}")
    if after.report and after.report != before.report:
        yield Told(now, f"The report is written: ConfigMap {after.report}")
    if after.deleting and not before.deleting:
        yield Told(now, "is being deleted")


def _in_timeline(seen: Seen, condition: SeenCondition) -> bool:
    """Whether the timeline says the same in the same words, as it does of a protection that has come into effect."""
    since = condition.since
    return since is not None and any(
        (entry.reason, entry.message) == (condition.type, condition.message)
        and entry.time is not None
        and abs(entry.time - since) <= _ONE_VISIT_SECONDS
        for entry in seen.timeline
    )


def _flipped(old: SeenCondition | None, new: SeenCondition) -> bool:
    if old is None:
        # On the first visit all conditions appear; only what is wrong is worth a line.
        return new.type == "Stalled" and new.status == "True"
    return old.status != new.status
