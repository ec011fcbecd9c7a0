"""Copies that fire: which relaxing has to wait for them."""

from dataclasses import replace
from typing import Any

import pytest

from hypercare.domain.samples import FailureKind, QueryFailed
from hypercare.domain.snapshot import Leftover, Overlay
from tests.unit.alert_rules import copies_of
from tests.unit.lives import ACTIVE, QUIET
from tests.unit.overlay_shop import RELAXED, Shop


@pytest.fixture
def shop() -> Shop:
    return Shop()


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
