"""From findings to conditions: which are True, with which reason."""

import pytest

from hypercare.domain.assessment import STALE_INTERVALS, Before, assess, unusable
from hypercare.domain.conditions import ConditionStatus, ConditionType, false
from hypercare.domain.findings import EvidenceState, NotRequested, ObserveOnly
from hypercare.domain.life.facts import Exit
from tests.unit.assessments import (
    AHEAD,
    BROKEN,
    EVERYWHERE,
    INTERVAL,
    LATE,
    MISSING,
    OFF,
    REGRESSED,
    UNREACHABLE,
    WRITING,
    Case,
    ago,
    applying,
    with_alerts,
)
from tests.unit.lives import (
    ACTIVE,
    COMPLETED,
    DOWN_MET,
    ENDED,
    EXTENDED,
    LAST_STAGE,
    PENDING,
    PREPARING,
    QUIET,
    RELAXING_MET,
    suspended,
)
from tests.unit.snapshots import PASSING, PROBLEM, findings

T = ConditionType
STALE = EvidenceState(Exit.UNKNOWN, "errors is 6m behind: down", "PrometheusUnreachable", "errors (unknown)", "errors")
MET = EvidenceState(Exit.MET, "", "", "-", "The exit criterion is met")
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


@pytest.mark.parametrize("case", [*READY, *LEVERS, *EVIDENCE, *END], ids=lambda case: case.name)
def test_condition(case: Case) -> None:
    assert case.condition.status.value == case.status
    assert case.condition.reason.startswith(case.reason)
    assert case.words in case.condition.message


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
