"""Reading Secrets: seldom, only of the own namespace, at once when it matters, and with a name for every failure."""

import asyncio
from base64 import b64encode
from dataclasses import dataclass, field

import pytest

from hypercare.adapters.credentials import Basic, Bearer, Credentials
from hypercare.adapters.secret_reader import FAILURE_LASTS_SECONDS, LASTS_SECONDS, REREAD_SECONDS, SecretReader
from hypercare.domain.objects import SECRETS, ObjectRef
from hypercare.domain.samples import FailureKind, QueryFailed
from hypercare.ports import ApiError, Body, Forbidden, Unavailable
from tests.unit.api_server import FakeApiServer

OWN = "hypercare-system"
REF = ObjectRef(SECRETS, OWN, "prom-auth")
OLD, NEW = Credentials(Bearer("old")), Credentials(Bearer("new"))
MARKER = "m4rk3r"


class Server(FakeApiServer):
    """An API server whose reads can fail; `asked` are the objects that were read."""

    def __init__(self) -> None:
        super().__init__()
        self.error: ApiError | None = None
        self.asked: list[ObjectRef] = []

    async def get(self, ref: ObjectRef) -> Body:
        self.asked.append(ref)
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return await super().get(ref)

    def holds(self, **keys: str) -> None:
        self.objects[REF] = {"data": {name: b64encode(text.encode()).decode() for name, text in keys.items()}}


@dataclass
class Fixture:
    server: Server = field(default_factory=Server)
    now: float = 100.0

    def reader(self, own_namespace: str = OWN) -> SecretReader:
        return SecretReader(self.server, own_namespace, lambda: self.now)


@pytest.fixture
def fixture() -> Fixture:
    found = Fixture()
    found.server.holds(token="old")
    return found


async def test_a_secret_of_the_own_namespace_is_read_once_a_minute(fixture: Fixture) -> None:
    reader = fixture.reader()
    for passed in (0.0, 1.0, LASTS_SECONDS - 2):
        fixture.now += passed
        assert await reader.read("prom-auth") == OLD
    assert fixture.server.asked == [REF]
    fixture.server.holds(username="op", password="new")
    fixture.now += 1
    assert await reader.read("prom-auth") == Credentials(Basic("op", "new"))


async def test_many_who_ask_at_once_make_one_request(fixture: Fixture) -> None:
    reader = fixture.reader()
    assert await asyncio.gather(*(reader.read("prom-auth") for _ in range(20))) == [OLD] * 20
    assert fixture.server.asked == [REF]


async def test_a_refusal_makes_it_be_read_at_once(fixture: Fixture) -> None:
    reader = fixture.reader()
    await reader.read("prom-auth")
    fixture.server.holds(token="new")
    fixture.now += REREAD_SECONDS
    assert await asyncio.gather(*(reader.reread("prom-auth", OLD) for _ in range(20))) == [NEW] * 20
    assert len(fixture.server.asked) == 2
    assert await reader.read("prom-auth") == NEW


async def test_who_is_refused_later_gets_what_was_read_meanwhile(fixture: Fixture) -> None:
    reader = fixture.reader()
    await reader.read("prom-auth")
    fixture.server.holds(token="new")
    for _ in range(3):
        fixture.now += REREAD_SECONDS
        assert await reader.reread("prom-auth", OLD) == NEW
    assert len(fixture.server.asked) == 2


async def test_going_on_being_refused_is_no_reason_to_read_all_the_time(fixture: Fixture) -> None:
    reader = fixture.reader()
    await reader.read("prom-auth")
    for _ in range(50):
        fixture.now += 0.1
        assert await reader.reread("prom-auth", OLD) == OLD
    assert len(fixture.server.asked) <= 1 + 5 / REREAD_SECONDS


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (Forbidden("no"), FailureKind.CREDENTIALS_FORBIDDEN, "apply the Role of manifests/install"),
        (Unavailable("no answer"), FailureKind.CREDENTIALS_UNREADABLE, "could not be read: no answer"),
    ],
)
async def test_a_secret_that_cannot_be_read(fixture: Fixture, error: ApiError, kind: FailureKind, says: str) -> None:
    fixture.server.error = error
    found = await fixture.reader().read("prom-auth")
    assert isinstance(found, QueryFailed)
    assert (found.kind, found.message.startswith("Secret hypercare-system/prom-auth ")) == (kind, True)
    assert says in found.message


async def test_a_failure_is_not_remembered_for_long(fixture: Fixture) -> None:
    del fixture.server.objects[REF]
    reader = fixture.reader()
    for _ in range(3):
        assert await reader.read("prom-auth") == QueryFailed(
            FailureKind.CREDENTIALS_NOT_FOUND,
            "Secret hypercare-system/prom-auth does not exist: create it, or name another one",
        )
    assert len(fixture.server.asked) == 1
    fixture.server.holds(token="new")
    fixture.now += FAILURE_LASTS_SECONDS
    assert await reader.read("prom-auth") == NEW


async def test_an_api_server_that_is_away_takes_no_credentials_away(fixture: Fixture) -> None:
    reader = fixture.reader()
    await reader.read("prom-auth")
    fixture.server.error = Unavailable("no answer")
    for _ in range(3):
        fixture.now += LASTS_SECONDS
        assert await reader.read("prom-auth") == OLD
    fixture.server.error = None
    fixture.server.holds(token="new")
    fixture.now += LASTS_SECONDS
    assert await reader.read("prom-auth") == NEW


@pytest.mark.parametrize("error", [None, Forbidden("no")], ids=["gone", "forbidden"])
async def test_a_secret_that_is_withdrawn_takes_its_credentials_with_it(
    fixture: Fixture, error: ApiError | None
) -> None:
    reader = fixture.reader()
    await reader.read("prom-auth")
    fixture.server.error = error
    del fixture.server.objects[REF]
    fixture.now += LASTS_SECONDS
    assert isinstance(await reader.read("prom-auth"), QueryFailed)


async def test_without_a_namespace_nothing_is_asked(fixture: Fixture) -> None:
    assert await fixture.reader("").read("prom-auth") == QueryFailed(
        FailureKind.CREDENTIALS_NOT_FOUND,
        "Secret 'prom-auth' cannot be looked up: start the operator with --own-namespace",
    )
    assert fixture.server.asked == []


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"token": f"{MARKER} is not base64"}, "has a key token that is not text"),
        ({"token": b64encode(b"\xff\xfe" + MARKER.encode()).decode()}, "has a key token that is not text"),
        ({"username": b64encode(MARKER.encode()).decode()}, "has the key username without password"),
        ({"tls.crt": "", "tls.key": ""}, "has an empty key tls.crt"),
        (dict.fromkeys(("tls.crt", "tls.key"), b64encode(MARKER.encode()).decode()), "has a tls.crt and tls.key that"),
        ({}, "has none of the keys"),
        (None, "has none of the keys"),
    ],
)
async def test_a_secret_that_makes_no_credentials_is_told_without_its_content(
    fixture: Fixture, data: object, says: str
) -> None:
    fixture.server.objects[REF] = {"data": data}
    found = await fixture.reader().read("prom-auth")
    assert isinstance(found, QueryFailed)
    assert found.kind is FailureKind.CREDENTIALS_INVALID
    assert found.message.startswith(f"Secret hypercare-system/prom-auth {says}")
    assert MARKER not in repr(found)


async def test_other_keys_are_not_even_decoded(fixture: Fixture) -> None:
    fixture.server.objects[REF]["data"]["ca.crt"] = "not base64"
    assert await fixture.reader().read("prom-auth") == OLD


async def test_two_secrets_do_not_wait_for_each_other(fixture: Fixture) -> None:
    reader = fixture.reader()
    found = await asyncio.gather(reader.read("prom-auth"), reader.read("other"))
    assert [isinstance(each, Credentials) for each in found] == [True, False]
    assert [ref.name for ref in fixture.server.asked] == ["prom-auth", "other"]
