"""What status and metrics are told of evidence."""

import pytest

from hypercare.domain.timestamps import timestamp
from tests.unit.evidence_shop import ERRORS, REF, Shop, spike
from tests.unit.lives import HOUR, MINUTE, QUIET

# Twenty points in ten minutes, the first one at the start.
MET_SINCE = timestamp(QUIET - HOUR + 19 * 30)


@pytest.fixture
def shop() -> Shop:
    return Shop()


class TestTold:
    """What status and metrics are told."""

    async def test_since_when_a_verdict_stands(self, shop: Shop) -> None:
        shop.prometheus.values["errors"] = spike(QUIET + 90)
        seen = []
        for tick in range(4):
            (found,) = await shop.read(QUIET + tick * MINUTE)
            seen.append((found.stored["verdict"], found.stored["since"]))
        assert seen == [
            ("Met", MET_SINCE),
            ("Met", MET_SINCE),
            ("Unmet", timestamp(QUIET + 90)),
            ("Unmet", timestamp(QUIET + 90)),
        ]

    @pytest.mark.parametrize("away", [range(0), range(3, 20), range(3, 40), range(1, 50)], ids=str)
    async def test_an_absence_loses_no_change_and_repeats_none(self, shop: Shop, away: range) -> None:
        """Bad for a point while away or not, a hole later on: each verdict from the same point on."""
        shop.prometheus.values["errors"] = dented
        told = await _history(shop, away)
        assert told == [
            ("Met", MET_SINCE),
            ("Unmet", timestamp(QUIET + 5 * MINUTE)),
            ("Met", timestamp(QUIET + 15 * MINUTE)),
            ("Unknown", timestamp(QUIET + 30 * MINUTE)),
            ("Met", timestamp(QUIET + 42 * MINUTE)),
        ]
        assert shop.status["criteria"][0]["since"] == told[-1][1]

    async def test_what_to_do_is_told_where_nothing_can_be_said(self, shop: Shop) -> None:
        shop.prometheus.values["errors"] = lambda _: None
        (found,) = await shop.read()
        assert found.judgement.message.startswith("the query returned no series (check names and labels")
        assert found.stored["message"] == found.judgement.message

    async def test_changes_wait_for_a_status_that_can_be_written(self, shop: Shop) -> None:
        shop.prometheus.values["errors"] = spike(QUIET + 90)
        await shop.read()
        for tick in range(2, 5):
            (found,) = await shop.read(QUIET + tick * MINUTE, stored=False)
            assert [each.time for each in found.changes] == [QUIET + 90]
        await shop.read(QUIET + 5 * MINUTE)
        (after,) = await shop.read(QUIET + 6 * MINUTE)
        assert after.changes == ()

    async def test_a_criterion_that_was_read_on_time_is_not_late(self, shop: Shop) -> None:
        (found,) = await shop.read()
        assert (found.final_through, found.late_seconds) == (QUIET - 30, 0)

    async def test_missing_data_makes_it_late(self, shop: Shop) -> None:
        await shop.read()
        shop.prometheus.values["errors"] = lambda time: None if time > QUIET else 1
        (found,) = await shop.read(QUIET + 2 * MINUTE)
        assert found.late_seconds == 90

    async def test_metrics_are_told_the_oldest(self) -> None:
        shop = Shop(ERRORS, {**ERRORS, "name": "slow", "query": "latency"})
        shop.prometheus.values["latency"] = lambda time: None if time > QUIET - 60 else 1
        await shop.read()
        assert shop.observer.known == {REF: QUIET - 60}

    async def test_a_period_without_readable_criteria_tells_nothing(self) -> None:
        shop = Shop({**ERRORS, "query": "sum("})
        assert await shop.read() == ()
        assert shop.observer.known == {}


def dented(time: int) -> float | None:
    """Bad at 5 minutes, and nothing from 30 minutes on for three."""
    if QUIET + 30 * MINUTE <= time < QUIET + 33 * MINUTE:
        return None
    return 9 if time == QUIET + 5 * MINUTE else 1


async def _history(shop: Shop, away: range) -> list[tuple[str, str]]:
    told = []
    for tick in range(60):
        if tick == away.start:
            shop.start()
        if tick not in away:
            (found,) = await shop.read(QUIET + tick * MINUTE)
            told += [(each.verdict.value, timestamp(each.time)) for each in found.changes]
    return told
