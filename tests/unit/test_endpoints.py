"""One source for each endpoint, bounded and measured."""

from dataclasses import dataclass, field

from hypercare.adapters.endpoints import LIMIT, Endpoints
from hypercare.domain.samples import Answer, FailureKind, InstantQuery, QueryFailed, RangeQuery, Result

REFUSED = QueryFailed(FailureKind.REFUSED, "no")


@dataclass
class Source:
    url: str
    timeout: int
    closed: bool = False

    async def range(self, query: RangeQuery) -> Result:
        return Answer(())

    async def instant(self, query: InstantQuery) -> Result:
        return REFUSED

    def close(self) -> None:
        self.closed = True


@dataclass
class Fixture:
    made: list[Source] = field(default_factory=list)
    observed: list[tuple[str, Result]] = field(default_factory=list)

    def connect(self, url: str, timeout: int) -> Source:
        self.made.append(Source(url, timeout))
        return self.made[-1]

    def endpoints(self) -> Endpoints:
        return Endpoints(self.connect, lambda query, result, _: self.observed.append((query, result)))


def test_the_same_endpoint_is_connected_once() -> None:
    fixture = Fixture()
    endpoints = fixture.endpoints()
    assert endpoints.source("http://a", 10) is endpoints.source("http://a", 10)
    assert len(fixture.made) == 1


def test_another_timeout_is_another_source() -> None:
    fixture = Fixture()
    endpoints = fixture.endpoints()
    endpoints.source("http://a", 10)
    endpoints.source("http://a", 20)
    assert [(source.url, source.timeout) for source in fixture.made] == [("http://a", 10), ("http://a", 20)]


def test_of_too_many_sources_the_one_used_longest_ago_is_closed() -> None:
    fixture = Fixture()
    endpoints = fixture.endpoints()
    for number in range(LIMIT):
        endpoints.source(str(number), 10)
    endpoints.source("0", 10)
    endpoints.source("one more", 10)
    assert [source.url for source in fixture.made if source.closed] == ["1"]


def test_all_are_closed_at_the_end() -> None:
    fixture = Fixture()
    endpoints = fixture.endpoints()
    endpoints.source("http://a", 10)
    endpoints.close()
    assert fixture.made[0].closed


async def test_each_request_is_observed_with_its_result() -> None:
    fixture = Fixture()
    source = fixture.endpoints().source("http://a", 10)
    assert await source.range(RangeQuery("up", 0, 30, 30)) == Answer(())
    assert await source.instant(InstantQuery("up", 0)) == REFUSED
    assert fixture.observed == [("range", Answer(())), ("instant", REFUSED)]
