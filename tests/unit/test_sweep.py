"""The sweep removes what was made for a period that is gone, and nothing else, whatever it looks like."""

from typing import Any

import pytest

from hypercare.adapters.cache import WatchCache
from hypercare.domain.alerts.orphans import MadeFor, made_for
from hypercare.domain.objects import ALERTMANAGER_CONFIGS, PERIODS, PROMETHEUS_RULES, ObjectRef
from hypercare.hold_reconcile import RETRY_SECONDS, SWEEP_SECONDS
from hypercare.ports import Forbidden, Unavailable
from hypercare.sweep import Sweeper, Swept
from tests.unit.api_server import FakeApiServer, When
from tests.unit.made_objects import IDENTITY, MADE, overlay

PERIOD = ObjectRef(PERIODS, "shop", IDENTITY.period)
OVERLAY = ObjectRef(PROMETHEUS_RULES, "shop", IDENTITY.object_name)


class Shop:
    """One namespace with an overlay; the period is there only where a test makes it."""

    def __init__(self) -> None:
        self.server = FakeApiServer()
        self.cache = WatchCache((PERIODS, PROMETHEUS_RULES, ALERTMANAGER_CONFIGS), lambda _: None, lambda: 0.0)
        self.server.watched_by(self.cache)
        self.sweeper = Sweeper(self.server, self.cache)

    async def make(self, **metadata: Any) -> None:
        body = overlay(**metadata)
        await self.server.create(ObjectRef(PROMETHEUS_RULES, "shop", body["metadata"]["name"]), body)

    def period(self, uid: str) -> None:
        self.server.put(PERIOD, {}, uid=uid)

    async def swept(self) -> bool:
        before = {ref for ref in self.server.objects if ref.resource == PROMETHEUS_RULES}
        removed = (await self.sweeper.sweep()).removed
        assert before - set(removed) == before & set(self.server.objects)
        return bool(removed)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_an_overlay_tells_for_which_period_it_was_made() -> None:
    assert made_for(MADE) == MadeFor(IDENTITY.period, IDENTITY.period_uid)


def test_an_orphan_still_tells_its_period() -> None:
    assert made_for(overlay(ownerReferences=None)) == MadeFor(IDENTITY.period, "")


def test_the_further_parts_of_an_overlay_are_made_too() -> None:
    assert made_for(overlay(name=f"{IDENTITY.object_name}.12")) is not None


LABELS = MADE["metadata"]["labels"]
OWNER = MADE["metadata"]["ownerReferences"][0]


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"labels": None}, id="it has no labels"),
        pytest.param({"labels": LABELS | {"app.kubernetes.io/managed-by": "Helm"}}, id="somebody else manages it"),
        pytest.param({"labels": LABELS | {"hypercare.dev/period": ""}}, id="it names no period"),
        pytest.param({"labels": LABELS | {"hypercare.dev/period": "other"}}, id="it names another period"),
        pytest.param({"name": "checkout-alerts"}, id="it is called otherwise"),
        pytest.param({"name": f"{IDENTITY.object_name}-two"}, id="its name only begins like that"),
        pytest.param({"name": f"{IDENTITY.object_name}.x"}, id="it is no part"),
        pytest.param(
            {"ownerReferences": [OWNER | {"apiVersion": "apps/v1", "kind": "Deployment"}]}, id="it has another owner"
        ),
        pytest.param(
            {"ownerReferences": [OWNER, {"apiVersion": "v1", "kind": "Secret", "name": "s", "uid": "u"}]},
            id="somebody has adopted it",
        ),
    ],
)
async def test_it_is_left_alone_when(shop: Shop, metadata: dict[str, Any]) -> None:
    assert made_for(overlay(**metadata)) is None
    await shop.make(**metadata)
    assert not await shop.swept()


class TestSweeping:
    """Whose period is gone is removed, bound to the very version that was judged."""

    @pytest.mark.parametrize("owners", [None, [OWNER]], ids=["its owner was taken off", "nobody collected it"])
    async def test_what_was_made_for_a_period_that_is_gone_is_removed(self, shop: Shop, owners: Any) -> None:
        await shop.make(ownerReferences=owners)
        assert await shop.swept()
        assert not await shop.swept()

    async def test_what_belongs_to_a_living_period_stays(self, shop: Shop) -> None:
        shop.period(IDENTITY.period_uid)
        await shop.make()
        assert not await shop.swept()

    @pytest.mark.parametrize("owners", [None, [OWNER]], ids=["orphaned", "owned"])
    async def test_what_was_made_for_an_earlier_period_of_the_name_is_removed(self, shop: Shop, owners: Any) -> None:
        shop.period("another")
        await shop.make(ownerReferences=owners)
        assert await shop.swept()

    async def test_a_period_that_the_watch_has_not_shown_yet_is_asked_for(self, shop: Shop) -> None:
        await shop.make()
        shop.server.watched_by(WatchCache((), lambda _: None, lambda: 0.0))
        shop.period(IDENTITY.period_uid)
        assert shop.cache.find(PERIOD) is None
        assert not await shop.swept()

    async def test_one_that_was_adopted_meanwhile_stays(self, shop: Shop) -> None:
        await shop.make(ownerReferences=None)
        shop.server.watched_by(WatchCache((), lambda _: None, lambda: 0.0))
        shop.server.objects[OVERLAY]["metadata"]["labels"]["hypercare.dev/period"] = "mine"
        assert not await shop.swept()

    async def test_one_that_changes_while_it_is_judged_stays(self, shop: Shop) -> None:
        await shop.make(ownerReferences=None)
        shop.server.just_before(1, lambda: shop.server.edit(OVERLAY, groups=[{"name": "mine"}]))
        assert not await shop.swept()

    async def test_one_that_goes_by_itself_is_no_error(self, shop: Shop) -> None:
        await shop.make(ownerReferences=None)
        shop.server.watched_by(WatchCache((), lambda _: None, lambda: 0.0))
        shop.server.remove(OVERLAY)
        assert (await shop.sweeper.sweep()).removed == ()

    async def test_where_nothing_was_made_nothing_is_asked(self, shop: Shop) -> None:
        shop.period(IDENTITY.period_uid)
        await shop.make()
        await shop.sweeper.sweep()
        assert shop.server.reads == 0


async def test_what_lets_copies_mute_their_originals_is_swept_too(shop: Shop) -> None:
    ref = ObjectRef(ALERTMANAGER_CONFIGS, "shop", IDENTITY.object_name)
    shop.server.put(ref, {}, labels=dict(LABELS))
    shop.server.watched_by(shop.cache)
    assert (await shop.sweeper.sweep()).removed == (ref,)
    assert ref not in shop.server.objects


async def test_one_that_may_not_be_removed_keeps_no_other_and_is_told_once(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    await shop.make(ownerReferences=None)
    other = ObjectRef(ALERTMANAGER_CONFIGS, "shop", IDENTITY.object_name)
    shop.server.put(other, {}, labels=dict(LABELS))
    shop.server.watched_by(shop.cache)
    shop.server.fail_at(1, When.BEFORE, Forbidden("cannot delete resource"))
    assert await shop.sweeper.sweep() == Swept((other,), (OVERLAY,))
    shop.server.fail_at(1, When.BEFORE, Forbidden("cannot delete resource"))
    assert await shop.sweeper.sweep() == Swept((), (OVERLAY,))
    assert caplog.text.count("cannot delete resource: apply the RBAC of manifests/install") == 1
    assert await shop.sweeper.sweep() == Swept((OVERLAY,), ())


class _Enough(Exception):
    pass


async def test_it_is_repeated_and_an_error_is_no_end(shop: Shop) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if OVERLAY not in shop.server.objects:
            raise _Enough

    await shop.make(ownerReferences=None)
    shop.server.fail_at(1, When.BEFORE, Unavailable("away"))
    with pytest.raises(_Enough):
        await Sweeper(shop.server, shop.cache, sleep).keep()
    assert pauses == [RETRY_SECONDS, SWEEP_SECONDS]
