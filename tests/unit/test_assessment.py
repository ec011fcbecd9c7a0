"""From findings to conditions: which are True, with which reason, and what kstatus makes of them."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from hypercare.domain.assessment import APPLY_SECONDS, STALE_INTERVALS, Before, assess, unusable
from hypercare.domain.conditions import Condition, ConditionStatus, ConditionType, Observed, Problem, false, stamp, true
from hypercare.domain.findings import (
    EvidenceState,
    Findings,
    Lever,
    NotRequested,
    ObserveOnly,
    Off,
    Untold,
    Unverified,
    Verified,
)
from hypercare.domain.life.facts import Exit, Life
from tests.unit.kstatus import kstatus
from tests.unit.lives import (
    ACTIVE,
    COMPLETED,
    DECISION_NEEDED,
    DOWN_MET,
    ENDED,
    EXTENDED,
    LAST_STAGE,
    MINUTE,
    PENDING,
    PREPARING,
    QUIET,
    RELAXING_MET,
    suspended,
)
from tests.unit.snapshots import PASSING, PROBLEM, findings

T = ConditionType
INTERVAL = 60
AHEAD = replace(PENDING, strength=0)
WRITING = Unverified("Writing", "The tightened alerts are being written")
UNREACHABLE = Untold("PrometheusUnreachable", "no connection")
OFF = Off("Relaxed", "Strength is down to 0%")
STALE = EvidenceState(Exit.UNKNOWN, "errors is 6m behind: down", "PrometheusUnreachable", "errors (unknown)", "errors")
MET = EvidenceState(Exit.MET, "", "", "-", "The exit criterion is met")
REGRESSED = EvidenceState(
    Exit.UNMET, "", "", "errors (regressed)", "errors: 9", regressed=("errors",), regression="errors is past"
)
MISSING = Problem("spec.targets[0]", "TargetNotFound", "Deployment shop/checkout does not exist", stalls=False)
BROKEN = Problem("spec.exitCriteria[0].query", "InvalidPromQL", "does not parse", stalls=True)
NO_CRITERIA = Problem("spec.exitCriteria", "NoExitCriteria", "name at least one", stalls=True)


def ago(seconds: int, *conditions: Condition) -> dict[ConditionType, Observed]:
    """Conditions as status has had them for so long."""
    return {each.type: Observed(each, QUIET - seconds) for each in conditions}


@dataclass(frozen=True)
class Case:
    """What is found, after what the status said before, and what is expected of one condition."""

    sentence: str
    found: Findings
    kind: ConditionType
    status: str
    reason: str
    words: str = ""
    before: dict[ConditionType, Observed] = field(default_factory=dict)
    spec_changed: bool = False


def assessed(found: Findings, before: dict[ConditionType, Observed] | None = None, spec_changed: bool = False) -> Any:
    """All conditions, by type."""
    conditions = assess(found, Before(before or {}, spec_changed, INTERVAL, QUIET))
    return {each.type: each for each in conditions}


def with_alerts(lever: Lever, life: Life = ACTIVE, **others: Any) -> Findings:
    return findings(life, alerts=lever, **others)


def applying(life: Life) -> Findings:
    return with_alerts(WRITING, life)


LATE = APPLY_SECONDS + 1
TIGHTENED_NOT = false(T.ALERTS_TIGHTENED, "Writing")
GAVE_UP = true(T.STALLED, "NotAppliedInTime")
RECONCILED = true(T.RECONCILING, "Applying")
NOT_FRESH = false(T.EVIDENCE_FRESH, "PrometheusUnreachable")

READY = (
    Case("A run that waits for its start is ready.", findings(AHEAD), T.READY, "True", "WaitingForStart"),
    Case("A protected run that lacks evidence is ready.", findings(), T.READY, "True", "WaitingForEvidence"),
    Case("So is one in an extension.", findings(EXTENDED), T.READY, "True", "WaitingForEvidence"),
    Case("A run whose criteria are met is watched on.", findings(evidence=MET), T.READY, "True", "Watching"),
    Case("A regressed run is ready: it waits.", findings(evidence=REGRESSED), T.READY, "True", "WaitingForEvidence"),
    Case("A suspended run is ready.", findings(suspended(ACTIVE)), T.READY, "True", "Suspended"),
    Case("A relaxing run is ready.", findings(RELAXING_MET), T.READY, "True", "Relaxing", "25%"),
    Case("A run that succeeded is ready.", findings(COMPLETED), T.READY, "True", "Completed"),
    Case("A run that ended without success is ready.", findings(ENDED), T.READY, "True", "Ended"),
    Case(
        "What the profile caps is told while all is well.",
        findings(notes=("LimitedByProfile: cut.",)),
        T.READY,
        "True",
        "WaitingForEvidence",
        "LimitedByProfile: cut.",
    ),
    Case("A start that is being applied is not ready.", applying(PREPARING), T.READY, "False", "Applying", "written"),
    Case(
        "A stage whose overlay is being replaced stays ready.",
        applying(LAST_STAGE),
        T.READY,
        "True",
        "WaitingForEvidence",
    ),
    Case(
        "A missing target is not ready, with the field.",
        findings(target_problems=(MISSING,)),
        T.READY,
        "False",
        "TargetNotFound",
        "spec.targets[0]: Deployment shop/checkout does not exist",
    ),
    Case(
        "A target that is gone after the end takes nothing back.",
        findings(COMPLETED, target_problems=(MISSING,)),
        T.READY,
        "True",
        "Completed",
    ),
    Case(
        "A criterion that cannot be read takes nothing back after the end.",
        findings(ENDED, evidence_problems=(BROKEN,)),
        T.READY,
        "True",
        "Ended",
        before=ago(LATE, false(T.EVIDENCE_FRESH, "InvalidPromQL")),
    ),
    Case(
        "Stale evidence is tolerated for five intervals.",
        findings(evidence=STALE),
        T.READY,
        "True",
        "WaitingForEvidence",
        before=ago(STALE_INTERVALS * INTERVAL, NOT_FRESH),
    ),
    Case(
        "After five intervals of stale evidence the period is not ready.",
        findings(evidence=STALE),
        T.READY,
        "False",
        "EvidenceStale",
        "errors is 6m behind",
        before=ago(STALE_INTERVALS * INTERVAL + 1, NOT_FRESH),
    ),
    Case(
        "What stalls it is why it is not ready.",
        findings(alert_problems=(PROBLEM,)),
        T.READY,
        "False",
        "RuleNotFound",
        "spec.protection.alerts.from[0]: there is no rule x",
    ),
)

RECONCILING = (
    Case("Before the start, protections are being applied.", applying(PENDING), T.RECONCILING, "True", "Applying"),
    Case("While preparing, what is waited for is told.", applying(PREPARING), T.RECONCILING, "True", "Applying", "wri"),
    Case(
        "What cannot be told is waited for as well.",
        with_alerts(UNREACHABLE, PREPARING),
        T.RECONCILING,
        "True",
        "Applying",
        "no connection",
    ),
    Case(
        "A spec change of an active run is being applied.",
        applying(ACTIVE),
        T.RECONCILING,
        "True",
        "Applying",
        spec_changed=True,
    ),
    Case(
        "It stays so until it is applied.",
        applying(ACTIVE),
        T.RECONCILING,
        "True",
        "Applying",
        before=ago(APPLY_SECONDS, RECONCILED),
    ),
    Case("A change that asks for nothing new is settled.", findings(), T.RECONCILING, "False", "Settled", "", {}, True),
    Case("A stage change is no reconciling.", applying(ACTIVE), T.RECONCILING, "False", "Settled"),
    Case(
        "After ten minutes it is not reconciling any more.",
        applying(PREPARING),
        T.RECONCILING,
        "False",
        "Settled",
        before=ago(LATE, RECONCILED),
    ),
    Case(
        "Nothing is applied while suspended.",
        applying(suspended(ACTIVE)),
        T.RECONCILING,
        "False",
        "Settled",
        spec_changed=True,
    ),
    Case("Nothing is applied before a set start.", with_alerts(OFF, AHEAD), T.RECONCILING, "False", "Settled"),
    Case(
        "What stalls is not reconciling.",
        with_alerts(WRITING, PREPARING, alert_problems=(PROBLEM,)),
        T.RECONCILING,
        "False",
        "Settled",
    ),
)

STALLED = (
    Case("A healthy run is not stalled.", findings(), T.STALLED, "False", "NothingBlocks"),
    Case(
        "A bad reference stalls, with the field and what to do.",
        findings(alert_problems=(PROBLEM,)),
        T.STALLED,
        "True",
        "RuleNotFound",
        "spec.protection.alerts.from[0]: there is no rule x: name another",
    ),
    Case("What may heal by itself does not stall.", findings(scaling_problems=(PASSING,)), T.STALLED, "False", "Not"),
    Case("A missing target does not stall at once.", findings(target_problems=(MISSING,)), T.STALLED, "False", "Noth"),
    Case(
        "No criteria at all stall.",
        findings(evidence_problems=(NO_CRITERIA,)),
        T.STALLED,
        "True",
        "NoExitCriteria",
        "spec.exitCriteria",
    ),
    Case(
        "A hard end without the evidence waits for a person.",
        findings(DECISION_NEEDED),
        T.STALLED,
        "True",
        "DecisionNeeded",
        "Good for 20m of 1h",
    ),
    Case(
        "Ten minutes without the overlay are not yet too long.",
        applying(PREPARING),
        T.STALLED,
        "False",
        "NothingBlocks",
        before=ago(APPLY_SECONDS, TIGHTENED_NOT),
    ),
    Case(
        "After ten minutes without the overlay it stalls.",
        applying(PREPARING),
        T.STALLED,
        "True",
        "NotAppliedInTime",
        "AlertsTightened",
        before=ago(LATE, TIGHTENED_NOT),
    ),
    Case(
        "A target that is missing for longer stalls.",
        findings(target_problems=(MISSING,)),
        T.STALLED,
        "True",
        "NotAppliedInTime",
        "TargetsFound",
        before=ago(LATE, false(T.TARGETS_FOUND, "TargetNotFound")),
    ),
    Case(
        "Replicas that do not come stall an active run too.",
        findings(scaling=Unverified("WaitingForReplicas", "2 replicas are ready")),
        T.STALLED,
        "True",
        "NotAppliedInTime",
        "2 replicas are ready",
        before=ago(LATE, false(T.SCALING_RAISED, "WaitingForReplicas")),
    ),
    Case(
        "A lever that changes between false and unknown gains no time.",
        with_alerts(UNREACHABLE, PREPARING),
        T.STALLED,
        "True",
        "NotAppliedInTime",
        before=ago(LATE, RECONCILED) | ago(5, TIGHTENED_NOT),
    ),
    Case(
        "What is stalled stays so until it is applied.",
        with_alerts(UNREACHABLE, PREPARING),
        T.STALLED,
        "True",
        "NotAppliedInTime",
        before=ago(5, GAVE_UP, TIGHTENED_NOT),
    ),
    Case("Once it is applied it is not stalled.", findings(), T.STALLED, "False", "Noth", before=ago(5, GAVE_UP)),
    Case(
        "What does not come while suspended is not late.",
        applying(suspended(ACTIVE)),
        T.STALLED,
        "False",
        "NothingBlocks",
        before=ago(LATE, TIGHTENED_NOT),
    ),
    Case(
        "What is off at strength 0 is not late.",
        with_alerts(OFF, DOWN_MET, unrestored=""),
        T.STALLED,
        "False",
        "NothingBlocks",
        before=ago(LATE, TIGHTENED_NOT),
    ),
    Case(
        "Restoring may take its time.",
        with_alerts(OFF, replace(DOWN_MET, strength_since=QUIET - APPLY_SECONDS)),
        T.STALLED,
        "False",
        "NothingBlocks",
    ),
    Case(
        "What is not restored ten minutes after strength 0 stalls.",
        with_alerts(OFF, replace(DOWN_MET, strength_since=QUIET - LATE), unrestored="HPA checkout is held"),
        T.STALLED,
        "True",
        "NotRestoredInTime",
        "HPA checkout is held",
    ),
    Case(
        "A copy that fires is meant to stay longer than ten minutes.",
        with_alerts(OFF, replace(DOWN_MET, strength_since=QUIET - LATE), unrestored="Copies stay", held_copies=True),
        T.STALLED,
        "False",
        "NothingBlocks",
    ),
    Case("Nothing stalls after the end.", findings(ENDED, alert_problems=(PROBLEM,)), T.STALLED, "False", "Ended"),
)

LEVERS = (
    Case("Verified is True.", findings(), T.ALERTS_TIGHTENED, "True", "Live", "1 of 1 alerts tightened"),
    Case("So is scaling.", findings(), T.SCALING_RAISED, "True", "Raised"),
    Case("Nothing asked for is True.", with_alerts(NotRequested()), T.ALERTS_TIGHTENED, "True", "NotRequested"),
    Case("Observe is True.", with_alerts(ObserveOnly()), T.ALERTS_TIGHTENED, "True", "ObserveMode", "nothing is writ"),
    Case("Off is False.", with_alerts(OFF), T.ALERTS_TIGHTENED, "False", "Relaxed"),
    Case("Not seen is False.", applying(ACTIVE), T.ALERTS_TIGHTENED, "False", "Writing"),
    Case("Not known is Unknown.", with_alerts(UNREACHABLE), T.ALERTS_TIGHTENED, "Unknown", "PrometheusUnreachable"),
    Case(
        "One that was left out makes it False, with its field.",
        findings(alert_problems=(PROBLEM,)),
        T.ALERTS_TIGHTENED,
        "False",
        "RuleNotFound",
        "spec.protection.alerts.from[0]",
    ),
    Case(
        "Nothing asked for but what is broken is False.",
        with_alerts(NotRequested(), alert_problems=(PROBLEM,)),
        T.ALERTS_TIGHTENED,
        "False",
        "RuleNotFound",
    ),
    Case(
        "What was left out is told beside what is waited for.",
        with_alerts(WRITING, alert_problems=(PROBLEM, PASSING)),
        T.ALERTS_TIGHTENED,
        "False",
        "Writing",
        "name another; spec.protection.scaling: it is gone; The tightened alerts are being written",
    ),
    Case(
        "Problems of one lever are not told of the other.",
        findings(alert_problems=(PROBLEM,)),
        T.SCALING_RAISED,
        "True",
        "Raised",
    ),
)

EVIDENCE = (
    Case("Fresh evidence is True.", findings(), T.EVIDENCE_FRESH, "True", "Fresh"),
    Case("Late evidence is False.", findings(evidence=STALE), T.EVIDENCE_FRESH, "False", "PrometheusUnreachable", "6m"),
    Case("Before the start it is Unknown.", findings(PENDING), T.EVIDENCE_FRESH, "Unknown", "WaitingForStart"),
    Case("Suspended it is Unknown.", findings(suspended(ACTIVE)), T.EVIDENCE_FRESH, "Unknown", "Suspended"),
    Case("After the end it is Unknown.", findings(COMPLETED), T.EVIDENCE_FRESH, "Unknown", "Completed"),
    Case(
        "What cannot be read is False before the start, too.",
        findings(PENDING, evidence_problems=(BROKEN,)),
        T.EVIDENCE_FRESH,
        "False",
        "InvalidPromQL",
        "spec.exitCriteria[0].query: does not parse",
    ),
    Case("All met is True.", findings(evidence=MET), T.EXIT_CRITERIA_MET, "True", "AllMet", "The exit criterion"),
    Case("One unmet is False.", findings(evidence=REGRESSED), T.EXIT_CRITERIA_MET, "False", "Unmet"),
    Case("Else it is Unknown.", findings(), T.EXIT_CRITERIA_MET, "Unknown", "Unknown", "Good for 20m of 1h"),
    Case("Within bounds is False.", findings(), T.REGRESSED, "False", "WithinBounds"),
    Case(
        "Past the regression bound is True, and says which and how.",
        findings(evidence=REGRESSED),
        T.REGRESSED,
        "True",
        "PastRegressionBound",
        "errors is past",
    ),
)

END = (
    Case("While protecting, nothing is restored.", findings(), T.RESTORED, "False", "Protecting", "in place"),
    Case("At strength 0 it is being restored.", findings(DOWN_MET), T.RESTORED, "False", "Restoring"),
    Case("Nothing held is restored.", findings(DOWN_MET, unrestored=""), T.RESTORED, "True", "NothingHeld"),
    Case(
        "Values that were left for another writer are told.",
        findings(DOWN_MET, unrestored="", drift="HPA checkout keeps minReplicas 7"),
        T.RESTORED,
        "True",
        "RestoredWithDrift",
        "keeps minReplicas 7",
    ),
    Case("An open run has not succeeded yet.", findings(), T.SUCCEEDED, "Unknown", "InProgress"),
    Case("Neither has one that relaxes.", findings(DOWN_MET), T.SUCCEEDED, "Unknown", "InProgress"),
    Case("A completed run has succeeded.", findings(COMPLETED), T.SUCCEEDED, "True", "Met"),
    Case("A rolled back run has not.", findings(ENDED), T.SUCCEEDED, "False", "RolledBack"),
)


@pytest.mark.parametrize(
    "case", [*READY, *RECONCILING, *STALLED, *LEVERS, *EVIDENCE, *END], ids=lambda case: f"{case.kind}: {case.sentence}"
)
def test_condition(case: Case) -> None:
    found = assessed(case.found, case.before, case.spec_changed)[case.kind]
    assert found.status.value == case.status
    assert found.reason.startswith(case.reason)
    assert case.words in found.message


EVERYWHERE = {
    "Pending": findings(AHEAD, alerts=OFF, scaling=OFF),
    "Preparing": applying(PREPARING),
    "Active": findings(),
    "Extended": findings(EXTENDED),
    "Relaxing": findings(RELAXING_MET),
    "Relaxing, all down": findings(replace(DOWN_MET, strength_since=QUIET), alerts=OFF, scaling=OFF),
    "DecisionNeeded": findings(DECISION_NEEDED),
    "Suspended": findings(suspended(ACTIVE)),
    "Completed": findings(COMPLETED, alerts=OFF, scaling=OFF, unrestored=""),
    "Ended": findings(ENDED, alerts=OFF, scaling=OFF, unrestored=""),
}


@pytest.mark.parametrize("place", EVERYWHERE)
def test_every_condition_is_there_once_and_in_its_order(place: str) -> None:
    conditions = assess(EVERYWHERE[place], Before({}, False, INTERVAL, QUIET))
    assert [each.type for each in conditions] == list(ConditionType)


def test_what_cannot_be_resolved_has_every_condition_and_says_why() -> None:
    conditions = unusable(BROKEN)
    assert [each.type for each in conditions] == list(ConditionType)
    told = {each.type: (each.status, each.reason) for each in conditions}
    assert told.pop(T.READY) == (ConditionStatus.FALSE, "InvalidPromQL")
    assert told.pop(T.RECONCILING) == (ConditionStatus.FALSE, "InvalidPromQL")
    assert told.pop(T.STALLED) == (ConditionStatus.TRUE, "InvalidPromQL")
    assert set(told.values()) == {(ConditionStatus.UNKNOWN, "InvalidPromQL")}
    assert {each.message for each in conditions} == {"", str(BROKEN)}


class TestKstatus:
    """Pipelines wait for Current, and give up at Failed."""

    def verdict(self, conditions: tuple[Condition, ...], generation: int = 3) -> str:
        stamped = stamp(conditions, {}, 3, QUIET)
        status = {"observedGeneration": 3, "conditions": stamped}
        return kstatus({"metadata": {"generation": generation}, "status": status})

    @pytest.mark.parametrize(
        ("place", "expected"),
        [
            (place, {"Preparing": "InProgress", "DecisionNeeded": "Failed"}.get(place, "Current"))
            for place in EVERYWHERE
        ],
    )
    def test_each_phase_reads_sensibly(self, place: str, expected: str) -> None:
        assert self.verdict(assess(EVERYWHERE[place], Before({}, False, INTERVAL, QUIET))) == expected

    def test_an_object_that_nobody_has_seen_is_in_progress(self) -> None:
        assert kstatus({"metadata": {"generation": 1}, "status": {"observedGeneration": -1}}) == "InProgress"

    def test_a_spec_that_nobody_has_seen_is_in_progress(self) -> None:
        conditions = assess(EVERYWHERE["Active"], Before({}, False, INTERVAL, QUIET))
        assert self.verdict(conditions, generation=4) == "InProgress"

    def test_what_cannot_be_resolved_has_failed(self) -> None:
        assert self.verdict(unusable(BROKEN)) == "Failed"

    def test_what_is_not_applied_in_time_has_failed(self) -> None:
        found = Before(ago(LATE, TIGHTENED_NOT), False, INTERVAL, QUIET)
        assert self.verdict(assess(applying(PREPARING), found)) == "Failed"

    def test_a_regression_is_no_failure_of_the_period(self) -> None:
        assert self.verdict(assess(findings(evidence=REGRESSED), Before({}, False, INTERVAL, QUIET))) == "Current"


def test_reconciling_ends_stalled_or_done_and_never_comes_back_by_itself() -> None:
    """Visited each minute while the answer about the overlay changes from minute to minute."""
    before: dict[ConditionType, Observed] = {}
    seen = []
    for minute in range(30):
        lever: Lever = UNREACHABLE if minute % 2 else WRITING
        now = QUIET + minute * MINUTE
        conditions = assess(with_alerts(lever, PREPARING), Before(before, False, INTERVAL, now))
        before = {
            each.type: before[each.type]
            if each.type in before and before[each.type].condition.status is each.status
            else Observed(each, now)
            for each in conditions
        }
        told = {each.type: each.status.value for each in conditions}
        seen.append((told[T.RECONCILING], told[T.STALLED], told[T.READY]))
    assert seen == [("True", "False", "False")] * 11 + [("False", "True", "False")] * 19


def test_verified_levers_of_a_fresh_start_are_settled() -> None:
    found = findings(PREPARING, alerts=Verified("Live", ""), scaling=NotRequested())
    assert assessed(found)[T.RECONCILING].status is ConditionStatus.FALSE
