"""What is known of an overlay: written or not, evaluated or not, and since when."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from hypercare.domain.alerts.liveness import Live, NotLive
from hypercare.domain.alerts.overlay import HEARTBEAT
from hypercare.domain.conditions import ConditionType, Observed, true
from hypercare.domain.objects import PROMETHEUS_RULES, PROMETHEUSES, ObjectRef
from hypercare.domain.period import Resolved
from hypercare.domain.samples import FailureKind, QueryFailed
from hypercare.domain.snapshot import Leftover, NoneWanted, NotWritten
from hypercare.overlay.reader import DEFAULT_INTERVAL_SECONDS
from tests.unit.alert_rules import copies_of
from tests.unit.lives import ACTIVE, COMPLETED, HOUR, QUIET, RUN, T0
from tests.unit.overlay_shop import OVERLAY, RELAXED, Shop, unverified
from tests.unit.snapshots import IDENTITY, UNTOLD, resolved


@pytest.fixture
def shop() -> Shop:
    return Shop()


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
