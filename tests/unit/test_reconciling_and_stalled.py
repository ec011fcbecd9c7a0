"""Reconciling and Stalled: what pipelines wait for, what they give up at, and what kstatus makes of the conditions."""

from dataclasses import replace

import pytest

from hypercare.domain.assessment import APPLY_SECONDS, Before, assess, unusable
from hypercare.domain.conditions import Condition, ConditionStatus, ConditionType, Observed, Problem, false, stamp, true
from hypercare.domain.findings import Lever, NotRequested, Unverified, Verified
from tests.unit.assessments import (
    AHEAD,
    BROKEN,
    EVERYWHERE,
    INTERVAL,
    LATE,
    MISSING,
    OFF,
    RECONCILED,
    REGRESSED,
    TIGHTENED_NOT,
    UNREACHABLE,
    WRITING,
    Case,
    ago,
    applying,
    assessed,
    with_alerts,
)
from tests.unit.kstatus import kstatus
from tests.unit.lives import ACTIVE, DECISION_NEEDED, DOWN_MET, ENDED, MINUTE, PENDING, PREPARING, QUIET, suspended
from tests.unit.snapshots import PASSING, PROBLEM, findings

T = ConditionType
NO_CRITERIA = Problem("spec.exitCriteria", "NoExitCriteria", "name at least one", stalls=True)
GAVE_UP = true(T.STALLED, "NotAppliedInTime")
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


@pytest.mark.parametrize("case", [*RECONCILING, *STALLED], ids=lambda case: case.name)
def test_condition(case: Case) -> None:
    assert case.condition.status.value == case.status
    assert case.condition.reason.startswith(case.reason)
    assert case.words in case.condition.message


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
