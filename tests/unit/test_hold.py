"""Holds as values and as stored objects."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.capacity.field_values import Absent, Present
from hypercare.domain.capacity.held_fields import MAX_REPLICAS, MIN_REPLICAS, same
from hypercare.domain.capacity.hold import Contest, HeldField, Hold, Pending, hold_name
from hypercare.domain.capacity.hold_record import read_hold, render_hold
from hypercare.domain.capacity.kinds import HORIZONTAL_POD_AUTOSCALER
from hypercare.domain.capacity.live_object import read_live, writers_of
from hypercare.domain.capacity.quantity import Count, Percent
from hypercare.domain.fields import InvalidField
from tests.unit.scaled import HOLD_REF, NOW, OBJECT, autoscaler, claim, floor_field, hold

FULL = Hold(
    OBJECT,
    (claim("a", Percent(150), ceiling=Count(20)), claim("b", Count(6), strength=50)),
    (
        HeldField(MIN_REPLICAS, Absent(), Present(4), Pending(Present(6), NOW)),
        HeldField(MAX_REPLICAS, Present(10), Present(20)),
    ),
    Contest("argocd", 3, NOW - 60, NOW),
)


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(FULL, id="everything at once"),
        pytest.param(hold(), id="nothing written yet"),
        pytest.param(hold(claims=()), id="nothing claimed"),
        pytest.param(
            hold(HeldField(MIN_REPLICAS, Present(2), Present(4), Pending(Absent(), NOW))), id="absence announced"
        ),
    ],
)
def test_a_stored_hold_is_read_back(stored: Hold) -> None:
    assert read_hold(HOLD_REF.name, render_hold(stored)) == stored


def test_people_read_what_changes() -> None:
    assert render_hold(FULL)["summary"] == "minReplicas 1 -> 6, maxReplicas 10 -> 20"
    assert render_hold(hold())["summary"] == "minReplicas 2"
    assert render_hold(FULL)["claimedBy"] == "a, b"


@pytest.mark.parametrize(
    ("at", "forged", "named"),
    [
        pytest.param(("object", "kind"), "Deployment", "spec.object", id="another kind"),
        pytest.param(("object", "name"), "basket", "spec.object", id="an object that is not the hold's"),
        pytest.param(("fields", 0, "path"), "/spec/template", "spec.fields[0].path", id="another field"),
        pytest.param(("fields", 1, "original", "value"), -1, "spec.fields[1].original.value", id="a negative value"),
        pytest.param(("fields", 1, "original", "value"), 2**40, "spec.fields[1].original.value", id="a huge value"),
        pytest.param(("fields", 0, "confirmed", "value"), "4", "spec.fields[0].confirmed.value", id="a text"),
        pytest.param(("claims", 0, "strength"), 101, "spec.claims[0].strength", id="a strength above full"),
        pytest.param(("claims", 0, "floor"), "50%", "spec.claims[0].floor", id="a floor that lowers"),
    ],
)
def test_a_forged_hold_is_refused_by_its_field(at: tuple[Any, ...], forged: object, named: str) -> None:
    spec: Any = copy.deepcopy(render_hold(FULL))
    place = spec
    *parents, last = at
    for parent in parents:
        place = place[parent]
    place[last] = forged
    with pytest.raises(InvalidField) as refused:
        read_hold(HOLD_REF.name, spec)
    assert refused.value.path == named


class TestNames:
    """One hold per object, with a name the API server accepts."""

    def test_short_names_are_readable(self) -> None:
        assert hold_name("HorizontalPodAutoscaler", "checkout") == "horizontalpodautoscaler-checkout"

    @given(name=st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,250}[a-z0-9])?", fullmatch=True))
    def test_any_name_gives_a_valid_one(self, name: str) -> None:
        found = hold_name("HorizontalPodAutoscaler", name)
        assert len(found) <= 63
        assert found[-1].isalnum()

    def test_long_names_that_begin_alike_differ(self) -> None:
        assert hold_name("HorizontalPodAutoscaler", "a" * 80 + "b") != hold_name(
            "HorizontalPodAutoscaler", "a" * 80 + "c"
        )


class TestClaims:
    """Adding and removing one period's claim."""

    def test_a_new_run_takes_the_claim_over(self) -> None:
        relaxed = claim("a", strength=50)
        assert hold(claims=(claim("a"), claim("b"))).with_claim(relaxed).claims == (relaxed, claim("b"))

    def test_only_the_own_claim_goes(self) -> None:
        assert hold(claims=(claim("a"), claim("b"))).without_claim("uid-of-a").claims == (claim("b"),)


class TestValues:
    """What values mean."""

    def test_an_absent_floor_is_one(self) -> None:
        assert same(MIN_REPLICAS, Absent(), Present(1))
        assert not same(MIN_REPLICAS, Absent(), Present(2))

    def test_what_is_in_effect_is_the_base(self) -> None:
        assert floor_field(2).base == Present(2)
        assert floor_field(2, confirmed=4, pending=6).base == Present(4)


class TestManagers:
    """Who wrote a field, read from managed fields."""

    def body(self, *entries: dict[str, Any]) -> dict[str, Any]:
        return autoscaler(metadata={"managedFields": list(entries)})

    def entry(self, manager: str, *fields: str, **others: Any) -> dict[str, Any]:
        owned: dict[str, Any] = {"f:spec": {f"f:{name}": {} for name in fields}}
        return {"manager": manager, "operation": "Update", "fieldsV1": owned} | others

    def test_the_newest_writer_besides_us_is_named(self) -> None:
        found = read_live(
            HORIZONTAL_POD_AUTOSCALER,
            self.body(
                self.entry("kubectl-edit", "minReplicas", time="2026-01-02T00:00:00Z"),
                self.entry("helm", "minReplicas", time="2026-01-01T00:00:00Z"),
                self.entry("hypercare", "minReplicas", time="2026-01-03T00:00:00Z"),
                self.entry("kube-controller-manager", "minReplicas", subresource="status"),
            ),
        )
        assert found.writers[MIN_REPLICAS] == "kubectl-edit"
        assert found.writers[MAX_REPLICAS] == "unknown"

    def test_a_cache_needs_only_what_concerns_replicas(self) -> None:
        full = self.body(
            self.entry(
                "flux", "minReplicas", "metrics", operation="Apply", time="2026-01-02T00:00:00Z", apiVersion="v2"
            ),
            self.entry("hypercare", "maxReplicas"),
            self.entry("helm", "metrics"),
            self.entry("kube-controller-manager", "minReplicas", subresource="status"),
        )
        short = writers_of(HORIZONTAL_POD_AUTOSCALER, full["metadata"]["managedFields"])
        assert [entry["manager"] for entry in short] == ["flux", "hypercare"]
        assert "f:metrics" not in str(short)
        assert read_live(HORIZONTAL_POD_AUTOSCALER, self.body(*short)) == read_live(HORIZONTAL_POD_AUTOSCALER, full)

    def test_only_apply_makes_a_field_somebodys_own(self) -> None:
        found = read_live(
            HORIZONTAL_POD_AUTOSCALER,
            self.body(self.entry("helm", "minReplicas"), self.entry("flux", "minReplicas", operation="Apply")),
        )
        assert found.appliers[MIN_REPLICAS] == ("flux",)
        assert found.appliers[MAX_REPLICAS] == ()
