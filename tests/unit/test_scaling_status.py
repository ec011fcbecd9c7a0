"""Where every target stands, from what the watches show."""

from dataclasses import replace
from typing import Any

import pytest

from hypercare.domain.capacity.field_values import Absent, FieldValue, Present
from hypercare.domain.capacity.held_fields import BEHAVIOR, MAX_REPLICAS, MIN_AVAILABLE, switched_on
from hypercare.domain.capacity.hold import Claim, Contest, HeldField, HeldObject, Hold, Pending, Refusal, Untouched
from hypercare.domain.capacity.quantity import Count
from hypercare.domain.capacity.scaling import ClaimRequest, ScalingPlan
from hypercare.domain.capacity.scaling_rows import (
    ScalingRow,
    ScalingState,
    drift,
    read_rows,
    render_rows,
    scaling_lever,
    unrestored,
)
from hypercare.domain.capacity.scaling_status import CapacityView, scaling_rows
from hypercare.domain.capacity.wishes import DisruptionWish, ScaleDown
from hypercare.domain.findings import NotRequested, Unverified, Verified
from tests.unit.scaled import (
    HOLD_REF,
    NOW,
    OBJECT,
    TARGET,
    autoscaler,
    budget,
    changes,
    claim,
    claim_of,
    floor_field,
    hold,
    objects,
    request,
)

RAISED = hold(floor_field(2, confirmed=4))
APPLIED = [{"manager": "flux", "operation": "Apply", "fieldsV1": {"f:spec": {"f:minReplicas": {}}}}]
DISABLED = {"type": "ScalingActive", "status": "False", "reason": "ScalingDisabled", "message": "zero"}


def deployment(ready: int, *conditions: dict[str, str]) -> dict[str, Any]:
    return {
        "kind": "Deployment",
        "metadata": {"name": "checkout"},
        "status": {"readyReplicas": ready, "conditions": list(conditions)},
    }


def view(stored: Hold | None = RAISED, ready: int = 4, **others: Any) -> CapacityView:
    return CapacityView(
        holds={HOLD_REF.name: stored} if stored else {},
        objects=objects(
            *others.get("autoscalers", (autoscaler(floor=4, conditions=others.get("conditions", [])),)),
            deployments=(deployment(ready, *others.get("workload", ())),),
        ),
        refusals=others.get("refusals", {}),
        now=NOW,
    )


def row(seen: CapacityView, **wanted: Any) -> ScalingRow:
    (found,) = scaling_rows(ScalingPlan((request(**wanted),)), "uid-of-a", seen, ())
    return found


@pytest.mark.parametrize(
    ("seen", "state", "reason"),
    [
        pytest.param(view(), ScalingState.RAISED, "Raised", id="raised means written and ready"),
        pytest.param(view(ready=3), ScalingState.RAISING, "WaitingForReplicas", id="written, but not ready"),
        pytest.param(view(None, autoscalers=(autoscaler(),)), ScalingState.RAISING, "Claiming", id="not claimed yet"),
        pytest.param(
            view(hold(floor_field(2, confirmed=4), claims=(claim(strength=50),))),
            ScalingState.RAISING,
            "Claiming",
            id="claimed otherwise",
        ),
        pytest.param(view(hold()), ScalingState.RAISING, "Writing", id="claimed, not written"),
        pytest.param(
            view(hold(floor_field(2, confirmed=4, pending=5))), ScalingState.RAISING, "Writing", id="being written"
        ),
        pytest.param(
            view(ready=2, workload=[{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"}]),
            ScalingState.RAISING,
            "FailedCreate",
            id="a quota says why",
        ),
        pytest.param(
            view(ready=2, workload=[{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]),
            ScalingState.RAISING,
            "ProgressDeadlineExceeded",
            id="a stuck rollout says why",
        ),
        pytest.param(
            view(ready=2, conditions=[{"type": "AbleToScale", "status": "False", "reason": "FailedGetScale"}]),
            ScalingState.RAISING,
            "FailedGetScale",
            id="a broken autoscaler says why",
        ),
        pytest.param(
            view(ready=0, conditions=[DISABLED]), ScalingState.DISABLED, "ScalingDisabled", id="zero is not woken up"
        ),
        pytest.param(
            view(replace(hold(floor_field(2)), contest=Contest("argocd", 2, NOW, NOW + 60))),
            ScalingState.CONTESTED,
            "Contested",
            id="reverted by somebody",
        ),
        pytest.param(
            view(refusals={HOLD_REF.name: Refusal("Forbidden", "may not")}),
            ScalingState.REFUSED,
            "Forbidden",
            id="refused",
        ),
    ],
)
def test_a_target_that_is_to_be_raised(seen: CapacityView, state: ScalingState, reason: str) -> None:
    found = row(seen)
    assert (found.state, found.reason, found.floor, found.original) == (state, reason, 4, 2)
    assert isinstance(scaling_lever((found,)), Verified) == (state is ScalingState.RAISED)


def test_another_periods_higher_floor_serves_this_one_too() -> None:
    both = hold(floor_field(2, confirmed=6), claims=(claim(), claim("b", Count(6))))
    assert row(view(both, ready=4)).state is ScalingState.RAISED


def test_the_writer_that_reverts_is_named() -> None:
    contested = replace(hold(floor_field(2)), contest=Contest("argocd", 2, NOW, NOW + 60))
    assert "argocd has reverted HorizontalPodAutoscaler checkout 2 times" in row(view(contested)).message


@pytest.mark.parametrize(
    ("wanted", "limit"),
    [
        pytest.param({"floor": Count(20)}, "20 was asked for; the maximum allows 10", id="the declared maximum"),
        pytest.param(
            {"floor": Count(20), "limit": 8}, "20 was asked for; the profile's limit allows 8", id="the profile"
        ),
    ],
)
def test_a_floor_below_what_was_asked_for_says_why(wanted: dict[str, Any], limit: str) -> None:
    reached = 8 if "limit" in wanted else 10
    stored = hold(floor_field(2, confirmed=reached), claims=(claim(**wanted),))
    assert limit in row(view(stored, ready=reached), **wanted).message


def test_what_is_asked_besides_the_floor_has_to_be_written_too() -> None:
    disabled = claim(scale_down=ScaleDown.DISABLED)
    announced = HeldField(BEHAVIOR, Absent(), pending=Pending(switched_on(BEHAVIOR), NOW))
    written = HeldField(BEHAVIOR, Absent(), switched_on(BEHAVIOR))
    floor = floor_field(2, confirmed=4)
    for fields, reason in [((), "Writing"), ((announced,), "Writing"), ((written,), "Raised")]:
        seen = view(hold(floor, *fields, claims=(disabled,)))
        assert row(seen, scale_down=ScaleDown.DISABLED).reason == reason


class TestBudget:
    """A disruption budget has no replicas to wait for."""

    held = HeldObject("policy/v1", "PodDisruptionBudget", "pods", "uid-pods")
    claim = claim_of(DisruptionWish(MIN_AVAILABLE, 3))

    def row(self, confirmed: FieldValue | Untouched, *claims: Claim) -> ScalingRow:
        stored = Hold(self.held, claims, (HeldField(MIN_AVAILABLE, Present(1), confirmed),))
        seen = CapacityView(
            holds={"poddisruptionbudget-pods": stored},
            objects=objects(poddisruptionbudgets=(budget(minAvailable=1),)),
            refusals={},
            now=NOW,
        )
        (found,) = scaling_rows(ScalingPlan((ClaimRequest(TARGET, self.held, self.claim),)), "uid-of-a", seen, ())
        return found

    def test_it_is_there_once_it_is_written(self) -> None:
        found = self.row(Present(3), self.claim)
        assert (found.state, found.message) == (ScalingState.RAISED, "minAvailable 1 -> 3")
        assert self.row(Untouched(), self.claim).reason == "Writing"
        assert self.row(Untouched()).reason == "Claiming"

    def test_its_row_tells_of_no_replicas_and_is_read_back(self) -> None:
        found = replace(self.row(Present(3), self.claim), held=False)
        (written,) = render_rows((found,))
        assert {"original", "applied", "floor", "ready"}.isdisjoint(written)
        assert read_rows({"scaling": [written]}) == (found,)


class TestLeaving:
    """Targets that are not asked for any more."""

    remembered = ScalingRow(
        "checkout", OBJECT, ScalingState.RAISED, original=2, applied=4, floor=4, ready=4, changes=changes()
    )

    def left(self, seen: CapacityView, *rows: ScalingRow) -> ScalingRow:
        (found,) = scaling_rows(ScalingPlan(), "uid-of-a", seen, rows or (self.remembered,))
        return found

    @pytest.mark.parametrize(
        ("seen", "state", "applied"),
        [
            pytest.param(view(), ScalingState.RESTORING, 4, id="the claim is still there"),
            pytest.param(
                view(hold(floor_field(2, confirmed=4), claims=())), ScalingState.RESTORING, 4, id="being restored"
            ),
            pytest.param(
                view(hold(floor_field(2, confirmed=6), claims=(claim("b", Count(6)),))),
                ScalingState.RESTORED,
                2,
                id="others keep it raised",
            ),
            pytest.param(view(None, autoscalers=(autoscaler(floor=2),)), ScalingState.RESTORED, 2, id="it is back"),
            pytest.param(view(None, autoscalers=(autoscaler(floor=7),)), ScalingState.DRIFTED, 7, id="left to a user"),
            pytest.param(view(None), ScalingState.RESTORING, 4, id="its hold was lost"),
            pytest.param(
                view(None, autoscalers=(autoscaler(floor=4, metadata={"managedFields": APPLIED}),)),
                ScalingState.DRIFTED,
                4,
                id="somebody applied our value",
            ),
            pytest.param(view(None, autoscalers=()), ScalingState.RESTORED, 2, id="the object is gone"),
            pytest.param(
                view(refusals={HOLD_REF.name: Refusal("Forbidden", "may not")}),
                ScalingState.RESTORING,
                4,
                id="it may not be restored",
            ),
        ],
    )
    def test_state(self, seen: CapacityView, state: ScalingState, applied: int) -> None:
        found = self.left(seen)
        assert (found.state, found.applied) == (state, applied)
        assert bool(unrestored((found,))) == (state is ScalingState.RESTORING)
        assert bool(drift((found,))) == (state is ScalingState.DRIFTED)
        assert scaling_lever((found,)) == NotRequested()

    def test_what_is_over_stays_so_whatever_happens_to_the_object_later(self) -> None:
        over = replace(self.remembered, state=ScalingState.RESTORED, applied=2)
        assert self.left(view(None, autoscalers=(autoscaler(floor=9),)), over) == over

    def test_a_claim_that_the_status_forgot_is_found(self) -> None:
        (found,) = scaling_rows(ScalingPlan(), "uid-of-a", view(), ())
        assert (found.target, found.state, found.original) == ("checkout", ScalingState.RESTORING, 2)

    def test_a_new_run_asks_again(self) -> None:
        over = replace(self.remembered, state=ScalingState.RESTORED)
        (found,) = scaling_rows(ScalingPlan((request(),)), "uid-of-a", view(), (over,))
        assert found.state is ScalingState.RAISED


class TestRows:
    """Rows in the status."""

    full = ScalingRow("checkout", OBJECT, ScalingState.RAISED, "Raised", "m", 2, 4, 4, 4, changes=changes(4, 20))

    @pytest.mark.parametrize("stored", [full, replace(full, changes=())])
    def test_they_are_read_back(self, stored: ScalingRow) -> None:
        assert read_rows({"scaling": render_rows((stored,))}) == (stored,)

    def test_a_ceiling_that_is_held_is_remembered(self) -> None:
        ceiling = HeldField(MAX_REPLICAS, Present(10), Present(20))
        stored = hold(floor_field(2, confirmed=4), ceiling, claims=(claim(ceiling=Count(20)),))
        found = row(view(stored), ceiling=Count(20))
        assert found.changes == changes(4, 20)

    def test_one_that_somebody_broke_is_forgotten(self) -> None:
        good = render_rows((self.full,))
        assert read_rows({"scaling": [{"target": "x"}, *good]}) == (self.full,)

    def test_what_is_over_goes_first_when_there_are_too_many(self) -> None:
        over = replace(self.full, state=ScalingState.RESTORED)
        rendered = render_rows([over] * 40 + [self.full])
        assert len(rendered) == 32
        assert rendered[0]["state"] == "Raised"

    def test_the_first_that_is_missing_gives_the_reason(self) -> None:
        waiting = replace(self.full, state=ScalingState.RAISING, reason="FailedCreate", message="quota")
        assert scaling_lever((self.full, waiting)) == Unverified("FailedCreate", "checkout: quota")
