"""Looking at an Alertmanager: what is asked, and every way in which it can fail, as a value that holds no secret."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

import pytest

from hypercare.adapters import alertmanager
from hypercare.adapters.alertmanager import ASKED, AlertmanagerApi, RequestOutcome, look
from hypercare.adapters.credentials import ANONYMOUS, Credentials, credentials_of
from hypercare.domain.alerts.alertmanager_view import AlertmanagerView, RoutesUnread, ViewFailed
from hypercare.domain.endpoint import Endpoint
from hypercare.domain.samples import FailureKind, QueryFailed
from tests.cluster.layout import free_ports
from tests.loopback import listening

OLD, NEW = credentials_of({"token": "old-token"}), credentials_of({"token": "new-token"})


def status(config: str) -> bytes:
    return json.dumps({"config": {"original": config}}).encode()


def unobserved(_request: str, _outcome: RequestOutcome, _seconds: float) -> None:
    """Nobody counts."""


USUAL = {
    "/api/v2/status": status("route: {receiver: chat}\n"),
    "/api/v2/silences": b"[]",
    "/api/v2/alerts": b"[]",
}


@dataclass
class Server:
    """Answers paths with what a test sets; `seen` are the requests: path, query and authorization."""

    port: int = 0
    answers: dict[str, bytes] = field(default_factory=lambda: dict(USUAL))
    code: Callable[[str], int] = lambda _: 200
    seconds: float = 0.0
    seen: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(
            f"http://127.0.0.1:{self.port}", timeout_seconds=1, secret="am-auth", headers=(("X-Tenant", "a"),)
        )


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            authorization = self.headers.get("Authorization", "")
            found.seen.append((path, query, authorization))
            time.sleep(found.seconds)
            body = found.answers.get(path, b"")
            self.send_response(found.code(authorization))
            self.send_header("Location", "http://elsewhere.example/")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """A request is not worth a line."""

    with listening(Handler) as found.port:
        yield found


@dataclass
class Secrets:
    """One Secret that is replaced after it was read first."""

    now: Credentials | QueryFailed
    later: Credentials | QueryFailed
    rereads: int = 0

    async def read(self, name: str) -> Credentials | QueryFailed:
        assert name == "am-auth"
        return self.now

    async def reread(self, name: str, refused: Credentials) -> Credentials | QueryFailed:
        self.rereads += 1
        return self.later


def test_what_is_asked(server: Server) -> None:
    found = look(server.endpoint, OLD, 'sh"op', unobserved)
    assert isinstance(found, AlertmanagerView)
    assert server.seen == [
        ("/api/v2/status", "", "Bearer old-token"),
        ("/api/v2/silences", "", "Bearer old-token"),
        ("/api/v2/alerts", "filter=namespace%3D%22sh%5C%22op%22", "Bearer old-token"),
    ]


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        pytest.param("status", b"<html>", "did not answer like Alertmanager's API v2", id="a page"),
        pytest.param("status", b"{}", "did not answer like Alertmanager's API v2", id="another API"),
        pytest.param("status", status("a: [b"), "did not answer like Alertmanager's API v2", id="no YAML"),
        pytest.param("status", status("!!python/object:a {}"), "did not answer like", id="YAML that makes objects"),
        pytest.param("status", status("#" * 300_000), "too large to be judged", id="a huge configuration"),
        pytest.param("silences", b"{", "did not answer like Alertmanager's API v2", id="half an answer"),
        pytest.param("silences", b'{"a": 1}', "is not understood: silences: must be a list", id="no list"),
        pytest.param("alerts", b"[" * 100_000, "did not answer like Alertmanager's API v2", id="deep nesting"),
    ],
)
def test_an_answer_that_cannot_be_used(server: Server, path: str, body: bytes, says: str) -> None:
    server.answers[f"/api/v2/{path}"] = body
    found = look(server.endpoint, ANONYMOUS, "shop", unobserved)
    assert isinstance(found, ViewFailed)
    assert says in found.message


def test_routes_that_are_not_understood_leave_the_rest_readable(server: Server) -> None:
    server.answers["/api/v2/status"] = status("route: 5\n")
    found = look(server.endpoint, ANONYMOUS, "shop", unobserved)
    assert isinstance(found, AlertmanagerView)
    assert found.routes == RoutesUnread("config.route: must be an object")


@pytest.mark.parametrize("code", [302, 404, 500])
def test_another_status_is_told_and_no_redirect_is_followed(server: Server, code: int) -> None:
    server.code = lambda _: code
    failed = ViewFailed(f"Alertmanager at 127.0.0.1 answered with status {code}")
    assert look(server.endpoint, OLD, "shop", unobserved) == failed
    assert len(server.seen) == 1


def test_an_answer_that_does_not_come(server: Server) -> None:
    server.seconds = 2.0
    assert look(server.endpoint, OLD, "shop", unobserved) == ViewFailed(
        "Alertmanager at 127.0.0.1 did not answer in time"
    )


def test_an_answer_that_is_too_large(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alertmanager, "MAX_ANSWER_BYTES", 1024)
    server.answers["/api/v2/alerts"] = b"[" + b" " * 2000 + b"]"
    found = look(server.endpoint, OLD, "shop", unobserved)
    assert found == ViewFailed("Alertmanager at 127.0.0.1 sent too much: the answer has more than 1 KiB")


def test_a_certificate_for_an_address_without_tls(server: Server) -> None:
    shown = credentials_of({"tls.crt": "certificate", "tls.key": "key"})
    found = look(server.endpoint, shown, "shop", unobserved)
    assert isinstance(found, ViewFailed)
    assert found.message.startswith("Secret am-auth has a client certificate (tls.crt)")


def test_a_secret_that_was_replaced_is_read_again(server: Server) -> None:
    server.code = lambda authorization: 200 if authorization == "Bearer new-token" else 401
    secrets = Secrets(OLD, NEW)
    assert isinstance(asyncio.run(AlertmanagerApi(secrets, unobserved).view(server.endpoint, "shop")), AlertmanagerView)
    assert secrets.rereads == 1


@pytest.mark.parametrize("later", [OLD, QueryFailed(FailureKind.CREDENTIALS_NOT_FOUND, "Secret am-auth is gone")])
def test_credentials_that_stay_refused(server: Server, later: Credentials | QueryFailed) -> None:
    server.code = lambda _: 403
    found = asyncio.run(AlertmanagerApi(Secrets(OLD, later), unobserved).view(server.endpoint, "shop"))
    assert isinstance(found, ViewFailed)
    assert found.message == "Alertmanager at 127.0.0.1 refused: 403"
    assert len(server.seen) == 1


def test_a_secret_that_is_not_there(server: Server) -> None:
    gone = QueryFailed(FailureKind.CREDENTIALS_NOT_FOUND, "Secret am-auth does not exist")
    found = asyncio.run(AlertmanagerApi(Secrets(gone, gone), unobserved).view(server.endpoint, "shop"))
    assert found == ViewFailed("Secret am-auth does not exist")
    assert server.seen == []


def observed(server: Server, credentials: Credentials = OLD) -> list[tuple[str, RequestOutcome]]:
    """What an observer is told of one look, each with the time that it took."""
    told: list[tuple[str, RequestOutcome]] = []

    def observer(request: str, outcome: RequestOutcome, seconds: float) -> None:
        assert 0 < seconds < 5
        told.append((request, outcome))

    look(server.endpoint, credentials, "shop", observer)
    return told


def test_each_request_of_a_look_is_told_to_the_observer(server: Server) -> None:
    assert observed(server) == [(path, RequestOutcome.ANSWERED) for path in ASKED]


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (401, RequestOutcome.UNAUTHORIZED),
        (403, RequestOutcome.UNAUTHORIZED),
        (302, RequestOutcome.REFUSED),
        (500, RequestOutcome.REFUSED),
    ],
)
def test_a_request_that_is_refused_is_the_last_and_is_told_as_such(
    server: Server, code: int, outcome: RequestOutcome
) -> None:
    server.code = lambda _: code
    assert observed(server) == [("status", outcome)]


def test_a_request_without_a_usable_answer_is_told_as_such(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answers["/api/v2/silences"] = b"<html>"
    assert observed(server) == [("status", RequestOutcome.ANSWERED), ("silences", RequestOutcome.INVALID_ANSWER)]
    server.answers = USUAL | {"/api/v2/status": b" " * 2000}
    monkeypatch.setattr(alertmanager, "MAX_ANSWER_BYTES", 1024)
    assert observed(server) == [("status", RequestOutcome.INVALID_ANSWER)]


def test_a_request_without_an_answer_is_told_as_such(server: Server) -> None:
    server.seconds = 2.0
    assert observed(server) == [("status", RequestOutcome.TIMEOUT)]
    [server.port] = free_ports(1)
    assert observed(server) == [("status", RequestOutcome.UNREACHABLE)]


def test_what_is_never_sent_is_no_request(server: Server) -> None:
    assert observed(server, credentials_of({"tls.crt": "certificate", "tls.key": "key"})) == []
