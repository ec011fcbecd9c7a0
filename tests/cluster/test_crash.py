"""Killing the operator after any single write changes nothing about the outcome: everything comes back exactly.

Every life is lived on the real control plane, in a namespace and with an operator of its own. As a life is mostly
waiting, all cases are begun together, some side by side, and each test awaits its own.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.crash_life import install, table
from tests.cluster.crash_others import OTHERS, held_once
from tests.cluster.crash_points import (
    ANNOUNCED,
    EVERY_KIND,
    RAISED,
    REMOVED,
    REPORTED,
    SAVED,
    STATUS,
    TIGHTENED,
    Case,
    Lives,
    Point,
    first,
    held_back,
    killed_at,
    kind_of,
    nothing_is_left,
    originals_are_safe,
    points,
    restoring,
    succeeded,
)
from tests.cluster.write_proxy import Which, Write, WriteProxy

# A case waits for its turn, and one of them for the 90 s after which an announced write cannot arrive any more.
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
SIDE_BY_SIDE = 5
# As long as a watch may take to tell of something, and what follows of it.
REACTION_SECONDS = 4.0


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
            life.wait("the period is gone", lambda: not life.period, timeout=15)
            life.start()
            life.wait("everything is as before", lambda: not life.holds and life.look() == life.originals)
            life.operator.wait_ready()
            life.wait_quiet()
            nothing_is_left(life)

    return case


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


CASES: Mapping[str, Case] = {
    "deleted after a change was announced: it is waited for, as it may still arrive": deleted_while_down(
        lambda: first(*ANNOUNCED)
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
    **OTHERS,
}


@dataclass(frozen=True)
class Begun:
    """Everything under way."""

    cases: Mapping[str, Future[None]]
    killed: Mapping[Point, Future[bool]]
    held: Mapping[Point, Future[bool]]


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
            every = points(undisturbed(lives)) if selected & {KILLED, HELD} else []
            killed = {point: pool.submit(killed_once(point), lives) for point in every if KILLED in selected}
            held = {point: pool.submit(held_once(point), lives) for point in every if HELD in selected}
            yield Begun(cases, killed, held)
        finally:
            lives.stopped.set()
            pool.shutdown(cancel_futures=True)


def test_killed_after_any_write_it_ends_as_if_nothing_had_been(begun: Begun) -> None:
    hit = {point for point, future in begun.killed.items() if future.result()}
    print(f"{len(hit)} of {len(begun.killed)} kill points")
    # How often a kind is written depends on how long a start takes, but each is written in every life.
    assert hit >= {Point(kind, 1) for kind in EVERY_KIND}
    assert len(hit) >= 30


def test_any_write_may_arrive_when_its_sender_was_killed_and_another_one_started(begun: Begun) -> None:
    late = {point for point, future in begun.held.items() if future.result()}
    print(f"{len(late)} of {len(begun.held)} writes arrived late")
    assert late >= {Point(kind, 1) for kind in EVERY_KIND}
    assert len(late) >= 30


KILLED = test_killed_after_any_write_it_ends_as_if_nothing_had_been.__name__
HELD = test_any_write_may_arrive_when_its_sender_was_killed_and_another_one_started.__name__


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_left_when(begun: Begun, name: str) -> None:
    begun.cases[name].result()
