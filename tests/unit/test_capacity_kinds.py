"""The kinds of object that are changed: their fields, what claims make of them, and what others write in them."""

from typing import Any

import pytest

from hypercare.domain.capacity.field_values import Absent, Document, FieldValue, Present, field_value, json_of
from hypercare.domain.capacity.held_fields import (
    BEHAVIOR,
    MAX_REPLICA_COUNT,
    MAX_REPLICAS,
    MAX_UNAVAILABLE,
    MIN_AVAILABLE,
    MIN_REPLICA_COUNT,
    MIN_REPLICAS,
    PAUSED_SCALE_IN,
    REPLICAS,
    SELECT_POLICY,
    change_text,
    flaw,
    fulfils,
    same,
    switched_on,
    weaker,
)
from hypercare.domain.capacity.hold import Claim, HeldField, HeldObject, Hold, Idle, Pending, Untouched
from hypercare.domain.capacity.hold_protocol import (
    LATE_SECONDS,
    DeleteHold,
    PatchObject,
    Release,
    Settled,
    Step,
    Wait,
    WriteHold,
    next_step,
)
from hypercare.domain.capacity.kinds import (
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    KINDS,
    POD_DISRUPTION_BUDGET,
    SCALED_OBJECT,
    HeldKind,
)
from hypercare.domain.capacity.live_object import LiveObject, Superseded, read_live
from hypercare.domain.capacity.quantity import Count, Percent
from hypercare.domain.capacity.wishes import DisruptionWish, ReplicaWish, ScaleDown
from tests.unit.api_server import DEFAULT_BEHAVIOR
from tests.unit.scaled import NOW, claim, claim_of

DISABLED = ReplicaWish(Percent(100), 50, scale_down=ScaleDown.DISABLED)
FULL = {**DEFAULT_BEHAVIOR, "scaleDown": {**DEFAULT_BEHAVIOR["scaleDown"], "selectPolicy": "Disabled"}}
FILLED_IN = field_value(FULL)
SLOWER = field_value({**FULL, "scaleDown": {**FULL["scaleDown"], "stabilizationWindowSeconds": 900}})


def budget(amount: int, unit: str = "", path: str = MIN_AVAILABLE) -> Claim:
    return claim_of(DisruptionWish(path, amount, unit))


class TestValues:
    """Any JSON, kept exactly."""

    @pytest.mark.parametrize("found", [0, 2, "25%", True, 1.5, {"b": 1, "a": [1, {"c": None}]}, []])
    def test_what_is_read_is_written_back(self, found: object) -> None:
        value = field_value(found)
        assert isinstance(value, Present)
        assert json_of(value) == found

    def test_null_is_no_value(self) -> None:
        assert field_value(None) == Absent()

    def test_equal_documents_are_equal_whatever_their_order(self) -> None:
        assert field_value({"a": 1, "b": 2}) == field_value({"b": 2, "a": 1})


class TestMeaning:
    """What values of each field mean."""

    @pytest.mark.parametrize(
        ("path", "one", "other"),
        [
            pytest.param(MIN_REPLICAS, Absent(), Present(1), id="an absent minReplicas is 1"),
            pytest.param(MIN_REPLICA_COUNT, Absent(), Present(0), id="an absent minReplicaCount is 0"),
            pytest.param(MAX_REPLICA_COUNT, Absent(), Present(100), id="an absent maxReplicaCount is 100"),
            pytest.param(REPLICAS, Absent(), Present(1), id="absent replicas are 1"),
            pytest.param(SELECT_POLICY, Absent(), Present("Max"), id="an absent selectPolicy is Max"),
        ],
    )
    def test_the_same(self, path: str, one: FieldValue, other: FieldValue) -> None:
        assert same(path, one, other)

    @pytest.mark.parametrize(
        ("path", "one", "other"),
        [
            pytest.param(PAUSED_SCALE_IN, Absent(), Present("true"), id="an annotation that is not there"),
            pytest.param(PAUSED_SCALE_IN, Present("false"), Present("true"), id="an annotation that says no"),
            pytest.param(SELECT_POLICY, Present("Min"), Present("Disabled"), id="another policy"),
            pytest.param(BEHAVIOR, Absent(), FILLED_IN, id="no behavior"),
            pytest.param(BEHAVIOR, field_value(DEFAULT_BEHAVIOR), FILLED_IN, id="a behavior that is not ours"),
            pytest.param(MIN_AVAILABLE, Present(1), Present(2), id="fewer available pods"),
            pytest.param(MIN_AVAILABLE, Present("50%"), Present("75%"), id="a smaller share of available pods"),
            pytest.param(MAX_UNAVAILABLE, Present(2), Present(1), id="more unavailable pods"),
            pytest.param(MAX_UNAVAILABLE, Absent(), Present(1), id="no bound at all"),
        ],
    )
    def test_weaker(self, path: str, one: FieldValue, other: FieldValue) -> None:
        assert weaker(path, one, other)
        assert not weaker(path, other, one)
        assert not same(path, one, other)

    def test_a_count_and_a_share_cannot_be_compared(self) -> None:
        assert not weaker(MIN_AVAILABLE, Present(1), Present("50%"))
        assert not weaker(MIN_AVAILABLE, Present("50%"), Present(1))

    def test_the_server_may_add_to_a_behavior_but_not_change_it(self) -> None:
        assert fulfils(BEHAVIOR, FILLED_IN, switched_on(BEHAVIOR))
        assert not fulfils(BEHAVIOR, field_value(DEFAULT_BEHAVIOR), switched_on(BEHAVIOR))

    @pytest.mark.parametrize(
        ("path", "wrong"),
        [
            (MIN_REPLICAS, "4"),
            (REPLICAS, -1),
            (REPLICAS, True),
            (SELECT_POLICY, 1),
            (BEHAVIOR, "Disabled"),
            (BEHAVIOR, []),
            (MIN_AVAILABLE, "many"),
            (MAX_UNAVAILABLE, -1),
            (MIN_AVAILABLE, "1000%"),
        ],
    )
    def test_what_cannot_have_been_a_value(self, path: str, wrong: object) -> None:
        assert flaw(path, field_value(wrong))

    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.resource.kind)
    def test_a_missing_value_is_one(self, kind: HeldKind) -> None:
        assert {flaw(path, Absent()) for path in kind.paths} == {""}

    @pytest.mark.parametrize(
        ("path", "before", "after", "text"),
        [
            (REPLICAS, Present(4), Present(6), "replicas 4 -> 6"),
            (BEHAVIOR, Absent(), FILLED_IN, "scaleDown unset -> Disabled"),
            (SELECT_POLICY, Present("Max"), Present("Disabled"), "scaleDown Max -> Disabled"),
            (SELECT_POLICY, Absent(), Present("Disabled"), "scaleDown Max -> Disabled"),
            (PAUSED_SCALE_IN, Absent(), Present("true"), "paused-scale-in unset -> true"),
            (MAX_UNAVAILABLE, Present("50%"), Present("25%"), "maxUnavailable 50% -> 25%"),
            (BEHAVIOR, Absent(), field_value(DEFAULT_BEHAVIOR), "scaleDown unset -> Max"),
        ],
    )
    def test_people_read(self, path: str, before: FieldValue, after: FieldValue, text: str) -> None:
        assert change_text(path, before, after) == text


class TestWanted:
    """What claims make of the originals."""

    @pytest.mark.parametrize(
        ("kind", "claims", "originals", "expected"),
        [
            pytest.param(
                SCALED_OBJECT,
                (claim(floor=Count(3)),),
                {},
                {MIN_REPLICA_COUNT: 3},
                id="a ScaledObject is woken by a count",
            ),
            pytest.param(
                SCALED_OBJECT, (claim(floor=Percent(150)),), {}, {MIN_REPLICA_COUNT: 0}, id="but by no share of nothing"
            ),
            pytest.param(
                SCALED_OBJECT, (claim_of(DISABLED),), {}, {PAUSED_SCALE_IN: "true"}, id="KEDA does not scale in"
            ),
            pytest.param(DEPLOYMENT, (claim(floor=Count(6)),), {REPLICAS: 4}, {REPLICAS: 6}, id="replicas"),
            pytest.param(DEPLOYMENT, (claim(floor=Count(6)),), {REPLICAS: 0}, {REPLICAS: 0}, id="no replicas are left"),
            pytest.param(
                DEPLOYMENT, (claim(floor=Count(80), limit=50),), {REPLICAS: 4}, {REPLICAS: 50}, id="the profile's limit"
            ),
            pytest.param(
                HORIZONTAL_POD_AUTOSCALER,
                (claim(), claim_of(DISABLED, "b", strength=50)),
                {MIN_REPLICAS: 2, MAX_REPLICAS: 10},
                {MIN_REPLICAS: 4, SELECT_POLICY: "Disabled"},
                id="what is on for one is on for all, at any strength",
            ),
            pytest.param(
                POD_DISRUPTION_BUDGET,
                (budget(2), budget(3)),
                {MIN_AVAILABLE: 1},
                {MIN_AVAILABLE: 3},
                id="the strictest budget",
            ),
            pytest.param(
                POD_DISRUPTION_BUDGET, (budget(2),), {MIN_AVAILABLE: 5}, {MIN_AVAILABLE: 5}, id="never a looser one"
            ),
            pytest.param(
                POD_DISRUPTION_BUDGET,
                (budget(25, "%", MAX_UNAVAILABLE),),
                {MAX_UNAVAILABLE: "50%"},
                {MAX_UNAVAILABLE: "25%"},
                id="fewer unavailable pods",
            ),
            pytest.param(
                POD_DISRUPTION_BUDGET,
                (budget(75, "%"),),
                {MIN_AVAILABLE: 1},
                {MIN_AVAILABLE: 1},
                id="a wish in another unit waits until it is translated",
            ),
            pytest.param(
                POD_DISRUPTION_BUDGET,
                (budget(2),),
                {MAX_UNAVAILABLE: 1},
                {MAX_UNAVAILABLE: 1, MIN_AVAILABLE: None},
                id="a field that is not set stays so",
            ),
        ],
    )
    def test_wanted(
        self, kind: HeldKind, claims: tuple[Claim, ...], originals: dict[str, object], expected: dict[str, object]
    ) -> None:
        values = {path: field_value(originals.get(path)) for path in kind.paths}
        wanted = kind.wanted(claims, values)
        assert {path: wanted[path] for path in expected} == {path: field_value(each) for path, each in expected.items()}

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            pytest.param({}, [MIN_REPLICAS, BEHAVIOR], id="a behavior that is missing is added as a whole"),
            pytest.param({BEHAVIOR: FULL}, [MIN_REPLICAS, SELECT_POLICY], id="in one that is there, only the policy"),
        ],
    )
    def test_only_what_is_asked_for_is_held(self, values: dict[str, object], expected: list[str]) -> None:
        found = {path: field_value(values.get(path)) for path in HORIZONTAL_POD_AUTOSCALER.paths}
        assert list(HORIZONTAL_POD_AUTOSCALER.claimed((claim_of(DISABLED),), (), found)) == expected


class TestBehavior:
    """`scaleDown: Disabled` of an autoscaler: a parent that was not there, and what becomes of it."""

    held = HeldObject("autoscaling/v2", "HorizontalPodAutoscaler", "web", "uid-1")

    def live(self, behavior: FieldValue, *foreign: str, manager: str = "kubectl") -> LiveObject:
        body: dict[str, Any] = {"spec": {"minReplicas": 2, "maxReplicas": 10}}
        if isinstance(behavior, Present):
            body["spec"]["behavior"] = json_of(behavior)
        body["metadata"] = {"uid": "uid-1", "resourceVersion": "7"}
        body["metadata"]["managedFields"] = [
            {"manager": manager, "operation": "Update", "fieldsV1": tree(path)} for path in foreign
        ]
        return read_live(HORIZONTAL_POD_AUTOSCALER, body)

    def hold(self, record: HeldField, *claims: Claim) -> Hold:
        return Hold(self.held, claims, (HeldField(MIN_REPLICAS, Present(2)), record))

    def step(self, record: HeldField, live: LiveObject, *claims: Claim) -> Step:
        return next_step(self.hold(record, *claims), live, NOW, written=True)

    ours = HeldField(BEHAVIOR, Absent(), FILLED_IN)
    asking = claim_of(DISABLED)

    def test_what_the_server_has_made_of_it_is_confirmed_whole(self) -> None:
        pending = HeldField(BEHAVIOR, Absent(), pending=Pending(switched_on(BEHAVIOR), NOW))
        step = self.step(pending, self.live(FILLED_IN), self.asking)
        assert step == WriteHold(self.hold(self.ours, self.asking))

    def test_a_tool_that_has_copied_it_at_once_does_not_own_it(self) -> None:
        pending = HeldField(BEHAVIOR, Absent(), pending=Pending(switched_on(BEHAVIOR), NOW))
        copied = self.live(FILLED_IN, BEHAVIOR, manager="argocd-controller")
        assert self.step(pending, copied, self.asking) == WriteHold(self.hold(self.ours, self.asking))

    def test_and_is_as_wanted(self) -> None:
        assert self.step(self.ours, self.live(FILLED_IN), self.asking) == Settled()

    def test_it_goes_as_a_whole_while_it_is_that(self) -> None:
        going = HeldField(BEHAVIOR, Absent(), FILLED_IN, Pending(Absent(), NOW))
        step = self.step(going, self.live(FILLED_IN))
        assert isinstance(step, PatchObject)
        assert step.operations[-2:] == (
            {"op": "test", "path": BEHAVIOR, "value": FULL},
            {"op": "remove", "path": BEHAVIOR},
        )

    @pytest.mark.parametrize(
        ("record", "found", "foreign", "expected"),
        [
            pytest.param(
                ours,
                SLOWER,
                (BEHAVIOR + "/scaleDown/stabilizationWindowSeconds",),
                HeldField(SELECT_POLICY, Present("Max"), Present("Disabled")),
                id="somebody wrote beside our part: only that is ours now",
            ),
            pytest.param(
                HeldField(BEHAVIOR, Absent(), pending=Pending(switched_on(BEHAVIOR), NOW)),
                SLOWER,
                (BEHAVIOR + "/scaleDown/stabilizationWindowSeconds",),
                HeldField(SELECT_POLICY, Present("Max"), Present("Disabled")),
                id="the same before we had read ours back",
            ),
            pytest.param(
                HeldField(BEHAVIOR, Absent(), pending=Pending(switched_on(BEHAVIOR), NOW)),
                SLOWER,
                (SELECT_POLICY,),
                HeldField(SELECT_POLICY, Present("Disabled")),
                id="somebody was faster and disabled it themselves: it is theirs",
            ),
            pytest.param(
                HeldField(BEHAVIOR, Absent()),
                field_value(DEFAULT_BEHAVIOR),
                (BEHAVIOR,),
                HeldField(SELECT_POLICY, Present("Max"), pending=Pending(Present("Disabled"), NOW)),
                id="somebody added a behavior before we did",
            ),
        ],
    )
    def test_what_somebody_writes_into_it_is_kept(
        self, record: HeldField, found: FieldValue, foreign: tuple[str, ...], expected: HeldField
    ) -> None:
        step = self.step(record, self.live(found, *foreign), self.asking)
        assert isinstance(step, WriteHold)
        if not isinstance(expected.pending, Pending):
            assert step.hold.fields[1] == expected
            return
        assert step.hold.fields[1] == HeldField(SELECT_POLICY, expected.original)
        again = next_step(step.hold, self.live(found, *foreign), NOW)
        assert isinstance(again, WriteHold)
        assert again.hold.fields[1] == expected

    def test_who_takes_it_away_reverts_it(self) -> None:
        policy = HeldField(SELECT_POLICY, Present("Max"), Present("Disabled"))
        step = self.step(policy, self.live(Absent()), self.asking)
        assert isinstance(step, WriteHold)
        assert step.hold.fields[1] == HeldField(BEHAVIOR, Absent())
        assert step.hold.contest != self.hold(policy).contest


def tree(path: str) -> dict[str, Any]:
    """The path in the form of `fieldsV1`."""
    found: dict[str, Any] = {}
    for key in reversed(path.split("/")[1:]):
        found = {f"f:{key}": found}
    return found


class TestAnnotations:
    """A ScaledObject whose annotations may not be there."""

    def operations(self, annotations: dict[str, str] | None) -> list[dict[str, Any]]:
        body: dict[str, Any] = {"metadata": {"uid": "uid-1", "resourceVersion": "7"}, "spec": {}}
        if annotations is not None:
            body["metadata"]["annotations"] = annotations
        live = read_live(SCALED_OBJECT, body)
        record = HeldField(PAUSED_SCALE_IN, Absent(), pending=Pending(Present("true"), NOW))
        held = HeldObject("keda.sh/v1alpha1", "ScaledObject", "web", "uid-1")
        floor = HeldField(MIN_REPLICA_COUNT, Absent())
        step = next_step(Hold(held, (claim_of(DISABLED),), (floor, record)), live, NOW, written=True)
        assert isinstance(step, PatchObject)
        return [dict(each) for each in step.operations[2:]]

    def test_they_are_added_first_where_there_are_none(self) -> None:
        assert self.operations(None) == [
            {"op": "add", "path": "/metadata/annotations", "value": {}},
            {"op": "add", "path": PAUSED_SCALE_IN, "value": "true"},
        ]

    def test_others_are_left(self) -> None:
        assert self.operations({"team": "shop"}) == [{"op": "add", "path": PAUSED_SCALE_IN, "value": "true"}]


class TestSuperseded:
    """An autoscaler has come to scale a workload whose replicas are held."""

    held = HeldObject("apps/v1", "Deployment", "web", "uid-1")
    autoscaler = Superseded("HorizontalPodAutoscaler web")

    def step(self, pending: Pending | Idle) -> Step:
        record = HeldField(REPLICAS, Present(4), Present(6), pending)
        return next_step(Hold(self.held, (claim(),), (record,)), self.autoscaler, NOW)

    def test_the_hold_goes_without_a_write(self) -> None:
        assert self.step(Idle()) == DeleteHold(Release.SUPERSEDED)

    def test_but_not_while_a_write_may_still_arrive(self) -> None:
        assert self.step(Pending(Present(8), NOW - 10)) == Wait(LATE_SECONDS - 10, "an earlier write may still arrive")
        assert self.step(Pending(Present(8), NOW - LATE_SECONDS)) == DeleteHold(Release.SUPERSEDED)

    def test_a_time_that_lies_ahead_does_not_make_it_wait_longer(self) -> None:
        assert self.step(Pending(Present(8), NOW + 3600)) == Wait(LATE_SECONDS, "an earlier write may still arrive")


def test_every_kind_is_written_by_its_own_path() -> None:
    assert {kind.resource.kind: kind.subresource for kind in KINDS} == {
        "HorizontalPodAutoscaler": "",
        "ScaledObject": "",
        "Deployment": "scale",
        "StatefulSet": "scale",
        "Rollout": "scale",
        "PodDisruptionBudget": "",
    }


def test_a_document_is_a_copy() -> None:
    document = Document('{"a":[1]}')
    content = document.content
    assert isinstance(content, dict)
    content["a"].append(2)
    assert document.content == {"a": [1]}


def test_a_record_at_rest_that_was_edited_is_all_theirs() -> None:
    record = HeldField(BEHAVIOR, Absent(), Untouched())
    body = {"metadata": {"uid": "u", "resourceVersion": "1"}, "spec": {"maxReplicas": 3, "behavior": FULL}}
    edited = HORIZONTAL_POD_AUTOSCALER.edited(record, read_live(HORIZONTAL_POD_AUTOSCALER, body))
    assert edited == HeldField(SELECT_POLICY, Present("Disabled"))
