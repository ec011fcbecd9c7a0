"""The overlay is created, replaced and taken away by compare-and-swap, and nobody else's object is ever touched."""

import copy
from dataclasses import dataclass
from typing import Any

import pytest

from hypercare.adapters.cache import WatchCache
from hypercare.domain.conditions import Problem
from hypercare.domain.objects import PROMETHEUS_RULES, ObjectRef
from hypercare.overlay.writer import OverlayWriter, Owner
from hypercare.ports import ApiError, Conflict, Forbidden, NotFound, Rejected, Unavailable
from tests.unit.alert_rules import IDENTITY, alert, plan, rule_object
from tests.unit.api_server import FakeApiServer, When

REF = ObjectRef(PROMETHEUS_RULES, "shop", IDENTITY.object_name)
OWNER = Owner("shop", IDENTITY.period, IDENTITY.period_uid)
RULES = [rule_object("checkout-alerts", alert("Errors", for_="5m"))]
DESIRED: dict[str, Any] = plan(RULES).overlay or {}
WEAKER: dict[str, Any] = plan(RULES, {"strength": 50}).overlay or {}


class Shop:
    """One namespace; `stale` freezes what the cache shows."""

    def __init__(self) -> None:
        self.server = FakeApiServer()
        self.cache = WatchCache((PROMETHEUS_RULES,), lambda _: None, lambda: 0.0)
        self.server.watched_by(self.cache)
        self.writer = OverlayWriter(self.server, self.cache)

    def stale(self) -> None:
        self.server.watched_by(WatchCache((PROMETHEUS_RULES,), lambda _: None, lambda: 0.0))

    async def converge(self, desired: dict[str, Any] | None) -> tuple[Problem, ...]:
        return await self.writer.converge(OWNER, [desired] if desired else [])

    @property
    def found(self) -> dict[str, Any] | None:
        return self.server.objects.get(REF)


@pytest.fixture
def shop() -> Shop:
    return Shop()


class TestConverging:
    """Whatever is there, one call makes it what is desired, and a second one writes nothing."""

    async def test_create(self, shop: Shop) -> None:
        assert await shop.converge(DESIRED) == ()
        assert shop.found is not None
        assert shop.found["spec"] == DESIRED["spec"]
        assert shop.found["metadata"]["ownerReferences"] == DESIRED["metadata"]["ownerReferences"]
        assert shop.server.writes == [f"create {REF}"]

    async def test_what_is_as_desired_is_not_written(self, shop: Shop) -> None:
        await shop.converge(DESIRED)
        await shop.converge(DESIRED)
        assert shop.server.writes == [f"create {REF}"]

    async def test_replace(self, shop: Shop) -> None:
        await shop.converge(DESIRED)
        await shop.converge(WEAKER)
        assert shop.found is not None
        assert shop.found["spec"] == WEAKER["spec"]
        assert shop.server.writes == [f"create {REF}", f"replace {REF}"]

    async def test_remove(self, shop: Shop) -> None:
        await shop.converge(DESIRED)
        assert await shop.converge(None) == ()
        assert shop.found is None
        assert await shop.converge(None) == ()
        assert shop.server.writes == [f"create {REF}", f"delete {REF}"]

    async def test_what_was_written_is_known_before_the_watch_tells(self, shop: Shop) -> None:
        shop.stale()
        await shop.converge(DESIRED)
        await shop.converge(DESIRED)
        await shop.converge(WEAKER)
        assert shop.server.writes == [f"create {REF}", f"replace {REF}"]

    async def test_an_edit_by_hand_is_taken_back(self, shop: Shop) -> None:
        await shop.converge(DESIRED)
        shop.server.edit(REF, groups=[])
        await shop.converge(DESIRED)
        assert shop.found is not None
        assert shop.found["spec"] == DESIRED["spec"]

    async def test_labels_and_annotations_of_others_stay(self, shop: Shop) -> None:
        await shop.converge(DESIRED)
        assert shop.found is not None
        metadata = copy.deepcopy(shop.found["metadata"])
        metadata["labels"] |= {"theirs": "1", "release": "changed by hand"}
        metadata["annotations"] |= {"theirs": "1"}
        metadata["resourceVersion"] = "999"
        shop.server.objects[REF]["metadata"] = metadata
        shop.cache.observe(PROMETHEUS_RULES, {**shop.found, "metadata": metadata})
        await shop.converge(DESIRED)
        assert shop.found["metadata"]["labels"] == DESIRED["metadata"]["labels"] | {"theirs": "1"}
        assert shop.found["metadata"]["annotations"] == DESIRED["metadata"]["annotations"] | {"theirs": "1"}


class TestForeign:
    """An object of that name that is not ours is left alone, whatever is desired."""

    @pytest.mark.parametrize(
        "owners",
        [
            [],
            [{"kind": "HypercarePeriod", "name": "checkout", "uid": "uid-of-an-earlier-one"}],
            [{"kind": "Deployment", "name": "checkout", "uid": OWNER}],
        ],
        ids=["nobody", "an earlier period of that name", "another kind"],
    )
    async def test_owned_by(self, shop: Shop, owners: list[dict[str, str]]) -> None:
        theirs = shop.server.put(REF, {"groups": []}, ownerReferences=owners)
        (problem,) = await shop.converge(DESIRED)
        assert (problem.path, problem.reason, problem.stalls) == ("spec.protection.alerts", "OverlayNameTaken", True)
        assert "hypercare-checkout" in problem.message
        assert await shop.converge(None) == ()
        assert shop.found == theirs
        assert shop.server.writes == []


@dataclass(frozen=True)
class Case:
    """A write that the server does not take."""

    sentence: str
    error: ApiError
    reason: str = ""
    words: str = ""


CREATING = (
    Case("Somebody was faster: the watch will show whose it is.", Conflict("exists")),
    Case("The resource is not served.", NotFound("no such resource"), "PrometheusRuleNotServed", "install the CRDs"),
    Case("The account may not.", Forbidden("may not create"), "Forbidden", "may not create"),
    Case("A webhook refuses the rules.", Rejected("bad rule"), "OverlayRejected", "bad rule"),
)
REPLACING = (
    Case("Somebody has changed it since.", Conflict("changed")),
    Case("It has gone meanwhile.", NotFound("gone")),
    Case("The account may not.", Forbidden("may not update"), "Forbidden", "may not update"),
    Case("A webhook refuses the rules.", Rejected("bad rule"), "OverlayRejected", "bad rule"),
)
REMOVING = (
    Case("Somebody has changed it since.", Conflict("changed")),
    Case("The account may not.", Forbidden("may not delete"), "Forbidden", "may not delete"),
)


def told(case: Case, problems: tuple[Problem, ...]) -> None:
    assert [problem.reason for problem in problems] == ([case.reason] if case.reason else [])
    for problem in problems:
        assert problem.path == "spec.protection.alerts"
        assert problem.stalls
        assert case.words in problem.message


@pytest.mark.parametrize("case", CREATING, ids=lambda case: case.sentence)
async def test_creating(shop: Shop, case: Case) -> None:
    shop.server.fail_at(1, When.BEFORE, case.error)
    told(case, await shop.converge(DESIRED))


@pytest.mark.parametrize("case", REPLACING, ids=lambda case: case.sentence)
async def test_replacing(shop: Shop, case: Case) -> None:
    await shop.converge(DESIRED)
    shop.server.fail_at(1, When.BEFORE, case.error)
    told(case, await shop.converge(WEAKER))
    await shop.converge(WEAKER)
    assert shop.found is not None
    assert shop.found["spec"] == WEAKER["spec"]


@pytest.mark.parametrize("case", REMOVING, ids=lambda case: case.sentence)
async def test_removing(shop: Shop, case: Case) -> None:
    await shop.converge(DESIRED)
    shop.server.fail_at(1, When.BEFORE, case.error)
    told(case, await shop.converge(None))
    await shop.converge(None)
    assert shop.found is None


@pytest.mark.parametrize("desired", [DESIRED, None], ids=["replace", "delete"])
async def test_a_server_that_does_not_answer_is_an_error(shop: Shop, desired: dict[str, Any] | None) -> None:
    await shop.converge(WEAKER)
    shop.server.fail_at(1, When.BEFORE, Unavailable("no answer"))
    with pytest.raises(Unavailable):
        await shop.converge(desired)


class TestCompareAndSwap:
    """What was decided on an outdated view changes nothing, however late it arrives."""

    async def test_a_replacement_that_arrives_after_another_write(self, shop: Shop) -> None:
        await shop.converge(DESIRED)
        shop.server.fail_at(1, When.LATE)
        with pytest.raises(Unavailable):
            await shop.converge(WEAKER)
        shop.server.edit(REF, groups=[])
        assert shop.server.deliver() == 0
        assert shop.found is not None
        assert shop.found["spec"]["groups"] == []

    async def test_a_replacement_of_an_object_that_was_created_anew(self, shop: Shop) -> None:
        await shop.converge(DESIRED)
        shop.stale()
        shop.server.remove(REF)
        theirs = shop.server.put(REF, {"groups": []}, uid="another")
        assert await shop.converge(WEAKER) == ()
        assert shop.found == theirs

    async def test_a_deletion_of_an_object_that_was_created_anew(self, shop: Shop) -> None:
        await shop.converge(DESIRED)
        shop.stale()
        shop.server.remove(REF)
        theirs = shop.server.put(REF, {"groups": []}, uid="another")
        assert await shop.converge(None) == ()
        assert shop.found == theirs

    async def test_a_deletion_of_a_version_that_was_not_seen(self, shop: Shop) -> None:
        await shop.converge(DESIRED)
        shop.stale()
        shop.server.edit(REF, groups=[])
        assert await shop.converge(None) == ()
        assert shop.found is not None

    async def test_a_creation_whose_answer_was_lost_is_found(self, shop: Shop) -> None:
        shop.server.fail_at(1, When.AFTER)
        with pytest.raises(Unavailable):
            await shop.converge(DESIRED)
        assert await shop.converge(DESIRED) == ()
        assert shop.server.writes == [f"create {REF}"]
