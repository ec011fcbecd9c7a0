"""How an endpoint is reached: what is sent to prove who asks, whom the client trusts, and that no secret gets out."""

import asyncio
import json
import logging
import os
import ssl
import tempfile
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import requests

import hypercare.adapters.tls
from hypercare.adapters.credentials import (
    ANONYMOUS,
    Basic,
    Bearer,
    ClientCertificate,
    Credentials,
    InvalidCredentials,
    credentials_of,
)
from hypercare.adapters.endpoints import Endpoints
from hypercare.adapters.prometheus import PrometheusSource
from hypercare.adapters.prometheus_session import Transport
from hypercare.adapters.secret_reader import SecretReader
from hypercare.adapters.tls import tls_context
from hypercare.domain.endpoint import Endpoint
from hypercare.domain.objects import SECRETS, ObjectRef
from hypercare.domain.samples import Answer, FailureKind, InstantQuery, QueryFailed, RangeQuery, Result
from tests.adapters.certificates import Authority, Pair, server_context
from tests.adapters.prometheus_server import Admission, Parameters, Response, error, grid, matrix, serving
from tests.unit.api_server import FakeApiServer

QUERY = RangeQuery("up", 1000, 1040, 10)
MARKER = "m4rk3r-0f-a-s3cr3t"
TRUSTED = Authority("the authority of these tests")
STRANGER = Authority("another authority")
SERVER = TRUSTED.issue("prometheus", "127.0.0.1", "localhost")
CLIENT = TRUSTED.issue("operator")


def healthy(parameters: Parameters) -> Response:
    return matrix([{"metric": {}, "values": grid(parameters)}])


def expecting(header: str) -> Admission:
    def admission(headers: Mapping[str, str]) -> Response | None:
        return None if headers.get("Authorization", "") == header else Response(401, b"Unauthorized\n")

    return admission


def mutual(pair: Pair) -> Credentials:
    return Credentials(certificate=ClientCertificate(pair.certificate, pair.key))


@asynccontextmanager
async def source_of(endpoint: Endpoint, credentials: Credentials = ANONYMOUS) -> AsyncIterator[PrometheusSource]:
    source = PrometheusSource(endpoint, credentials)
    try:
        yield source
    finally:
        source.close()


async def ask(endpoint: Endpoint, credentials: Credentials = ANONYMOUS) -> Result:
    async with source_of(endpoint, credentials) as source:
        return await source.range(QUERY)


def basic(username: str, password: str) -> str:
    return f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"


# --- who asks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "header"),
    [
        pytest.param({}, "", id="nobody"),
        pytest.param({"username": "op", "password": "p:w"}, basic("op", "p:w"), id="user and password"),
        pytest.param({"username": "öp", "password": "pässwörd €"}, basic("öp", "pässwörd €"), id="beyond ASCII"),
        pytest.param({"token": "abc.def-_~+/="}, "Bearer abc.def-_~+/=", id="token"),
        pytest.param({"token": "abc\n"}, "Bearer abc", id="token with a line break at its end"),
    ],
)
async def test_the_header_that_the_endpoint_expects_is_sent(keys: Mapping[str, str], header: str) -> None:
    with serving(healthy, expecting(header)) as served:
        result = await ask(Endpoint(served.url), credentials_of(keys) if keys else ANONYMOUS)
    assert isinstance(result, Answer)


async def test_tenants_are_named_by_headers() -> None:
    with serving(healthy) as served:
        headers = (("THANOS-Tenant", "shop"), ("X-Scope-OrgID", "shop|billing"))
        await ask(Endpoint(served.url, headers=headers), Credentials(Bearer("abc")))
    sent = served.headers[0]
    assert (sent["THANOS-Tenant"], sent["X-Scope-OrgID"]) == ("shop", "shop|billing")
    assert sent["Authorization"] == "Bearer abc"


async def test_the_path_of_a_tenant_stays_in_front_of_the_api() -> None:
    with serving(healthy) as served:
        await ask(Endpoint(f"{served.url}/select/0/prometheus"))
    assert served.paths == ["/select/0/prometheus/api/v1/query_range"]


@pytest.mark.parametrize("credentials", [ANONYMOUS, Credentials(Bearer("old")), Credentials(Basic("op", "old"))])
async def test_others_are_refused_and_told_so(credentials: Credentials) -> None:
    with serving(healthy, expecting("Bearer new")) as served:
        result = await ask(Endpoint(served.url), credentials)
    assert result == QueryFailed(FailureKind.UNAUTHORIZED, "Prometheus at 127.0.0.1 refused: 401 Unauthorized")


async def test_the_environment_adds_neither_proxy_nor_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with serving(healthy) as served:
        assert isinstance(await ask(Endpoint(served.url)), Answer)
    assert "Authorization" not in served.headers[0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_credentials_do_not_follow_a_redirect(status: int) -> None:
    with serving(healthy) as elsewhere:
        aside = Response(status, headers={"Location": f"{elsewhere.url}/api/v1/query_range?query=up"})
        with serving(lambda _: aside) as served:
            result = await ask(Endpoint(served.url), Credentials(Bearer(MARKER)))
    assert isinstance(result, QueryFailed)
    assert result.message == "Prometheus at 127.0.0.1 redirects to 127.0.0.1, which is not followed"
    assert elsewhere.asked == []


# --- TLS -------------------------------------------------------------------------------------------------------------


async def test_a_private_authority_is_trusted_when_it_is_named(tmp_path: Path) -> None:
    with serving(healthy, tls=server_context(SERVER, tmp_path)) as served:
        assert isinstance(await ask(Endpoint(served.url, ca_bundle=TRUSTED.certificate)), Answer)


async def test_a_bundle_may_hold_several_authorities(tmp_path: Path) -> None:
    bundle = f"# first\n{STRANGER.certificate}\n# second\n{TRUSTED.certificate}"
    with serving(healthy, tls=server_context(SERVER, tmp_path)) as served:
        assert isinstance(await ask(Endpoint(served.url, ca_bundle=bundle)), Answer)


@pytest.mark.parametrize(
    ("pair", "bundle", "says"),
    [
        pytest.param(SERVER, "", "unable to get local issuer certificate", id="none named"),
        pytest.param(SERVER, STRANGER.certificate, "unable to get local issuer certificate", id="another one named"),
        pytest.param(
            TRUSTED.issue("prometheus", "prometheus.monitoring"), TRUSTED.certificate, "IP address", id="another name"
        ),
    ],
)
async def test_a_server_that_is_not_trusted_gets_nothing(pair: Pair, bundle: str, says: str, tmp_path: Path) -> None:
    with serving(healthy, tls=server_context(pair, tmp_path)) as served:
        result = await ask(Endpoint(served.url, ca_bundle=bundle), Credentials(Bearer(MARKER)))
    assert isinstance(result, QueryFailed)
    assert result.kind is FailureKind.UNREACHABLE
    assert "over TLS: its certificate is not trusted" in result.message
    assert says in result.message
    assert served.headers == []


async def test_a_public_authority_does_not_count_beside_a_named_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    public = tmp_path / "public.crt"
    public.write_text(TRUSTED.certificate)
    for module in (requests.adapters, hypercare.adapters.tls):
        monkeypatch.setattr(module, "DEFAULT_CA_BUNDLE_PATH", str(public))
    with serving(healthy, tls=server_context(SERVER, tmp_path)) as served:
        assert isinstance(await ask(Endpoint(served.url)), Answer)
        assert isinstance(await ask(Endpoint(served.url, ca_bundle=STRANGER.certificate)), QueryFailed)


def test_what_requests_would_trust_is_no_property_of_a_connection() -> None:
    request = requests.Request("GET", "https://prometheus:9090/api/v1/query").prepare()
    transport = Transport(tls_context(TRUSTED.certificate, ANONYMOUS.certificate))
    host = {"scheme": "https", "host": "prometheus", "port": 9090}
    assert transport.build_connection_pool_key_attributes(request, True) == (host, {})


def test_a_context_holds_the_named_authorities_or_the_public_ones() -> None:
    assert len(tls_context(TRUSTED.certificate, ANONYMOUS.certificate).get_ca_certs()) == 1
    assert len(tls_context("", ANONYMOUS.certificate).get_ca_certs()) > 50


async def test_a_client_certificate_lets_in(tmp_path: Path) -> None:
    with serving(healthy, tls=server_context(SERVER, tmp_path, TRUSTED.certificate)) as served:
        assert isinstance(await ask(Endpoint(served.url, ca_bundle=TRUSTED.certificate), mutual(CLIENT)), Answer)


async def test_a_client_certificate_may_come_with_a_token(tmp_path: Path) -> None:
    credentials = replace(mutual(CLIENT), authorization=Bearer("abc"))
    tls = server_context(SERVER, tmp_path, TRUSTED.certificate)
    with serving(healthy, expecting("Bearer abc"), tls) as served:
        assert isinstance(await ask(Endpoint(served.url, ca_bundle=TRUSTED.certificate), credentials), Answer)


@pytest.mark.parametrize(
    "credentials",
    [
        pytest.param(Credentials(Bearer(MARKER)), id="none"),
        pytest.param(mutual(STRANGER.issue("operator")), id="of another authority"),
    ],
)
async def test_a_client_without_the_right_certificate_is_kept_out(credentials: Credentials, tmp_path: Path) -> None:
    with serving(healthy, tls=server_context(SERVER, tmp_path, TRUSTED.certificate)) as served:
        result = await ask(Endpoint(served.url, ca_bundle=TRUSTED.certificate), credentials)
    assert isinstance(result, QueryFailed)
    assert result.kind is FailureKind.UNREACHABLE
    assert "it may ask for a client certificate" in result.message
    assert served.asked == []


async def test_plain_http_on_a_port_of_https_is_no_connection() -> None:
    with serving(healthy) as served:
        result = await ask(Endpoint(served.url.replace("http:", "https:"), ca_bundle=TRUSTED.certificate))
    assert isinstance(result, QueryFailed)
    assert result.kind is FailureKind.UNREACHABLE
    assert "it does not speak TLS at this port" in result.message


def test_a_client_certificate_without_tls_is_a_mistake() -> None:
    with pytest.raises(InvalidCredentials, match="which an http address never asks for"):
        PrometheusSource(Endpoint("http://prometheus:9090"), replace(mutual(CLIENT), authorization=Bearer("abc")))


@pytest.mark.parametrize("memory", [True, False], ids=["in memory", "without files in memory"])
def test_nothing_of_a_private_key_stays_behind(memory: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    if not memory:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else 0
    for _ in range(3):
        tls_context(TRUSTED.certificate, ClientCertificate(CLIENT.certificate, CLIENT.key))
        with pytest.raises(InvalidCredentials):
            tls_context(TRUSTED.certificate, ClientCertificate(CLIENT.certificate, SERVER.key))
    assert list(tmp_path.iterdir()) == []
    assert before == (len(os.listdir("/proc/self/fd")) if before else 0)


@pytest.mark.parametrize(
    ("certificate", "key", "says"),
    [
        pytest.param(CLIENT.certificate, SERVER.key, "KEY_VALUES_MISMATCH", id="of another pair"),
        pytest.param(CLIENT.certificate, MARKER, "cannot be used", id="no key"),
        pytest.param(MARKER, CLIENT.key, "cannot be used", id="no certificate"),
        pytest.param(
            CLIENT.certificate,
            "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
            "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAAAAAAAAAAAAAAAAAAAA==\n"
            "-----END EC PRIVATE KEY-----\n",
            "has an encrypted tls.key: store it without a password",
            id="encrypted",
        ),
    ],
)
def test_a_pair_that_cannot_be_used_is_told_without_its_content(certificate: str, key: str, says: str) -> None:
    pair = ClientCertificate(certificate, key)
    with pytest.raises(InvalidCredentials, match=says) as refusal:
        tls_context("", pair)
    assert MARKER not in f"{refusal.value!r} {pair!r}"


# --- rotation --------------------------------------------------------------------------------------------------------


def secret(**keys: str) -> dict[str, object]:
    return {"data": {name.replace("_", "."): b64encode(value.encode()).decode() for name, value in keys.items()}}


async def test_a_rotated_token_heals_within_the_very_query() -> None:
    server, ref = FakeApiServer(), ObjectRef(SECRETS, "hypercare-system", "prom-auth")
    server.objects[ref] = secret(token="old")
    now = [0.0]
    outcomes: list[Result] = []
    endpoints = Endpoints(
        PrometheusSource,
        SecretReader(server, "hypercare-system", lambda: now[0]),
        lambda _, result, __: outcomes.append(result),
    )
    valid = ["Bearer old"]

    def admission(headers: Mapping[str, str]) -> Response | None:
        return expecting(valid[0])(headers)

    try:
        with serving(healthy, admission) as served:
            source = endpoints.source(Endpoint(served.url, secret="prom-auth"))
            assert isinstance(await source.range(QUERY), Answer)
            valid[0], server.objects[ref], now[0] = "Bearer new", secret(token="new"), 10
            assert isinstance(await source.range(replace(QUERY, expr="up + 1")), Answer)
            assert isinstance(await source.range(replace(QUERY, expr="up + 2")), Answer)
    finally:
        endpoints.close()
    assert [headers["Authorization"] for headers in served.headers] == ["Bearer old"] * 2 + ["Bearer new"] * 2
    assert [isinstance(outcome, Answer) for outcome in outcomes] == [True, False, True, True]
    assert server.reads == 2


async def test_an_open_circuit_does_not_keep_a_rotation_from_healing() -> None:
    server, ref = FakeApiServer(), ObjectRef(SECRETS, "hypercare-system", "prom-auth")
    server.objects[ref] = secret(username="op", password="old")
    now = [0.0]
    endpoints = Endpoints(PrometheusSource, SecretReader(server, "hypercare-system", lambda: now[0]), lambda *_: None)
    try:
        with serving(healthy, expecting(basic("op", "new"))) as served:
            source = endpoints.source(Endpoint(served.url, secret="prom-auth"))
            for number in range(10):
                refused = await source.instant(InstantQuery(f"up + {number}", 1000))
                assert isinstance(refused, QueryFailed)
            assert len(served.asked) == 5
            server.objects[ref], now[0] = secret(username="op", password="new"), 10
            assert isinstance(await source.range(QUERY), Answer)
    finally:
        endpoints.close()


# --- no secret gets out ----------------------------------------------------------------------------------------------

ECHOES = {
    "an API error": lambda text: error(400, "bad_data", f"what is {text}"),
    "an error of execution": lambda text: error(422, "execution", f"what is {text}"),
    "a refusal": lambda text: error(401, "unauthorized", f"invalid token {text}"),
    "a refusal as plain text": lambda text: Response(403, text.encode(), {"Content-Type": "text/plain"}),
    "a failure": lambda text: error(500, "internal", text),
    "an overload": lambda text: Response(
        429, json.dumps({"status": "error", "error": text}).encode(), {"Retry-After": text}
    ),
    "a timeout": lambda text: error(503, "timeout", text),
    "a redirect": lambda text: Response(302, headers={"Location": f"https://{text.split()[-1]}/?{text}"}),
    "a warning": lambda text: matrix([], warnings=[f"cannot open store with {text}"]),
    "a page": lambda text: Response(200, f"<html>{text}</html>".encode()),
    "a status of its own": lambda text: Response(418, text.encode(), {"Content-Type": "text/plain"}),
}
MARKED = [
    pytest.param(Credentials(Bearer(MARKER)), id="token"),
    pytest.param(Credentials(Basic("op", MARKER)), id="password"),
    pytest.param(replace(mutual(CLIENT), authorization=Bearer(MARKER)), id="token and certificate"),
]


@pytest.mark.parametrize("credentials", MARKED)
@pytest.mark.parametrize("echo", ECHOES)
async def test_whatever_is_answered_no_secret_is_told(
    echo: str,
    credentials: Credentials,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "requests", "aiohttp"):
        logging.getLogger(name).setLevel(logging.DEBUG)

    def echoed(headers: Mapping[str, str]) -> Response:
        return ECHOES[echo](headers["Authorization"])

    with serving(healthy, echoed, server_context(SERVER, tmp_path)) as served:
        endpoint = Endpoint(served.url, ca_bundle=TRUSTED.certificate)
        async with source_of(endpoint, credentials) as source:
            results = [await source.range(QUERY), await source.instant(InstantQuery("up", 1000))]
            shown = f"{results!r} {results} {source!r} {vars(source)!r} {endpoint!r} {credentials!r}"
    captured = capfd.readouterr()
    everything = "\n".join((shown, caplog.text, captured.out, captured.err))
    assert served.headers
    for hidden in (MARKER, credentials.header.split()[-1], CLIENT.key.splitlines()[1]):
        assert hidden not in everything


@pytest.mark.parametrize("credentials", MARKED)
async def test_nobody_there_to_tell(credentials: Credentials, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    result = await ask(Endpoint("https://127.0.0.1:9", 2), credentials)
    assert isinstance(result, QueryFailed)
    assert MARKER not in f"{result!r} {caplog.text}"


async def test_asking_for_credentials_does_not_block_the_loop() -> None:
    """The Secret is read by the event loop's own client, so others go on meanwhile."""
    released = asyncio.Event()

    class SlowServer(FakeApiServer):
        async def get(self, ref: ObjectRef) -> Mapping[str, object]:
            await released.wait()
            return secret(token="abc")

    endpoints = Endpoints(PrometheusSource, SecretReader(SlowServer(), "own", time.monotonic), lambda *_: None)
    try:
        with serving(healthy, expecting("Bearer abc")) as served:
            asking = [
                asyncio.create_task(endpoints.source(Endpoint(served.url, secret="s")).range(QUERY)) for _ in range(3)
            ]
            await asyncio.sleep(0)
            assert not any(task.done() for task in asking)
            released.set()
            assert all(isinstance(result, Answer) for result in await asyncio.gather(*asking))
    finally:
        endpoints.close()


def test_the_tls_of_a_client_verifies_names_and_certificates() -> None:
    context = tls_context(TRUSTED.certificate, ANONYMOUS.certificate)
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
