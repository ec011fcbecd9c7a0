"""What is told once, when it becomes so: as an Event, in the log, and where it lasts in the timeline of the report."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hypercare.domain.conditions import Condition, ConditionStatus, ConditionType, Observed
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.evidence.streak_reading import OVERLAY_NOT_LIVE
from hypercare.domain.evidence.verdict_history import VerdictChange
from hypercare.domain.findings import Findings
from hypercare.domain.life.facts import Phase
from hypercare.domain.snapshot import Reading, Snapshot
from hypercare.domain.timestamps import timestamp

_IN_EFFECT = frozenset({"Live", "Raised"})


@dataclass(frozen=True)
class Announcement:
    """One piece of news. `lasting` ones belong to the timeline; `at` is when it was so, if not now (Unix seconds)."""

    reason: str
    message: str
    warning: bool = False
    lasting: bool = True
    at: int | None = None


def announce(snapshot: Snapshot, findings: Findings, conditions: Sequence[Condition]) -> tuple[Announcement, ...]:
    """The news of a visit: verdicts that changed, and conditions that flipped."""
    if findings.life.closed:
        return ()
    now_true = {each.type: each for each in conditions}
    before = snapshot.stored.conditions
    # On the way down every step applies its protections anew, which is no news.
    applied = () if findings.life.phase is Phase.RELAXING else tuple(_applied(now_true, before))
    return (*_verdicts(snapshot), *applied, *_flips(now_true, before))


def _verdicts(snapshot: Snapshot) -> Iterator[Announcement]:
    """Each change of a verdict once; also those that nobody watched, as after an absence of the operator."""
    changes = [(each, reading) for reading in snapshot.readings for each in reading.changes]
    for change, reading in sorted(changes, key=lambda each: each[0].time):
        text = _verdict_text(change, reading, snapshot)
        warning = change.verdict is Verdict.UNMET and not reading.criterion.advisory
        yield Announcement(f"Criterion{change.verdict}", text, warning=warning, at=change.time)


def _verdict_text(change: VerdictChange, reading: Reading, snapshot: Snapshot) -> str:
    name, verdict = reading.criterion.name, change.verdict
    name += " (advisory)" if reading.criterion.advisory else ""
    if change is not reading.changes[-1] or verdict is not reading.judgement.verdict:
        return f"{name} was {verdict} from {timestamp(change.time)} on, found later: {change.judgement.message}"
    evaluation = snapshot.resolved.profile.evaluation
    late = snapshot.now - change.time > evaluation.delay + evaluation.interval + 2 * evaluation.step
    since = f" since {timestamp(change.time)}, found later" if late else ""
    return f"{name} is {verdict}{since}: {reading.judgement.message}"


def _applied(
    conditions: Mapping[ConditionType, Condition], before: Mapping[ConditionType, Observed]
) -> Iterator[Announcement]:
    """What is in effect now; that nothing is asked for is no news."""
    for kind in (ConditionType.ALERTS_TIGHTENED, ConditionType.SCALING_RAISED):
        condition = conditions[kind]
        if condition.reason in _IN_EFFECT and _became_true(kind, conditions, before):
            yield Announcement(str(kind), condition.message)


def _flips(
    conditions: Mapping[ConditionType, Condition], before: Mapping[ConditionType, Observed]
) -> Iterator[Announcement]:
    if _became_true(ConditionType.REGRESSED, conditions, before):
        yield Announcement("Regressed", conditions[ConditionType.REGRESSED].message, warning=True)
    if _became_true(ConditionType.STALLED, conditions, before):
        condition = conditions[ConditionType.STALLED]
        yield Announcement(condition.reason, condition.message, warning=True)
    stale = conditions[ConditionType.EVIDENCE_FRESH]
    # Rules may take minutes to be loaded; that they are not is AlertsTightened's to tell.
    loading = stale.reason == OVERLAY_NOT_LIVE
    if stale.status is ConditionStatus.FALSE and not loading and _was(stale.type, before) is ConditionStatus.TRUE:
        yield Announcement("EvidenceStale", stale.message, warning=True)


def _became_true(
    kind: ConditionType, conditions: Mapping[ConditionType, Condition], before: Mapping[ConditionType, Observed]
) -> bool:
    return conditions[kind].status is ConditionStatus.TRUE and _was(kind, before) is not ConditionStatus.TRUE


def _was(kind: ConditionType, before: Mapping[ConditionType, Observed]) -> ConditionStatus:
    seen = before.get(kind)
    return seen.condition.status if seen is not None else ConditionStatus.UNKNOWN
