"""What stands between a period and its exit, in the order in which a person should look at it.

First what only a person can mend, then what has become worse, then what is broken or not known, then what only takes
its time; protections that are missing come last, for they do not keep the exit but the promise. The order among
criteria is that of `status.blocked` (`domain.exit_criteria`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from hypercare.cli.periods.advice import advice
from hypercare.cli.periods.seen import Seen, SeenCondition, SeenCriterion
from hypercare.domain.conditions import Problem
from hypercare.domain.durations import format_duration
from hypercare.domain.evidence.criteria import Criterion
from hypercare.domain.period import Resolved
from hypercare.domain.report.facts import asked_of

_COLLECTING = frozenset({"Collecting", "WarmingUp"})
_LEVERS = ("AlertsTightened", "ScalingRaised")


class Weight(StrEnum):
    """How much a person has to do with it."""

    PERSON = "NeedsAPerson"
    WORSE = "Regressed"
    UNMET = "Unmet"
    UNKNOWN = "Unknown"
    TIME = "TakesTime"
    PROTECTION = "Unprotected"

    @property
    def blocks(self) -> bool:
        """Whether it keeps the exit."""
        return self is not Weight.PROTECTION


@dataclass(frozen=True)
class Blocker:
    """One thing in the way. `since` in Unix seconds; `remaining` in seconds, 0 where it cannot be said.

    `asked` is what a criterion asks for, where the effective spec is known.
    """

    weight: Weight
    what: str
    reason: str
    detail: str
    advice: str
    since: int | None = None
    remaining: int = 0
    asked: str = ""


def blockers(seen: Seen, asked: Resolved | Problem) -> tuple[Blocker, ...]:
    """Everything that is in the way, most pressing first; empty when nothing is."""
    if not seen.current:
        return (_unseen(seen),)
    if seen.over:
        return ()
    found = [*_person(seen), *_criteria(seen, asked), *_start(seen), *_protection(seen)]
    order = list(Weight)
    return tuple(sorted(found, key=lambda each: (order.index(each.weight), -each.remaining)))


def _unseen(seen: Seen) -> Blocker:
    if not seen.visited:
        return _blocker(Weight.PERSON, "operator", "NotSeen", "No operator has seen this period yet.")
    detail = f"The status is about generation {seen.observed} of the spec, which is at {seen.generation}."
    return _blocker(Weight.PERSON, "operator", "NotUpToDate", detail, since=seen.written_at)


def _person(seen: Seen) -> Iterator[Blocker]:
    stalled = seen.conditions.get("Stalled")
    if stalled is not None and stalled.status == "True":
        yield _of_condition(Weight.PERSON, stalled)
    targets = seen.conditions.get("TargetsFound")
    if targets is not None and targets.status == "False" and not _same(targets, stalled):
        yield _of_condition(Weight.PERSON, targets)
    if seen.phase == "Suspended":
        detail = f"The period is suspended in phase {seen.resume_phase or 'Active'}."
        yield _blocker(Weight.PERSON, "suspend", "Suspended", detail, since=seen.phase_since)


def _start(seen: Seen) -> Iterator[Blocker]:
    if seen.phase == "Pending" and not seen.holds("Stalled"):
        yield Blocker(Weight.TIME, "start", "WaitingForStart", seen.summary, advice("RolloutInProgress"))


def _criteria(seen: Seen, asked: Resolved | Problem) -> Iterator[Blocker]:
    known = {each.name: each for each in asked.spec.criteria} if isinstance(asked, Resolved) else {}
    for criterion in seen.criteria:
        if criterion.advisory or not _blocks(criterion):
            continue
        yield Blocker(
            weight=weight_of(criterion),
            what=criterion.name,
            reason=criterion.reason,
            detail=criterion.message,
            advice=advice(criterion.reason),
            since=criterion.since,
            remaining=criterion.remaining,
            asked=_asked(known, criterion.name),
        )


def _protection(seen: Seen) -> Iterator[Blocker]:
    if not seen.strength or seen.phase == "Suspended":
        return
    stalled = seen.conditions.get("Stalled")
    for kind in _LEVERS:
        found = seen.conditions.get(kind)
        if found is not None and found.status != "True" and not _same(found, stalled):
            yield _of_condition(Weight.PROTECTION, found)


def weight_of(criterion: SeenCriterion) -> Weight:
    """How pressing a criterion is that is not met."""
    if criterion.regressed:
        return Weight.WORSE
    if criterion.verdict == "Unmet":
        return Weight.UNMET
    return Weight.TIME if criterion.reason in _COLLECTING else Weight.UNKNOWN


def asked_in_words(criterion: Criterion) -> str:
    """What a criterion asks: its expression, its bound, for how long."""
    expression, bound = asked_of(criterion)
    held = f" for {format_duration(criterion.sustained_seconds)}" if criterion.sustained_seconds else ""
    return f"{' '.join(expression.split())} {bound}{held}"


def _asked(known: Mapping[str, Criterion], name: str) -> str:
    return asked_in_words(known[name]) if name in known else ""


def _blocks(criterion: SeenCriterion) -> bool:
    return criterion.verdict != "Met" or criterion.regressed


def _same(condition: SeenCondition, stalled: SeenCondition | None) -> bool:
    """Whether Stalled already tells it."""
    told = stalled is not None and stalled.status == "True"
    return told and stalled is not None and condition.message != "" and condition.message in stalled.message


def _of_condition(weight: Weight, found: SeenCondition) -> Blocker:
    return _blocker(weight, found.type, found.reason, found.message, since=found.since)


def _blocker(weight: Weight, what: str, reason: str, detail: str, since: int | None = None) -> Blocker:
    return Blocker(weight, what, reason, detail, advice(reason), since)
