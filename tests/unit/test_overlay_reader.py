"""What is known of an overlay: written or not, evaluated or not, since when, and what has to wait."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from hypercare.adapters.cache import WatchCache
from hypercare.domain.alerts.held_copies import copies
from hypercare.domain.alerts.liveness import Live, NotLive
from hypercare.domain.alerts.loaded_rules import LoadedGroup, LoadedRules
from hypercare.domain.alerts.overlay import HEARTBEAT
from hypercare.domain.alerts.tightening import Untouched
from hypercare.domain.conditions import ConditionType, Observed, false, true
from hypercare.domain.life.facts import Life
from hypercare.domain.objects import EVENTS, NAMESPACES, PROMETHEUS_RULES, PROMETHEUSES, THANOS_RULERS, ObjectRef
from hypercare.domain.period import Resolved
from hypercare.domain.samples import Answer, FailureKind, InstantQuery, QueryFailed, Result, Sample, Series
from hypercare.domain.snapshot import Leftover, NoneWanted, NotWritten, Overlay
from hypercare.overlay_reader import DEFAULT_INTERVAL_SECONDS, OverlayReader, Subject
from hypercare.overlay_writer import OverlayWriter, Owner
from hypercare.ports import Forbidden, Unavailable
from tests.unit.alert_rules import alert, copies_of, rule_object
from tests.unit.api_server import FakeApiServer
from tests.unit.histories import FakeHistory
from tests.unit.lives import ACTIVE, COMPLETED, HOUR, QUIET, RUN, T0
from tests.unit.metric_source import FakePrometheus
from tests.unit.snapshots import IDENTITY, UNTOLD, resolved

OVERLAY = ObjectRef(PROMETHEUS_RULES, "shop", "hypercare-checkout")
RULES = ObjectRef(PROMETHEUS_RULES, "shop", "checkout-alerts")
PROMETHEUS = ObjectRef(PROMETHEUSES, "monitoring", "main")
ORIGINALS_LOADED = LoadedRules((LoadedGroup("checkout.rules", "shop-checkout-alerts.yaml", ()),))
RELAXED = replace(ACTIVE, strength=0, strength_since=QUIET - 60)


class Firing(FakePrometheus):
    """A Prometheus in which a copy fires since `since`, and its original too if `loud`."""

    since = 0.0
    loud = False

    async def instant(self, query: InstantQuery) -> Result:
        if query.expr.startswith("ALERTS_FOR_STATE") and self.since:
            self.asked.append(query)
            labels = {"alertname": "Errors", "hypercare_rule": self.rule}
            return Answer((Series(labels, (Sample(query.time, self.since),)),))
        if query.expr.startswith("count by (alertname)") and self.loud:
            return Answer((Series({"alertname": "Errors"}, (Sample(query.time, 1),)),))
        return await super().instant(query)

    @property
    def rule(self) -> str:
        return next(iter(copies(self._rules() or {})))


class Shop:
    """One namespace with an alert and an overlay reader."""

    def __init__(self) -> None:
        self.server = FakeApiServer()
        self.server.put(ObjectRef(NAMESPACES, "", "shop"), {}, labels={"team": "shop"})
        self.server.put(RULES, rule_object("checkout-alerts", alert("Errors", for_="5m"))["spec"])
        self.cache = WatchCache((PROMETHEUS_RULES, PROMETHEUSES), lambda _: None, lambda: 0.0)
        self.server.watched_by(self.cache)
        self.prometheus = Firing(lambda: self.server.objects.get(OVERLAY))
        self.waits: list[float] = []
        self.history = FakeHistory()
        self.start()

    def start(self) -> None:
        self.reader = OverlayReader(self.server, self.cache, self.waits.append, self.history)

    def subject(self, life: Life = ACTIVE, **others: Any) -> Subject:
        found = Subject(IDENTITY, resolved(), life, UNTOLD, 0, QUIET)
        return replace(found, **others)

    async def read(self, life: Life = ACTIVE, **others: Any) -> Overlay:
        return await self.reader.read(self.subject(life, **others), self.prometheus)

    async def write(self, life: Life = ACTIVE, **others: Any) -> Overlay:
        """Read, write what is wanted, and read again."""
        wanted = await self.read(life, **others)
        owner = Owner(IDENTITY.namespace, IDENTITY.name, IDENTITY.uid)
        await OverlayWriter(self.server, self.cache).converge(owner, wanted.objects)
        return await self.read(life, **others)

    @property
    def asked(self) -> list[str]:
        return [query.expr for query in self.prometheus.asked]


@pytest.fixture
def shop() -> Shop:
    return Shop()


def unverified(seconds: int) -> Any:
    """What the status remembers of an overlay that has been waited for so long."""
    condition = false(ConditionType.ALERTS_TIGHTENED, "Writing")
    return replace(UNTOLD, conditions={condition.type: Observed(condition, QUIET - seconds)})


class TestState:
    """Written is not evaluated, and evaluated is proven by this very revision."""

    async def test_before_it_is_written(self, shop: Shop) -> None:
        found = await shop.read()
        assert found.state == NotWritten()
        assert copies_of(found.plan.overlay).keys() == {"Errors"}
        assert shop.asked == []

    async def test_written_and_not_evaluated(self, shop: Shop) -> None:
        found = await shop.write()
        assert isinstance(found.state, NotLive)
        assert found.state.reason == "OverlayNotLoaded"
        assert found.live_since == 0

    async def test_written_and_evaluated(self, shop: Shop) -> None:
        shop.prometheus.live_from = T0
        found = await shop.write()
        assert found.state == Live(QUIET)
        assert found.live_since == T0

    async def test_evaluated_in_an_earlier_revision(self, shop: Shop) -> None:
        shop.prometheus.live_from = T0
        await shop.write()
        found = await shop.read(replace(ACTIVE, strength=50))
        assert found.state == NotWritten()

    async def test_prometheus_does_not_answer(self, shop: Shop) -> None:
        shop.prometheus.down = QueryFailed(FailureKind.TIMEOUT, "too slow")
        found = await shop.write()
        assert isinstance(found.state, NotLive)
        assert found.state.reason == "PrometheusTimeout"
        assert found.live_since == 0

    async def test_an_object_of_somebody_else_is_not_ours(self, shop: Shop) -> None:
        shop.prometheus.live_from = T0
        await shop.write()
        shop.server.objects[OVERLAY]["metadata"]["ownerReferences"] = []
        shop.server.edit(OVERLAY, theirs=True)
        assert (await shop.read()).state == NotWritten()

    async def test_nothing_wanted_and_nothing_there(self, shop: Shop) -> None:
        assert (await shop.read(RELAXED)).state == NoneWanted()
        assert (await shop.read(resolved=resolved(mode="Observe"))).state == NoneWanted()

    async def test_nothing_wanted_and_one_is_left(self, shop: Shop) -> None:
        await shop.write()
        for found in (await shop.read(RELAXED), await shop.read(COMPLETED), await shop.read(COMPLETED, now=QUIET + 9)):
            assert found.state == Leftover()
            assert found.plan.overlay is None

    async def test_a_cluster_that_does_not_serve_rules(self, shop: Shop) -> None:
        shop.cache.not_served(PROMETHEUS_RULES)
        found = await shop.read()
        assert found.state == NoneWanted()
        (problem,) = found.plan.problems
        assert (problem.path, problem.reason, problem.stalls) == (
            "spec.protection.alerts",
            "PrometheusRuleNotServed",
            True,
        )

    async def test_a_period_that_asks_for_no_alerts_does_not_need_them_served(self, shop: Shop) -> None:
        shop.cache.not_served(PROMETHEUS_RULES)
        none: Resolved = resolved(protection={"alerts": {"from": []}})
        assert (await shop.read(resolved=none)).plan.problems == ()


class TestProof:
    """A proof is good for one interval of evaluation and one revision."""

    def heartbeats(self, shop: Shop) -> int:
        return sum(expr.startswith(HEARTBEAT) for expr in shop.asked)

    async def test_it_is_not_asked_for_twice_within_an_interval(self, shop: Shop) -> None:
        shop.prometheus.live_from = T0
        await shop.write(live_since=T0)
        assert (await shop.read(live_since=T0, now=QUIET + 59)).state == Live(QUIET)
        assert self.heartbeats(shop) == 1

    async def test_after_the_interval_it_is(self, shop: Shop) -> None:
        shop.prometheus.live_from = T0
        await shop.write(live_since=T0)
        assert (await shop.read(live_since=T0, now=QUIET + 60)).state == Live(QUIET + 60)
        assert self.heartbeats(shop) == 2

    async def test_another_revision_needs_its_own(self, shop: Shop) -> None:
        shop.prometheus.live_from = T0
        await shop.write(live_since=T0)
        shop.prometheus.live_from = QUIET + 30
        found = await shop.write(replace(ACTIVE, strength=50), live_since=T0, now=QUIET + 1)
        assert isinstance(found.state, NotLive)

    async def test_no_proof_is_asked_for_again_at_once(self, shop: Shop) -> None:
        await shop.write()
        shop.prometheus.live_from = QUIET
        assert isinstance((await shop.read(now=QUIET + 1)).state, Live)

    async def test_a_rule_that_stops_is_seen_after_the_interval(self, shop: Shop) -> None:
        shop.prometheus.live_from = T0
        await shop.write(live_since=T0)
        shop.prometheus.live_from = float("inf")
        assert isinstance((await shop.read(live_since=T0, now=QUIET + 60)).state, NotLive)
        assert isinstance((await shop.read(live_since=T0, now=QUIET + 61)).state, NotLive)

    async def test_what_is_forgotten_is_asked_for(self, shop: Shop) -> None:
        shop.prometheus.live_from = T0
        await shop.write(live_since=T0)
        shop.reader.forget(IDENTITY.uid)
        await shop.read(live_since=T0)
        assert self.heartbeats(shop) == 2

    async def test_how_long_a_revision_waited_is_told_once(self, shop: Shop) -> None:
        await shop.write(stored=unverified(17))
        shop.prometheus.live_from = T0
        await shop.read(stored=unverified(17))
        seen = true(ConditionType.ALERTS_TIGHTENED, "Live")
        stored = replace(UNTOLD, conditions={seen.type: Observed(seen, QUIET)})
        await shop.read(stored=stored, now=QUIET + 60)
        assert shop.waits == [17.0]


class TestLiveSince:
    """When quiet began to count: remembered by status, else read from the data."""

    async def test_what_status_remembers_stays(self, shop: Shop) -> None:
        shop.prometheus.live_from = T0
        assert (await shop.write(live_since=T0 + 77)).live_since == T0 + 77
        assert not [expr for expr in shop.asked if "min_over_time" in expr]

    async def test_it_is_kept_while_the_overlay_is_not_seen(self, shop: Shop) -> None:
        assert (await shop.write(live_since=T0 + 77)).live_since == T0 + 77

    async def test_the_question_reaches_back_to_the_beginning_of_the_run(self, shop: Shop) -> None:
        shop.prometheus.live_from = T0
        await shop.write()
        (question,) = [expr for expr in shop.asked if "min_over_time" in expr]
        assert f'hypercare_run="{RUN.id}"' in question
        assert 'hypercare="shop/checkout"' in question
        assert f"[{5 * HOUR + 60}s]" in question


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

    async def test_a_namespace_that_cannot_be_read_is_told(self, shop: Shop) -> None:
        shop.server.remove(ObjectRef(NAMESPACES, "", "shop"))
        found = (await shop.write(stored=unverified(30))).state
        assert isinstance(found, NotLive)
        assert "the labels of namespace shop cannot be read" in found.message

    async def test_a_permission_that_is_missing_is_told(self, shop: Shop) -> None:
        shop.server.unlisted = {THANOS_RULERS: Forbidden("no"), EVENTS: Unavailable("gone away")}
        found = (await shop.write(stored=unverified(30))).state
        assert isinstance(found, NotLive)
        assert "may not list thanosrulers: apply the RBAC of manifests/install" in found.message
        assert "events cannot be listed: gone away" in found.message

    async def test_it_is_looked_for_at_most_every_few_seconds(self, shop: Shop) -> None:
        await shop.write(stored=unverified(30))
        await shop.read(stored=unverified(30), now=QUIET + 4)
        assert len(shop.prometheus.asked_rules) == 1
        await shop.read(stored=unverified(30), now=QUIET + 5)
        assert len(shop.prometheus.asked_rules) == 2

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


class TestFiring:
    """A copy that fires is not relaxed while that would silence it."""

    def fors(self, overlay: Overlay) -> dict[str, Any]:
        return {name: rule["for"] for name, rule in copies_of(overlay.plan.overlay).items()}

    async def test_a_calm_copy_is_relaxed(self, shop: Shop) -> None:
        assert self.fors(await shop.write()) == {"Errors": "2m30s"}
        assert self.fors(await shop.read(replace(ACTIVE, strength=50))) == {"Errors": "3m45s"}

    async def test_a_young_fire_keeps_its_for(self, shop: Shop) -> None:
        await shop.write()
        shop.prometheus.since = QUIET - 180
        assert self.fors(await shop.read(replace(ACTIVE, strength=50))) == {"Errors": "2m30s"}

    async def test_one_that_may_fire_before_the_change_is_loaded_keeps_its_for(self, shop: Shop) -> None:
        await shop.write()
        shop.prometheus.since = QUIET - 60
        assert self.fors(await shop.read(replace(ACTIVE, strength=50))) == {"Errors": "2m30s"}

    async def test_one_that_has_just_become_pending_is_relaxed(self, shop: Shop) -> None:
        await shop.write()
        shop.prometheus.since = QUIET - 10
        assert self.fors(await shop.read(replace(ACTIVE, strength=50))) == {"Errors": "3m45s"}

    async def test_an_old_fire_is_relaxed(self, shop: Shop) -> None:
        await shop.write()
        shop.prometheus.since = QUIET - 300
        assert self.fors(await shop.read(replace(ACTIVE, strength=50))) == {"Errors": "3m45s"}

    async def test_one_whose_original_fires_is_relaxed(self, shop: Shop) -> None:
        await shop.write()
        shop.prometheus.since, shop.prometheus.loud = QUIET - 180, True
        assert self.fors(await shop.read(replace(ACTIVE, strength=50))) == {"Errors": "3m45s"}

    async def test_what_cannot_be_told_waits(self, shop: Shop) -> None:
        await shop.write()
        shop.prometheus.down = QueryFailed(FailureKind.UNREACHABLE, "no connection")
        assert self.fors(await shop.read(replace(ACTIVE, strength=50))) == {"Errors": "2m30s"}

    async def test_at_strength_0_only_what_fires_is_left(self, shop: Shop) -> None:
        await shop.write()
        shop.prometheus.since = QUIET - 180
        assert self.fors(await shop.read(RELAXED)) == {"Errors": "2m30s"}

    async def test_and_no_longer_than_the_original_takes_to_fire(self, shop: Shop) -> None:
        await shop.write()
        shop.prometheus.since = QUIET - 180
        found = await shop.read(replace(RELAXED, strength_since=QUIET - 300))
        assert found.plan.overlay is None
        assert found.state == Leftover()

    async def test_nobody_asks_what_fires_while_nothing_is_to_change(self, shop: Shop) -> None:
        await shop.write()
        await shop.read(now=QUIET + 60)
        assert not [expr for expr in shop.asked if "ALERTS" in expr]


@pytest.mark.parametrize(
    ("specs", "expected"),
    [
        ([], DEFAULT_INTERVAL_SECONDS),
        ([{}], DEFAULT_INTERVAL_SECONDS),
        ([{"evaluationInterval": "1m"}], 60),
        ([{"evaluationInterval": "15s"}, {"evaluationInterval": "45s"}], 45),
        ([{"evaluationInterval": "often"}], DEFAULT_INTERVAL_SECONDS),
        ([{"evaluationInterval": "5s"}], 5),
    ],
)
async def test_the_interval_of_groups_that_name_none_is_the_longest_of_all(
    shop: Shop, specs: list[Mapping[str, Any]], expected: int
) -> None:
    for number, spec in enumerate(specs):
        shop.server.put(ObjectRef(PROMETHEUSES, "monitoring", f"p{number}"), spec)
    assert (await shop.read()).default_interval_seconds == expected
