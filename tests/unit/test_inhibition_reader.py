"""Copies that mute their originals, through the whole loop: what is written, when it goes, and what the status says."""

from dataclasses import replace
from typing import Any

import pytest

from hypercare.domain.alerts.alertmanager_view import ViewFailed
from hypercare.domain.alerts.plan import AlertPlan
from hypercare.domain.conditions import ConditionType
from hypercare.domain.life.facts import Life
from hypercare.domain.objects import ALERTMANAGER_CONFIGS, ObjectRef
from hypercare.domain.period import Resolved, resolve
from hypercare.domain.snapshot import Identity, NotWritten, Overlay, Stored
from hypercare.domain.status import read_life
from hypercare.domain.subject import Subject
from hypercare.overlay.inhibition import REMEMBERED_SECONDS, InhibitionReader
from tests.unit.alert_rules import alert, rule_object
from tests.unit.alertmanagers import silence
from tests.unit.loop import OVERLAY, PERIOD, PROFILE, PROFILE_SPEC, RULES, Loop

CONFIG = ObjectRef(ALERTMANAGER_CONFIGS, "shop", "hypercare-checkout")
ALERTMANAGER = {"url": "http://alertmanager:9093", "labels": {"alertmanagerConfig": "main"}}
PAGES = {"from": [{"rule": "checkout-alerts"}], "tighten": {"deliver": "Page"}}
MUTING = {**PAGES, "inhibitOriginals": True}
GROUPED = alert("Errors", expr="sum by (namespace, pod) (errors) > 5", for_="5m")
ELSEWHERE = {"route": {"receiver": "chat", "routes": [{"receiver": "room", "matchers": ['hypercare=~".+"']}]}}


def loop(alerts: dict[str, Any] | None = None, profile: dict[str, Any] | None = None, **spec: Any) -> Loop:
    """A loop whose period protects alerts only, with an Alertmanager in its profile."""
    protection = {"alerts": MUTING if alerts is None else alerts}
    made = Loop({"alertmanager": ALERTMANAGER} if profile is None else profile, protection=protection, **spec)
    made.server.edit(RULES, **rule_object("checkout-alerts", GROUPED)["spec"])
    return made


def said(made: Loop, kind: ConditionType) -> str:
    """The message of a condition."""
    return made.conditions[kind].condition.message


def inhibition(made: Loop) -> dict[str, Any]:
    found: dict[str, Any] = made.status["alerts"]["inhibition"]
    return found


async def test_the_rule_is_written_with_the_overlay_and_found_by_its_labels() -> None:
    made = loop()
    await made.until("Active")

    body = made.server.objects[CONFIG]
    assert body["metadata"]["labels"] == {
        "alertmanagerConfig": "main",
        "app.kubernetes.io/managed-by": "hypercare",
        "hypercare.dev/period": "checkout",
    }
    assert body["metadata"]["ownerReferences"][0]["uid"] == made.server.objects[PERIOD]["metadata"]["uid"]
    assert [rule["equal"] for rule in body["spec"]["inhibitRules"]] == [["namespace", "pod"]]
    assert inhibition(made) == {
        "rules": 1,
        "muted": 0,
        "message": "No original fires beside its copy, so it is not seen whether Alertmanager mutes it",
        "refusals": [],
    }


async def test_it_is_written_once_and_kept_over_the_stages() -> None:
    made = loop()
    await made.until("Active")
    made.server.writes.clear()
    while made.status["strength"] != 50:
        await made.pass_time(5)
    assert [write for write in made.server.writes if "AlertmanagerConfig" in write] == []


async def test_it_goes_at_strength_0_and_counts_for_restored() -> None:
    made = loop()
    await made.until("Active")
    await made.until("Relaxing")
    while made.status["strength"]:
        assert CONFIG in made.server.objects
        await made.pass_time(5)
    await made.until("Completed")
    assert CONFIG not in made.server.objects
    assert OVERLAY not in made.server.objects
    assert made.condition(ConditionType.RESTORED)[0] == "True"


async def test_a_copy_that_stays_for_a_while_at_strength_0_mutes_nothing() -> None:
    made = loop()
    await made.until("Active")
    body = made.server.objects[PERIOD]
    resolved, life = resolve(body, made.server.objects[PROFILE]), read_life(body["status"])
    assert isinstance(resolved, Resolved)
    assert isinstance(life, Life)
    identity = Identity("shop", "checkout", body["metadata"]["uid"], 1)
    subject = Subject(identity, resolved, life, Stored({}, 1, (), {}, "", ()), 0, made.now)
    plan = AlertPlan(None, (), (), ())
    overlay = Overlay(plan, NotWritten(), 0, 30, (made.server.objects[OVERLAY],))
    reader = InhibitionReader(made.cache, made.alertmanager)

    assert len((await reader.read(subject, overlay)).objects) == 1
    relaxed = replace(subject, life=replace(life, strength=0))
    assert (await reader.read(relaxed, overlay)).objects == ()


async def test_while_it_is_there_nothing_is_restored() -> None:
    made = loop()
    await made.until("Active")
    made.server.edit(PERIOD, protection={"alerts": PAGES})
    await made.visit()
    assert "Copies may mute their originals" in said(made, ConditionType.RESTORED)
    assert CONFIG not in made.server.objects
    await made.visit()
    assert "Copies may mute their originals" not in said(made, ConditionType.RESTORED)
    assert "inhibition" not in made.status["alerts"]


async def test_it_goes_while_a_silence_may_hide_the_copy_and_comes_back() -> None:
    made = loop()
    await made.until("Active")
    made.alertmanager.silences.append(silence(hypercare="shop/checkout"))
    await made.pass_time(10)
    assert CONFIG not in made.server.objects
    assert inhibition(made)["rules"] == 0
    assert 'silence s1 (hypercare="shop/checkout") may hide a copy' in inhibition(made)["message"]
    assert made.condition(ConditionType.ALERTS_TIGHTENED)[0] == "True"

    made.alertmanager.silences.clear()
    await made.pass_time(10)
    assert CONFIG in made.server.objects


async def test_a_moment_without_an_answer_changes_nothing_and_a_while_without_one_takes_it_away() -> None:
    made = loop(
        window={"start": {"when": "RolloutComplete"}, "duration": "2h"},
        stages=[{"name": "a", "strength": 100, "minDuration": "2h"}],
    )
    await made.until("Active")
    made.alertmanager.failure = ViewFailed("Alertmanager at alertmanager did not answer in time")
    await made.pass_time(REMEMBERED_SECONDS - 30)
    assert CONFIG in made.server.objects
    await made.pass_time(60)
    assert CONFIG not in made.server.objects
    assert "did not answer in time" in inhibition(made)["message"]


async def test_the_alertmanager_is_asked_once_per_evaluation_and_only_by_those_who_need_it() -> None:
    made = loop()
    await made.until("Active")
    made.alertmanager.asked.clear()
    await made.pass_time(10)
    assert 1 <= len(made.alertmanager.asked) <= 3
    assert made.alertmanager.asked[0].url == "http://alertmanager:9093"

    informing = loop({"from": [{"rule": "checkout-alerts"}]})
    await informing.until("Active")
    assert informing.alertmanager.asked == []
    assert CONFIG not in informing.server.objects


async def test_without_an_alertmanager_it_is_refused_and_the_overlay_is_written_all_the_same() -> None:
    made = loop(profile={})
    await made.pass_time(10)
    assert made.condition(ConditionType.STALLED) == ("True", "AlertmanagerNotConfigured")
    assert said(made, ConditionType.STALLED).startswith("spec.protection.alerts.inhibitOriginals: ")
    assert OVERLAY in made.server.objects
    assert CONFIG not in made.server.objects


async def test_an_object_of_somebody_else_is_left_alone() -> None:
    made = loop()
    made.server.put(CONFIG, {"receivers": []})
    await made.pass_time(10)
    assert made.condition(ConditionType.STALLED) == ("True", "OverlayNameTaken")
    assert "AlertmanagerConfig shop/hypercare-checkout exists" in said(made, ConditionType.STALLED)
    assert made.server.objects[CONFIG]["spec"] == {"receivers": []}


async def test_an_object_that_somebody_has_deleted_is_written_again() -> None:
    made = loop()
    await made.until("Active")
    made.server.remove(CONFIG)
    await made.pass_time(10)
    assert CONFIG in made.server.objects


async def test_observe_writes_nothing() -> None:
    made = loop(mode="Observe")
    await made.pass_time(20)
    assert CONFIG not in made.server.objects
    assert made.alertmanager.asked == []


async def test_a_page_that_would_go_elsewhere_is_refused_at_its_field() -> None:
    made = loop(PAGES)
    made.alertmanager.config = ELSEWHERE
    await made.pass_time(10)
    assert made.condition(ConditionType.STALLED) == ("True", "PagesElsewhere")
    assert said(made, ConditionType.STALLED).startswith(
        "spec.protection.alerts.tighten.deliver: Errors would not page as its original"
    )
    assert "chat" in said(made, ConditionType.STALLED)
    assert "room" in said(made, ConditionType.STALLED)


async def test_an_override_that_pages_elsewhere_is_named_itself() -> None:
    made = loop({"from": PAGES["from"], "overrides": [{"alert": "Errors", "deliver": "Page"}]})
    made.alertmanager.config = ELSEWHERE
    await made.pass_time(10)
    assert said(made, ConditionType.STALLED).startswith("spec.protection.alerts.overrides[0].deliver: ")


async def test_routes_that_cannot_be_judged_refuse_no_page() -> None:
    made = loop(PAGES)
    made.alertmanager.config = {"route": {"receiver": "chat", "matchers": ["?"]}}
    await made.until("Active")
    assert made.condition(ConditionType.STALLED)[0] == "False"


async def test_copies_that_only_inform_get_no_rule_and_the_status_says_why() -> None:
    made = loop({"from": PAGES["from"], "inhibitOriginals": True})
    await made.until("Active")
    assert CONFIG not in made.server.objects
    assert [each["reason"] for each in inhibition(made)["refusals"]] == ["SeverityLowered"]


async def test_a_profile_whose_alertmanager_cannot_be_used_names_its_field() -> None:
    made = loop()
    made.server.edit(PROFILE, **{**PROFILE_SPEC, "alertmanager": {"url": "http://a:b@alertmanager"}})
    await made.visit()
    assert "HypercareProfile/default: spec.alertmanager.url" in said(made, ConditionType.STALLED)


@pytest.mark.parametrize("gone", [True, False], ids=["the CRD is missing", "the period has ended"])
async def test_nothing_is_left_where_it_cannot_be_or_should_not_be(gone: bool) -> None:
    made = loop()
    if gone:
        made.cache.not_served(ALERTMANAGER_CONFIGS)
        await made.pass_time(10)
        assert made.condition(ConditionType.STALLED)[1] == "AlertmanagerConfigNotServed"
        return
    await made.until("Active")
    late = made.server.objects[CONFIG]
    await made.until("Completed")
    made.server.put(CONFIG, late["spec"], ownerReferences=late["metadata"]["ownerReferences"])
    await made.visit()
    assert CONFIG not in made.server.objects
