"""Health: dead when the loop falls behind, not ready while the cluster cannot be seen, and the server that says so."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from hypercare.config import Listen
from hypercare.health import PROBE_SECONDS, Fine, Health, HealthServer, Ill, Vitals


@dataclass
class Body:
    """The vitals, set by each test."""

    late: float = 0.0
    unlisted: tuple[str, ...] = ()
    lag: float = 0.0
    reachable: bool = True
    asked: int = 0
    now: float = 0.0

    async def reach(self) -> bool:
        self.asked += 1
        return self.reachable

    def health(self) -> Health:
        vitals = Vitals(lambda: self.late, lambda: self.unlisted, lambda: self.lag, self.reach)
        return Health(vitals, stuck_after=120, clock=lambda: self.now)


@pytest.mark.parametrize(
    ("late", "alive"),
    [
        pytest.param(0, True, id="on time"),
        pytest.param(120, True, id="as late as allowed"),
        pytest.param(121, False, id="later than allowed"),
    ],
)
def test_it_is_alive_while_evaluations_advance(late: float, alive: bool) -> None:
    assert isinstance(Body(late=late).health().alive(), Fine) is alive


def test_it_stays_alive_while_the_api_server_is_away() -> None:
    assert Body(reachable=False, lag=10_000, unlisted=("deployments",)).health().alive() == Fine()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(Body(unlisted=("deployments",)), "not listed yet: deployments", id="not everything was listed"),
        pytest.param(Body(lag=61), "a watch is 61 s behind", id="a watch does not return the operator's own writes"),
        pytest.param(Body(reachable=False), "the API server does not answer", id="the API server is away"),
    ],
)
async def test_it_is_not_ready_when(body: Body, reason: str) -> None:
    assert await body.health().ready() == Ill(reason)


async def test_it_is_ready_when_all_is_seen() -> None:
    assert await Body().health().ready() == Fine()


async def test_many_probes_ask_the_api_server_once() -> None:
    body = Body()
    health = body.health()
    for _ in range(5):
        await health.ready()
    assert body.asked == 1
    body.now, body.reachable = PROBE_SECONDS, False
    assert await health.ready() == Ill("the API server does not answer")


@pytest.fixture
def body() -> Body:
    return Body()


@pytest.fixture
async def url(body: Body) -> AsyncIterator[str]:
    registry = CollectorRegistry()
    Counter("hypercare_test", "One.", registry=registry).inc()
    server = HealthServer(body.health(), {"/metrics": registry}, Listen("127.0.0.1", 0))
    await server.start()
    yield f"http://127.0.0.1:{server.port}"
    await server.stop()


async def fetch(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def test_the_probes_answer_200_or_503_with_the_reason(url: str, body: Body) -> None:
    assert await fetch(f"{url}/healthz") == (200, "ok\n")
    assert await fetch(f"{url}/readyz") == (200, "ok\n")
    body.late, body.unlisted = 300, ("deployments",)
    assert await fetch(f"{url}/healthz") == (503, "the loop is 300 s behind\n")
    assert await fetch(f"{url}/readyz") == (503, "not listed yet: deployments\n")


async def test_metrics_are_served(url: str) -> None:
    status, text = await fetch(f"{url}/metrics")
    assert status == 200
    assert "hypercare_test_total 1.0" in text


async def test_nothing_else_is_served(url: str) -> None:
    assert (await fetch(f"{url}/"))[0] == 404


async def test_a_taken_address_is_an_error(url: str, body: Body) -> None:
    port = int(url.rpartition(":")[2])
    server = HealthServer(body.health(), {}, Listen("127.0.0.1", port))
    with pytest.raises(OSError, match="in use"):
        await server.start()
    await server.stop()
