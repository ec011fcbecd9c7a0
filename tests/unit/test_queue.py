"""The due-queue: order, one visit at a time per key, back-off, and nothing kept that is done."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.objects import PERIODS
from hypercare.queue import SHORTEST_PAUSE, After, Backoff, Done, DueQueue, Failed, Key, Outcome, Schedule, Wait

FAILURE = Failed(RuntimeError("no"))
NEVER = float("inf")


def key(name: str) -> Key:
    return Key(PERIODS, "shop", name)


A, B, C = key("a"), key("b"), key("c")


def schedule() -> Schedule:
    return Schedule(Backoff(first=1, limit=300, jitter=0), chance=lambda: 0.0)


def test_the_earliest_key_is_taken_first_whatever_the_order_it_came_in() -> None:
    queue = schedule()
    for each, at in ((B, 2.0), (C, 3.0), (A, 1.0)):
        queue.add(each, at)
    assert [queue.take(9), queue.take(9), queue.take(9)] == [A, B, C]


def test_keys_due_at_the_same_time_are_taken_in_the_order_they_came() -> None:
    queue = schedule()
    for each in (C, A, B):
        queue.add(each, 1.0)
    assert [queue.take(1), queue.take(1), queue.take(1)] == [C, A, B]


def test_a_key_that_is_not_due_yet_is_waited_for() -> None:
    queue = schedule()
    queue.add(A, 5.0)
    assert queue.take(2) == Wait(3.0)


def test_an_empty_schedule_waits_for_ever() -> None:
    assert schedule().take(0) == Wait(NEVER)


@pytest.mark.parametrize(
    ("first", "second", "due"),
    [
        pytest.param(5.0, 3.0, 3.0, id="an earlier trigger brings the visit forward"),
        pytest.param(3.0, 5.0, 3.0, id="a later trigger does not put it off"),
    ],
)
def test_of_two_triggers_the_earlier_counts(first: float, second: float, due: float) -> None:
    queue = schedule()
    queue.add(A, first)
    queue.add(A, second)
    assert queue.take(due - 0.5) == Wait(0.5)
    assert queue.take(due) == A
    assert queue.take(99) == Wait(NEVER)


def test_a_key_is_not_taken_while_it_is_being_visited() -> None:
    queue = schedule()
    queue.add(A, 0)
    assert queue.take(0) == A
    queue.add(A, 0)
    assert queue.take(50) == Wait(NEVER)


@pytest.mark.parametrize("outcome", [After(600), Done()])
def test_a_trigger_during_a_visit_makes_the_key_due_right_after_it(outcome: Outcome) -> None:
    queue = schedule()
    queue.add(A, 0)
    queue.take(0)
    queue.add(A, 1)
    queue.finish(A, outcome, now=10)
    assert queue.take(10 + SHORTEST_PAUSE) == A


def test_the_next_visit_is_when_the_last_one_asked_for_it() -> None:
    queue = schedule()
    queue.add(A, 0)
    queue.take(0)
    queue.finish(A, After(60), now=10)
    assert queue.take(69) == Wait(1)
    assert queue.take(70) == A


def test_a_visit_that_asks_for_none_is_forgotten() -> None:
    queue = schedule()
    queue.add(A, 0)
    queue.take(0)
    queue.finish(A, Done(), now=1)
    assert len(queue) == 0
    assert queue.take(10**9) == Wait(NEVER)


def test_a_key_that_asks_to_be_visited_at_once_still_pauses() -> None:
    queue = schedule()
    queue.add(A, 0)
    queue.take(0)
    queue.finish(A, After(0), now=10)
    assert isinstance(queue.take(10), Wait)
    assert queue.take(10 + SHORTEST_PAUSE) == A


def test_failures_double_the_pause_up_to_the_limit() -> None:
    queue, now, pauses = schedule(), 0.0, []
    queue.add(A, now)
    for _ in range(11):
        assert queue.take(now) == A
        queue.finish(A, FAILURE, now)
        match queue.take(now):
            case Wait(seconds):
                pauses.append(seconds)
                now += seconds
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_a_success_ends_the_back_off() -> None:
    queue = schedule()
    queue.add(A, 0)
    for now in (0, 1, 3):
        assert queue.take(now) == A
        queue.finish(A, FAILURE, now)
    assert queue.take(7) == A
    queue.finish(A, After(10), now=7)
    assert queue.take(17) == A
    queue.finish(A, FAILURE, now=17)
    assert queue.take(17) == Wait(1)


def test_a_trigger_cuts_the_back_off_short_but_not_below_its_first_pause() -> None:
    queue = schedule()
    queue.add(A, 0)
    for now in (0, 1, 3, 7, 15):
        queue.take(now)
        queue.finish(A, FAILURE, now)
    queue.add(A, 15.1)
    assert queue.take(15.5) == Wait(0.5)
    assert queue.take(16) == A


def test_a_failing_key_does_not_hold_up_the_others() -> None:
    queue = schedule()
    queue.add(A, 0)
    queue.take(0)
    queue.finish(A, FAILURE, now=0)
    queue.add(B, 0.5)
    assert queue.take(0.5) == B


def test_jitter_only_lengthens_a_pause() -> None:
    backoff = Backoff(first=1, limit=300, jitter=0.2)
    assert backoff.seconds(1, chance=0.0) == 1
    assert backoff.seconds(1, chance=1.0) == pytest.approx(1.2)
    assert backoff.seconds(10_000, chance=1.0) == pytest.approx(360)


def test_lateness_is_that_of_the_latest_waiting_key() -> None:
    queue = schedule()
    assert queue.overdue(100) == 0
    queue.add(A, 40)
    queue.add(B, 60)
    assert queue.overdue(30) == 0
    assert queue.overdue(100) == 60
    queue.take(100)
    assert queue.overdue(100) == 40


def test_a_visit_under_way_is_timed() -> None:
    queue = schedule()
    queue.add(A, 0)
    queue.take(5)
    assert queue.longest_visit(25) == 20
    queue.finish(A, Done(), now=30)
    assert queue.longest_visit(40) == 0


@dataclass(frozen=True)
class Step:
    seconds: float
    name: str
    outcome: Outcome | Failed | None


steps = st.lists(
    st.builds(
        Step,
        st.floats(0, 100),
        st.sampled_from("abcdef"),
        st.one_of(st.none(), st.builds(After, st.floats(0, 100)), st.just(Done()), st.just(FAILURE)),
    ),
    max_size=200,
)


@given(steps)
def test_no_trigger_is_lost_no_key_is_visited_twice_at_once_and_memory_is_bounded(story: list[Step]) -> None:
    """Against the plainest model there is: a set of keys that must still be visited."""
    queue, now = schedule(), 0.0
    running: set[Key] = set()
    owed: set[Key] = set()
    for step in story:
        now += step.seconds
        each = key(step.name)
        if step.outcome is None:
            queue.add(each, now)
            owed.add(each)
        elif each in running:
            running.remove(each)
            queue.finish(each, step.outcome, now)
            owed |= set() if isinstance(step.outcome, Done) else {each}
        taken = queue.take(now)
        if not isinstance(taken, Wait):
            assert taken not in running
            assert taken in owed
            running.add(taken)
            owed.discard(taken)
        assert len(queue) == len(running | owed)
    for each in running:
        queue.finish(each, Done(), now)
    found = set()
    while not isinstance(taken := queue.take(now + 10_000), Wait):
        found.add(taken)
        queue.finish(taken, Done(), now + 10_000)
    assert found == owed
    assert len(queue) == 0


def test_triggers_that_come_ever_earlier_do_not_pile_up() -> None:
    queue = schedule()
    for at in range(100_000, 0, -1):
        queue.add(A, float(at))
    assert len(queue._heap) < 200


class Visits:
    """A handler whose visits end when they are told to, and an observer of what came out."""

    def __init__(self) -> None:
        self.started: asyncio.Queue[Key] = asyncio.Queue()
        self.ended: asyncio.Queue[tuple[Key, Outcome | Failed]] = asyncio.Queue()
        self.gates: dict[Key, asyncio.Event] = {}
        self.outcome: Callable[[Key], Outcome] = lambda _: Done()

    def gate(self, each: Key) -> asyncio.Event:
        return self.gates.setdefault(each, asyncio.Event())

    async def handle(self, each: Key) -> Outcome:
        self.started.put_nowait(each)
        await self.gate(each).wait()
        return self.outcome(each)

    def observe(self, each: Key, outcome: Outcome | Failed, _seconds: float) -> None:
        self.ended.put_nowait((each, outcome))


async def test_as_many_keys_are_visited_at_once_as_there_are_workers() -> None:
    visits = Visits()
    queue = DueQueue(visits.observe, workers=2)
    for each in (A, B, C):
        queue.due(each)
    loop = asyncio.create_task(queue.run(visits.handle))
    assert [await visits.started.get(), await visits.started.get()] == [A, B]
    assert queue.running == 2
    assert visits.started.empty()
    visits.gate(A).set()
    assert await visits.started.get() == C
    visits.gate(B).set()
    visits.gate(C).set()
    await queue.stop()
    await loop


async def test_a_key_that_becomes_due_while_the_queue_sleeps_is_visited_at_once() -> None:
    visits = Visits()
    queue = DueQueue(visits.observe)
    queue.due(B, delay=3600)
    loop = asyncio.create_task(queue.run(visits.handle))
    await asyncio.sleep(0)
    queue.due(A)
    assert await visits.started.get() == A
    visits.gate(A).set()
    assert await visits.ended.get() == (A, Done())
    await queue.stop()
    await loop


async def test_an_exception_fails_its_key_only() -> None:
    visits = Visits()

    def refuse(each: Key) -> Outcome:
        if each == A:
            raise ValueError("broken")
        return Done()

    visits.outcome = refuse
    queue = DueQueue(visits.observe)
    for each in (A, B):
        visits.gate(each).set()
        queue.due(each)
    loop = asyncio.create_task(queue.run(visits.handle))
    ended = dict([await visits.ended.get(), await visits.ended.get()])
    failed = ended[A]
    assert isinstance(failed, Failed)
    assert str(failed.error) == "broken"
    assert ended[B] == Done()
    assert queue.depth == 1
    await queue.stop()
    await loop


async def test_a_visit_that_hangs_is_given_up() -> None:
    visits = Visits()
    queue = DueQueue(visits.observe, visit_limit=0.01)
    queue.due(A)
    loop = asyncio.create_task(queue.run(visits.handle))
    _, outcome = await visits.ended.get()
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, TimeoutError)
    await queue.stop()
    await loop


async def test_stopping_waits_for_visits_under_way_and_starts_none() -> None:
    visits = Visits()
    queue = DueQueue(visits.observe, workers=1)
    queue.due(A)
    queue.due(B)
    loop = asyncio.create_task(queue.run(visits.handle))
    assert await visits.started.get() == A
    stopping = asyncio.create_task(queue.stop(grace=60))
    await asyncio.sleep(0)
    visits.gate(A).set()
    await stopping
    await loop
    assert visits.ended.get_nowait() == (A, Done())
    assert visits.started.empty()


async def test_stopping_cancels_what_does_not_end_in_time() -> None:
    visits = Visits()
    queue = DueQueue(visits.observe)
    queue.due(A)
    loop = asyncio.create_task(queue.run(visits.handle))
    await visits.started.get()
    await queue.stop(grace=0.01)
    await loop
    assert visits.ended.empty()


async def test_lateness_counts_waiting_keys_and_visits_over_their_limit() -> None:
    now = [0.0]
    visits = Visits()
    queue = DueQueue(visits.observe, workers=1, visit_limit=100, clock=lambda: now[0])
    queue.due(A)
    queue.due(B)
    loop = asyncio.create_task(queue.run(visits.handle))
    await visits.started.get()
    now[0] = 30
    assert queue.lateness == 30
    visits.gate(B).set()
    visits.gate(A).set()
    await visits.ended.get()
    await visits.ended.get()
    assert queue.lateness == 0
    await queue.stop()
    await loop


async def test_first_visits_are_spread_over_the_time_that_is_given() -> None:
    now = [0.0]
    visits = Visits()
    queue = DueQueue(visits.observe, clock=lambda: now[0])
    queue.spread([key(str(number)) for number in range(200)], over=20)
    now[0] = 10
    assert 0 < queue.lateness <= 10
    assert queue.depth == 200
