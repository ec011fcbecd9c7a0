"""A large overlay is divided, always at the same places, and every part proves itself."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypercare.domain.alerts.held_copies import copies
from hypercare.domain.alerts.left_out import TOO_LARGE
from hypercare.domain.alerts.liveness import expected_heartbeats, heartbeat_query
from hypercare.domain.alerts.overlay import HEARTBEAT, ORIGINAL_ACTIVE, revision_of, rule_id_of
from hypercare.domain.alerts.overlay_parts import GROUP_BYTES, OBJECT_BYTES, joined, present_parts
from hypercare.domain.alerts.overlay_plan import Basis, OverlayPlan, plan_overlay
from hypercare.domain.alerts.tightening import Untouched
from hypercare.domain.objects import PERIODS
from tests.unit.alert_rules import CONTEXT, IDENTITY, alert, protection, rule_object, rules_of

ACCEPTED_BYTES = 512 * 1024
TEXT = "What to do when this fires. " * 40


def many(count: int, **fields: Any) -> list[dict[str, Any]]:
    """Alerts with long texts: about 8 KiB each, with what proves them quiet."""
    annotations = {"summary": "{{ $value }} errors", "description": TEXT}
    return [alert(f"A{number:04}", for_="20m", annotations=annotations, **fields) for number in range(count)]


def planned(rules: Sequence[Mapping[str, Any]], strength: int = 100) -> OverlayPlan:
    return plan_overlay(Basis(protection(), replace(CONTEXT, strength=strength), rules, {}))


def places(plan: OverlayPlan) -> dict[str, tuple[str, str]]:
    """By rule id: in which object and group an alert is."""
    return {
        rule_id_of(rule): (part["metadata"]["name"], group["name"])
        for part in plan.objects
        for group in part["spec"]["groups"]
        for rule in group["rules"]
        if rule_id_of(rule)
    }


def test_a_small_overlay_is_one_object_of_the_plain_name() -> None:
    (part,) = planned([rule_object("a", alert("Errors", for_="20m"))]).objects

    assert part["metadata"]["name"] == "hypercare-checkout"
    assert [group["name"] for group in part["spec"]["groups"]] == ["a/checkout.rules"]


def test_a_large_one_is_several_numbered_objects_that_are_all_accepted_and_owned() -> None:
    plan = planned([rule_object("a", *many(150)), rule_object("b", *many(100))])

    names = [part["metadata"]["name"] for part in plan.objects]
    assert names == ["hypercare-checkout", *(f"hypercare-checkout.{number}" for number in range(1, len(names)))]
    assert len(names) > 3
    for part in plan.objects:
        assert len(json.dumps(part)) < ACCEPTED_BYTES
        assert part["metadata"]["ownerReferences"][0]["uid"] == IDENTITY.period_uid


def test_every_group_ends_with_a_heartbeat_of_its_own_under_one_revision() -> None:
    plan = planned([rule_object("a", *many(150))])

    groups = [group for part in plan.objects for group in part["spec"]["groups"]]
    beats = [group["rules"][-1] for group in groups]
    assert [beat["record"] for beat in beats] == [HEARTBEAT] * len(groups)
    assert [beat["labels"]["hypercare_group"] for beat in beats] == [group["name"] for group in groups]
    assert len({group["name"] for group in groups}) == len(groups) > 2
    assert {beat["labels"]["hypercare_revision"] for beat in beats} == {revision_of(part) for part in plan.objects}
    whole = joined(plan.objects)
    assert len(expected_heartbeats(whole, 30)) == len(groups)
    assert revision_of(whole) in heartbeat_query(whole)


def test_evidence_looks_for_an_alert_in_the_group_where_it_is() -> None:
    plan = planned([rule_object("a", *many(150))])

    found = places(plan)
    assert {each.rule_id: each.group_id for each in plan.plan.watched} == {
        rule_id: group for rule_id, (_, group) in found.items()
    }
    for rule in rules_of(joined(plan.objects)):
        if "record" in rule and rule_id_of(rule):
            assert rule["labels"]["hypercare_group"] == found[rule_id_of(rule)][1]


@pytest.mark.parametrize("strength", [75, 50, 25, 5, 1])
def test_no_alert_changes_its_place_over_the_stages(strength: int) -> None:
    # At the weakest strengths a part of the copies is not there any more.
    rules = [rule_object("a", *many(60), alert("Short", for_="6m"), *many(90)), rule_object("b", *many(100))]

    assert places(planned(rules, strength)) == places(planned(rules))


def test_a_group_that_is_called_like_a_part_of_another_is_not_mixed_up() -> None:
    first = rule_object("a", *many(60))
    first["spec"]["groups"].append({"name": "checkout.rules#2", "rules": [alert("Other", for_="20m")]})

    groups = [group["name"] for part in planned([first]).objects for group in part["spec"]["groups"]]

    assert len(groups) == len(set(groups)) > 2


def test_an_alert_that_fits_into_no_object_is_left_out_with_the_reason() -> None:
    huge = alert("Huge", for_="20m", annotations={"description": "x" * 420_000})

    plan = planned([rule_object("a", huge, alert("Errors", for_="20m"))])

    outcomes = {each.alertname: each.result for each in plan.plan.outcomes}
    assert isinstance(outcomes["Huge"], Untouched)
    assert outcomes["Huge"].message == TOO_LARGE
    assert {rule["alert"] for rule in copies(joined(plan.objects)).values()} == {"Errors"}
    assert {each.alertname: each.unprovable for each in plan.plan.watched} == {"Huge": TOO_LARGE, "Errors": ""}


def test_nothing_is_left_of_an_overlay_whose_only_alert_fits_nowhere() -> None:
    plan = planned([rule_object("a", alert("Huge", for_="20m", annotations={"description": "x" * 420_000}))])

    assert (plan.plan.overlay, plan.objects) == (None, ())


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30_000), st.integers(1, 6)), max_size=25), st.integers(1, 100))
def test_whatever_is_divided_is_all_there_once_and_fits(sizes: list[tuple[int, int]], strength: int) -> None:
    alerts = [
        alert(f"A{number}", for_=f"{minutes * 10}m", annotations={"description": "é" * length})
        for number, (length, minutes) in enumerate(sizes)
    ]

    plan, strong = planned([rule_object("a", *alerts)], strength), planned([rule_object("a", *alerts)])

    assert len(places(plan)) == len(alerts)
    assert places(plan) == places(strong)
    recorded = [rule for part in plan.objects for rule in rules_of(part) if rule.get("record") == ORIGINAL_ACTIVE]
    rule_ids = [rule_id_of(rule) for rule in recorded]
    assert len(rule_ids) == len(set(rule_ids))
    for part in plan.objects:
        assert len(json.dumps(part)) < ACCEPTED_BYTES
        for group in part["spec"]["groups"]:
            assert len(json.dumps(group)) < GROUP_BYTES + OBJECT_BYTES


class TestPresent:
    """The objects of a period are found by owner and name."""

    def body(self, name: str, uid: str = "uid-1") -> dict[str, Any]:
        owner = {"kind": PERIODS.kind, "uid": uid}
        return {"metadata": {"name": name, "ownerReferences": [owner]}, "spec": {"groups": [{"name": name}]}}

    def test_they_are_in_the_order_of_their_numbers(self) -> None:
        names = ["hypercare-checkout.10", "hypercare-checkout.2", "hypercare-checkout"]
        found = present_parts([self.body(name) for name in names], "checkout", "uid-1")
        assert [part["metadata"]["name"] for part in found] == names[::-1]
        assert [group["name"] for group in joined(found)["spec"]["groups"]] == names[::-1]

    @pytest.mark.parametrize(
        ("name", "uid"),
        [
            ("hypercare-checkout", "another"),
            ("hypercare-checkout-2", "uid-1"),
            ("hypercare-checkout.x", "uid-1"),
            ("hypercare-checkout.²", "uid-1"),
            ("other", "uid-1"),
        ],
    )
    def test_others_are_not_ours(self, name: str, uid: str) -> None:
        assert present_parts([self.body(name, uid)], "checkout", "uid-1") == ()

    def test_without_any_there_is_no_overlay(self) -> None:
        assert joined(()) == {}
