"""The API adapter against a real API server: the answers that the loop's safety rests on."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hypercare.adapters.access import Access
from hypercare.adapters.events import ApiEvents
from hypercare.adapters.kubernetes import ApiServer
from hypercare.domain.objects import AUTOSCALERS, CONFIG_MAPS, PERIODS, PROMETHEUS_RULES, ObjectRef, Resource
from hypercare.ports import Conflict, NotFound, Rejected
from tests.cluster.cluster import Cluster

pytestmark = pytest.mark.cluster
UNSERVED = Resource("nowhere.example", "v1", "things", "Thing")
PERIOD_SPEC = {"release": {"version": "2.4.0"}, "targets": [{"kind": "Deployment", "name": "web"}]}


@pytest.fixture
async def api(cluster: Cluster) -> AsyncIterator[ApiServer]:
    async with await ApiServer.connect(Access(str(cluster.kubeconfig)), lambda *_: None) as api:
        yield api


@pytest.fixture
def config_map(namespace: str) -> ObjectRef:
    return ObjectRef(CONFIG_MAPS, namespace, "notes")


def notes(ref: ObjectRef, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": ref.name}, "data": data}


async def autoscaler(api: ApiServer, namespace: str) -> tuple[ObjectRef, dict[str, Any]]:
    ref = ObjectRef(AUTOSCALERS, namespace, "web")
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    body = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 6},
    }
    return ref, dict(await api.create(ref, body))


async def test_an_object_is_created_once(api: ApiServer, config_map: ObjectRef) -> None:
    await api.create(config_map, notes(config_map, a="1"))
    with pytest.raises(Conflict, match="already exists"):
        await api.create(config_map, notes(config_map, a="2"))
    assert (await api.get(config_map))["data"] == {"a": "1"}


async def test_a_replace_with_a_stale_version_is_a_conflict(api: ApiServer, config_map: ObjectRef) -> None:
    first = await api.create(config_map, notes(config_map, a="1"))
    await api.replace(config_map, {**first, "data": {"a": "2"}})
    with pytest.raises(Conflict):
        await api.replace(config_map, {**first, "data": {"a": "3"}})
    assert (await api.get(config_map))["data"] == {"a": "2"}


@pytest.mark.parametrize(
    "test",
    [
        pytest.param({"path": "/spec/minReplicas", "value": 99}, id="another value"),
        pytest.param({"path": "/metadata/uid", "value": "another"}, id="another object"),
        pytest.param({"path": "/metadata/resourceVersion", "value": "1"}, id="another version"),
        pytest.param({"path": "/spec/behavior/scaleDown", "value": 1}, id="a field that is not there"),
    ],
)
async def test_a_patch_on_another_object_than_expected_is_a_conflict(
    api: ApiServer, namespace: str, test: dict[str, Any]
) -> None:
    ref, body = await autoscaler(api, namespace)
    with pytest.raises(Conflict):
        await api.json_patch(ref, [{"op": "test", **test}, {"op": "replace", "path": "/spec/minReplicas", "value": 4}])
    assert (await api.get(ref))["spec"] == body["spec"]


async def test_a_patch_with_a_stale_version_written_is_a_conflict(api: ApiServer, namespace: str) -> None:
    ref, _ = await autoscaler(api, namespace)
    with pytest.raises(Conflict):
        await api.json_patch(ref, [{"op": "replace", "path": "/metadata/resourceVersion", "value": "1"}])


async def test_a_patch_to_an_invalid_object_is_final(api: ApiServer, namespace: str) -> None:
    ref, _ = await autoscaler(api, namespace)
    with pytest.raises(Rejected, match="maxReplicas"):
        await api.json_patch(ref, [{"op": "replace", "path": "/spec/minReplicas", "value": 40}])


async def test_a_patch_that_fits_is_written_and_returned(api: ApiServer, namespace: str) -> None:
    ref, body = await autoscaler(api, namespace)
    uid = {"op": "test", "path": "/metadata/uid", "value": body["metadata"]["uid"]}
    written = await api.json_patch(ref, [uid, {"op": "replace", "path": "/spec/minReplicas", "value": 4}])
    assert written["spec"]["minReplicas"] == 4
    managers = {entry["manager"] for entry in (await api.get(ref))["metadata"]["managedFields"]}
    assert "hypercare" in managers


async def test_an_invalid_object_is_refused_by_the_name_of_its_field(api: ApiServer, namespace: str) -> None:
    ref = ObjectRef(PERIODS, namespace, "web")
    body = {"apiVersion": PERIODS.api_version, "kind": PERIODS.kind, "metadata": {"name": "web"}}
    with pytest.raises(Rejected, match=r"spec\.mode"):
        await api.create(ref, {**body, "spec": {**PERIOD_SPEC, "mode": "Sometimes"}})


async def test_a_status_is_applied_as_a_whole_and_compared_with_its_version(api: ApiServer, namespace: str) -> None:
    ref = ObjectRef(PERIODS, namespace, "web")
    body = {"apiVersion": PERIODS.api_version, "kind": PERIODS.kind, "metadata": {"name": "web"}}
    created = await api.create(ref, {**body, "spec": PERIOD_SPEC})
    versioned = {"name": "web", "resourceVersion": created["metadata"]["resourceVersion"]}
    await api.apply_status(ref, {**body, "metadata": versioned, "status": {"phase": "Pending", "stage": "elevated"}})
    with pytest.raises(Conflict):
        await api.apply_status(ref, {**body, "metadata": versioned, "status": {"phase": "Active"}})
    written = await api.apply_status(ref, {**body, "status": {"phase": "Preparing"}})
    assert written["status"]["phase"] == "Preparing"
    assert "stage" not in written["status"]
    assert written["spec"] == created["spec"]


async def test_only_the_very_object_is_deleted(api: ApiServer, config_map: ObjectRef) -> None:
    created = await api.create(config_map, notes(config_map, a="1"))
    metadata = created["metadata"]
    with pytest.raises(Conflict):
        await api.delete(config_map, "another")
    with pytest.raises(Conflict):
        await api.delete(config_map, metadata["uid"], "1")
    await api.delete(config_map, metadata["uid"], metadata["resourceVersion"])
    await api.delete(config_map, metadata["uid"])
    with pytest.raises(NotFound):
        await api.get(config_map)


async def test_a_list_of_many_is_complete_and_of_one_version(api: ApiServer, namespace: str) -> None:
    for number in range(7):
        ref = ObjectRef(CONFIG_MAPS, namespace, f"n{number}")
        await api.create(ref, {**notes(ref), "metadata": {"name": ref.name, "labels": {"odd": str(number % 2)}}})
    listing = await api.listing(CONFIG_MAPS, namespace)
    assert {f"n{number}" for number in range(7)} <= {item["metadata"]["name"] for item in listing.items}
    assert {item["kind"] for item in listing.items} == {"ConfigMap"}
    newest = max(int(item["metadata"]["resourceVersion"]) for item in listing.items)
    assert int(listing.version) >= newest
    odd = await api.list(CONFIG_MAPS, namespace, labels="odd=1")
    assert sorted(item["metadata"]["name"] for item in odd) == ["n1", "n3", "n5"]


async def test_what_is_served_is_told(api: ApiServer) -> None:
    served = [await api.serves(resource) for resource in (PERIODS, CONFIG_MAPS, PROMETHEUS_RULES, UNSERVED)]
    assert served == [True, True, True, False]
    with pytest.raises(NotFound):
        await api.list(UNSERVED)


async def test_an_event_is_shown_by_kubectl_describe(api: ApiServer, cluster: Cluster, namespace: str) -> None:
    ref = ObjectRef(PERIODS, namespace, "web")
    body = {"apiVersion": PERIODS.api_version, "kind": PERIODS.kind, "metadata": {"name": "web"}}
    created = await api.create(ref, {**body, "spec": PERIOD_SPEC})
    await ApiEvents(api).post(created, warning=True, reason="Regressed", message="errors is at 0.2, bound 0.01")
    shown = cluster.kubectl("describe", "hypercareperiod", "web", "-n", namespace).splitlines()
    (line,) = [each for each in shown if "Regressed" in each]
    assert line.split()[:2] == ["Warning", "Regressed"]
    assert line.split()[3] == "hypercare"
    assert line.endswith("errors is at 0.2, bound 0.01")
