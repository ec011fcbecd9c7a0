"""The marker that a drain leaves, and the gate that keeps a running operator from writing while it is there."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from hypercare.domain.objects import CONFIG_MAPS, PROMETHEUS_RULES, ObjectRef
from hypercare.domain.standstill import marker_ref, render_marker, still_until
from hypercare.drain.standstill import LOOK_SECONDS, StandstillGate
from hypercare.ports import Conflict, Forbidden, Unavailable
from tests.unit.api_server import FakeApiServer

NOW = 1_800_000_000
OWN = "hypercare-system"
MARKER = marker_ref(OWN)
RULES = ObjectRef(PROMETHEUS_RULES, "shop", "hypercare-checkout")
BODY = {"metadata": {"name": RULES.name, "namespace": RULES.namespace}, "spec": {}}


@dataclass
class Cluster:
    """An API server, and a gate in front of it; time passes only as a test says."""

    server: FakeApiServer = field(default_factory=FakeApiServer)
    now: float = NOW
    own: str = OWN

    def __post_init__(self) -> None:
        self.gate = StandstillGate(self.server, self.own, lambda: self.now, lambda: self.now)

    async def mark(self, seconds: int = 600) -> None:
        await self.server.create(MARKER, render_marker(OWN, int(self.now) + seconds))

    async def write(self) -> None:
        await self.gate.create(RULES, BODY)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_a_marker_tells_until_when() -> None:
    assert still_until(render_marker(OWN, NOW)) == NOW
    assert ObjectRef(CONFIG_MAPS, OWN, "hypercare-drain") == MARKER


@pytest.mark.parametrize("data", [None, {}, {"until": ""}, {"until": "tomorrow"}])
def test_a_marker_without_an_end_keeps_nobody(data: Any) -> None:
    assert still_until({"data": data}) == 0


async def test_without_a_marker_every_write_goes_through(cluster: Cluster) -> None:
    await cluster.write()
    assert RULES in cluster.server.objects
    assert await cluster.gate.shut_for() == 0


async def test_with_a_marker_nothing_is_written_and_everything_is_read(cluster: Cluster) -> None:
    cluster.server.put(RULES, {})
    body = await cluster.gate.get(RULES)
    await cluster.mark()
    before = list(cluster.server.writes)
    for write in (
        cluster.gate.create(RULES, BODY),
        cluster.gate.replace(RULES, body),
        cluster.gate.json_patch(RULES, ()),
        cluster.gate.apply_status(RULES, body),
        cluster.gate.delete(RULES, body["metadata"]["uid"]),
    ):
        with pytest.raises(Unavailable, match="standing still until 2027-"):
            await write
    assert cluster.server.writes == before
    assert [await cluster.gate.get(RULES)] == list(await cluster.gate.list(PROMETHEUS_RULES))
    assert 0 < await cluster.gate.shut_for() <= LOOK_SECONDS


async def test_a_marker_is_noticed_by_the_first_write_that_is_later_than_a_look(cluster: Cluster) -> None:
    await cluster.write()
    await cluster.mark()
    with pytest.raises(Conflict):
        await cluster.write()
    cluster.now += LOOK_SECONDS
    with pytest.raises(Unavailable):
        await cluster.write()


async def test_it_goes_on_when_the_marker_is_deleted(cluster: Cluster) -> None:
    await cluster.mark()
    with pytest.raises(Unavailable):
        await cluster.write()
    cluster.server.remove(MARKER)
    assert await cluster.gate.shut_for() > 0
    cluster.now += LOOK_SECONDS
    assert await cluster.gate.shut_for() == 0
    await cluster.write()


async def test_it_goes_on_when_the_marker_has_ended(cluster: Cluster) -> None:
    await cluster.mark(60)
    with pytest.raises(Unavailable):
        await cluster.write()
    cluster.now += 60
    assert await cluster.gate.shut_for() == 0
    await cluster.write()


async def test_an_operator_at_rest_asks_for_nothing_and_a_busy_one_seldom(cluster: Cluster) -> None:
    for _ in range(100):
        assert await cluster.gate.shut_for() == 0
    assert cluster.server.reads == 0
    await cluster.write()
    for _ in range(100):
        with pytest.raises(Conflict):
            await cluster.write()
    assert cluster.server.reads == 1


async def test_without_a_namespace_of_its_own_nobody_can_stop_it() -> None:
    cluster = Cluster(own="")
    await cluster.mark()
    await cluster.write()
    assert cluster.server.reads == 0


async def test_an_account_that_may_not_look_is_not_stopped_and_tells_it_once(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def forbidden(_: ObjectRef) -> None:
        raise Forbidden("cannot get resource")

    monkeypatch.setattr(cluster.server, "get", forbidden)
    await cluster.write()
    assert RULES in cluster.server.objects
    cluster.now += LOOK_SECONDS
    await cluster.gate.replace(RULES, BODY)
    told = (
        "Cannot see whether hypercare is being drained, and go on: "
        "cannot get resource: apply the RBAC of manifests/install"
    )
    assert caplog.text.count(told) == 1
