"""One source for each endpoint, bounded and measured, with the credentials of now."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from hypercare.adapters.credentials import ANONYMOUS, Bearer, Credentials, InvalidCredentials
from hypercare.adapters.endpoints import LIMIT, Endpoints
from hypercare.domain.alerts.loaded_rules import LoadedResult, LoadedRules, RulesQuery
from hypercare.domain.endpoint import Endpoint
from hypercare.domain.samples import Answer, FailureKind, InstantQuery, QueryFailed, RangeQuery, Result

REFUSED = QueryFailed(FailureKind.REFUSED, "no")
UNAUTHORIZED = QueryFailed(FailureKind.UNAUTHORIZED, "refused: 401")
NOT_FOUND = QueryFailed(FailureKind.CREDENTIALS_NOT_FOUND, "create it")
A = Endpoint("http://a", 10)
SECURED = Endpoint("https://a", 10, secret="prom-auth")
OLD, NEW = Credentials(Bearer("old")), Credentials(Bearer("new"))
QUERY = RangeQuery("up", 0, 30, 30)


@dataclass
class Source:
    """Answers what `accepts` its credentials; it says when a question has `reached` it, and waits to be `released`."""

    endpoint: Endpoint
    credentials: Credentials
    accepted: set[Credentials]
    asked: int = 0
    closed: bool = False
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.released.set()

    async def range(self, query: RangeQuery) -> Result:
        self.asked += 1
        self.reached.set()
        await self.released.wait()
        return Answer(()) if self.credentials in self.accepted else UNAUTHORIZED

    async def instant(self, query: InstantQuery) -> Result:
        return REFUSED

    async def rules(self, query: RulesQuery) -> LoadedResult:
        return LoadedRules(())

    def close(self) -> None:
        self.closed = True


@dataclass
class Secret:
    """A Secret as it was last read, and as it is."""

    cached: Credentials | QueryFailed = OLD
    stored: Credentials | QueryFailed = OLD
    rereads: int = 0

    async def read(self, name: str) -> Credentials | QueryFailed:
        return self.cached

    async def reread(self, name: str, refused: Credentials) -> Credentials | QueryFailed:
        self.rereads += 1
        self.cached = self.stored
        return self.cached


@dataclass
class Fixture:
    secret: Secret = field(default_factory=Secret)
    accepted: set[Credentials] = field(default_factory=lambda: {ANONYMOUS, OLD})
    made: list[Source] = field(default_factory=list)
    observed: list[tuple[str, Result]] = field(default_factory=list)

    def connect(self, endpoint: Endpoint, credentials: Credentials) -> Source:
        self.made.append(Source(endpoint, credentials, self.accepted))
        return self.made[-1]

    def endpoints(self) -> Endpoints:
        return Endpoints(self.connect, self.secret, lambda query, result, _: self.observed.append((query, result)))


async def test_the_same_endpoint_is_connected_once() -> None:
    fixture = Fixture()
    endpoints = fixture.endpoints()
    for endpoint in (A, replace(A)):
        assert await endpoints.source(endpoint).range(QUERY) == Answer(())
    assert len(fixture.made) == 1


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(A, timeout_seconds=20), id="timeout"),
        pytest.param(replace(A, headers=(("X-Scope-OrgID", "shop"),)), id="headers"),
        pytest.param(replace(A, ca_bundle="another"), id="authority"),
        pytest.param(replace(A, secret="prom-auth"), id="secret"),
    ],
)
async def test_another_setting_is_another_source(other: Endpoint) -> None:
    fixture = Fixture()
    endpoints = fixture.endpoints()
    for endpoint in (A, other):
        await endpoints.source(endpoint).range(QUERY)
    assert [source.endpoint for source in fixture.made] == [A, other]


async def test_of_too_many_sources_the_one_used_longest_ago_is_closed() -> None:
    fixture = Fixture()
    endpoints = fixture.endpoints()
    for number in [*range(LIMIT), 0, LIMIT]:
        await endpoints.source(Endpoint(f"http://{number}")).range(QUERY)
    assert [source.endpoint.url for source in fixture.made if source.closed] == ["http://1"]


async def test_all_are_closed_at_the_end() -> None:
    fixture = Fixture()
    endpoints = fixture.endpoints()
    await endpoints.source(A).range(QUERY)
    endpoints.close()
    assert fixture.made[0].closed


async def test_each_request_is_observed_with_its_result() -> None:
    fixture = Fixture()
    source = fixture.endpoints().source(A)
    assert await source.range(QUERY) == Answer(())
    assert await source.instant(InstantQuery("up", 0)) == REFUSED
    assert fixture.observed == [("range", Answer(())), ("instant", REFUSED)]


async def test_credentials_are_those_of_the_secret() -> None:
    fixture = Fixture()
    endpoints = fixture.endpoints()
    assert await endpoints.failure(SECURED) is None
    assert await endpoints.source(SECURED).range(QUERY) == Answer(())
    assert [source.credentials for source in fixture.made] == [OLD]


async def test_without_credentials_nothing_is_asked() -> None:
    fixture = Fixture(Secret(cached=NOT_FOUND))
    endpoints = fixture.endpoints()
    assert await endpoints.failure(SECURED) == NOT_FOUND
    assert await endpoints.source(SECURED).range(QUERY) == NOT_FOUND
    assert (fixture.made, fixture.observed) == ([], [])


async def test_a_certificate_that_cannot_be_used_is_a_failure_of_the_secret() -> None:
    def connect(endpoint: Endpoint, credentials: Credentials) -> Source:
        raise InvalidCredentials("has a tls.key that cannot be used")

    endpoints = Endpoints(connect, Secret(), lambda *_: None)
    expected = QueryFailed(FailureKind.CREDENTIALS_INVALID, "Secret prom-auth has a tls.key that cannot be used")
    assert await endpoints.failure(SECURED) == expected
    assert await endpoints.source(SECURED).range(QUERY) == expected


async def test_a_rotated_secret_loses_no_question() -> None:
    fixture = Fixture(Secret(stored=NEW), accepted={NEW})
    endpoints = fixture.endpoints()
    assert await endpoints.source(SECURED).range(QUERY) == Answer(())
    assert [(source.credentials, source.closed) for source in fixture.made] == [(OLD, True), (NEW, False)]
    assert fixture.observed == [("range", UNAUTHORIZED), ("range", Answer(()))]
    assert await endpoints.source(SECURED).range(QUERY) == Answer(())
    assert (len(fixture.made), fixture.secret.rereads) == (2, 1)


async def test_a_refusal_of_the_same_secret_stands() -> None:
    fixture = Fixture(accepted=set())
    assert await fixture.endpoints().source(SECURED).range(QUERY) == UNAUTHORIZED
    assert (fixture.made[0].asked, fixture.secret.rereads) == (1, 1)


async def test_a_refusal_without_a_secret_has_none_to_read_again() -> None:
    fixture = Fixture(accepted=set())
    assert await fixture.endpoints().source(A).range(QUERY) == UNAUTHORIZED
    assert fixture.secret.rereads == 0


async def test_a_secret_that_is_gone_closes_its_source() -> None:
    fixture = Fixture()
    endpoints = fixture.endpoints()
    await endpoints.source(SECURED).range(QUERY)
    fixture.secret.cached = NOT_FOUND
    assert await endpoints.source(SECURED).range(QUERY) == NOT_FOUND
    assert fixture.made[0].closed


async def test_a_source_that_is_replaced_still_answers_what_it_was_asked() -> None:
    fixture = Fixture()
    endpoints = fixture.endpoints()
    await endpoints.source(SECURED).range(QUERY)
    old = fixture.made[0]
    old.reached.clear()
    old.released.clear()
    waiting = asyncio.create_task(endpoints.source(SECURED).range(QUERY))
    await old.reached.wait()
    fixture.secret.cached = NEW
    fixture.accepted.add(NEW)
    assert await endpoints.source(SECURED).range(QUERY) == Answer(())
    assert not old.closed
    old.released.set()
    assert await waiting == Answer(())
    assert old.closed
