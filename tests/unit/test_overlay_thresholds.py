"""Thresholds of an overlay move once history has been heard, for the whole run, and never away from a firing copy."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from hypercare.domain.alerts.overlay import VERDICTS_ANNOTATION, revision_of
from hypercare.domain.alerts.preflight import NoHistory, Preflight, Tried, WouldFire
from hypercare.domain.alerts.thresholds import ThresholdRule
from hypercare.domain.alerts.watched import Making
from hypercare.domain.life.facts import Life, Phase
from hypercare.domain.samples import FailureKind, QueryFailed
from hypercare.domain.snapshot import Overlay
from tests.unit.alert_rules import alert, copies_of, rule_object
from tests.unit.lives import ACTIVE, COMPLETED, QUIET, RUN
from tests.unit.overlay_shop import OVERLAY, RELAXED, RULES, Shop
from tests.unit.snapshots import UNTOLD, resolved

FIFTH = ThresholdRule(Fraction(1, 5))
CALM = Tried(FIFTH, 100, 0, 86400, "never in 24h")
NOISE = WouldFire(9, 86400, "it would have fired 9 times in 24h")
HALF = replace(ACTIVE, strength=50)


@pytest.fixture
def shop() -> Shop:
    found = Shop()
    found.history.found = CALM
    return found


def copy_of(overlay: Overlay) -> tuple[str, str]:
    """Condition and `for` of the copy; empty without one."""
    rule = copies_of(overlay.plan.overlay).get("Errors", {"expr": "", "for": ""}) if overlay.plan.overlay else {}
    return rule.get("expr", ""), rule.get("for", "")


def edit(shop: Shop, **fields: Any) -> None:
    shop.server.edit(RULES, groups=rule_object("x", alert("Errors", **fields))["spec"]["groups"])


class TestMoved:
    """When and how far."""

    async def test_a_quick_history_costs_no_second_write(self, shop: Shop) -> None:
        found = await shop.write()

        assert copy_of(found) == ("errors > 4", "2m30s")
        assert len([ref for ref in shop.server.writes if OVERLAY.name in str(ref)]) == 1
        assert shop.history.ends == [RUN.created_at]

    async def test_until_it_is_heard_only_the_for_is_shorter(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("hypercare.overlay.reader.PATIENCE_SECONDS", 0.0)
        shop.history.go.clear()
        waiting = await shop.write()
        assert (copy_of(waiting), waiting.trying) == (("errors > 5", "2m30s"), True)

        shop.history.go.set()
        await shop.read()
        heard = await shop.write()

        assert (copy_of(heard), heard.trying) == (("errors > 4", "2m30s"), False)
        assert revision_of(heard.objects[0]) != revision_of(waiting.objects[0])

    async def test_less_far_where_it_was_quiet_only_so_far(self, shop: Shop) -> None:
        shop.history.found = replace(CALM, strongest=50)

        assert copy_of(await shop.write()) == ("errors > 4.5", "2m30s")
        assert copy_of(await shop.write(HALF)) == ("errors > 4.5", "3m45s")

    @pytest.mark.parametrize(
        "found", [NoHistory("too short"), NoHistory("no connection", again=True), replace(CALM, strongest=0)]
    )
    async def test_not_without_a_good_verdict(self, shop: Shop, found: Preflight) -> None:
        shop.history.found = found

        assert copy_of(await shop.write()) == ("errors > 5", "2m30s")

    async def test_noise_is_not_copied_and_still_watched(self, shop: Shop) -> None:
        shop.history.found = NOISE
        found = await shop.write()

        assert copy_of(found) == ("", "")
        assert [(each.making, each.copy_for_seconds) for each in found.plan.watched] == [(Making.UNTOUCHED, 300)]
        shop.start()
        await shop.read()
        assert len(shop.history.asked) == 1


class TestFrozen:
    """Once heard, it holds for the run."""

    async def test_stages_ask_nothing(self, shop: Shop) -> None:
        await shop.write()
        assert copy_of(await shop.write(HALF)) == ("errors > 4.5", "3m45s")
        assert copy_of(await shop.write(replace(ACTIVE, strength=25))) == ("errors > 4.75", "4m22s")

        assert len(shop.history.asked) == 1

    async def test_another_process_asks_nothing(self, shop: Shop) -> None:
        await shop.write()
        shop.history.found = NOISE
        shop.start()

        found = await shop.read()

        assert copy_of(found) == ("errors > 4", "2m30s")
        assert found.verdicts
        assert len(shop.history.asked) == 1

    async def test_where_the_memory_is_lost_the_same_is_found_again(self, shop: Shop) -> None:
        before = await shop.write()
        del shop.server.objects[OVERLAY]["metadata"]["annotations"][VERDICTS_ANNOTATION]
        shop.server.edit(OVERLAY, theirs=True)
        shop.start()

        after = await shop.write()

        assert after.objects == before.objects
        assert shop.history.ends == [RUN.created_at] * 2

    async def test_a_verdict_that_changes_no_rule_waits_for_the_next_write(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hypercare.overlay.reader.PATIENCE_SECONDS", 0.0)
        shop.history.found = NoHistory("too short")
        shop.history.go.clear()
        await shop.write()
        written = shop.server.objects[OVERLAY]["metadata"]["resourceVersion"]
        shop.history.go.set()
        await shop.read()
        await shop.write()
        assert shop.server.objects[OVERLAY]["metadata"]["resourceVersion"] == written

        await shop.write(HALF)
        shop.start()
        await shop.write(HALF)
        assert len(shop.history.asked) == 1

    async def test_no_answer_is_not_remembered(self, shop: Shop) -> None:
        shop.history.found = NoHistory("no connection", again=True)
        await shop.write()
        shop.start()
        shop.history.found = CALM

        assert copy_of(await shop.write()) == ("errors > 4", "2m30s")

    async def test_another_run_is_judged_by_its_own_history(self, shop: Shop) -> None:
        await shop.write()
        shop.history.found = replace(CALM, strongest=50)
        again = replace(ACTIVE, run=replace(RUN, id="r2-ffffffff", created_at=QUIET - 60))

        assert copy_of(await shop.write(again)) == ("errors > 4.5", "2m30s")
        assert shop.history.ends == [RUN.created_at, QUIET - 60]

    async def test_an_edited_original_is_judged_anew(self, shop: Shop) -> None:
        await shop.write()
        shop.history.on["> 50"] = NoHistory("too short")
        edit(shop, for_="5m", expr="errors > 50")

        assert copy_of(await shop.write()) == ("errors > 50", "2m30s")
        edit(shop, for_="5m", expr="errors > 50", annotations={"summary": "other words"})
        await shop.write()
        assert len(shop.history.asked) == 2

    async def test_another_lever_is_judged_anew(self, shop: Shop) -> None:
        await shop.write()
        wish = resolved(protection={"alerts": {"tighten": {"moveThreshold": "Off"}}})

        assert copy_of(await shop.write(resolved=wish)) == ("errors > 5", "2m30s")
        assert len(shop.history.asked) == 2


class TestAsked:
    """Who is asked about at all."""

    @pytest.mark.parametrize(
        ("life", "stored"),
        [
            (ACTIVE.enter(Phase.SUSPENDED, QUIET), UNTOLD),
            (COMPLETED, replace(UNTOLD, report="hypercare-report-checkout-r1")),
        ],
    )
    async def test_not_while_nothing_is_written(self, shop: Shop, life: Life, stored: Any) -> None:
        await shop.read(life, stored=stored)

        assert shop.history.asked == []

    async def test_for_a_report_that_is_not_written_yet(self, shop: Shop) -> None:
        assert (await shop.read(COMPLETED)).verdicts

    async def test_in_observe_as_well(self, shop: Shop) -> None:
        found = await shop.read(resolved=resolved(mode="Observe"))

        assert found.verdicts
        assert [str(each.result) for each in found.plan.outcomes] == ["> 5 for 5m, now > 4 for 2m30s"]


class TestFiring:
    """A copy that fires beyond a moved bound is not taken back from there."""

    # Older than the original's `for`, so that only the value decides.
    OLD = QUIET - 400

    async def fires(self, shop: Shop, *, over: str = "") -> None:
        """The copy fires at full strength, and its value fulfils the condition `over`."""
        await shop.write()
        shop.prometheus.since = self.OLD
        if over:
            shop.prometheus.values[over] = {QUIET: 1.0}.get

    async def test_at_a_weaker_stage_while_the_value_is_between_the_bounds(self, shop: Shop) -> None:
        await self.fires(shop)

        assert copy_of(await shop.write(HALF)) == ("errors > 4", "2m30s")

    async def test_but_when_it_fulfils_the_weaker_one(self, shop: Shop) -> None:
        await self.fires(shop, over="errors > 4.5")

        assert copy_of(await shop.write(HALF)) == ("errors > 4.5", "3m45s")

    async def test_not_while_it_is_too_young(self, shop: Shop) -> None:
        await self.fires(shop, over="errors > 4.5")
        shop.prometheus.since = QUIET - 200

        assert copy_of(await shop.write(HALF)) == ("errors > 4", "2m30s")

    async def test_when_its_original_fires(self, shop: Shop) -> None:
        await self.fires(shop)
        shop.prometheus.loud = True

        assert copy_of(await shop.write(HALF)) == ("errors > 4.5", "3m45s")

    async def test_while_prometheus_does_not_answer(self, shop: Shop) -> None:
        await self.fires(shop, over="errors > 4.5")
        shop.prometheus.down = QueryFailed(FailureKind.TIMEOUT, "slow")

        assert copy_of(await shop.write(HALF)) == ("errors > 4", "2m30s")

    async def test_at_a_relax_step(self, shop: Shop) -> None:
        await self.fires(shop)
        step = replace(ACTIVE, phase=Phase.RELAXING, strength=25, strength_since=QUIET)

        assert copy_of(await shop.write(step)) == ("errors > 4", "2m30s")

    async def test_at_strength_0_for_as_long_as_the_original_takes(self, shop: Shop) -> None:
        await self.fires(shop)
        held = await shop.write(RELAXED)
        assert copy_of(held) == ("errors > 4", "2m30s")
        assert [(each.making, each.copy_for_seconds) for each in held.plan.watched] == [(Making.TIGHTENED, 150)]

        assert copy_of(await shop.read(replace(RELAXED, strength_since=QUIET - 300))) == ("", "")

    async def test_when_an_edited_original_is_not_judged_yet(self, shop: Shop) -> None:
        await self.fires(shop)
        shop.history.on["> 50"] = NOISE
        edit(shop, for_="5m", expr="errors > 50")

        assert copy_of(await shop.write()) == ("errors > 4", "2m30s")
        shop.prometheus.since = 0
        assert copy_of(await shop.write()) == ("", "")

    async def test_when_it_turns_out_to_be_noise(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("hypercare.overlay.reader.PATIENCE_SECONDS", 0.0)
        shop.history.found = NOISE
        shop.history.go.clear()
        await self.fires(shop)
        shop.history.go.set()
        await shop.read()

        assert copy_of(await shop.write()) == ("errors > 5", "2m30s")
        shop.prometheus.since = 0
        assert copy_of(await shop.write()) == ("", "")

    async def test_a_nearer_bound_silences_nothing(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("hypercare.overlay.reader.PATIENCE_SECONDS", 0.0)
        shop.history.go.clear()
        await self.fires(shop, over="errors > 4")
        shop.history.go.set()
        await shop.read()

        assert copy_of(await shop.write()) == ("errors > 4", "2m30s")
