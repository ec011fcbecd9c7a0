"""Events: what kubectl shows, within a budget, and never in the way."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from hypercare.adapters.events import BURST, MESSAGE_LIMIT, REFILL_SECONDS, ApiEvents
from hypercare.domain.objects import ObjectRef, Resource
from hypercare.ports import FIELD_MANAGER, Body, Unavailable

PERIOD: dict[str, Any] = {
    "apiVersion": "hypercare.dev/v1alpha1",
    "kind": "HypercarePeriod",
    "metadata": {"name": "checkout", "namespace": "shop", "uid": "uid-1", "resourceVersion": "7"},
}


class Created:
    """An API server that only takes note of what is created, or is away."""

    def __init__(self) -> None:
        self.bodies: list[Body] = []
        self.away = False

    async def create(self, ref: ObjectRef, body: Body) -> Body:
        if self.away:
            raise Unavailable("the API server is away")
        self.bodies.append(body)
        return body

    async def get(self, ref: ObjectRef) -> Body:
        raise NotImplementedError

    async def list(self, resource: Resource, namespace: str = "", labels: str = "", fields: str = "") -> Sequence[Body]:
        raise NotImplementedError

    async def replace(self, ref: ObjectRef, body: Body) -> Body:
        raise NotImplementedError

    async def json_patch(
        self, ref: ObjectRef, operations: Sequence[Mapping[str, Any]], manager: str = FIELD_MANAGER
    ) -> Body:
        raise NotImplementedError

    async def apply_status(self, ref: ObjectRef, body: Body) -> Body:
        raise NotImplementedError

    async def delete(self, ref: ObjectRef, uid: str, resource_version: str = "") -> None:
        raise NotImplementedError


@pytest.fixture
def api() -> Created:
    return Created()


async def test_an_event_names_its_object_its_source_and_its_time(api: Created) -> None:
    await ApiEvents(api, clock=lambda: 1_800_000_000.5).post(PERIOD, warning=True, reason="Regressed", message="bad")
    (body,) = api.bodies
    assert body["involvedObject"] == {
        "apiVersion": "hypercare.dev/v1alpha1",
        "kind": "HypercarePeriod",
        "namespace": "shop",
        "name": "checkout",
        "uid": "uid-1",
        "resourceVersion": "7",
    }
    assert body["metadata"]["namespace"] == "shop"
    assert (body["type"], body["reason"], body["message"]) == ("Warning", "Regressed", "bad")
    assert body["source"] == {"component": "hypercare"}
    assert body["firstTimestamp"] == body["lastTimestamp"] == "2027-01-15T08:00:00Z"


async def test_an_event_on_a_cluster_scoped_object_goes_to_the_default_namespace(api: Created) -> None:
    profile = {**PERIOD, "kind": "HypercareProfile", "metadata": {"name": "default", "uid": "uid-2"}}
    await ApiEvents(api).post(profile, warning=False, reason="Used", message="ok")
    assert api.bodies[0]["metadata"]["namespace"] == "default"
    assert api.bodies[0]["type"] == "Normal"


async def test_events_of_the_same_moment_have_names_of_their_own(api: Created) -> None:
    events = ApiEvents(api, clock=lambda: 5.0)
    for _ in range(3):
        await events.post(PERIOD, warning=False, reason="A", message="a")
    assert len({body["metadata"]["name"] for body in api.bodies}) == 3


async def test_a_long_message_is_cut_to_what_the_api_accepts(api: Created) -> None:
    await ApiEvents(api).post(PERIOD, warning=False, reason="A", message="x" * 5000)
    assert len(api.bodies[0]["message"]) == MESSAGE_LIMIT


async def test_a_flapping_object_spends_its_budget_and_nobody_elses(api: Created) -> None:
    now = 0.0
    events = ApiEvents(api, clock=lambda: now)
    for _ in range(BURST + 10):
        await events.post(PERIOD, warning=False, reason="A", message="a")
    assert len(api.bodies) == BURST
    other = {**PERIOD, "metadata": {**PERIOD["metadata"], "uid": "uid-2"}}
    await events.post(other, warning=False, reason="A", message="a")
    assert len(api.bodies) == BURST + 1
    now = REFILL_SECONDS
    for _ in range(5):
        await events.post(PERIOD, warning=False, reason="A", message="a")
    assert len(api.bodies) == BURST + 2


async def test_an_event_that_cannot_be_posted_is_logged_only(api: Created, caplog: pytest.LogCaptureFixture) -> None:
    api.away = True
    await ApiEvents(api).post(PERIOD, warning=False, reason="A", message="a")
    assert "Could not post an Event: the API server is away" in caplog.text
