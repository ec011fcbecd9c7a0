"""Which floor, of which autoscaler: amounts, rules, and the strictest of several claims."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.capacity.hold import Claim
from hypercare.domain.capacity.quantity import (
    Count,
    Percent,
    Quantity,
    at_strength,
    full_value,
    parse_quantity,
    render_quantity,
)
from hypercare.domain.capacity.scaling import (
    Claimant,
    ClaimRequest,
    ScalingPlan,
    ScalingRule,
    parse_scaling,
    plan_scaling,
)
from hypercare.domain.capacity.strictest import Range, strictest
from hypercare.domain.capacity.wishes import ReplicaWish
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.life.rollout import Target
from tests.unit.scaled import OBJECT, TARGET, autoscaler, claim, objects

CLAIMANT = Claimant("a", "uid-of-a", "r1-0", 100, 50)


class TestAmounts:
    """Counts and percentages."""

    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            pytest.param(6, Count(6), id="a count"),
            pytest.param("150%", Percent(150), id="a percentage"),
            pytest.param("100%", Percent(100), id="no change"),
        ],
    )
    def test_what_is_read_is_written_back(self, written: object, expected: Quantity) -> None:
        assert parse_quantity(Field("floor", written)) == expected
        assert render_quantity(expected) == written

    @pytest.mark.parametrize(
        "written", [0, 10_001, -1, True, 1.5, "6", "99%", "10000%", "١٥٠%", "1.5%", "%", "", None, []]
    )
    def test_anything_else_is_refused_by_its_field(self, written: object) -> None:
        with pytest.raises(InvalidField, match="floor"):
            parse_quantity(Field("floor", written))

    @pytest.mark.parametrize(
        ("amount", "original", "expected"),
        [
            pytest.param(Count(6), 2, 6, id="a count is itself"),
            pytest.param(Count(2), 5, 5, id="never below the original"),
            pytest.param(Percent(150), 2, 3, id="a share of the original"),
            pytest.param(Percent(150), 3, 5, id="rounded up"),
            pytest.param(Percent(110), 10, 11, id="exactly, as no floating point would do"),
            pytest.param(Percent(150), 0, 0, id="a share of nothing is nothing"),
        ],
    )
    def test_full_strength(self, amount: Quantity, original: int, expected: int) -> None:
        assert full_value(amount, original) == expected

    @pytest.mark.parametrize(("strength", "expected"), [(100, 6), (75, 5), (50, 4), (26, 4), (25, 3), (1, 3), (0, 2)])
    def test_strength_goes_from_the_original_to_the_full_value(self, strength: int, expected: int) -> None:
        assert at_strength(6, 2, strength) == expected


class TestStrictest:
    """Several claims on one object."""

    @pytest.mark.parametrize(
        ("claims", "expected"),
        [
            pytest.param((), Range(2, 10), id="no claim, no change"),
            pytest.param((claim(floor=Count(4)),), Range(4, 10), id="one claim"),
            pytest.param((claim(floor=Count(4)), claim("b", Count(6))), Range(6, 10), id="the higher floor wins"),
            pytest.param(
                (claim(floor=Count(8), strength=25), claim("b", Count(4))), Range(4, 10), id="at their strengths"
            ),
            pytest.param((claim(floor=Count(20)),), Range(10, 10), id="the declared maximum bounds the floor"),
            pytest.param((claim(floor=Count(20), strength=50),), Range(6, 10), id="half way to what is allowed"),
            pytest.param((claim(floor=Count(8), limit=5),), Range(5, 10), id="the profile bounds the floor"),
            pytest.param((claim(floor=Count(8), limit=1),), Range(2, 10), id="but never below the original"),
            pytest.param(
                (claim(floor=Count(15), ceiling=Count(20)),), Range(15, 20), id="a ceiling raises the maximum"
            ),
            pytest.param((claim(ceiling=Percent(200)),), Range(4, 20), id="a ceiling as a share"),
            pytest.param((claim(ceiling=Count(5)),), Range(4, 10), id="a ceiling never lowers the maximum"),
            pytest.param(
                (claim(floor=Count(15), ceiling=Count(20), strength=50),), Range(9, 15), id="both at half strength"
            ),
            pytest.param(
                (claim(floor=Count(15)), claim("b", Count(3), ceiling=Count(12))),
                Range(12, 12),
                id="one claim's ceiling bounds another one's floor",
            ),
        ],
    )
    def test_wanted(self, claims: tuple[Claim, ...], expected: Range) -> None:
        assert strictest(claims, Range(2, 10)) == expected

    amounts = st.one_of(st.builds(Count, st.integers(1, 200)), st.builds(Percent, st.integers(100, 900)))
    some_claims = st.lists(
        st.builds(
            Claim,
            period=st.just("a"),
            uid=st.just("u"),
            run=st.just("r"),
            strength=st.integers(0, 100),
            wish=st.builds(ReplicaWish, floor=amounts, max_floor=st.integers(1, 100), ceiling=st.none() | amounts),
        ),
        max_size=4,
    )
    ranges = st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda pair: Range(min(pair), max(pair)))

    @given(claims=some_claims, original=ranges)
    def test_nothing_is_ever_lowered_and_the_result_is_valid(self, claims: list[Claim], original: Range) -> None:
        wanted = strictest(claims, original)
        assert original.floor <= wanted.floor <= wanted.ceiling
        assert wanted.ceiling >= original.ceiling

    @given(claims=some_claims, more=some_claims, original=ranges)
    def test_another_claim_never_lowers_the_floor(
        self, claims: list[Claim], more: list[Claim], original: Range
    ) -> None:
        assert strictest([*claims, *more], original).floor >= strictest(claims, original).floor
        assert strictest([*claims, *more], original).ceiling >= strictest(claims, original).ceiling


class TestPlan:
    """From the spec to claims, or to a problem that names its field."""

    def planned(self, *rules: dict[str, Any], **others: Any) -> ScalingPlan:
        return plan_scaling(
            parse_scaling(Field("spec.protection.scaling", list(rules))),
            others.get("targets", (TARGET,)),
            objects(*others.get("autoscalers", (autoscaler(),)), **others.get("objects", {})),
            others.get("claimant", CLAIMANT),
            others.get("peaks", {}),
        )

    def test_a_rule_becomes_a_claim_on_the_autoscaler_of_its_target(self) -> None:
        plan = self.planned({"target": "checkout", "floor": "150%", "ceiling": 20})
        wanted = Claim("a", "uid-of-a", "r1-0", 100, ReplicaWish(Percent(150), 50, Count(20)))
        assert plan == ScalingPlan((ClaimRequest(TARGET, OBJECT, wanted),))
        assert plan.requests[0].hold == "horizontalpodautoscaler-checkout"

    def test_a_ceiling_alone_leaves_the_floor(self) -> None:
        (rule,) = parse_scaling(Field("scaling", [{"target": "checkout", "ceiling": 20}]))
        assert rule == ScalingRule("scaling[0]", "checkout", Percent(100), Count(20))

    def test_the_named_rule_beats_the_star_wherever_it_stands(self) -> None:
        plan = self.planned({"target": "*", "floor": 3}, {"target": "checkout", "floor": 5})
        assert [request.claim.wish for request in plan.requests] == [ReplicaWish(Count(5), 50)]

    def test_the_star_passes_over_daemonsets(self) -> None:
        targets = (Target("DaemonSet", "agent"), TARGET)
        plan = self.planned({"target": "*", "floor": 3}, targets=targets)
        assert [request.target for request in plan.requests] == [TARGET]
        assert plan.problems == ()

    def test_at_strength_zero_nothing_is_claimed(self) -> None:
        relaxed = Claimant("a", "uid-of-a", "r1-0", 0, 50)
        assert self.planned({"target": "checkout", "floor": 3}, claimant=relaxed) == ScalingPlan()

    @pytest.mark.parametrize(
        ("rule", "others", "reason", "message"),
        [
            pytest.param(
                "checkout",
                {"autoscalers": (autoscaler("one"), autoscaler("two"))},
                "SeveralAutoscalers",
                "HorizontalPodAutoscaler one and HorizontalPodAutoscaler two",
                id="two autoscalers",
            ),
            pytest.param(
                "checkout",
                {
                    "autoscalers": (
                        autoscaler(
                            metadata={"ownerReferences": [{"kind": "ScaledObject", "name": "shop", "controller": True}]}
                        ),
                    )
                },
                "OwnedAutoscaler",
                "written by ScaledObject shop",
                id="one that KEDA writes",
            ),
            pytest.param(
                "agent",
                {"targets": (Target("DaemonSet", "agent"),)},
                "NotScalable",
                "once per node",
                id="a DaemonSet by name",
            ),
            pytest.param("basket", {}, "UnknownTarget", "'basket'", id="a target that is not in the spec"),
        ],
    )
    def test_what_cannot_be_raised_is_told(self, rule: str, others: dict[str, Any], reason: str, message: str) -> None:
        plan = self.planned({"target": rule, "floor": 3}, **others)
        (problem,) = plan.problems
        assert plan.requests == ()
        assert (problem.path, problem.reason) == ("spec.protection.scaling[0].target", reason)
        assert message in problem.message

    def test_an_autoscaler_that_a_chart_owns_is_nobody_elses(self) -> None:
        owned = autoscaler(metadata={"ownerReferences": [{"kind": "ConfigMap", "name": "x", "controller": True}]})
        assert len(self.planned({"target": "checkout", "floor": 3}, autoscalers=(owned,)).requests) == 1
