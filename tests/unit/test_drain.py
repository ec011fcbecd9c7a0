"""Draining against an API server in memory: everything comes back, or is told, and killing is safe."""

import copy
import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest

from hypercare.__main__ import main
from hypercare.adapters.cache import WatchCache
from hypercare.claims import ClaimKeeper
from hypercare.domain.capacity.hold_protocol import LATE_SECONDS
from hypercare.domain.drained import Drained, Fate, Result
from hypercare.domain.objects import AUTOSCALERS, HOLDS, PERIODS, PROMETHEUS_RULES, ObjectRef
from hypercare.domain.standstill import marker_ref, render_marker, still_until
from hypercare.drain.command import document, summary
from hypercare.drain.drain import QUIET_SECONDS, Clock, Drain, Wishes
from hypercare.drain.options import add_drain_options
from hypercare.drain.standstill import LOOK_SECONDS, StandstillGate
from hypercare.hold_reconcile import HoldReconciler, stands
from hypercare.ports import ApiError, Forbidden, NotFound, Rejected, Unavailable
from tests.unit.api_server import Crash, FakeApiServer, When
from tests.unit.made_objects import overlay
from tests.unit.scaled import AUTOSCALER_REF, HOLD_REF, NAMESPACE, NOW, autoscaler, request

OWN = "hypercare-system"
MARKER = marker_ref(OWN)
OVERLAY = ObjectRef(PROMETHEUS_RULES, NAMESPACE, "hypercare-checkout")
WISHES = Wishes((), OWN, timeout=300, still_for=3600)


@dataclass
class Shop:
    """A raised autoscaler and an overlay; an operator that raised them and may or may not be running."""

    server: FakeApiServer = field(default_factory=FakeApiServer)
    now: float = NOW
    told: list[Drained] = field(default_factory=list)
    meanwhile: list[Callable[[], Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server.put(AUTOSCALER_REF, autoscaler()["spec"])
        self.server.put(ObjectRef(PERIODS, NAMESPACE, "a"), {}, uid="uid-of-a")
        self.cache = WatchCache((PERIODS, HOLDS, AUTOSCALERS), lambda _: None, lambda: 0.0)
        self.server.watched_by(self.cache)
        self.gate = StandstillGate(self.server, OWN, lambda: self.now, lambda: self.now)
        self.claims = ClaimKeeper(self.gate, self.cache)
        self.holds = HoldReconciler(
            self.gate, self.cache, partial(stands, self.cache), lambda _: None, lambda: self.now
        )

    async def raised(self) -> None:
        await self.claims.keep(NAMESPACE, "uid-of-a", (request(),), ())
        await self.holds.visit(HOLD_REF)
        await self.server.create(OVERLAY, overlay())
        assert self.replicas == 4
        assert self.held

    async def operate(self) -> None:
        """What a running operator does all the time; refused writes are tried again, as by the queue."""
        for work in (self.claims.keep(NAMESPACE, "uid-of-a", (request(),), ()), self.holds.visit(HOLD_REF)):
            try:
                await work
            except Unavailable:
                continue

    async def drain(self, wishes: Wishes = WISHES) -> Result:
        return await Drain(self.server, wishes, self.told.append, Clock(lambda: self.now, self.sleep)).run()

    async def sleep(self, seconds: float) -> None:
        """Let a second pass after the other, so that everybody acts in time."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(self.now + 1, until)
            for action in self.meanwhile:
                await action()

    @property
    def replicas(self) -> int:
        replicas: int = self.server.objects[AUTOSCALER_REF]["spec"]["minReplicas"]
        return replicas

    @property
    def held(self) -> bool:
        return HOLD_REF in self.server.objects

    def restored(self) -> bool:
        return self.replicas == 2 and not self.held and OVERLAY not in self.server.objects


@pytest.fixture
async def shop() -> Shop:
    shop = Shop()
    await shop.raised()
    return shop


def fates(result: Result) -> dict[str, Fate]:
    return {each.ref.resource.kind: each.fate for each in result.drained}


EVERYTHING = {"HorizontalPodAutoscaler": Fate.RESTORED, "PrometheusRule": Fate.REMOVED}


class TestRestoring:
    """What was changed is as before; what was not is not touched."""

    async def test_everything_comes_back_without_an_operator(self, shop: Shop) -> None:
        before = copy.deepcopy(autoscaler()["spec"])
        result = await shop.drain()
        assert fates(result) == EVERYTHING
        assert shop.restored()
        assert shop.server.objects[AUTOSCALER_REF]["spec"] == before
        assert sorted(shop.told, key=lambda each: each.ref) == sorted(result.drained, key=lambda each: each.ref)

    async def test_where_nothing_was_changed_there_is_nothing_to_do(self) -> None:
        shop = Shop()
        assert (await shop.drain()).drained == ()
        assert shop.server.writes == [f"create {MARKER}"]

    async def test_a_second_drain_finds_nothing_and_leaves_the_marker(self, shop: Shop) -> None:
        first = await shop.drain()
        writes = len(shop.server.writes)
        second = await shop.drain()
        assert second.drained == ()
        assert second.still_until == first.still_until
        assert len(shop.server.writes) == writes

    async def test_only_the_named_namespaces_are_drained(self, shop: Shop) -> None:
        assert (await shop.drain(replace(WISHES, namespaces=("other",)))).drained == ()
        assert shop.replicas == 4
        assert fates(await shop.drain(replace(WISHES, namespaces=("other", NAMESPACE)))) == EVERYTHING

    async def test_rules_of_other_people_stay(self, shop: Shop) -> None:
        theirs = ObjectRef(PROMETHEUS_RULES, NAMESPACE, "checkout-alerts")
        shop.server.put(theirs, {}, labels={"app.kubernetes.io/managed-by": "hypercare"})
        await shop.drain()
        assert theirs in shop.server.objects

    async def test_an_overlay_whose_period_is_gone_is_removed_too(self, shop: Shop) -> None:
        shop.server.remove(ObjectRef(PERIODS, NAMESPACE, "a"))
        del shop.server.objects[OVERLAY]["metadata"]["ownerReferences"]
        assert fates(await shop.drain()) == EVERYTHING

    async def test_a_write_that_may_still_arrive_is_waited_for(self) -> None:
        shop = Shop()
        await shop.claims.keep(NAMESPACE, "uid-of-a", (request(),), ())
        shop.server.fail_at(2, When.LATE, Crash())
        with pytest.raises(Crash):
            await shop.holds.visit(HOLD_REF)
        assert shop.replicas == 2

        async def arrives() -> None:
            shop.server.deliver()

        shop.meanwhile.append(arrives)
        result = await shop.drain()
        assert fates(result) == {"HorizontalPodAutoscaler": Fate.RESTORED}
        assert shop.restored()
        assert shop.now <= NOW + LATE_SECONDS + QUIET_SECONDS


class TestKept:
    """What somebody else wrote since is theirs, and is told."""

    async def test_a_newer_value_is_kept_and_its_writer_named(self, shop: Shop) -> None:
        shop.server.edit(AUTOSCALER_REF, "argocd-controller", minReplicas=7)
        result = await shop.drain()
        (kept,) = result.of(Fate.KEPT)
        assert kept.message == "minReplicas 2 -> 7, written by argocd-controller"
        assert (shop.replicas, shop.held) == (7, False)

    async def test_a_contested_value_is_left_in_peace(self, shop: Shop) -> None:
        shop.server.edit(AUTOSCALER_REF, "argocd-controller", minReplicas=3)
        await shop.holds.visit(HOLD_REF)
        writes = len(shop.server.writes)
        assert fates(await shop.drain()) == EVERYTHING
        assert shop.replicas == 3
        assert f"patch {AUTOSCALER_REF}" not in shop.server.writes[writes:]

    async def test_an_object_that_is_gone_is_told(self, shop: Shop) -> None:
        shop.server.remove(AUTOSCALER_REF)
        (gone,) = (await shop.drain()).of(Fate.GONE)
        assert gone == Drained(AUTOSCALER_REF, Fate.GONE, "it does not exist any more")

    async def test_its_successor_is_not_touched(self, shop: Shop) -> None:
        shop.server.remove(AUTOSCALER_REF)
        shop.server.put(AUTOSCALER_REF, autoscaler(floor=5)["spec"])
        (gone,) = (await shop.drain()).of(Fate.GONE)
        assert "another one of its name" in gone.message
        assert shop.replicas == 5


class TestLeft:
    """What cannot be restored is listed with its reason, in bounded time."""

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (Forbidden("denied by hypercare-holds"), "Forbidden"),
            (Rejected("denied by a policy"), "ChangeRejected"),
        ],
    )
    async def test_a_refusal_is_told_and_not_waited_for(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch, error: ApiError, reason: str
    ) -> None:
        async def refuse(*_: Any) -> None:
            raise error

        monkeypatch.setattr(shop.server, "replace", refuse)
        result = await shop.drain()
        (left,) = result.of(Fate.LEFT)
        assert left.ref == AUTOSCALER_REF
        assert left.message.startswith(f"{reason}: ")
        assert error.message in left.message
        assert shop.now < NOW + 60
        assert shop.replicas == 4

    async def test_an_overlay_that_may_not_be_deleted_is_left(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def refuse(*_: Any) -> None:
            raise Forbidden("may not delete")

        monkeypatch.setattr(shop.server, "delete", refuse)
        assert Drained(OVERLAY, Fate.LEFT, "may not delete") in (await shop.drain()).of(Fate.LEFT)

    async def test_a_hold_that_cannot_be_read_is_left_and_its_object_alone(self, shop: Shop) -> None:
        shop.server.objects[HOLD_REF]["spec"]["fields"][0]["original"]["value"] = -1
        (left,) = (await shop.drain()).of(Fate.LEFT)
        assert left.ref == HOLD_REF
        assert left.message.startswith("InvalidHold: ")
        assert shop.replicas == 4

    async def test_the_time_is_bounded(self, shop: Shop) -> None:
        shop.meanwhile.append(partial(self.away, shop))
        shop.server.fail_at(2, When.BEFORE)
        result = await shop.drain(replace(WISHES, timeout=20))
        (left,) = result.of(Fate.LEFT)
        assert "no answer" in left.message
        assert shop.now <= NOW + 21

    async def away(self, shop: Shop) -> None:
        shop.server.fail_at(1, When.BEFORE)

    async def test_an_api_server_that_comes_back_is_waited_for(self, shop: Shop) -> None:
        for number in (2, 4, 7):
            shop.server.fail_at(number, When.AFTER)
        assert fates(await shop.drain()) == EVERYTHING
        assert shop.restored()

    async def test_one_that_does_not_is_an_error(self, shop: Shop) -> None:
        shop.server.unlisted[HOLDS] = Unavailable("no answer")
        with pytest.raises(Unavailable):
            await shop.drain(replace(WISHES, timeout=20))
        assert shop.now <= NOW + 21

    async def test_an_account_that_may_not_look_is_an_error(self, shop: Shop) -> None:
        shop.server.unlisted[HOLDS] = Forbidden("may not list")
        with pytest.raises(Forbidden):
            await shop.drain()

    async def test_without_the_kinds_there_is_nothing_to_know(self, shop: Shop) -> None:
        shop.server.unlisted[HOLDS] = NotFound("the server has no such resource")
        result = await shop.drain()
        assert result.of(Fate.LEFT) == ()
        assert any("nothing is known" in remark for remark in result.remarks)


class TestStandingStill:
    """An operator that runs on does not undo what was restored."""

    async def test_a_running_operator_is_told_and_claims_nothing_again(self, shop: Shop) -> None:
        shop.meanwhile.append(shop.operate)
        result = await shop.drain()
        assert fates(result) == EVERYTHING
        assert shop.restored()
        for _ in range(20):
            shop.now += LOOK_SECONDS
            await shop.operate()
        assert shop.restored()
        assert result.still_until == NOW + 3900

    async def test_it_goes_on_when_the_marker_is_deleted(self, shop: Shop) -> None:
        shop.meanwhile.append(shop.operate)
        await shop.drain()
        shop.server.remove(MARKER)
        shop.now += LOOK_SECONDS
        await shop.operate()
        assert shop.replicas == 4

    async def test_what_it_began_before_it_noticed_is_found(self, shop: Shop) -> None:
        """The operator has looked just before the marker came, and raises everything again at once."""
        shop.now += LOOK_SECONDS
        await shop.gate.create(replace(OVERLAY, name="other"), {"metadata": {"name": "other", "namespace": NAMESPACE}})
        shop.meanwhile.append(shop.operate)
        assert fates(await shop.drain()) == EVERYTHING
        marked = shop.server.writes.index(f"create {MARKER}")
        assert shop.server.writes[marked:].count(f"create {HOLD_REF}") == 1
        assert shop.restored()

    async def test_a_marker_that_ends_too_early_is_replaced(self, shop: Shop) -> None:
        await shop.server.create(MARKER, render_marker(OWN, NOW + 60))
        result = await shop.drain()
        assert still_until(shop.server.objects[MARKER]) == result.still_until == NOW + 3900

    async def test_where_no_operator_can_be_told_it_is_said(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        create = shop.server.create

        async def without_namespace(ref: ObjectRef, body: Any) -> Any:
            if ref == MARKER:
                raise NotFound('namespaces "hypercare-system" not found')
            return await create(ref, body)

        monkeypatch.setattr(shop.server, "create", without_namespace)
        result = await shop.drain()
        assert fates(result) == EVERYTHING
        assert result.still_until == 0
        assert "no running operator could be told" in result.remarks[0]


def kill_points() -> int:
    """How many writes a drain of a shop makes."""
    return 6


@pytest.mark.parametrize("when", list(When))
@pytest.mark.parametrize("number", range(1, kill_points() + 1))
async def test_killed_at_any_write_and_run_again_it_ends_as_if_nothing_had_been(
    shop: Shop, number: int, when: When
) -> None:
    shop.server.fail_at(number, when, Crash())
    with pytest.raises(Crash):
        await shop.drain()
    originals = shop.server.objects.get(HOLD_REF, {"spec": {"fields": [{"original": {"value": 2}}]}})
    assert originals["spec"]["fields"][0]["original"]["value"] == 2
    await shop.drain()
    shop.server.deliver()
    assert shop.restored()
    assert len(shop.server.writes) >= kill_points()


class TestTelling:
    """What people and scripts read."""

    RESULT = Result(
        (
            Drained(AUTOSCALER_REF, Fate.LEFT, "Forbidden: no"),
            Drained(OVERLAY, Fate.REMOVED),
            Drained(replace(AUTOSCALER_REF, name="basket"), Fate.KEPT, "minReplicas 2 -> 3, written by helm"),
        ),
        NOW,
        ("a remark",),
    )

    def test_the_summary_counts_and_lists_what_people_must_look_at(self) -> None:
        assert list(summary(self.RESULT)) == [
            "Drained: 1 kept, 1 removed, 1 left",
            "\nLeft as it is:",
            "  HorizontalPodAutoscaler shop/checkout: Forbidden: no",
            "\nKept for another writer:",
            "  HorizontalPodAutoscaler shop/basket: minReplicas 2 -> 3, written by helm",
            "",
            "a remark",
            "A running operator stands still until 2027-01-15T08:00:00Z",
        ]

    def test_nothing_is_said_in_one_line(self) -> None:
        assert list(summary(Result((), 0, ()))) == ["Drained: there was nothing to restore or remove"]

    def test_scripts_get_one_document(self) -> None:
        found = json.loads(json.dumps(document(self.RESULT)))
        assert list(found) == ["restored", "kept", "gone", "removed", "left", "standsStillUntil", "remarks"]
        assert found["left"] == [
            {
                "kind": "HorizontalPodAutoscaler",
                "namespace": "shop",
                "name": "checkout",
                "message": "Forbidden: no",
            }
        ]
        assert found["standsStillUntil"] == "2027-01-15T08:00:00Z"


class TestCommand:
    """Flags, and what happens where nothing can be reached."""

    @staticmethod
    def given(*arguments: str) -> Namespace:
        parser = ArgumentParser()
        add_drain_options(parser)
        return parser.parse_args(arguments)

    def test_durations_are_written_as_everywhere(self) -> None:
        assert self.given("--timeout", "90s", "--still-for", "1h30m").timeout == 90
        assert self.given().still_for == 3600

    def test_a_duration_that_is_none_is_refused(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            self.given("--timeout", "soon")
        assert ended.value.code == 2
        assert "'soon' is not a duration" in capsys.readouterr().err

    def test_without_an_api_server_the_code_is_2(self, capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
        assert main(["drain", "--kubeconfig", str(tmp_path / "none")]) == 2
        assert "there is no such file" in capsys.readouterr().err

    def test_the_help_tells_the_exit_codes_and_the_account(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            main(["drain", "--help"])
        shown = capsys.readouterr().out
        assert "exit codes: 0" in shown
        assert "as that account" in shown
