"""A real Prometheus that speaks TLS only, asks for a client certificate and for a password (`--web.config.file`)."""

import asyncio
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from hypercare.adapters.credentials import ANONYMOUS, Basic, Credentials, credentials_of
from hypercare.adapters.prometheus import PrometheusSource
from hypercare.domain.endpoint import Endpoint
from hypercare.domain.samples import Answer, FailureKind, InstantQuery, QueryFailed, Result, Sample, Series
from tests.adapters.certificates import Authority
from tests.cluster.layout import free_ports
from tests.cluster.programs import find_programs

pytestmark = pytest.mark.cluster

AUTHORITY = Authority("the authority of these tests")
CLIENT = AUTHORITY.issue("operator")
CERTIFICATE = {"tls.crt": CLIENT.certificate, "tls.key": CLIENT.key}
# Of the password `test`, from https://prometheus.io/docs/guides/basic-auth/: Python has no bcrypt of its own.
HASHES = {"admin": "$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay"}
RIGHT = credentials_of({"username": "admin", "password": "test", **CERTIFICATE})
STARTING_SECONDS = 60


def ask(endpoint: Endpoint, credentials: Credentials) -> Result:
    async def once() -> Result:
        source = PrometheusSource(endpoint, credentials)
        try:
            return await source.instant(InstantQuery("vector(7)", 1_750_000_000))
        finally:
            source.close()

    return asyncio.run(once())


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    folder: Path = tmp_path_factory.mktemp("prometheus")
    server = AUTHORITY.issue("prometheus", "127.0.0.1")
    files = {
        "prometheus.yml": "{}",
        "ca.crt": AUTHORITY.certificate,
        "server.crt": server.certificate,
        "server.key": server.key,
        "web.yml": yaml.safe_dump(
            {
                "tls_server_config": {
                    "cert_file": "server.crt",
                    "key_file": "server.key",
                    "client_auth_type": "RequireAndVerifyClientCert",
                    "client_ca_file": "ca.crt",
                },
                "basic_auth_users": HASHES,
            }
        ),
    }
    for name, content in files.items():
        (folder / name).write_text(content)
    (port,) = free_ports(1)
    flags = {
        "config.file": folder / "prometheus.yml",
        "storage.tsdb.path": folder / "data",
        "web.config.file": folder / "web.yml",
        "web.listen-address": f"127.0.0.1:{port}",
    }
    command: list[str | Path] = [find_programs()["prometheus"], *(f"--{name}={text}" for name, text in flags.items())]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    found = Endpoint(f"https://127.0.0.1:{port}", ca_bundle=AUTHORITY.certificate)
    try:
        deadline = time.monotonic() + STARTING_SECONDS
        while not isinstance(ask(found, RIGHT), Answer):
            if time.monotonic() > deadline or process.poll() is not None:
                raise AssertionError((folder / "log").read_text()[-2000:])
            time.sleep(0.1)
        yield found
    finally:
        process.terminate()
        process.wait(20)


def test_who_has_everything_is_answered(endpoint: Endpoint) -> None:
    assert ask(endpoint, RIGHT) == Answer((Series({}, (Sample(1_750_000_000, 7),)),))


@pytest.mark.parametrize(
    "credentials",
    [
        pytest.param(replace(RIGHT, authorization=Basic("admin", "old")), id="another password"),
        pytest.param(replace(RIGHT, authorization=Basic("nobody", "test")), id="another user"),
        pytest.param(replace(RIGHT, authorization=ANONYMOUS.authorization), id="no password"),
        pytest.param(credentials_of({"token": "test", **CERTIFICATE}), id="a token instead"),
    ],
)
def test_who_has_the_certificate_alone_is_not_let_in(endpoint: Endpoint, credentials: Credentials) -> None:
    refusal = QueryFailed(FailureKind.UNAUTHORIZED, "Prometheus at 127.0.0.1 refused: 401 Unauthorized")
    assert ask(endpoint, credentials) == refusal


def test_who_has_the_password_alone_is_not_connected(endpoint: Endpoint) -> None:
    result = ask(endpoint, replace(RIGHT, certificate=ANONYMOUS.certificate))
    assert isinstance(result, QueryFailed)
    assert result.kind is FailureKind.UNREACHABLE
    assert "it may ask for a client certificate" in result.message


def test_a_server_of_an_unknown_authority_is_not_trusted(endpoint: Endpoint) -> None:
    result = ask(replace(endpoint, ca_bundle=""), RIGHT)
    assert isinstance(result, QueryFailed)
    assert (result.kind, "is not trusted" in result.message) == (FailureKind.UNREACHABLE, True)
