"""Killing the operator after any single write changes nothing about the outcome: everything comes back exactly.

Every life is lived on the real control plane, in a namespace and with an operator of its own. As a life is mostly
waiting, all cases are begun together, some side by side, and each test awaits its own.
"""

import itertools
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.crash_life import FORMS, Life, install, table
from tests.cluster.write_proxy import Which, Write, WriteProxy

# A case waits for its turn, and one of them for the 90 s after which an announced write cannot arrive any more.
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
SIDE_BY_SIDE = 5
# Told once each, in this order. What is told beside it (alerts live, criteria met) depends on how long a start takes.
COURSE = ("RunStarted", "WindowStarted", "StageChanged", "RelaxingStarted", "Relaxed", "Relaxed", "Completed")
# As long as a watch may take to tell of something, and what follows of it.
REACTION_SECONDS = 4.0


@dataclass
class Lives:
    """Makes lives, numbered, in both forms by turns; after `stop` no more."""

    cluster: Cluster
    proxy: WriteProxy
    logs: Path
    stopped: threading.Event = field(default_factory=threading.Event)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def life(self, form: str = "") -> Life:
        if self.stopped.is_set():
            raise InterruptedError("the tests are over")
        number = next(self.numbers)
        name = f"life-{os.getpid()}-{number}"
        return Life(self.cluster, self.proxy, name, form or FORMS[number % len(FORMS)], self.logs)


Kind = tuple[str, str]
RAISED = ("PATCH", "horizontalpodautoscalers")
STATUS = ("PATCH", "hypercareperiods/status")
SAVED = ("POST", "hypercareholds")
ANNOUNCED = ("PUT", "hypercareholds")
TIGHTENED = ("POST", "prometheusrules")
REMOVED = ("DELETE", "prometheusrules")
REPORTED = ("POST", "configmaps")
EVERY_KIND = {RAISED, STATUS, SAVED, ANNOUNCED, TIGHTENED, REMOVED, REPORTED, ("DELETE", "hypercareholds")}
Case = Callable[[Lives], None]


@dataclass(frozen=True)
class Point:
    """The `number`-th write of its kind. In which order writes of different kinds come differs from life to life."""

    kind: Kind
    number: int

    def which(self) -> Which:
        """It, among the writes of one life."""
        return first(*self.kind, self.number)


def points(writes: tuple[Write, ...]) -> list[Point]:
    """All writes of a life, as points of any life."""
    seen: Counter[Kind] = Counter()
    found = []
    for write in writes:
        seen[kind_of(write)] += 1
        found.append(Point(kind_of(write), seen[kind_of(write)]))
    return found


def first(method: str, resource: str, number: int = 1) -> Which:
    """The first write (or the `number`-th) with this method to this resource; a subresource counts as its own."""
    seen = itertools.count(1)
    return lambda write: kind_of(write) == (method, resource) and next(seen) == number


def restoring() -> Which:
    """The write that restores the autoscaler: the overlay goes before."""
    removed: list[Write] = []

    def chosen(write: Write) -> bool:
        removed.extend([write] if kind_of(write) == REMOVED else [])
        return bool(removed) and kind_of(write) == RAISED

    return chosen


def kind_of(write: Write) -> Kind:
    """Its method and the resource it is about, with the subresource if there is one."""
    _, resource, *name = write.path.partition("?")[0].split("/namespaces/")[1].split("/")
    return write.method, "/".join((resource, *name[1:]))


def originals_are_safe(life: Life) -> None:
    """With the operator dead: whatever is changed, a hold knows what it was."""
    fields = {record["path"]: record for hold in life.holds for record in hold["spec"]["fields"]}
    now, before = life.autoscaler["spec"], life.originals.autoscaler["spec"]
    for name in ("minReplicas", "maxReplicas"):
        if now[name] != before[name]:
            assert f"/spec/{name}" in fields, life.told(f"{name} is changed and no hold knows of it")
        if record := fields.get(f"/spec/{name}"):
            assert record["original"] == {"present": True, "value": before[name]}, life.told(f"{name} is lost")


def nothing_is_left(life: Life) -> None:
    assert life.look() == life.originals, life.told(f"not as before: {life.look()}")
    assert life.holds == [], life.told("a hold is left")


def succeeded(life: Life) -> None:
    """At the end of a life: it went its course, everything is as before, and it was told once."""
    life.wait("the life is over", lambda: life.over)
    life.wait_quiet()
    nothing_is_left(life)
    (report,) = life.reports
    period = life.period
    assert period["status"]["report"] == report
    assert "finalizers" not in period["metadata"]
    told = [entry["reason"] for entry in period["status"]["timeline"]]
    assert tuple(reason for reason in told if reason in COURSE) == COURSE, life.told(str(told))
    conditions = {each["type"]: each["status"] for each in period["status"]["conditions"]}
    assert (conditions["Restored"], conditions["Succeeded"]) == ("True", "True"), life.told(str(conditions))
    kinds = {kind_of(write) for write in life.lane.writes}
    assert kinds >= EVERY_KIND, life.told(f"never written: {EVERY_KIND - kinds}")


def undisturbed(lives: Lives) -> tuple[Write, ...]:
    """Every write of a life that nobody disturbs."""
    with lives.life() as life:
        life.begin()
        succeeded(life)
        print(f"A life has {len(life.lane.writes)} writes:", *table(life.lane.writes, life.namespace), sep="\n")
        return life.lane.writes


def killed_once(point: Point) -> Callable[[Lives], bool]:
    """A life that is killed at one point; false when it went another way and never came there."""

    def case(lives: Lives) -> bool:
        with lives.life() as life:
            killed = life.kill_after(point.which())
            life.begin()
            life.wait("it is killed, or over", lambda: killed.is_set() or life.over)
            life.wait_quiet()  # the last write may have been seen before it was answered
            if killed.is_set():
                originals_are_safe(life)
                life.start()
            succeeded(life)
            return killed.is_set()

    return case


def killed_again_and_again(lives: Lives) -> None:
    with lives.life() as life:
        kills = [life.kill_after(4)]
        life.begin()
        while not life.over:
            life.wait("it is killed, or over", lambda: kills[-1].is_set() or life.over)
            if kills[-1].is_set():
                originals_are_safe(life)
                kills.append(life.kill_after(len(life.lane.writes) + 4))
                life.start()
        if not life.operator.running:
            life.start()
        assert len(kills) > 5
        succeeded(life)


def deleted_while_down(which: Callable[[], Which]) -> Case:
    def case(lives: Lives) -> None:
        with lives.life() as life:
            killed_at(life, which())
            life.delete_period()
            life.wait("the period is gone", lambda: not life.period, timeout=5)
            life.start()
            life.wait("everything is as before", lambda: not life.holds and life.look() == life.originals)
            life.operator.wait_ready()
            life.wait_quiet()
            nothing_is_left(life)

    return case


def killed_at(life: Life, which: Which) -> None:
    killed = life.kill_after(which)
    life.begin()
    life.wait("it is killed", killed.is_set)
    originals_are_safe(life)


def namespace_deleted_while_down(lives: Lives) -> None:
    with lives.life() as life:
        killed_at(life, first(*RAISED))
        life.delete_namespace()
        life.wait("the namespace is gone", lambda: life.gone, timeout=60)
        life.start()
        life.operator.wait_ready()
        assert "Traceback" not in life.operator.tail(500)


def namespace_deleted_and_restarted(lives: Lives) -> None:
    with lives.life() as life:
        killed_at(life, first(*RAISED))
        life.delete_namespace()
        life.start()
        life.wait("the namespace is gone", lambda: life.gone, timeout=60)
        life.operator.wait_ready()
        assert "Traceback" not in life.operator.tail(500)


def namespace_deleted_under_way(lives: Lives) -> None:
    with lives.life() as life:
        raised = threading.Event()
        life.lane.after(first(*RAISED), lambda _: raised.set())
        life.begin()
        life.wait("it is raised", raised.is_set)
        life.delete_namespace()
        life.wait("the namespace is gone", lambda: life.gone, timeout=60)
        time.sleep(REACTION_SECONDS)
        assert life.operator.running
        assert "Traceback" not in life.operator.tail(500)


def arrives_late(which: Callable[[], Which], *, refused: bool = True) -> Case:
    """The write is on its way when its sender is killed, and arrives after the life is over."""

    def case(lives: Lives) -> None:
        with lives.life() as life:
            held_back(life, which())
            life.start()
            succeeded(life)
            before = len(life.lane.writes)
            status = lives.proxy.deliver(life.lane)
            assert (status >= 400) is refused, life.told(f"the late write was answered {status}")
            time.sleep(REACTION_SECONDS)
            assert RAISED not in {kind_of(write) for write in life.lane.writes[before:]}, life.told("raised again")
            life.wait("it has no effect", lambda: not life.holds and life.look() == life.originals, timeout=30)
            succeeded(life)

    return case


def arrives_during_the_start(lives: Lives) -> None:
    with lives.life() as life:
        held_back(life, first(*RAISED))
        life.start()
        assert lives.proxy.deliver(life.lane) == 200
        originals_are_safe(life)
        succeeded(life)


def arrives_after_the_deletion(lives: Lives) -> None:
    """The late write does arrive, and is taken back: the hold was still waiting for it."""
    with lives.life() as life:
        held_back(life, first(*RAISED))
        life.delete_period()
        life.start()
        life.operator.wait_ready()
        life.wait("the claim is dropped", lambda: not any(hold["spec"]["claims"] for hold in life.holds))
        life.wait_quiet()
        assert lives.proxy.deliver(life.lane) == 200
        life.wait("it is taken back", lambda: not life.holds and life.look() == life.originals, timeout=30)


def held_back(life: Life, which: Which) -> None:
    life.lane.hold(which)
    life.begin()
    assert life.lane.wait_held(60), life.told("that write was never sent")
    life.kill()
    originals_are_safe(life)


CASES: Mapping[str, Case] = {
    "deleted after a change was announced: it is waited for, as it may still arrive": deleted_while_down(
        lambda: first(*ANNOUNCED, 2)
    ),
    "killed after every fourth write of one life": killed_again_and_again,
    "deleted before anything was changed": deleted_while_down(lambda: first(*STATUS)),
    "deleted after the originals were saved": deleted_while_down(lambda: first(*SAVED)),
    "deleted after the overlay was made": deleted_while_down(lambda: first(*TIGHTENED)),
    "deleted after the floor was raised": deleted_while_down(lambda: first(*RAISED)),
    "deleted after the floor was lowered": deleted_while_down(lambda: first(*RAISED, 2)),
    "deleted after the floor was restored": deleted_while_down(restoring),
    "the namespace is deleted while the operator is down": namespace_deleted_while_down,
    "the namespace is deleted while the operator starts": namespace_deleted_and_restarted,
    "the namespace is deleted while the operator works": namespace_deleted_under_way,
    "a late raise is refused": arrives_late(lambda: first(*RAISED)),
    "a late restore is refused": arrives_late(restoring),
    "a late status is refused": arrives_late(lambda: first(*STATUS, 3)),
    "a late hold is taken away": arrives_late(lambda: first(*SAVED), refused=False),
    "a late overlay is taken away": arrives_late(lambda: first(*TIGHTENED), refused=False),
    "a late removal of the overlay is refused": arrives_late(lambda: first(*REMOVED)),
    "a late report is refused": arrives_late(lambda: first(*REPORTED)),
    "a late raise arrives while the operator starts": arrives_during_the_start,
    "a late raise after the deletion is taken back": arrives_after_the_deletion,
}


@dataclass(frozen=True)
class Begun:
    """Everything under way."""

    cases: Mapping[str, Future[None]]
    killed: Mapping[Point, Future[bool]]


@pytest.fixture(scope="module")
def begun(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Begun]:
    """The cases that were selected, and lives that are killed, if they were."""
    install(cluster)
    selected = {item.name for item in request.session.items}
    wanted = {name: case for name, case in CASES.items() if any(f"[{name}]" in each for each in selected)}
    with WriteProxy(cluster) as proxy, ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        lives = Lives(cluster, proxy, tmp_path_factory.mktemp("lives"))
        try:
            cases = {name: pool.submit(case, lives) for name, case in wanted.items()}
            every = points(undisturbed(lives)) if SWEEP in selected else []
            yield Begun(cases, {point: pool.submit(killed_once(point), lives) for point in every})
        finally:
            lives.stopped.set()
            pool.shutdown(cancel_futures=True)


def test_killed_after_any_write_it_ends_as_if_nothing_had_been(begun: Begun) -> None:
    hit = {point for point, future in begun.killed.items() if future.result()}
    print(f"{len(hit)} of {len(begun.killed)} kill points")
    # How often a kind is written depends on how long a start takes, but each is written in every life.
    assert hit >= {Point(kind, 1) for kind in EVERY_KIND}
    assert len(hit) >= 30


SWEEP = test_killed_after_any_write_it_ends_as_if_nothing_had_been.__name__


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_left_when(begun: Begun, name: str) -> None:
    begun.cases[name].result()
