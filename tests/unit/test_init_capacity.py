"""What `init` offers for more capacity: only what the operator would do, and with what it would make of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from hypercare.cli.init.capacity import Here, capacity_offers
from hypercare.cli.init.survey import Capacity, Offer
from hypercare.cli.seen_capacity import SeenCapacity
from hypercare.domain.capacity.capacity_objects import CapacityObjects
from hypercare.domain.capacity.disruption import parse_disruption, plan_disruption
from hypercare.domain.capacity.hold import Hold, hold_name
from hypercare.domain.capacity.scaling import Claimant, parse_scaling, plan_scaling
from hypercare.domain.fields import Field
from hypercare.domain.life.rollout import Target
from tests.unit.scaled import TARGET, autoscaler, budget, floor_field, hold, objects, owned, scaled_object, workload

CART = Target("StatefulSet", "cart")
WEB = Target("Rollout", "checkout")
AGENT = Target("DaemonSet", "checkout")
ONE = {"maxUnavailable": 1}
MORE = {"floor": "150%"}


def asked(
    seen: CapacityObjects,
    *targets: Target,
    holds: Mapping[str, Hold] | None = None,
    max_floor: int = 50,
    unreadable: Sequence[str] = (),
) -> Capacity:
    here = Here(SeenCapacity(seen, frozenset(unreadable), holds or {}), max_floor)
    return capacity_offers(targets or (TARGET,), here)


def with_condition(body: dict[str, Any], kind: str, status: str, reason: str, message: str) -> dict[str, Any]:
    condition = {"type": kind, "status": status, "reason": reason, "message": message}
    return {**body, "status": {"conditions": [condition]}}


DEPLOYMENT = {"deployments": (workload(),)}
KEDA = {
    "deployments": (workload(),),
    "scaledobjects": ({**scaled_object(least=2), "status": {}},),
}


@pytest.mark.parametrize(
    ("target", "seen", "rule", "told"),
    [
        pytest.param(
            TARGET,
            objects(autoscaler(), **DEPLOYMENT),
            MORE,
            "HorizontalPodAutoscaler checkout: at least 2, at most 10, runs 4 today; floor 150% would keep 3",
            id="an HPA",
        ),
        pytest.param(
            TARGET,
            objects(autoscaler(floor=5, ceiling=6), **DEPLOYMENT),
            MORE,
            "HorizontalPodAutoscaler checkout: at least 5, at most 6, runs 4 today; floor 150% would keep 6",
            id="an HPA whose maximum bounds the floor",
        ),
        pytest.param(
            TARGET,
            objects(autoscaler(floor=4, ceiling=4), **DEPLOYMENT),
            {"floor": "150%", "ceiling": "150%"},
            "HorizontalPodAutoscaler checkout: at least 4, at most 4, runs 4 today; "
            "floor 150% would keep 6, and ceiling 150% allow 6",
            id="an HPA that is at its maximum",
        ),
        pytest.param(
            TARGET,
            objects(**KEDA),
            MORE,
            "ScaledObject checkout: at least 2, at most 100, runs 4 today; floor 150% would keep 3",
            id="a ScaledObject",
        ),
        pytest.param(
            TARGET,
            objects(owned(autoscaler("keda-hpa-checkout"), "ScaledObject", "checkout"), **KEDA),
            MORE,
            "ScaledObject checkout (KEDA makes HorizontalPodAutoscaler keda-hpa-checkout of it, and would take a "
            "change there back): at least 2, at most 100, runs 4 today; floor 150% would keep 3",
            id="a ScaledObject, not the HPA that it made",
        ),
        pytest.param(
            TARGET,
            objects(deployments=(workload(),), scaledobjects=(scaled_object(),)),
            {"floor": 1},
            "ScaledObject checkout: at least 0, at most 100, runs 4 today; floor 1 would keep 1",
            id="a ScaledObject that scales to zero needs a count",
        ),
        pytest.param(
            TARGET,
            objects(**DEPLOYMENT),
            MORE,
            "Deployment checkout, which nothing else scales: runs 4 today; floor 150% would keep 6",
            id="a Deployment by itself",
        ),
        pytest.param(
            CART,
            objects(statefulsets=(workload("cart", 3),)),
            MORE,
            "StatefulSet cart, which nothing else scales: runs 3 today; floor 150% would keep 5",
            id="a StatefulSet by itself",
        ),
        pytest.param(
            WEB,
            objects(rollouts=(workload(),)),
            MORE,
            "Rollout checkout, which nothing else scales: runs 4 today; floor 150% would keep 6",
            id="a Rollout by itself",
        ),
    ],
)
def test_a_floor_is_offered_for_what_scales_a_target(
    target: Target, seen: CapacityObjects, rule: Mapping[str, Any], told: str
) -> None:
    assert asked(seen, target).scaling == (Offer(target.name, rule, told),)
    plan = plan_scaling(
        parse_scaling(Field("scaling", [{"target": target.name, **rule}])),
        [target],
        seen,
        Claimant("a", "uid-of-a", "r1-0", 100, 50),
        {},
    )
    assert (len(plan.requests), plan.problems) == (1, ())


@pytest.mark.parametrize(
    ("target", "seen", "told"),
    [
        pytest.param(
            TARGET,
            objects(owned(autoscaler(), "Canary", "checkout"), **DEPLOYMENT),
            "No replicas are offered for checkout: HorizontalPodAutoscaler checkout is written by Canary checkout.",
            id="an HPA that Flagger writes",
        ),
        pytest.param(
            TARGET,
            objects(owned(autoscaler("keda-hpa-x"), "ScaledObject", "x"), **DEPLOYMENT),
            "No replicas are offered for checkout: HorizontalPodAutoscaler keda-hpa-x is written by ScaledObject x.",
            id="an HPA whose ScaledObject is not there",
        ),
        pytest.param(
            TARGET,
            objects(deployments=(owned(workload(), "Canary", "checkout"),)),
            "No replicas are offered for checkout: Deployment checkout is written by Canary checkout.",
            id="a Deployment that Flagger writes",
        ),
        pytest.param(
            TARGET,
            objects(autoscaler(), autoscaler("other"), **DEPLOYMENT),
            "No replicas are offered for checkout: Deployment checkout is scaled by "
            "HorizontalPodAutoscaler checkout and HorizontalPodAutoscaler other.",
            id="two HPAs",
        ),
        pytest.param(
            WEB,
            objects(rollouts=(workload(spec={"template": {}}),)),
            "No replicas are offered for checkout: Rollout checkout has no spec.replicas.",
            id="a Rollout without replicas",
        ),
        pytest.param(
            TARGET,
            objects(deployments=(workload(replicas=0),)),
            "No replicas are offered for checkout, they would not come: ScalingDisabled, "
            "Deployment checkout is scaled to zero and is not woken up.",
            id="a Deployment that sleeps",
        ),
        pytest.param(
            TARGET,
            objects(
                deployments=(workload(),),
                scaledobjects=(
                    with_condition(scaled_object(least=2), "Paused", "True", "ScaledObjectPaused", "it is paused."),
                ),
            ),
            "No replicas are offered for checkout, they would not come: ScaledObjectPaused, it is paused.",
            id="a ScaledObject that is paused",
        ),
    ],
)
def test_what_the_operator_would_refuse_or_could_not_do_is_not_offered(
    target: Target, seen: CapacityObjects, told: str
) -> None:
    found = asked(seen, target)
    assert found.scaling == ()
    assert told in found.told


def test_the_limit_of_the_profile_bounds_what_is_offered() -> None:
    seen = objects(autoscaler(floor=6), **DEPLOYMENT)
    assert asked(seen, max_floor=7).scaling[0].told.endswith("floor 150% would keep 7")
    assert asked(seen, max_floor=6).scaling == ()
    assert asked(seen, max_floor=6).told[0] == (
        "No replicas are offered for checkout: HorizontalPodAutoscaler checkout: at least 6, at most 10, runs 4 today, "
        "and the profile allows 6."
    )


def test_a_daemon_set_has_neither_replicas_nor_a_budget_to_speak_of() -> None:
    assert asked(objects(daemonsets=(workload(),)), AGENT) == Capacity()


def test_what_another_window_has_raised_counts_as_it_was() -> None:
    held = {hold_name("HorizontalPodAutoscaler", "checkout"): hold(floor_field(original=2, confirmed=4))}
    seen = objects(autoscaler(floor=4), **DEPLOYMENT)
    (offer,) = asked(seen, holds=held).scaling
    assert offer.told.endswith("at least 2, at most 10, runs 4 today; floor 150% would keep 3")


@pytest.mark.parametrize(
    ("budgets", "rule", "told"),
    [
        pytest.param(
            [budget(maxUnavailable="50%")],
            ONE,
            "PodDisruptionBudget pods: maxUnavailable 50% -> 25%",
            id="a percentage",
        ),
        pytest.param(
            [budget(minAvailable=2)], ONE, "PodDisruptionBudget pods: minAvailable 2 -> 3", id="the other field"
        ),
        pytest.param(
            [budget("a", maxUnavailable=2), budget("b", maxUnavailable=3)],
            {"budget": "a", **ONE},
            "PodDisruptionBudget a: maxUnavailable 2 -> 1",
            id="several: the first is named",
        ),
        pytest.param(
            [budget("a", maxUnavailable=1), budget("b", maxUnavailable=3)],
            {"budget": "b", **ONE},
            "PodDisruptionBudget b: maxUnavailable 3 -> 1",
            id="several: the one that can be stricter",
        ),
    ],
)
def test_a_budget_that_allows_more_than_one_disruption_can_be_stricter(
    budgets: list[dict[str, Any]], rule: Mapping[str, Any], told: str
) -> None:
    seen = objects(deployments=(workload(),), poddisruptionbudgets=tuple(budgets))
    assert asked(seen).disruption == (Offer("checkout", rule, told),)
    plan = plan_disruption(
        parse_disruption(Field("disruption", [{"target": "checkout", **rule}])),
        [TARGET],
        seen,
        Claimant("a", "uid-of-a", "r1-0", 100, 50),
    )
    assert (len(plan.requests), plan.problems) == (1, ())


@pytest.mark.parametrize(
    ("budgets", "told"),
    [
        ([], "No PodDisruptionBudget selects the pods of checkout."),
        (
            [budget(maxUnavailable=1)],
            "PodDisruptionBudget pods of checkout allows no more than one pod to be missing already.",
        ),
        (
            [budget(owner="Cluster pg", maxUnavailable=2)],
            "No budget is offered for checkout: PodDisruptionBudget pods is written by Cluster pg.",
        ),
        (
            [budget()],
            "No budget is offered for checkout: PodDisruptionBudget pods sets neither minAvailable nor maxUnavailable.",
        ),
        (
            [budget("a", maxUnavailable=1), budget("b", maxUnavailable=1)],
            "No budget is offered for checkout: a and b select the pods of Deployment checkout.",
        ),
    ],
)
def test_no_budget_is_offered_without_saying_why(budgets: list[dict[str, Any]], told: str) -> None:
    found = asked(objects(deployments=(workload(),), poddisruptionbudgets=tuple(budgets)))
    assert found.disruption == ()
    assert told in found.told


def test_what_may_not_be_read_is_not_guessed_about() -> None:
    found = asked(objects(**DEPLOYMENT), unreadable=["HorizontalPodAutoscaler", "PodDisruptionBudget"])
    assert (found.scaling, found.disruption) == ((), ())
    assert found.told == (
        "Nothing is offered for Deployments: you may not list HorizontalPodAutoscaler.",
        "Nothing is offered for Deployments: you may not list HorizontalPodAutoscaler, PodDisruptionBudget.",
    )
    others = asked(objects(**DEPLOYMENT), unreadable=["Rollout", "StatefulSet"])
    assert len(others.scaling) == 1
