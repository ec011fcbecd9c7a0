"""Full listings: complete at the start, and a cure for what watches cannot tell."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hypercare import listings
from hypercare.adapters.cache import Change, WatchCache
from hypercare.adapters.kubernetes import Listing
from hypercare.domain.objects import PERIODS, PROFILES, PROMETHEUS_RULES, PROMETHEUSES, ObjectRef, Resource
from hypercare.listings import Listings
from hypercare.ports import Body, Forbidden, NotFound, Unavailable

WATCHED = (PERIODS, PROFILES, PROMETHEUS_RULES, PROMETHEUSES)
CHECKOUT = ObjectRef(PERIODS, "shop", "checkout")


def body(name: str, version: int, namespace: str = "shop") -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace, "resourceVersion": str(version)}}


class Server:
    """An API server that serves some resources, holds some objects, and may be away."""

    def __init__(self) -> None:
        self.served = {PERIODS, PROFILES}
        self.objects: dict[Resource, list[Body]] = {}
        self.version = 100
        self.away = 0
        self.away_for: set[tuple[str, str]] = set()
        self.refused: set[tuple[Resource, str]] = set()
        self.namespaces = {"shop", "billing"}
        self.asked: list[tuple[str, str]] = []
        self.questions: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    async def listing(self, resource: Resource, namespace: str = "") -> Listing:
        self.asked.append((resource.plural, namespace))
        self.questions.put_nowait((resource.plural, namespace))
        if (resource.plural, namespace) in self.away_for:
            self.away_for.discard((resource.plural, namespace))
            raise Unavailable("away")
        if self.away:
            self.away -= 1
            raise Unavailable("away")
        if (resource, namespace) in self.refused:
            raise Forbidden(f"cannot list resource {resource.plural!r} in the namespace {namespace!r}")
        if resource not in self.served:
            raise NotFound("the server could not find the requested resource")
        found = (
            each for each in self.objects.get(resource, []) if each["metadata"]["namespace"] == (namespace or "shop")
        )
        return Listing(tuple(found), str(self.version))

    async def get(self, ref: ObjectRef) -> Body:
        if ref.name not in self.namespaces:
            raise NotFound("no such namespace")
        return {"metadata": {"name": ref.name}}

    async def serves(self, resource: Resource) -> bool:
        return resource in self.served


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISCOVERY_SECONDS", "RETRY_SECONDS", "SETTLE_SECONDS"):
        monkeypatch.setattr(listings, name, 0.0)
    monkeypatch.setattr(listings, "EARLY_SECONDS", ())


class Fixture:
    def __init__(self, *namespaces: str) -> None:
        self.server = Server()
        self.changes: asyncio.Queue[Change] = asyncio.Queue()
        self.cache = WatchCache(WATCHED, self.changes.put_nowait, lambda: 0.0)
        self.appeared: asyncio.Queue[Resource] = asyncio.Queue()
        self.listings = Listings(self.server, self.cache, namespaces, self.appeared.put_nowait)


@pytest.fixture
async def kept() -> AsyncIterator[Fixture]:
    """A primed cache that is being kept, without regular listings within the test."""
    fixture = Fixture()
    await fixture.listings.prime()
    fixture.server.asked.clear()
    keeping = asyncio.create_task(fixture.listings.keep(resync=3600))
    yield fixture
    keeping.cancel()


async def until_gone(fixture: Fixture) -> None:
    async with asyncio.timeout(5):
        while (await fixture.changes.get()).after:
            pass
    assert fixture.cache.find(CHECKOUT) is None


async def test_at_the_start_everything_is_known_also_what_is_missing() -> None:
    fixture = Fixture()
    fixture.server.objects[PERIODS] = [body("checkout", 7)]
    await fixture.listings.prime()
    assert fixture.cache.find(CHECKOUT) is not None
    assert [fixture.cache.served(each) for each in fixture.cache.resources] == [True, True, False, False]
    assert all(fixture.cache.synced(each) for each in fixture.cache.resources)


async def test_a_start_waits_for_the_api_server() -> None:
    fixture = Fixture()
    fixture.server.away = 3
    await fixture.listings.prime()
    assert fixture.cache.synced(PERIODS)
    assert fixture.server.asked[:4] == [("hypercareperiods", "")] * 4


async def test_only_the_served_namespaces_are_listed_and_what_serves_all_of_them_as_a_whole() -> None:
    """A profile has no namespace, and a Prometheus seldom the one of the periods."""
    fixture = Fixture("shop", "billing")
    fixture.server.served |= {PROMETHEUS_RULES, PROMETHEUSES}
    await fixture.listings.prime()
    assert fixture.server.asked == [
        ("hypercareperiods", "shop"),
        ("hypercareperiods", "billing"),
        ("hypercareprofiles", ""),
        ("prometheusrules", "shop"),
        ("prometheusrules", "billing"),
        ("prometheuses", ""),
    ]


async def test_a_resource_that_becomes_served_is_listed_and_told_of(kept: Fixture) -> None:
    kept.server.served.add(PROMETHEUS_RULES)
    async with asyncio.timeout(5):
        assert await kept.appeared.get() == PROMETHEUS_RULES
    assert kept.cache.served(PROMETHEUS_RULES)
    assert kept.server.asked == [("prometheusrules", "")]


async def test_what_was_deleted_while_a_watch_was_broken_is_found_when_kopf_lists_anew(kept: Fixture) -> None:
    kept.cache.observe(PERIODS, body("checkout", 7))
    kept.listings.relisted(PERIODS)
    await until_gone(kept)
    assert kept.server.asked == [("hypercareperiods", "")]


async def test_a_listing_that_fails_is_tried_again(kept: Fixture) -> None:
    kept.cache.observe(PERIODS, body("checkout", 7))
    kept.server.away = 2
    kept.listings.relisted(PERIODS)
    await until_gone(kept)
    assert len(kept.server.asked) == 3


async def test_an_outage_is_told_once_and_so_is_its_end(kept: Fixture, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    kept.cache.observe(PERIODS, body("checkout", 7))
    kept.server.away = 5
    kept.listings.relisted(PERIODS)
    await until_gone(kept)
    kept.server.served.add(PROMETHEUS_RULES)
    async with asyncio.timeout(5):
        await kept.appeared.get()
    assert caplog.text.count("Could not look for changes: away") == 1
    assert caplog.text.count("Could look for changes again") == 1


async def test_regular_listings_need_no_cause() -> None:
    fixture = Fixture()
    await fixture.listings.prime()
    fixture.cache.observe(PERIODS, body("checkout", 7))
    keeping = asyncio.create_task(fixture.listings.keep(resync=0))
    await until_gone(fixture)
    keeping.cancel()


async def test_what_was_deleted_while_kopf_began_to_watch_is_found_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings, "EARLY_SECONDS", (0.0,))
    fixture = Fixture()
    fixture.server.objects[PERIODS] = [body("checkout", 7)]
    await fixture.listings.prime()
    fixture.server.objects.clear()
    keeping = asyncio.create_task(fixture.listings.keep(resync=3600))
    await until_gone(fixture)
    keeping.cancel()


async def test_kopfs_own_first_listing_is_no_sign_of_a_broken_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings, "SETTLE_SECONDS", 3600.0)
    fixture = Fixture()
    await fixture.listings.prime()
    fixture.server.asked.clear()
    fixture.listings.relisted(PERIODS)
    fixture.server.served.add(PROMETHEUS_RULES)
    keeping = asyncio.create_task(fixture.listings.keep(resync=3600))
    async with asyncio.timeout(5):
        await fixture.appeared.get()
    keeping.cancel()
    assert fixture.server.asked == [("prometheusrules", "")]


class TestRefused:
    """A namespace in which the operator may not list something keeps no other one from being served."""

    async def test_nothing_is_decided_there_and_everything_elsewhere(self, caplog: pytest.LogCaptureFixture) -> None:
        fixture = Fixture("shop", "billing")
        fixture.server.objects[PERIODS] = [body("checkout", 7), body("invoices", 8, "billing")]
        fixture.server.served.add(PROMETHEUS_RULES)
        fixture.server.refused = {(PROMETHEUS_RULES, "shop")}
        await fixture.listings.prime()
        assert fixture.cache.find(ObjectRef(PERIODS, "billing", "invoices")) is not None
        with pytest.raises(Forbidden, match="cannot list resource 'prometheusrules' in the namespace 'shop'"):
            fixture.cache.find(CHECKOUT)
        assert [fixture.cache.synced(each) for each in fixture.cache.resources] == [True, True, False, True]
        assert "in namespace shop, so nothing is done there: cannot list resource 'prometheusrules'" in caplog.text
        assert "apply the RBAC of manifests/install" in caplog.text

    async def test_it_is_asked_again_until_it_is_permitted_and_told_once(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        fixture = Fixture("shop", "billing")
        fixture.server.objects[PERIODS] = [body("checkout", 7)]
        fixture.server.refused = {(PERIODS, "shop")}
        await fixture.listings.prime()
        keeping = asyncio.create_task(fixture.listings.keep(resync=3600))
        async with asyncio.timeout(5):
            for _ in range(10):
                await fixture.server.questions.get()
            fixture.server.refused.clear()
            assert await fixture.appeared.get() == PERIODS
        keeping.cancel()
        assert fixture.cache.find(CHECKOUT) is not None
        assert fixture.cache.synced(PERIODS)
        assert caplog.text.count("Could not list in namespace shop") == 1
        assert ("hypercareperiods", "billing") not in fixture.server.asked[6:]

    async def test_in_a_namespace_that_does_not_exist_there_is_nothing(self) -> None:
        """Its role binding was deleted with it, so what would be an empty list is refused."""
        fixture = Fixture("shop", "billing")
        fixture.server.namespaces = {"shop"}
        fixture.server.refused = {(resource, "billing") for resource in WATCHED}
        await fixture.listings.prime()
        assert all(fixture.cache.synced(each) for each in fixture.cache.resources)
        assert fixture.cache.find(ObjectRef(PERIODS, "billing", "invoices")) is None

    async def test_what_was_listed_before_stays_known(self, caplog: pytest.LogCaptureFixture) -> None:
        fixture = Fixture("shop")
        fixture.server.objects[PERIODS] = [body("checkout", 7)]
        await fixture.listings.prime()
        fixture.server.refused = {(PERIODS, "shop")}
        fixture.listings.relisted(PERIODS)
        keeping = asyncio.create_task(fixture.listings.keep(resync=3600))
        fixture.server.served.add(PROMETHEUS_RULES)
        async with asyncio.timeout(5):
            assert await fixture.appeared.get() == PROMETHEUS_RULES
        keeping.cancel()
        assert "what is known there grows old" in caplog.text
        assert fixture.cache.find(CHECKOUT) is not None

    async def test_what_is_refused_everywhere_holds_up_no_look_at_others(self, kept: Fixture) -> None:
        kept.server.refused = {(PERIODS, "")}
        kept.listings.relisted(PERIODS)
        kept.server.served.add(PROMETHEUS_RULES)
        async with asyncio.timeout(5):
            assert await kept.appeared.get() == PROMETHEUS_RULES

    async def test_a_start_waits_where_nothing_may_be_listed_at_all(self, caplog: pytest.LogCaptureFixture) -> None:
        fixture = Fixture("shop")
        fixture.server.refused = {(PROFILES, "")}
        priming = asyncio.create_task(fixture.listings.prime())
        async with asyncio.timeout(5):
            for _ in range(5):
                await fixture.server.questions.get()
            assert not fixture.cache.synced(PROFILES)
            fixture.server.refused.clear()
            await priming
        assert caplog.text.count("Could not list hypercareprofiles, trying on: cannot list resource") == 1

    async def test_an_outage_between_two_namespaces_leaves_none_unlisted(self) -> None:
        fixture = Fixture("shop", "billing")
        fixture.server.away_for = {("hypercareperiods", "billing")}
        fixture.server.objects[PERIODS] = [body("invoices", 8, "billing")]
        await fixture.listings.prime()
        assert fixture.cache.find(ObjectRef(PERIODS, "billing", "invoices")) is not None
