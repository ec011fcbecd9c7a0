"""What sets the number of a target's replicas, and what is left to others."""

from typing import Any

import pytest

from hypercare.domain.capacity.capacity_objects import CapacityObjects
from hypercare.domain.capacity.hold import HeldObject, Refusal
from hypercare.domain.capacity.quantity import Count, Percent
from hypercare.domain.capacity.scalers import NoTarget, Scaler, scaler_of, superseding
from hypercare.domain.capacity.scaling import Claimant, ScalingPlan, parse_scaling, plan_scaling
from hypercare.domain.capacity.wishes import ReplicaWish, ScaleDown
from hypercare.domain.fields import Field
from hypercare.domain.life.rollout import Target
from tests.unit.scaled import TARGET, autoscaler, objects, owned, scaled_object, workload

CLAIMANT = Claimant("a", "uid-of-a", "r1-0", 100, 50)


@pytest.mark.parametrize(
    ("target", "seen", "expected"),
    [
        pytest.param(TARGET, objects(autoscaler(), deployments=(workload(),)), "HorizontalPodAutoscaler", id="an HPA"),
        pytest.param(
            TARGET,
            objects(
                owned(autoscaler("keda-hpa-checkout"), "ScaledObject", "checkout"), scaledobjects=(scaled_object(),)
            ),
            "ScaledObject",
            id="a ScaledObject, not the HPA that it made",
        ),
        pytest.param(TARGET, objects(deployments=(workload(),)), "Deployment", id="the Deployment itself"),
        pytest.param(
            Target("StatefulSet", "checkout"), objects(statefulsets=(workload(),)), "StatefulSet", id="a StatefulSet"
        ),
        pytest.param(Target("Rollout", "checkout"), objects(rollouts=(workload(),)), "Rollout", id="a Rollout"),
        pytest.param(
            Target("Rollout", "checkout"),
            objects(
                scaledobjects=(scaled_object(apiVersion="argoproj.io/v1alpha1", kind="Rollout"),),
                rollouts=(workload(),),
            ),
            "ScaledObject",
            id="a ScaledObject of a Rollout",
        ),
        pytest.param(
            TARGET,
            objects(autoscaler(kind="StatefulSet"), autoscaler(target="basket"), deployments=(workload(),)),
            "Deployment",
            id="autoscalers of other workloads do not count",
        ),
    ],
)
def test_what_is_changed(target: Target, seen: CapacityObjects, expected: str) -> None:
    found = scaler_of(target, seen)
    assert isinstance(found, Scaler)
    assert found.object.kind == expected


@pytest.mark.parametrize(
    ("target", "seen", "reason", "said"),
    [
        pytest.param(
            TARGET,
            objects(autoscaler(), scaledobjects=(scaled_object(),)),
            "SeveralAutoscalers",
            "HorizontalPodAutoscaler checkout and ScaledObject checkout",
            id="an HPA beside a ScaledObject",
        ),
        pytest.param(
            TARGET,
            objects(owned(autoscaler(), "Canary", "checkout")),
            "OwnedAutoscaler",
            "written by Canary checkout",
            id="Flagger's HPA",
        ),
        pytest.param(
            TARGET,
            objects(scaledobjects=(owned(scaled_object(), "Canary", "checkout"),)),
            "OwnedAutoscaler",
            "ScaledObject checkout is written by Canary checkout",
            id="Flagger's ScaledObject",
        ),
        pytest.param(
            TARGET,
            objects(owned(autoscaler(), "ScaledObject", "gone")),
            "OwnedAutoscaler",
            "written by ScaledObject gone",
            id="KEDA's HPA of a ScaledObject that is not seen",
        ),
        pytest.param(
            TARGET,
            objects(deployments=(owned(workload(), "Canary", "shop"),)),
            "OwnedWorkload",
            "written by Canary shop",
            id="a workload that somebody else makes",
        ),
        pytest.param(
            Target("Rollout", "checkout"),
            objects(rollouts=(workload(spec={}),)),
            "NoReplicas",
            "has no spec.replicas",
            id="a Rollout without replicas has no scale",
        ),
        pytest.param(Target("DaemonSet", "agent"), objects(), "NotScalable", "once per node", id="a DaemonSet"),
    ],
)
def test_what_is_left_alone(target: Target, seen: CapacityObjects, reason: str, said: str) -> None:
    found = scaler_of(target, seen)
    assert isinstance(found, Refusal)
    assert found.reason == reason
    assert said in found.message


def test_a_target_that_does_not_exist_is_told_elsewhere() -> None:
    assert scaler_of(TARGET, objects()) == NoTarget()


class TestSuperseding:
    """An autoscaler comes to a workload whose replicas are held."""

    held = HeldObject("apps/v1", "Deployment", "checkout", "uid-of-checkout")

    @pytest.mark.parametrize(
        ("seen", "expected"),
        [
            pytest.param(objects(), "", id="none"),
            pytest.param(objects(autoscaler()), "HorizontalPodAutoscaler checkout", id="an HPA"),
            pytest.param(objects(scaledobjects=(scaled_object(),)), "ScaledObject checkout", id="a ScaledObject"),
            pytest.param(objects(autoscaler(target="basket")), "", id="one of something else"),
        ],
    )
    def test_it(self, seen: CapacityObjects, expected: str) -> None:
        assert superseding(self.held, seen) == expected

    def test_an_autoscaler_is_not_superseded_by_itself(self) -> None:
        held = HeldObject("autoscaling/v2", "HorizontalPodAutoscaler", "checkout", "uid-1")
        assert superseding(held, objects(autoscaler())) == ""


class TestRules:
    """What of a rule fits what scales the target."""

    def planned(self, rule: dict[str, Any], seen: CapacityObjects, **claimant: Any) -> ScalingPlan:
        rules = parse_scaling(Field("spec.protection.scaling", [{"target": "checkout"} | rule]))
        asking = Claimant("a", "uid-of-a", "r1-0", 100, 50, **claimant)
        return plan_scaling(rules, (TARGET,), seen, asking, {})

    def wish(self, rule: dict[str, Any], seen: CapacityObjects, **claimant: Any) -> ReplicaWish:
        (request,) = self.planned(rule, seen, **claimant).requests
        assert isinstance(request.claim.wish, ReplicaWish)
        return request.claim.wish

    def reason(self, rule: dict[str, Any], seen: CapacityObjects) -> str:
        plan = self.planned(rule, seen)
        assert plan.requests == ()
        return plan.problems[0].reason

    def test_an_autoscaler_may_not_scale_in_until_the_first_step_down(self) -> None:
        rule = {"scaleDown": "Disabled"}
        assert self.wish(rule, objects(autoscaler())).scale_down is ScaleDown.DISABLED
        assert self.wish(rule, objects(autoscaler()), relaxing=True).scale_down is ScaleDown.ENABLED

    def test_replicas_that_nothing_scales_are_not_scaled_in_anyway(self) -> None:
        seen = objects(deployments=(workload(),))
        assert self.wish({"floor": 6, "scaleDown": "Disabled"}, seen) == ReplicaWish(Count(6), 50)

    def test_they_have_no_ceiling(self) -> None:
        seen = objects(deployments=(workload(),))
        assert self.reason({"floor": 6, "ceiling": 9}, seen) == "NoAutoscaler"
        assert self.wish({"target": "*", "floor": 6, "ceiling": 9}, seen) == ReplicaWish(Count(6), 50)

    def test_a_share_of_zero_is_zero(self) -> None:
        sleeping = objects(scaledobjects=(scaled_object(),))
        assert self.reason({"floor": "150%"}, sleeping) == "PercentOfZero"
        assert self.wish({"floor": 3}, sleeping).floor == Count(3)
        assert self.wish({"scaleDown": "Disabled"}, sleeping).floor == Percent(100)
        awake = objects(scaledobjects=(scaled_object(least=2),))
        assert self.wish({"floor": "150%"}, awake).floor == Percent(150)

    def test_a_missing_target_makes_no_claim_and_no_second_problem(self) -> None:
        assert self.planned({"floor": 3}, objects()) == ScalingPlan()
