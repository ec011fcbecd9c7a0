"""Snapshots and findings to decide and render on: the period of `lives`, with everything well unless a test says so."""

from dataclasses import replace
from typing import Any

from hypercare.domain.alerts.liveness import Live
from hypercare.domain.alerts.plan import AlertOutcome, AlertPlan
from hypercare.domain.alerts.protection import Deliver
from hypercare.domain.alerts.tightening import Tightened
from hypercare.domain.capacity.hold import HeldObject
from hypercare.domain.capacity.scaling import ScalingPlan
from hypercare.domain.capacity.scaling_rows import ScalingRow, ScalingState
from hypercare.domain.conditions import Problem
from hypercare.domain.evidence.bounds import Below
from hypercare.domain.evidence.criteria import Criterion, QueryKind
from hypercare.domain.evidence.judgement import Judgement, Verdict
from hypercare.domain.findings import EvidenceState, Findings, Verified
from hypercare.domain.life.facts import Exit, Life
from hypercare.domain.period import Resolved, resolve
from hypercare.domain.snapshot import Capacity, Identity, Overlay, Reading, Snapshot, Stored
from tests.unit.alert_rules import alert, plan, rule_object
from tests.unit.lives import ACTIVE, COMPLETE, PLAN, QUIET, T0, UID
from tests.unit.scaled import changes

IDENTITY = Identity("shop", "checkout", UID, 3)
PROFILE: dict[str, Any] = {"spec": {"prometheus": {"url": "http://prometheus:9090"}}}
PERIOD: dict[str, Any] = {
    "metadata": {"name": "checkout", "namespace": "shop", "uid": UID, "generation": 3},
    "spec": {
        "release": {"version": "2.4.0", "name": "autumn", "previous": "2.3.9"},
        "targets": [{"kind": "Deployment", "name": "checkout"}],
        "window": {
            "start": {"when": "RolloutComplete", "timeout": "1h"},
            "duration": "12h",
            "extension": {"by": "2h", "limit": 2},
            "atLimit": {"hold": "4h", "then": "Relax"},
        },
        "stages": [
            {"name": "intensive", "strength": 100, "minDuration": "2h"},
            {"name": "elevated", "strength": 50, "minDuration": "2h"},
        ],
        "relax": {"step": 25, "every": "1h", "guard": True},
        "protection": {"scaling": [{"target": "checkout", "floor": 4}]},
        "exitCriteria": [{"name": "errors", "query": "errors", "below": 5, "sustainedFor": "1h"}],
    },
}


def period(**spec: Any) -> dict[str, Any]:
    """The body of the period, with other fields of its spec."""
    return {**PERIOD, "spec": {**PERIOD["spec"], **spec}}


def resolved(profile: dict[str, Any] | None = None, **spec: Any) -> Resolved:
    """The period against a profile, both of them sound."""
    found = resolve(period(**spec), {"spec": {**PROFILE["spec"], **(profile or {})}})
    assert isinstance(found, Resolved), found
    return found


def criterion(name: str = "errors", **others: Any) -> Criterion:
    """Values below 5 for an hour."""
    return replace(Criterion(name, QueryKind("errors", Below(5)), 3600, 0.95, 180), **others)


def judgement(verdict: Verdict = Verdict.MET, **others: Any) -> Judgement:
    """What became of a criterion."""
    reasons = {
        Verdict.MET: ("Sustained", "Values were below 5 for 1h"),
        Verdict.UNMET: ("BoundViolated", "9 is not below 5"),
        Verdict.UNKNOWN: ("Collecting", "Good for 20m of 1h"),
    }
    remaining = 0 if verdict is Verdict.MET else 2400
    return replace(Judgement(verdict, *reasons[verdict], 1200, remaining), **others)


def reading(verdict: Verdict = Verdict.MET, name: str = "errors", late: int = 0, **others: Any) -> Reading:
    """A criterion that was read; `others` are of the criterion (`advisory`) or of the judgement."""
    advisory = others.pop("advisory", False)
    found = judgement(verdict, **others)
    stored = {"name": name, "verdict": verdict.value, "message": found.message}
    return Reading(criterion(name, advisory=advisory), found, QUIET - 30 - late, late, stored)


RULES = [rule_object("checkout-alerts", alert("Errors"))]
LIVE_OVERLAY = Overlay(plan(RULES), Live(QUIET), T0, 30)
HPA = HeldObject("autoscaling/v2", "HorizontalPodAutoscaler", "checkout", "uid-1")
RAISED = ScalingRow(
    "checkout", HPA, ScalingState.RAISED, "Raised", "4 replicas are ready, the floor is 4", 2, 4, 4, 4, changes(), True
)
NO_OVERLAY_PLAN = AlertPlan(None, (), (), ())
UNTOLD = Stored({}, 3, (), {}, "", ())
PROBLEM = Problem("spec.protection.alerts.from[0]", "RuleNotFound", "there is no rule x: name another", stalls=True)
PASSING = Problem("spec.protection.scaling", "AutoscalerGone", "it is gone", stalls=False)


def tightened(name: str = "Errors") -> AlertOutcome:
    return AlertOutcome("id", "a/b", name, Deliver.NOTIFY, Tightened(600, 300))


def snapshot(life: Life = ACTIVE, **others: Any) -> Snapshot:
    """A visit on which everything requested is in effect and the one criterion is met."""
    found = Snapshot(
        identity=IDENTITY,
        resolved=resolved(),
        life=life,
        rollout=COMPLETE,
        target_problems=(),
        overlay=LIVE_OVERLAY,
        capacity=Capacity(ScalingPlan(), (RAISED,)),
        readings=(reading(),),
        stored=UNTOLD,
        now=QUIET,
    )
    return replace(found, **others)


def findings(life: Life = ACTIVE, **others: Any) -> Findings:
    """What was found on a visit on which nothing is wrong, and everything requested is verified."""
    found = Findings(
        life=life,
        plan=PLAN,
        rollout=COMPLETE,
        alerts=Verified("Live", "1 of 1 alerts tightened"),
        scaling=Verified("Raised", "4 replicas are ready"),
        evidence=EvidenceState(Exit.UNKNOWN, "", "", "errors (40m left)", "errors: Good for 20m of 1h"),
        unrestored="Tightened alerts are in place",
    )
    return replace(found, **others)
