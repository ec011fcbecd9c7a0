"""`lint --server` about capacity: what it says of a period is what the operator would say, with the same reasons."""

from collections.abc import Sequence
from typing import Any

import pytest
import yaml

from hypercare.cli.documents import documents_in
from hypercare.cli.lint.capacity import capacity_findings
from hypercare.cli.lint.checks import resolved_of
from hypercare.cli.lint.findings import Finding, Source
from hypercare.cli.lint.positions import positions_in
from hypercare.cli.seen_capacity import SeenCapacity
from hypercare.domain.capacity.capacity_objects import CapacityObjects
from hypercare.domain.capacity.disruption import plan_disruption
from hypercare.domain.capacity.hold import hold_name
from hypercare.domain.capacity.scaling import Claimant, plan_scaling
from hypercare.domain.period import Resolved
from tests.unit.scaled import autoscaler, budget, floor_field, hold, objects, owned, scaled_object, workload

PROFILE = {
    "metadata": {"name": "default"},
    "spec": {"prometheus": {"url": "http://p:9090"}, "limits": {"maxFloor": 8}},
}
MORE = {"target": "checkout", "floor": "150%"}
HIGHER = {**MORE, "ceiling": 20}
ONE = {"target": "checkout", "maxUnavailable": 1}
DEPLOYMENT = {"deployments": (workload(),)}
PAUSED = {"type": "Paused", "status": "True", "reason": "ScaledObjectPaused", "message": "it is paused"}


def source_of(kind: str, **protection: list[dict[str, Any]]) -> Source:
    body = {
        "apiVersion": "hypercare.dev/v1alpha1",
        "kind": "HypercarePeriod",
        "metadata": {"name": "checkout", "namespace": "shop"},
        "spec": {
            "release": {"version": "2.4.0"},
            "targets": [{"kind": kind, "name": "checkout"}],
            "protection": protection,
        },
    }
    text = yaml.safe_dump(body)
    return Source("period.yaml", documents_in(text, "period.yaml")[0], positions_in(text)[0])


def resolved(source: Source) -> Resolved:
    found = resolved_of(source, PROFILE)
    assert isinstance(found, Resolved)
    return found


def findings(source: Source, seen: SeenCapacity) -> list[Finding]:
    return list(capacity_findings(source, "checkout", resolved(source), seen))


@pytest.mark.parametrize(
    ("kind", "scaling", "seen", "rules"),
    [
        pytest.param("Deployment", HIGHER, objects(autoscaler(), **DEPLOYMENT), [], id="an HPA has a ceiling"),
        pytest.param(
            "Deployment",
            HIGHER,
            objects(scaledobjects=(scaled_object(least=2),), **DEPLOYMENT),
            [],
            id="a ScaledObject has a ceiling, and is an autoscaler",
        ),
        pytest.param(
            "Deployment",
            HIGHER,
            objects(
                owned(autoscaler("keda-hpa-checkout"), "ScaledObject", "checkout"),
                scaledobjects=(scaled_object(least=2),),
                **DEPLOYMENT,
            ),
            [],
            id="the HPA that KEDA has made is no second autoscaler",
        ),
        pytest.param("Deployment", MORE, objects(**DEPLOYMENT), [], id="replicas of its own need no autoscaler"),
        pytest.param("StatefulSet", MORE, objects(statefulsets=(workload(),)), [], id="nor do those of a StatefulSet"),
        pytest.param("Rollout", MORE, objects(rollouts=(workload(),)), [], id="nor those of a Rollout"),
        pytest.param(
            "Deployment", HIGHER, objects(**DEPLOYMENT), ["NoAutoscaler"], id="only a ceiling needs an autoscaler"
        ),
        pytest.param(
            "Deployment",
            MORE,
            objects(autoscaler(), scaledobjects=(scaled_object(least=2),), **DEPLOYMENT),
            ["SeveralAutoscalers"],
            id="an HPA beside a ScaledObject",
        ),
        pytest.param(
            "Deployment",
            MORE,
            objects(owned(autoscaler(), "Canary", "checkout"), **DEPLOYMENT),
            ["OwnedAutoscaler"],
            id="an HPA that Flagger writes",
        ),
        pytest.param(
            "Deployment",
            MORE,
            objects(scaledobjects=(scaled_object(),), **DEPLOYMENT),
            ["PercentOfZero"],
            id="a percentage of zero",
        ),
        pytest.param("DaemonSet", MORE, objects(daemonsets=(workload(),)), ["NotScalable"], id="a DaemonSet"),
        pytest.param(
            "Rollout", MORE, objects(rollouts=(workload(spec={}),)), ["NoReplicas"], id="a Rollout without replicas"
        ),
    ],
)
def test_what_scales_a_target_is_judged_as_the_operator_does(
    kind: str, scaling: dict[str, Any], seen: CapacityObjects, rules: Sequence[str]
) -> None:
    source = source_of(kind, scaling=[scaling])
    found = findings(source, SeenCapacity(seen))
    spec = resolved(source).spec
    told = plan_scaling(spec.scaling, spec.targets, seen, Claimant("a", "u", "r", 100, 8), {}).problems
    assert [each.rule for each in found] == rules == [problem.reason for problem in told]
    assert [each.message for each in found] == [problem.message for problem in told]
    assert all(each.fix for each in found)


@pytest.mark.parametrize(
    ("budgets", "rules"),
    [
        ([budget(maxUnavailable=2)], []),
        ([], ["NoBudget"]),
        ([budget("a", maxUnavailable=2), budget("b", maxUnavailable=2)], ["SeveralBudgets"]),
        ([budget(owner="Cluster pg", maxUnavailable=2)], ["OwnedBudget"]),
        ([budget()], ["BudgetUnset"]),
    ],
)
def test_budgets_are_judged_as_the_operator_does(budgets: list[dict[str, Any]], rules: Sequence[str]) -> None:
    source = source_of("Deployment", disruption=[ONE])
    seen = objects(poddisruptionbudgets=tuple(budgets), **DEPLOYMENT)
    found = findings(source, SeenCapacity(seen))
    spec = resolved(source).spec
    told = plan_disruption(spec.disruption, spec.targets, seen, Claimant("a", "u", "r", 100, 8)).problems
    assert [each.rule for each in found] == rules == [problem.reason for problem in told]


@pytest.mark.parametrize(
    ("seen", "floor", "rule", "told"),
    [
        pytest.param(
            objects(autoscaler(ceiling=2), **DEPLOYMENT),
            "150%",
            "FloorLimited",
            "HorizontalPodAutoscaler checkout would get a floor of 2: 3 is asked for, and its maximum is 2",
            id="the maximum leaves nothing to raise",
        ),
        pytest.param(
            objects(autoscaler(ceiling=20), **DEPLOYMENT),
            9,
            "FloorLimited",
            "HorizontalPodAutoscaler checkout would get a floor of 8: 9 is asked for, and the profile allows 8",
            id="the profile allows less",
        ),
        pytest.param(
            objects(deployments=(workload(replicas=0),)),
            4,
            "ScalingDisabled",
            "Deployment checkout is scaled to zero and is not woken up",
            id="the target sleeps",
        ),
        pytest.param(
            objects(scaledobjects=({**scaled_object(least=2), "status": {"conditions": [PAUSED]}},), **DEPLOYMENT),
            4,
            "ScaledObjectPaused",
            "it is paused",
            id="the ScaledObject is paused",
        ),
    ],
)
def test_a_floor_that_would_not_come_is_told_beforehand(
    seen: CapacityObjects, floor: int | str, rule: str, told: str
) -> None:
    (found,) = findings(source_of("Deployment", scaling=[{"target": "checkout", "floor": floor}]), SeenCapacity(seen))
    assert (found.rule, found.message) == (rule, told)
    assert found.path.startswith("spec.protection.scaling[0].")


def test_a_floor_that_a_window_has_raised_already_is_judged_by_what_it_was() -> None:
    held = {hold_name("HorizontalPodAutoscaler", "checkout"): hold(floor_field(original=2, confirmed=3))}
    seen = SeenCapacity(objects(autoscaler(floor=3, ceiling=3), **DEPLOYMENT), frozenset(), held)
    assert findings(source_of("Deployment", scaling=[MORE]), seen) == []


def test_what_may_not_be_listed_is_said_and_the_rest_is_judged() -> None:
    source = source_of("Deployment", scaling=[HIGHER], disruption=[ONE])
    hidden = SeenCapacity(objects(**DEPLOYMENT), frozenset({"PodDisruptionBudget"}))
    assert [each.rule for each in findings(source, hidden)] == ["NotReadable", "NoAutoscaler"]
    hidden = SeenCapacity(objects(**DEPLOYMENT), frozenset({"ScaledObject"}))
    found = findings(source, hidden)
    assert [(each.rule, each.path) for each in found] == [
        ("NotReadable", "spec.protection.scaling"),
        ("NotReadable", "spec.protection.disruption"),
    ]
    assert found[0].message == "cannot be checked: you may not list ScaledObject in this namespace"
