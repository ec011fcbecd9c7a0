"""The operator dies, or an answer is lost, at every write of the life of a hold."""

from collections.abc import Awaitable

import pytest

from hypercare.domain.capacity.hold_protocol import LATE_SECONDS
from hypercare.domain.capacity.quantity import Count
from hypercare.ports import Unavailable
from hypercare.queue import After
from tests.unit.api_server import Crash, When
from tests.unit.hold_shop import Shop
from tests.unit.scaled import HOLD_REF, request


@pytest.fixture
def shop() -> Shop:
    return Shop()


LIFE_WRITES = 12


async def a_life(shop: Shop) -> None:
    """Two periods, a ceiling, a relax step, and the end of both; each call does what its predecessor did not finish."""
    await shop.keep(request(ceiling=Count(20)))
    await shop.visit()
    await shop.keep(request("b", floor=Count(12)), period="b")
    await shop.visit()
    await shop.keep(request(ceiling=Count(20), strength=50))
    await shop.keep(period="b")
    await shop.visit()
    await ended(shop)


async def ended(shop: Shop) -> None:
    await shop.keep()
    await shop.keep(period="b")
    await shop.settle()


async def interrupted(life: Awaitable[object], error: type[BaseException]) -> None:
    with pytest.raises(error):
        await life


class TestCrashes:
    """The operator dies at every write of a life, and a new one comes."""

    async def test_the_life_has_that_many_writes(self, shop: Shop) -> None:
        await a_life(shop)
        assert shop.replicas == (2, 10)
        assert len(shop.server.writes) >= LIFE_WRITES

    @pytest.mark.parametrize("when", list(When))
    @pytest.mark.parametrize("number", range(1, LIFE_WRITES + 1))
    async def test_a_life_goes_on_after_a_crash(self, shop: Shop, number: int, when: When) -> None:
        shop.server.fail_at(number, when, Crash())
        await interrupted(a_life(shop), Crash)
        shop.start()
        await a_life(shop)
        shop.server.deliver()
        await ended(shop)
        assert shop.replicas == (2, 10)
        assert HOLD_REF not in shop.server.objects

    @pytest.mark.parametrize("when", list(When))
    @pytest.mark.parametrize("number", range(1, LIFE_WRITES + 1))
    async def test_periods_deleted_while_the_operator_was_down_are_restored(
        self, shop: Shop, number: int, when: When
    ) -> None:
        shop.server.fail_at(number, when, Crash())
        await interrupted(a_life(shop), Crash)
        shop.without_periods()
        shop.start()
        await shop.visit()
        shop.server.deliver()
        await shop.settle()
        assert shop.replicas == (2, 10)
        assert HOLD_REF not in shop.server.objects

    @pytest.mark.parametrize("when", list(When))
    @pytest.mark.parametrize("number", range(1, LIFE_WRITES + 1))
    async def test_an_answer_that_is_lost_changes_nothing(self, shop: Shop, number: int, when: When) -> None:
        shop.server.fail_at(number, when)
        await interrupted(a_life(shop), Unavailable)
        await a_life(shop)
        shop.server.deliver()
        await ended(shop)
        assert shop.replicas == (2, 10)
        assert HOLD_REF not in shop.server.objects

    async def test_a_late_patch_is_waited_for_when_its_claim_has_gone(self, shop: Shop) -> None:
        await shop.keep(request())
        shop.server.fail_at(2, When.LATE, Crash())
        await interrupted(shop.visit(), Crash)
        shop.without_periods()
        shop.start()
        assert await shop.visit() == After(LATE_SECONDS)
        assert shop.server.deliver() == 1
        assert shop.replicas == (4, 10)
        await shop.visit()
        assert shop.replicas == (2, 10)

    async def test_a_late_patch_is_defeated_by_the_next_write(self, shop: Shop) -> None:
        await shop.keep(request())
        shop.server.fail_at(2, When.LATE, Crash())
        await interrupted(shop.visit(), Crash)
        shop.start()
        await shop.visit()
        assert shop.server.deliver() == 0
        await ended(shop)
        assert shop.replicas == (2, 10)
