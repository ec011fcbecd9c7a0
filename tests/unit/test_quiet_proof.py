"""Where the proof of quiet comes from: the overlay, or the originals themselves."""

from dataclasses import replace

from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.objects import PROMETHEUS_RULES, ObjectRef
from hypercare.domain.samples import Answer, RangeQuery, Result, Sample, Series
from hypercare.domain.snapshot import Reading
from tests.unit.alert_rules import alert, rule_object
from tests.unit.evidence_shop import REF, Shop
from tests.unit.lives import HOUR, QUIET
from tests.unit.metric_source import FakePrometheus
from tests.unit.snapshots import IDENTITY, LIVE_OVERLAY

ALERTS = {"name": "quiet", "alerts": {"severities": ["critical"]}, "sustainedFor": "10m"}


class TestAlerts:
    """Quiet needs its proof: where it comes from depends on the mode and on the overlay."""

    async def reading(self, mode: str, live_since: int) -> tuple[Reading, list[str]]:
        shop = Shop(ALERTS)
        (found,) = await shop.read(mode=mode, overlay=replace(LIVE_OVERLAY, live_since=live_since))
        return found, [query.expr for query in shop.asked]

    async def test_an_overlay_that_was_never_seen_proves_nothing(self) -> None:
        found, asked = await self.reading("Enforce", 0)
        assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNKNOWN, "OverlayNotLive")
        assert asked == []

    async def test_an_overlay_that_is_live_is_asked(self) -> None:
        found, asked = await self.reading("Enforce", QUIET - HOUR)
        assert found.judgement.verdict is Verdict.UNKNOWN
        assert any("hypercare:overlay:live" in expr for expr in asked)

    async def test_observe_asks_the_originals_themselves(self) -> None:
        _, asked = await self.reading("Observe", 0)
        assert asked
        assert not any("hypercare:overlay:live" in expr for expr in asked)

    async def test_a_state_without_a_namespace_counts_where_one_rule_alone_has_the_name(self) -> None:
        """Overlays of ours do not count: they hold a copy of every name. Names are read anew after half a minute."""
        shop = Shop(ALERTS)
        shop.prometheus = Nameless()
        rules = rule_object("x", alert("Errors"))["spec"]
        ours = {"app.kubernetes.io/managed-by": "hypercare"}
        shop.server.put(ObjectRef(PROMETHEUS_RULES, "shop", "checkout-alerts"), rules)
        shop.server.put(ObjectRef(PROMETHEUS_RULES, "shop", "hypercare-checkout"), rules, labels=ours)
        assert await self.reason(shop, QUIET) == "AlertFiring"
        shop.server.put(ObjectRef(PROMETHEUS_RULES, "blog", "other"), rules)
        assert await self.reason(shop, QUIET + 29) == "AlertFiring"
        assert await self.reason(shop, QUIET + 30) == "AlertNotAttributable"

    async def reason(self, shop: Shop, now: int) -> str:
        """Read as if for the first time."""
        shop.reader.forget(REF, IDENTITY.uid)
        shop.status = {}
        (found,) = await shop.read(now, mode="Observe")
        return found.judgement.reason


class Nameless(FakePrometheus):
    """A Prometheus in which an alert fires whose series say nothing of a namespace."""

    async def range(self, query: RangeQuery) -> Result:
        if "ALERTS" not in query.expr:
            return await super().range(query)
        labels = {"alertname": "Errors", "severity": "critical", "alertstate": "firing"}
        samples = tuple(Sample(time, 1) for time in range(query.start, query.end + 1, query.step))
        return Answer((Series(labels, samples),))
