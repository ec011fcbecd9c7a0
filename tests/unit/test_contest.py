"""A fight over an overlay: repaired at once, told, and given up for longer and longer."""

import pytest

from hypercare.adapters.cache import WatchCache
from hypercare.domain.alerts.contest import Contest, change_of
from hypercare.domain.objects import PROMETHEUS_RULES, ObjectRef
from hypercare.overlay.writer import OverlayWriter, Owner
from hypercare.ports import Forbidden
from tests.unit.alert_rules import IDENTITY, alert, plan, rule_object
from tests.unit.api_server import FakeApiServer

REF = ObjectRef(PROMETHEUS_RULES, "shop", IDENTITY.object_name)
OWNER = Owner("shop", IDENTITY.period, IDENTITY.period_uid)
RULES = [rule_object("checkout-alerts", alert("Errors", for_="5m"))]
STRONG, WEAK = plan(RULES).overlay or {}, plan(RULES, {"strength": 50}).overlay or {}


class Fight:
    """An overlay, and somebody who does not want it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.server = FakeApiServer()
        self.cache = WatchCache((PROMETHEUS_RULES,), lambda _: None, lambda: 0.0)
        self.server.watched_by(self.cache)
        self.writer = OverlayWriter(self.server, self.cache, lambda: self.now)

    async def converge(self, desired: dict[str, object] = STRONG) -> list[tuple[str, str]]:
        return [(each.reason, each.message) for each in await self.writer.converge(OWNER, [desired])]

    def edited(self) -> bool:
        return not self.server.objects[REF]["spec"]["groups"]


@pytest.fixture
async def fight() -> Fight:
    found = Fight()
    assert await found.converge() == []
    return found


async def test_an_edit_is_repaired_at_once_and_its_author_named(fight: Fight) -> None:
    fight.server.edit(REF, manager="kubectl-edit", groups=[])
    ((reason, message),) = await fight.converge()
    assert reason == "OverlayRepaired"
    assert "PrometheusRule shop/hypercare-checkout was edited by kubectl-edit, and was written again" in message
    assert not fight.edited()
    assert await fight.converge() == []


async def test_an_edit_is_repaired_also_where_its_author_may_not_be_read(
    fight: Fight, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forbidden(_: ObjectRef) -> None:
        raise Forbidden("cannot get resource")

    fight.server.edit(REF, manager="kubectl-edit", groups=[])
    monkeypatch.setattr(fight.server, "get", forbidden)
    ((reason, message),) = await fight.converge()
    assert reason == "OverlayRepaired"
    assert "was changed by somebody who cannot be named" in message
    assert "cannot get resource: apply the RBAC of manifests/install" in message
    assert not fight.edited()


async def test_a_deletion_is_repaired_at_once(fight: Fight) -> None:
    fight.server.remove(REF)
    ((reason, message),) = await fight.converge()
    assert (reason, "was deleted by somebody" in message) == ("OverlayRepaired", True)
    assert REF in fight.server.objects


async def test_a_stage_is_no_fight(fight: Fight) -> None:
    for desired in (WEAK, STRONG, WEAK, STRONG, WEAK):
        assert await fight.converge(desired) == []


async def test_who_goes_on_is_left_alone_for_longer_and_longer(fight: Fight) -> None:
    for _ in range(3):
        fight.server.edit(REF, manager="gitops", groups=[])
        assert [reason for reason, _ in await fight.converge()] == ["OverlayRepaired"]
    waits = []
    for _ in range(9):
        fight.server.edit(REF, manager="gitops", groups=[])
        ((reason, message),) = await fight.converge()
        assert (reason, fight.edited()) == ("OverlayContested", True)
        assert "was edited by gitops again" in message
        began = fight.now
        while fight.edited():
            fight.now += 30
            await fight.converge()
        waits.append(fight.now - began)
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


async def test_an_hour_of_peace_ends_it(fight: Fight) -> None:
    for _ in range(3):
        fight.server.edit(REF, manager="gitops", groups=[])
        await fight.converge()
    fight.now += 3601
    for _ in range(3):
        fight.server.edit(REF, manager="gitops", groups=[])
        assert [reason for reason, _ in await fight.converge()] == ["OverlayRepaired"]
    fight.server.edit(REF, manager="gitops", groups=[])
    assert [reason for reason, _ in await fight.converge()] == ["OverlayContested"]


async def test_a_new_wish_is_written_in_the_middle_of_a_fight_and_does_not_end_it(fight: Fight) -> None:
    for _ in range(4):
        fight.server.edit(REF, manager="gitops", groups=[])
        await fight.converge()
    assert await fight.converge(WEAK) == []
    assert not fight.edited()
    fight.server.edit(REF, manager="gitops", groups=[])
    assert [reason for reason, _ in await fight.converge(WEAK)] == ["OverlayContested"]


async def test_what_was_taken_away_on_purpose_is_no_fight(fight: Fight) -> None:
    assert await fight.writer.converge(OWNER, []) == ()
    assert await fight.converge() == []


async def test_a_period_that_is_gone_is_forgotten(fight: Fight) -> None:
    fight.writer.forget(IDENTITY.period_uid)
    fight.server.edit(REF, manager="gitops", groups=[])
    assert await fight.converge() == []


async def test_parts_that_are_not_wanted_any_more_go_and_others_stay(fight: Fight) -> None:
    second = {**STRONG, "metadata": {**STRONG["metadata"], "name": "hypercare-checkout.1"}}
    part = ObjectRef(PROMETHEUS_RULES, "shop", "hypercare-checkout.1")
    assert await fight.writer.converge(OWNER, [STRONG, second]) == ()
    assert part in fight.server.objects
    fight.server.put(ObjectRef(PROMETHEUS_RULES, "shop", "hypercare-checkout.2"), {"groups": []})
    await fight.converge()
    assert {ref.name for ref in fight.server.objects} == {"hypercare-checkout", "hypercare-checkout.2"}


async def test_a_part_whose_name_is_taken_is_told_and_the_others_are_written(fight: Fight) -> None:
    second = {**WEAK, "metadata": {**WEAK["metadata"], "name": "hypercare-checkout.1"}}
    theirs = fight.server.put(ObjectRef(PROMETHEUS_RULES, "shop", "hypercare-checkout.1"), {"groups": []})
    (problem,) = await fight.writer.converge(OWNER, [WEAK, second])
    assert problem.reason == "OverlayNameTaken"
    assert "hypercare-checkout.1" in problem.message
    assert fight.server.objects[ObjectRef(PROMETHEUS_RULES, "shop", "hypercare-checkout.1")] == theirs
    assert fight.server.objects[REF]["spec"] == WEAK["spec"]


def test_the_newest_writer_is_named_and_never_the_operator_itself() -> None:
    fields = [
        {"manager": "old", "time": "2027-01-15T08:00:00Z"},
        {"manager": "hypercare", "time": "2027-01-15T10:00:00Z"},
        {"manager": "new", "time": "2027-01-15T09:00:00Z"},
    ]
    assert change_of({"metadata": {"managedFields": fields}}, "hypercare") == "was edited by new"
    assert change_of({"metadata": {}}, "hypercare") == "was edited"


def test_what_was_never_written_waits_for_nothing() -> None:
    assert Contest(repairs=9).wait(STRONG, 0.0) is None
