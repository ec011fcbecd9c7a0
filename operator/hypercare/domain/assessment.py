"""From findings to conditions: what is true of a period now, in the words of the Kubernetes API conventions.

`Ready`, `Reconciling` and `Stalled` follow the rules of kstatus: Ready holds through a healthy window of days,
Reconciling lasts ten minutes at most, Stalled asks for a person.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hypercare.domain.conditions import (
    Condition,
    ConditionStatus,
    ConditionType,
    Observed,
    Problem,
    false,
    true,
    unknown,
)
from hypercare.domain.findings import (
    Findings,
    Lever,
    NotRequested,
    ObserveOnly,
    Off,
    Untold,
    Unverified,
    Verified,
)
from hypercare.domain.life.facts import Exit, Outcome, Phase
from hypercare.domain.timestamps import timestamp

APPLY_SECONDS = 600
STALE_INTERVALS = 5
_INSTEAD_OF_WAITING = frozenset({"OverlayContested", "OverlayRepaired", "Forbidden", "OverlayRejected"})
"""What tells more than that something is awaited: somebody else changes it, or it was not accepted."""
_LATE = "NotAppliedInTime"


@dataclass(frozen=True)
class Before:
    """What the status said before this visit: its conditions, and whether the spec has changed since.

    `now` in Unix seconds, `interval` of evaluation in seconds.
    """

    conditions: Mapping[ConditionType, Observed]
    spec_changed: bool
    interval: int
    now: int

    def lasting(self, condition: Condition) -> int:
        """For how many seconds the condition has had its present status; 0 when it has just changed."""
        seen = self.conditions.get(condition.type)
        if seen is None or seen.condition.status is not condition.status:
            return 0
        return self.now - seen.since

    def was_true(self, kind: ConditionType) -> bool:
        """Whether the stored status had this condition as True."""
        seen = self.conditions.get(kind)
        return seen is not None and seen.condition.status is ConditionStatus.TRUE

    @property
    def out_of_time(self) -> bool:
        """Whether applying has already taken too long, also where a lever changes between False and Unknown."""
        stalled = self.conditions.get(ConditionType.STALLED)
        given_up = stalled is not None and stalled.condition.reason == _LATE
        return given_up or self.lasting(true(ConditionType.RECONCILING, "")) > APPLY_SECONDS


def assess(findings: Findings, before: Before) -> tuple[Condition, ...]:
    """All conditions of a period, in their order."""
    targets = _targets_found(findings)
    alerts = _lever(ConditionType.ALERTS_TIGHTENED, findings.alerts, findings.alert_problems)
    scaling = _lever(ConditionType.SCALING_RAISED, findings.scaling, findings.scaling_problems)
    evidence = _evidence_fresh(findings)
    restored = _restored(findings)
    stalled = _stalled(findings, before, (targets, alerts, scaling, restored))
    reconciling = _reconciling(findings, before, stalled)
    ready = _ready(findings, before, (stalled, reconciling, targets, evidence))
    return (
        ready,
        reconciling,
        stalled,
        targets,
        alerts,
        scaling,
        evidence,
        _exit_criteria(findings),
        _regressed(findings),
        restored,
        _succeeded(findings),
    )


def unusable(problem: Problem) -> tuple[Condition, ...]:
    """The conditions of a period whose spec or profile cannot be resolved: nothing is written for it."""
    message = str(problem)
    told = {
        ConditionType.READY: false(ConditionType.READY, problem.reason, message),
        ConditionType.RECONCILING: false(ConditionType.RECONCILING, problem.reason),
        ConditionType.STALLED: true(ConditionType.STALLED, problem.reason, message),
    }
    return tuple(told.get(kind, unknown(kind, problem.reason)) for kind in ConditionType)


def decision_needed(findings: Findings) -> str:
    """What a person has to decide at the hard end, until when, and on what evidence."""
    until = timestamp(findings.life.phase_since + findings.plan.window.hold_seconds)
    return (
        f"The hard end has come without the evidence, and protections are held until {until}: release a fix, "
        f"roll back, or move the hard end (window.duration, window.extension). {findings.evidence.message}"
    )


def _targets_found(findings: Findings) -> Condition:
    kind = ConditionType.TARGETS_FOUND
    if findings.target_problems:
        return false(kind, findings.target_problems[0].reason, _told(findings.target_problems))
    return true(kind, "AllFound", findings.rollout.message)


def _lever(kind: ConditionType, lever: Lever, problems: tuple[Problem, ...]) -> Condition:
    match lever:
        case NotRequested() if not problems:
            return true(kind, "NotRequested", lever.message)
        case ObserveOnly():
            return true(kind, "ObserveMode", "Mode Observe: nothing is written")
        case Off():
            return false(kind, lever.reason, lever.message)
        case Untold():
            return unknown(kind, lever.reason, _with(lever.message, problems))
        case Verified() if not problems:
            return true(kind, lever.reason, lever.message)
        case Unverified() if told := [each.reason for each in problems if each.reason in _INSTEAD_OF_WAITING]:
            return false(kind, told[0], _with(lever.message, problems))
        case Unverified():
            return false(kind, lever.reason, _with(lever.message, problems))
        case _:
            return false(kind, problems[0].reason, _told(problems))


def _evidence_fresh(findings: Findings) -> Condition:
    kind, evidence, life = ConditionType.EVIDENCE_FRESH, findings.evidence, findings.life
    if life.closed:
        return unknown(kind, str(life.phase), "Evidence is not read in this phase")
    if findings.evidence_problems:
        return false(kind, findings.evidence_problems[0].reason, _told(findings.evidence_problems))
    if life.phase is Phase.SUSPENDED:
        return unknown(kind, str(life.phase), "Evidence is not read in this phase")
    if life.started_at is None:
        return unknown(kind, "WaitingForStart", "Evidence is read from the start of the window on")
    if evidence.stale:
        return false(kind, evidence.stale_reason, evidence.stale)
    return true(kind, "Fresh", "Every criterion is read as far as it can be")


def _exit_criteria(findings: Findings) -> Condition:
    kind, evidence = ConditionType.EXIT_CRITERIA_MET, findings.evidence
    match evidence.exit:
        case Exit.MET:
            return true(kind, "AllMet", evidence.message)
        case Exit.UNMET:
            return false(kind, "Unmet", evidence.message)
        case Exit.UNKNOWN:
            return unknown(kind, "Unknown", evidence.message)


def _regressed(findings: Findings) -> Condition:
    if findings.evidence.regressed:
        return true(ConditionType.REGRESSED, "PastRegressionBound", findings.evidence.regression)
    return false(ConditionType.REGRESSED, "WithinBounds")


def _restored(findings: Findings) -> Condition:
    kind = ConditionType.RESTORED
    if findings.unrestored:
        return false(kind, "Protecting" if findings.life.strength else "Restoring", findings.unrestored)
    if findings.drift:
        return true(kind, "RestoredWithDrift", findings.drift)
    return true(kind, "NothingHeld", "No claim of this period and no overlay is left")


def _succeeded(findings: Findings) -> Condition:
    kind, life = ConditionType.SUCCEEDED, findings.life
    if life.phase is Phase.COMPLETED:
        return true(kind, "Met", "Ended with its exit criteria met")
    if life.phase is Phase.ENDED:
        return false(kind, str(life.outcome or Outcome.LIMIT_REACHED), "Ended without its exit criteria met")
    return unknown(kind, "InProgress", "The run is open")


def _stalled(findings: Findings, before: Before, observed: tuple[Condition, ...]) -> Condition:
    kind = ConditionType.STALLED
    fatal = next((problem for problem in findings.problems if problem.stalls), None)
    if findings.life.closed:
        return false(kind, str(findings.life.phase))
    if fatal is not None:
        return true(kind, fatal.reason, str(fatal))
    if findings.life.phase is Phase.DECISION_NEEDED:
        return true(kind, "DecisionNeeded", decision_needed(findings))
    targets, *levers, restored = observed
    late = next((condition for condition in (targets, *levers) if _overdue(condition, findings, before)), None)
    if late is not None:
        return true(kind, _LATE, f"{late.type} is not True for more than 10m: {late.message}")
    if not findings.held_copies and _unrestored_for_long(findings, before, restored):
        return true(kind, "NotRestoredInTime", findings.unrestored)
    return false(kind, "NothingBlocks")


def _overdue(condition: Condition, findings: Findings, before: Before) -> bool:
    life = findings.life
    if condition.status is ConditionStatus.TRUE or life.strength == 0 or life.phase is Phase.SUSPENDED:
        return False
    return before.out_of_time or before.lasting(condition) > APPLY_SECONDS


def _unrestored_for_long(findings: Findings, before: Before, restored: Condition) -> bool:
    life = findings.life
    relaxed = life.phase is Phase.RELAXING and life.strength == 0
    return relaxed and restored.status is ConditionStatus.FALSE and before.now - life.strength_since > APPLY_SECONDS


def _reconciling(findings: Findings, before: Before, stalled: Condition) -> Condition:
    kind, life = ConditionType.RECONCILING, findings.life
    levers = any(isinstance(lever, Unverified | Untold) for lever in (findings.alerts, findings.scaling))
    applying = levers and life.phase is not Phase.SUSPENDED
    fresh = life.phase in {Phase.PENDING, Phase.PREPARING} or before.spec_changed or before.was_true(kind)
    if stalled.status is ConditionStatus.TRUE or not (applying and fresh):
        return false(kind, "Settled")
    return true(kind, "Applying", _applying_message(findings))


def _ready(findings: Findings, before: Before, others: tuple[Condition, ...]) -> Condition:
    kind = ConditionType.READY
    stalled, reconciling, targets, evidence = others
    if stalled.status is ConditionStatus.TRUE:
        return false(kind, stalled.reason, stalled.message)
    if targets.status is ConditionStatus.FALSE and not findings.life.closed:
        return false(kind, targets.reason, targets.message)
    if reconciling.status is ConditionStatus.TRUE:
        return false(kind, reconciling.reason, reconciling.message)
    if evidence.status is ConditionStatus.FALSE and before.lasting(evidence) > STALE_INTERVALS * before.interval:
        return false(kind, "EvidenceStale", evidence.message)
    reason, message = _ready_reason(findings)
    return true(kind, reason, " ".join((message, *findings.notes)))


def _ready_reason(findings: Findings) -> tuple[str, str]:
    life, evidence = findings.life, findings.evidence
    match life.phase:
        case Phase.PENDING:
            return "WaitingForStart", f"Waiting for the start of the window: {findings.rollout.message}."
        case Phase.SUSPENDED:
            return "Suspended", "Suspended by the spec; the clock goes on."
        case Phase.COMPLETED | Phase.ENDED:
            return str(life.phase), "The run is over and everything is restored."
        case Phase.RELAXING:
            return "Relaxing", f"Relaxing, strength is {life.strength}%."
        case _ if evidence.exit is Exit.MET:
            return "Watching", evidence.message
        case _:
            return "WaitingForEvidence", evidence.message


def _applying_message(findings: Findings) -> str:
    waiting = [lever.message for lever in (findings.alerts, findings.scaling) if isinstance(lever, Unverified | Untold)]
    return "; ".join(waiting)


def _told(problems: tuple[Problem, ...]) -> str:
    return "; ".join(str(problem) for problem in problems)


def _with(message: str, problems: tuple[Problem, ...]) -> str:
    return "; ".join(part for part in (_told(problems), message) if part)
