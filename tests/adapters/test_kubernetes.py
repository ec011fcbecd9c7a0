"""The API adapter against a loopback server: what is sent, and what each kind of answer becomes."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from hypercare.adapters.access import Access, configure, credentials_of
from hypercare.adapters.kubernetes import ApiServer, Listing, Request
from hypercare.domain.objects import CONFIG_MAPS, DEPLOYMENTS, PERIODS, PROFILES, ObjectRef
from hypercare.ports import ApiError, Conflict, Forbidden, NotFound, Rejected, Unavailable

CHECKOUT = ObjectRef(PERIODS, "shop", "checkout")
PATH = "/apis/hypercare.dev/v1alpha1/namespaces/shop/hypercareperiods/checkout"
EMPTY = "the server rejected our request due to an error in our request"


@dataclass(frozen=True)
class Seen:
    """A request as the server saw it."""

    method: str
    path: str
    query: dict[str, str]
    content_type: str
    authorization: str
    body: Any


@dataclass
class FakeServer:
    """Records each request and gives the answers that were queued for it, or an empty object."""

    seen: list[Seen] = field(default_factory=list)
    answers: list[Callable[[], web.Response]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def answer(self, status: int = 200, body: object = None) -> None:
        self.answers.append(lambda: web.json_response(body if body is not None else {}, status=status))

    async def handle(self, request: web.Request) -> web.Response:
        text = await request.text()
        self.seen.append(
            Seen(
                request.method,
                request.path,
                dict(request.query),
                request.content_type,
                request.headers.get("Authorization", ""),
                json.loads(text) if text else None,
            )
        )
        if self.answers:
            return self.answers.pop(0)()
        await self.gate.wait()
        return web.json_response({})


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def observed() -> list[tuple[Request, int]]:
    return []


@pytest.fixture
async def api(server: FakeServer, observed: list[tuple[Request, int]], tmp_path: Path) -> AsyncIterator[ApiServer]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(kubeconfig(url)))
    access = Access(str(file), "test", timeout=0.5)
    async with await ApiServer.connect(access, lambda request, status, _: observed.append((request, status))) as api:
        yield api
    server.gate.set()
    await runner.cleanup()


def kubeconfig(url: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
        "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "other",
    }


async def test_a_read_names_the_object_and_brings_the_token(api: ApiServer, server: FakeServer) -> None:
    server.answer(body={"metadata": {"name": "checkout"}, "spec": {"unknownField": [1, None, 0.5]}})
    assert await api.get(CHECKOUT) == {"metadata": {"name": "checkout"}, "spec": {"unknownField": [1, None, 0.5]}}
    assert server.seen == [Seen("GET", PATH, {}, "application/json", "Bearer secret", None)]


@pytest.mark.parametrize(
    ("ref", "path"),
    [
        (ObjectRef(CONFIG_MAPS, "shop", "a"), "/api/v1/namespaces/shop/configmaps/a"),
        (ObjectRef(PROFILES, "", "default"), "/apis/hypercare.dev/v1alpha1/hypercareprofiles/default"),
        (ObjectRef(DEPLOYMENTS, "shop", "a"), "/apis/apps/v1/namespaces/shop/deployments/a"),
    ],
)
async def test_paths_of_core_grouped_and_cluster_scoped_resources(
    api: ApiServer, server: FakeServer, ref: ObjectRef, path: str
) -> None:
    server.answer()
    await api.get(ref)
    assert server.seen[0].path == path


async def test_a_status_is_applied_with_force_as_the_operators_own(api: ApiServer, server: FakeServer) -> None:
    server.answer()
    body = {"apiVersion": "hypercare.dev/v1alpha1", "kind": "HypercarePeriod", "status": {"phase": "Active"}}
    await api.apply_status(CHECKOUT, body)
    query = {"fieldManager": "hypercare", "force": "true"}
    expected = Seen("PATCH", f"{PATH}/status", query, "application/apply-patch+yaml", "Bearer secret", body)
    assert server.seen == [expected]


async def test_a_json_patch_is_sent_as_a_list_of_operations(api: ApiServer, server: FakeServer) -> None:
    server.answer()
    operations = [{"op": "test", "path": "/spec/minReplicas", "value": None}]
    await api.json_patch(CHECKOUT, operations)
    query = {"fieldManager": "hypercare"}
    expected = Seen("PATCH", PATH, query, "application/json-patch+json", "Bearer secret", operations)
    assert server.seen == [expected]


async def test_a_deletion_is_of_one_very_object(api: ApiServer, server: FakeServer) -> None:
    server.answer()
    await api.delete(CHECKOUT, "uid-1", "7")
    options = server.seen[0].body
    assert options["preconditions"] == {"uid": "uid-1", "resourceVersion": "7"}


async def test_deleting_what_is_gone_is_success(api: ApiServer, server: FakeServer) -> None:
    server.answer(404, {"message": "not found"})
    await api.delete(CHECKOUT, "uid-1")
    assert len(server.seen) == 1


async def test_a_list_is_read_to_its_end_and_its_items_get_their_kind(api: ApiServer, server: FakeServer) -> None:
    server.answer(body={"metadata": {"resourceVersion": "9", "continue": "next"}, "items": [{"metadata": {}}]})
    server.answer(body={"metadata": {"resourceVersion": "9"}, "items": [{"metadata": {"name": "b"}}]})
    listing = await api.listing(DEPLOYMENTS, "shop", labels="a=b")
    kind = {"apiVersion": "apps/v1", "kind": "Deployment"}
    assert listing == Listing(({**kind, "metadata": {}}, {**kind, "metadata": {"name": "b"}}), "9")
    assert [seen.query for seen in server.seen] == [
        {"limit": "500", "labelSelector": "a=b"},
        {"limit": "500", "labelSelector": "a=b", "continue": "next"},
    ]


@pytest.mark.parametrize(
    ("status", "details", "kind"),
    [
        pytest.param(400, {}, Rejected, id="a malformed body is final"),
        pytest.param(401, {}, Forbidden, id="a refused login"),
        pytest.param(403, {}, Forbidden, id="a refused permission"),
        pytest.param(404, {}, NotFound, id="a missing object"),
        pytest.param(409, {}, Conflict, id="a stale version or a taken name"),
        pytest.param(410, {}, Unavailable, id="an expired list"),
        pytest.param(413, {}, Rejected, id="a body that is too large"),
        pytest.param(422, {"kind": "HypercarePeriod", "causes": [{}]}, Rejected, id="an invalid object"),
        pytest.param(429, {}, Unavailable, id="too many requests"),
        pytest.param(500, {}, Unavailable, id="an error of the server"),
        pytest.param(503, {}, Unavailable, id="a server that is going down"),
        pytest.param(599, {}, Unavailable, id="a status that no standard names"),
    ],
)
async def test_each_refusal_becomes_the_error_that_the_loop_knows(
    api: ApiServer, server: FakeServer, status: int, details: dict[str, Any], kind: type[ApiError]
) -> None:
    server.answer(status, {"message": "the server's words", "details": details})
    with pytest.raises(kind, match="the server's words") as refusal:
        await api.create(CHECKOUT, {"spec": {}})
    assert type(refusal.value) is kind


@pytest.mark.parametrize(
    ("details", "kind"),
    [
        pytest.param({}, Conflict, id="a failed test tells no details: the object is another than expected"),
        pytest.param({"kind": "Deployment", "causes": [{}]}, Rejected, id="an invalid result names the fields"),
    ],
)
async def test_a_patch_that_does_not_fit_is_told_from_one_that_never_will(
    api: ApiServer, server: FakeServer, details: dict[str, Any], kind: type[ApiError]
) -> None:
    server.answer(422, {"message": EMPTY, "reason": "Invalid", "details": details})
    with pytest.raises(kind):
        await api.json_patch(CHECKOUT, [])


async def test_a_server_that_does_not_answer_in_time_is_unavailable(
    api: ApiServer, server: FakeServer, observed: list[tuple[Request, int]]
) -> None:
    with pytest.raises(Unavailable, match="got no answer"):
        await api.get(CHECKOUT)
    assert [status for _, status in observed] == [0]


async def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(kubeconfig("http://127.0.0.1:1")))
    async with await ApiServer.connect(Access(str(file), "test"), lambda *_: None) as api:
        with pytest.raises(Unavailable):
            await api.get(CHECKOUT)
        assert not await api.reachable()


async def test_an_answer_that_is_no_json_is_told_in_words(api: ApiServer, server: FakeServer) -> None:
    server.answers.append(lambda: web.Response(status=502, text="<html>bad gateway"))
    with pytest.raises(Unavailable, match="bad gateway"):
        await api.get(CHECKOUT)


async def test_discovery_tells_whether_a_resource_is_served(api: ApiServer, server: FakeServer) -> None:
    server.answer(body={"resources": [{"name": "hypercareperiods"}, {"name": "hypercareperiods/status"}]})
    server.answer(body={"resources": [{"name": "hypercareholds"}]})
    server.answer(404)
    assert [await api.serves(PERIODS), await api.serves(PERIODS), await api.serves(PERIODS)] == [True, False, False]


async def test_every_request_is_observed(
    api: ApiServer, server: FakeServer, observed: list[tuple[Request, int]]
) -> None:
    server.answer()
    server.answer(409)
    await api.get(CHECKOUT)
    with pytest.raises(Conflict):
        await api.create(CHECKOUT, {"spec": {}})
    found = [(request.verb, request.resource, status) for request, status in observed]
    assert found == [("get", "hypercareperiods", 200), ("create", "hypercareperiods", 409)]


async def test_kopf_gets_the_same_credentials(api: ApiServer) -> None:
    found = await api.credentials()
    assert found.token == "secret"
    assert found.server.startswith("http://127.0.0.1:")


async def test_in_a_pod_the_service_account_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token, authority = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("of-the-pod")
    authority.write_text("-")
    monkeypatch.setattr("kubernetes.aio.config.incluster_config.SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr("kubernetes.aio.config.incluster_config.SERVICE_CERT_FILENAME", str(authority))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    found = await credentials_of(await configure(Access()))
    assert (found.server, found.token, found.ca_path) == ("https://10.0.0.1:443", "of-the-pod", str(authority))


async def test_missing_credentials_are_refused_with_the_place_that_was_looked_at(tmp_path: Path) -> None:
    with pytest.raises(Forbidden, match="nowhere: there is no such file"):
        await ApiServer.connect(Access(str(tmp_path / "nowhere")), lambda *_: None)


async def test_a_kubeconfig_that_is_no_yaml_is_refused_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "broken"
    file.write_text("clusters: [")
    with pytest.raises(Forbidden, match="broken"):
        await ApiServer.connect(Access(str(file)), lambda *_: None)


async def test_an_unknown_context_is_refused_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(kubeconfig("http://127.0.0.1:1")))
    with pytest.raises(Forbidden, match="elsewhere"):
        await ApiServer.connect(Access(str(file), "elsewhere"), lambda *_: None)
