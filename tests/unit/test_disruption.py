"""Stricter disruption budgets: which one, which of its fields, and never one that blocks every drain."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.capacity.disruption import DisruptionRule, parse_disruption, plan_disruption, translated
from hypercare.domain.capacity.held_fields import MAX_UNAVAILABLE, MIN_AVAILABLE
from hypercare.domain.capacity.scaling import Claimant, ScalingPlan
from hypercare.domain.capacity.wishes import DisruptionWish
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.life.rollout import Target
from tests.unit.scaled import TARGET, autoscaler, budget, objects, workload

CLAIMANT = Claimant("a", "uid-of-a", "r1-0", 100, 50)


def available(amount: int, unit: str = "") -> DisruptionWish:
    return DisruptionWish(MIN_AVAILABLE, amount, unit)


def unavailable(amount: int, unit: str = "") -> DisruptionWish:
    return DisruptionWish(MAX_UNAVAILABLE, amount, unit)


class TestTranslation:
    """The wish in the words of the budget."""

    @pytest.mark.parametrize(
        ("wish", "path", "unit", "expected"),
        [
            pytest.param(available(3), MIN_AVAILABLE, "", available(3), id="the same field and unit"),
            pytest.param(available(75, "%"), MIN_AVAILABLE, "%", available(75, "%"), id="the same as a share"),
            pytest.param(available(75, "%"), MAX_UNAVAILABLE, "%", unavailable(25, "%"), id="a share of the others"),
            pytest.param(unavailable(20, "%"), MIN_AVAILABLE, "%", available(80, "%"), id="and the other way round"),
            pytest.param(available(75, "%"), MIN_AVAILABLE, "", available(8), id="a share as pods, rounded up"),
            pytest.param(available(7), MIN_AVAILABLE, "%", available(70, "%"), id="pods as a share"),
            pytest.param(available(7), MAX_UNAVAILABLE, "", unavailable(3), id="pods of the others"),
            pytest.param(unavailable(25, "%"), MIN_AVAILABLE, "", available(7), id="a share of the others as pods"),
            pytest.param(
                unavailable(2), MAX_UNAVAILABLE, "%", unavailable(20, "%"), id="pods as a share of the others"
            ),
            pytest.param(available(10), MIN_AVAILABLE, "", available(9), id="one of them may go"),
            pytest.param(available(100, "%"), MIN_AVAILABLE, "%", available(90, "%"), id="one of them, as a share"),
            pytest.param(available(12), MAX_UNAVAILABLE, "", unavailable(1), id="one, where none is left"),
            pytest.param(unavailable(0), MAX_UNAVAILABLE, "", unavailable(1), id="one, where none was allowed"),
            pytest.param(unavailable(0, "%"), MAX_UNAVAILABLE, "%", unavailable(1, "%"), id="more than no share"),
        ],
    )
    def test_of_ten_pods(self, wish: DisruptionWish, path: str, unit: str, expected: DisruptionWish) -> None:
        assert translated(wish, path, unit, 10) == expected

    @given(
        wish=st.builds(
            DisruptionWish,
            st.sampled_from([MIN_AVAILABLE, MAX_UNAVAILABLE]),
            st.integers(0, 100),
            st.sampled_from("%,"),
        ),
        path=st.sampled_from([MIN_AVAILABLE, MAX_UNAVAILABLE]),
        unit=st.sampled_from(["%", ""]),
        pods=st.integers(1, 200),
        more=st.integers(0, 200),
    )
    def test_one_disruption_stays_allowed_however_many_pods_come(
        self, wish: DisruptionWish, path: str, unit: str, pods: int, more: int
    ) -> None:
        wish = DisruptionWish(wish.path, wish.amount, wish.unit.strip(","))
        found, total = translated(wish, path, unit, pods), pods + more
        kept = -(-found.amount * total // 100) if unit else found.amount
        assert (total - kept if path == MIN_AVAILABLE else kept) >= 1


class TestRules:
    """Reading `protection.disruption`."""

    def test_a_rule(self) -> None:
        (rule,) = parse_disruption(Field("d", [{"target": "checkout", "minAvailable": "80%", "budget": "pods"}]))
        assert rule == DisruptionRule("d[0]", "checkout", available(80, "%"), "pods")

    @pytest.mark.parametrize(
        "wrong",
        [
            {},
            {"minAvailable": 1, "maxUnavailable": 1},
            {"minAvailable": "101%"},
            {"maxUnavailable": "1"},
            {"maxUnavailable": -1},
            {"minAvailable": True},
            {"minAvailable": 1.5},
        ],
    )
    def test_anything_else_is_refused_by_its_field(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(InvalidField, match=r"d\[0\]"):
            parse_disruption(Field("d", [{"target": "checkout", **wrong}]))


class TestPlan:
    """From the spec to a claim on one budget, or to a problem that names its field."""

    def planned(self, rule: dict[str, Any] | None = None, *budgets: dict[str, Any], **others: Any) -> ScalingPlan:
        rule = {"target": "checkout", "minAvailable": "75%"} | (rule or {})
        seen = objects(
            *others.get("autoscalers", ()),
            deployments=others.get("workloads", (workload(),)),
            poddisruptionbudgets=budgets,
        )
        rules = parse_disruption(Field("spec.protection.disruption", [rule]))
        return plan_disruption(rules, others.get("targets", (TARGET,)), seen, others.get("claimant", CLAIMANT))

    def test_the_budget_that_selects_the_pods_is_claimed(self) -> None:
        plan = self.planned(None, budget("other", labels={"app": "other"}), budget("pods", maxUnavailable="50%"))
        (request,) = plan.requests
        assert (request.hold, request.claim.wish) == ("poddisruptionbudget-pods", unavailable(25, "%"))

    def test_its_pods_are_those_that_its_autoscaler_keeps_at_least(self) -> None:
        plan = self.planned({"minAvailable": 9}, budget(minAvailable=1), autoscalers=(autoscaler(floor=3),))
        assert plan.requests[0].claim.wish == available(2)

    @pytest.mark.parametrize(
        "claimant",
        [
            pytest.param(Claimant("a", "u", "r", 75, 50, relaxing=True), id="from the first step down on"),
            pytest.param(Claimant("a", "u", "r", 0, 50), id="at no strength"),
        ],
    )
    def test_nothing_is_claimed(self, claimant: Claimant) -> None:
        assert self.planned(None, budget(minAvailable=1), claimant=claimant) == ScalingPlan()

    @pytest.mark.parametrize(
        ("rule", "budgets", "reason"),
        [
            pytest.param({}, (), "NoBudget", id="none"),
            pytest.param({"budget": "x"}, (budget(minAvailable=1),), "NoBudget", id="none of that name"),
            pytest.param({}, (budget("one"), budget("two")), "SeveralBudgets", id="two"),
            pytest.param({}, (budget(),), "BudgetUnset", id="one that bounds nothing"),
            pytest.param({}, (budget(minAvailable=1, owner="Cluster db"),), "OwnedBudget", id="one that is written"),
            pytest.param({"target": "basket"}, (), "UnknownTarget", id="a target that is not in the spec"),
        ],
    )
    def test_what_cannot_be_claimed_is_told(
        self, rule: dict[str, Any], budgets: tuple[dict[str, Any], ...], reason: str
    ) -> None:
        plan = self.planned(rule, *budgets)
        (problem,) = plan.problems
        assert plan.requests == ()
        assert (problem.path, problem.reason) == ("spec.protection.disruption[0].target", reason)

    def test_the_one_of_two_that_is_named_is_taken(self) -> None:
        plan = self.planned({"budget": "two"}, budget("one", minAvailable=1), budget("two", minAvailable=1))
        assert [request.object.name for request in plan.requests] == ["two"]

    def test_the_star_passes_over_targets_without_a_budget(self) -> None:
        assert self.planned({"target": "*"}) == ScalingPlan()
        assert len(self.planned({"target": "*"}, budget(minAvailable=1)).requests) == 1

    @pytest.mark.parametrize(
        "workloads",
        [pytest.param((), id="does not exist"), pytest.param((workload(replicas=0),), id="is at zero")],
    )
    def test_a_target_without_pods_has_nothing_to_keep(self, workloads: tuple[dict[str, Any], ...]) -> None:
        assert self.planned(None, budget(minAvailable=1), workloads=workloads) == ScalingPlan()

    def test_a_rollout_may_take_its_pods_from_a_deployment(self) -> None:
        rollout = workload("basket", spec={"replicas": 4, "workloadRef": {"kind": "Deployment", "name": "checkout"}})
        seen = objects(rollouts=(rollout,), deployments=(workload(),), poddisruptionbudgets=(budget(minAvailable=1),))
        rules = parse_disruption(Field("d", [{"target": "basket", "minAvailable": 3}]))
        (request,) = plan_disruption(rules, (Target("Rollout", "basket"),), seen, CLAIMANT).requests
        assert request.claim.wish == available(3)

    def test_a_daemonset_has_as_many_pods_as_nodes(self) -> None:
        agent = workload("agent", spec={"template": workload()["spec"]["template"]})
        agent["status"] = {"desiredNumberScheduled": 5}
        seen = objects(daemonsets=(agent,), poddisruptionbudgets=(budget(minAvailable=1),))
        rules = parse_disruption(Field("d", [{"target": "agent", "minAvailable": "100%"}]))
        (request,) = plan_disruption(rules, (Target("DaemonSet", "agent"),), seen, CLAIMANT).requests
        assert request.claim.wish == available(4)
