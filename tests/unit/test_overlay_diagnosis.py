"""Why an overlay is not loaded, and that one bad alert never takes the others down."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from hypercare.domain.alerts.liveness import NotLive
from hypercare.domain.alerts.loaded_rules import LoadedGroup, LoadedResult, LoadedRule, LoadedRules, RulesQuery
from hypercare.domain.alerts.overlay import HEARTBEAT
from hypercare.domain.alerts.tightening import Untouched
from hypercare.domain.objects import EVENTS, NAMESPACES, PROMETHEUS_RULES, PROMETHEUSES, THANOS_RULERS, ObjectRef
from hypercare.overlay.diagnosis import RESULTS_SECONDS
from hypercare.ports import Forbidden, Unavailable
from tests.unit.alert_rules import alert, copies_of, rule_object
from tests.unit.lives import ACTIVE, QUIET, T0
from tests.unit.overlay_shop import OVERLAY, RULES, Shop, unverified
from tests.unit.snapshots import resolved

PROMETHEUS = ObjectRef(PROMETHEUSES, "monitoring", "main")
ORIGINALS_LOADED = LoadedRules((LoadedGroup("checkout.rules", "shop-checkout-alerts.yaml", ()),))


def loaded(overlay: Mapping[str, Any]) -> Iterator[LoadedGroup]:
    """Its groups as a server shows them that evaluates them well."""
    for group in overlay["spec"]["groups"]:
        beats = [each for each in group["rules"] if each.get("record") == HEARTBEAT]
        rules = tuple(LoadedRule(HEARTBEAT, "ok", "", each["labels"]) for each in beats)
        yield LoadedGroup(group["name"], "shop-hypercare-checkout.yaml", rules)


@pytest.fixture
def shop() -> Shop:
    return Shop()


class TestDiagnosis:
    """Why an overlay is not loaded is looked for only once it takes a while."""

    async def test_not_in_the_first_seconds(self, shop: Shop) -> None:
        reads = shop.server.reads
        await shop.write(stored=unverified(2))
        assert shop.server.reads == reads

    async def test_a_selector_that_does_not_match_is_named(self, shop: Shop) -> None:
        selector = {"ruleSelector": {"matchLabels": {"release": "kps"}}, "ruleNamespaceSelector": {}}
        shop.server.put(PROMETHEUS, selector)
        found = (await shop.write(stored=unverified(3))).state
        assert isinstance(found, NotLive)
        assert found.reason == "OverlayNotSelected"
        assert "release" in found.message

    async def test_labels_of_the_namespace_count(self, shop: Shop) -> None:
        team = {"ruleSelector": {}, "ruleNamespaceSelector": {"matchLabels": {"team": "shop"}}}
        shop.server.put(PROMETHEUS, team)
        shop.prometheus.loaded = ORIGINALS_LOADED
        found = (await shop.write(stored=unverified(30))).state
        assert isinstance(found, NotLive)
        assert found.reason == "OverlayNotLoaded"
        assert "30s ago" in found.message

    async def test_an_endpoint_without_the_originals_is_another_one(self, shop: Shop) -> None:
        shop.server.put(PROMETHEUS, {"ruleSelector": {}, "ruleNamespaceSelector": {}})
        found = (await shop.write(stored=unverified(30))).state
        assert isinstance(found, NotLive)
        assert found.reason == "OtherPrometheus"
        (query,) = shop.prometheus.asked_rules
        assert query.groups == ("checkout-alerts/checkout.rules", "checkout.rules")
        assert query.rules == (HEARTBEAT, "Errors")

    async def test_a_namespace_that_cannot_be_read_is_told(self, shop: Shop) -> None:
        shop.server.remove(ObjectRef(NAMESPACES, "", "shop"))
        found = (await shop.write(stored=unverified(30))).state
        assert isinstance(found, NotLive)
        assert "the labels of namespace shop cannot be read" in found.message

    async def test_a_permission_that_is_missing_is_told(self, shop: Shop) -> None:
        shop.server.unlisted = {THANOS_RULERS: Forbidden("cannot list resource"), EVENTS: Unavailable("gone away")}
        found = (await shop.write(stored=unverified(30))).state
        assert isinstance(found, NotLive)
        assert (
            "thanosrulers cannot be listed: cannot list resource: apply the RBAC of manifests/install" in found.message
        )
        assert "events cannot be listed: gone away" in found.message

    async def test_it_is_looked_for_at_most_every_few_seconds(self, shop: Shop) -> None:
        await shop.write(stored=unverified(30))
        await shop.read(stored=unverified(30), now=QUIET + 4)
        assert len(shop.prometheus.asked_rules) == 1
        await shop.read(stored=unverified(30), now=QUIET + 5)
        assert len(shop.prometheus.asked_rules) == 2

    async def test_and_less_often_the_longer_it_lasts(self, shop: Shop) -> None:
        await shop.write(stored=unverified(120))
        await shop.read(stored=unverified(120), now=QUIET + 19)
        assert len(shop.prometheus.asked_rules) == 1
        await shop.read(stored=unverified(120), now=QUIET + 30)
        assert len(shop.prometheus.asked_rules) == 2

    async def test_a_slow_server_is_not_waited_for(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("hypercare.overlay.diagnosis.PATIENCE_SECONDS", 0.01)
        answered = asyncio.Event()

        async def rules(query: RulesQuery) -> LoadedResult:
            await answered.wait()
            return ORIGINALS_LOADED

        monkeypatch.setattr(shop.prometheus, "rules", rules)
        early = (await shop.write(stored=unverified(30))).state
        answered.set()
        late = (await shop.read(stored=unverified(30), now=QUIET + 1)).state
        assert isinstance(early, NotLive)
        assert isinstance(late, NotLive)
        assert ("30s ago" in early.message, "30s ago" in late.message) == (False, True)

    async def test_what_was_found_holds_until_more_is(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        found = (await shop.write(stored=unverified(30))).state
        monkeypatch.setattr("hypercare.overlay.diagnosis.PATIENCE_SECONDS", 0.01)
        monkeypatch.setattr(shop.prometheus, "rules", lambda _: asyncio.Event().wait())
        assert (await shop.read(stored=unverified(30), now=QUIET + 5)).state == found

    async def test_results_are_awaited_before_they_are_said_to_be_elsewhere(self, shop: Shop) -> None:
        overlay = (await shop.write(stored=unverified(1))).plan.overlay
        assert overlay is not None
        shop.prometheus.loaded = LoadedRules(tuple(loaded(overlay)))
        states = [
            (await shop.read(stored=unverified(30), now=QUIET + later)).state for later in (0, 5, 9, RESULTS_SECONDS)
        ]
        assert [each.reason for each in states if isinstance(each, NotLive)] == [
            *["OverlayNotLoaded"] * 3,
            "ResultsElsewhere",
        ]

    async def test_another_finding_is_looked_into_at_once(self, shop: Shop) -> None:
        await shop.write(stored=unverified(30))
        await shop.write(replace(ACTIVE, strength=50), stored=unverified(30), now=QUIET + 1)
        assert len(shop.prometheus.asked_rules) == 2

    async def test_nothing_is_looked_for_while_it_is_live(self, shop: Shop) -> None:
        shop.prometheus.live_from = T0
        reads = shop.server.reads
        await shop.write(stored=unverified(30))
        assert (shop.server.reads, shop.prometheus.asked_rules) == (reads, [])


def refused(shop: Shop, ref: ObjectRef, name: str) -> None:
    """prometheus-operator refuses an object as it is now."""
    metadata = shop.server.objects[ref]["metadata"]
    about = {"kind": "PrometheusRule", "uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
    event = shop.server.put(ObjectRef(EVENTS, "shop", name), {})
    shop.server.objects[ObjectRef(EVENTS, "shop", name)] = {
        **event,
        "reason": "InvalidConfiguration",
        "message": "invalid rule",
        "involvedObject": about,
    }


class TestRefused:
    """One bad alert never takes the others down."""

    OTHER = ObjectRef(PROMETHEUS_RULES, "shop", "checkout-others")

    @pytest.fixture
    def two(self, shop: Shop) -> Shop:
        shop.server.put(PROMETHEUS, {"ruleSelector": {}, "ruleNamespaceSelector": {}})
        shop.server.put(self.OTHER, rule_object("checkout-others", alert("Odd", for_="5m"))["spec"])
        return shop

    async def test_alerts_of_a_refused_source_are_left_out_with_the_reason(self, two: Shop) -> None:
        await two.write(stored=unverified(1))
        refused(two, OVERLAY, "a")
        refused(two, self.OTHER, "b")
        found = (await two.read(stored=unverified(30))).state
        assert isinstance(found, NotLive)
        assert found.reason == "OverlayRefused"
        assert "invalid rule" in found.message
        left = await two.write(stored=unverified(30))
        assert copies_of(left.plan.overlay).keys() == {"Errors"}
        outcome = next(each.result for each in left.plan.outcomes if each.alertname == "Odd")
        assert isinstance(outcome, Untouched)
        assert "prometheus-operator refuses PrometheusRule checkout-others" in outcome.message
        unprovable = {each.alertname: bool(each.unprovable) for each in left.plan.watched}
        assert unprovable == {"Errors": False, "Odd": True}

    async def test_it_is_remembered_over_a_restart_and_tried_again_when_the_source_changes(self, two: Shop) -> None:
        await two.write(stored=unverified(1))
        refused(two, OVERLAY, "a")
        refused(two, self.OTHER, "b")
        await two.read(stored=unverified(30))
        await two.write(stored=unverified(30))
        two.start()
        assert copies_of((await two.read()).plan.overlay).keys() == {"Errors"}
        two.server.edit(self.OTHER, groups=rule_object("x", alert("Better", for_="5m"))["spec"]["groups"])
        assert copies_of((await two.read()).plan.overlay).keys() == {"Errors", "Better"}

    async def test_a_refusal_of_an_earlier_version_says_nothing(self, two: Shop) -> None:
        await two.write(stored=unverified(1))
        refused(two, OVERLAY, "a")
        await two.write(replace(ACTIVE, strength=50), stored=unverified(30))
        found = (await two.read(replace(ACTIVE, strength=50), stored=unverified(30))).state
        assert isinstance(found, NotLive)
        assert found.reason != "OverlayRefused"

    async def test_a_source_that_nobody_selects_is_the_first_to_be_blamed(self, two: Shop) -> None:
        two.server.put(PROMETHEUS, {"ruleSelector": {"matchLabels": {"release": "kps"}}, "ruleNamespaceSelector": {}})
        spec = two.server.objects[RULES]["spec"]
        two.server.remove(RULES)
        two.server.put(RULES, spec, labels={"release": "kps"})
        labelled = replace(resolved(), profile=replace(resolved().profile, rule_labels={"release": "kps"}))
        await two.write(stored=unverified(1), resolved=labelled)
        refused(two, OVERLAY, "a")
        await two.read(stored=unverified(30), resolved=labelled)
        left = await two.read(stored=unverified(30), resolved=labelled)
        assert copies_of(left.plan.overlay).keys() == {"Errors"}
