"""Answers that are kept: never older than asked for, and never more than the memory may hold."""

import pytest

from hypercare.adapters.answer_memory import AnswerMemory
from hypercare.domain.samples import Answer, Column, RangeQuery, Sample, Series


def query(name: str) -> RangeQuery:
    return RangeQuery(name, 0, 100, 10)


def answer(samples: int, series: int = 1) -> Answer:
    column = Column.of(Sample(float(time), 1.0) for time in range(samples))
    return Answer(tuple(Series({"pod": str(number)}, column) for number in range(series)))


def kept(memory: AnswerMemory, names: str) -> str:
    return "".join(name for name in names if memory.find(query(name), 0) is not None)


@pytest.mark.parametrize(("since", "found"), [(99, True), (100, True), (101, False)])
def test_an_answer_does_if_it_was_asked_for_in_time(since: float, found: bool) -> None:
    memory = AnswerMemory(10_000, 60)
    memory.keep(query("a"), answer(1), 100)
    assert (memory.find(query("a"), since) is not None) is found
    assert memory.find(query("b"), since) is None


def test_the_newer_answer_replaces_the_older() -> None:
    memory = AnswerMemory(10_000, 60)
    memory.keep(query("a"), answer(1), 100)
    memory.keep(query("a"), answer(2), 110)
    assert memory.find(query("a"), 110) == answer(2)
    once = AnswerMemory(10_000, 60)
    once.keep(query("a"), answer(2), 110)
    assert memory.weight == once.weight


def test_samples_are_bounded_and_what_is_used_stays() -> None:
    memory = AnswerMemory(4000, 60)
    for name in "abc":
        memory.keep(query(name), answer(1000), 100)
    assert kept(memory, "bca") == "bca"
    memory.keep(query("d"), answer(1000), 100)
    assert kept(memory, "abcd") == "acd"
    assert memory.weight <= 4000


def test_label_sets_weigh_too() -> None:
    memory = AnswerMemory(4000, 60)
    memory.keep(query("a"), answer(1, series=50), 100)
    memory.keep(query("b"), answer(1, series=50), 100)
    assert kept(memory, "ab") == "b"


def test_one_answer_that_is_too_large_is_not_kept() -> None:
    memory = AnswerMemory(4000, 60)
    memory.keep(query("a"), answer(5000), 100)
    assert (kept(memory, "a"), memory.weight) == ("", 0)


def test_what_is_old_goes_with_the_next_answer() -> None:
    memory = AnswerMemory(4000, 60)
    memory.keep(query("a"), answer(1), 100)
    memory.keep(query("b"), answer(1), 130)
    memory.keep(query("c"), answer(1), 160)
    assert kept(memory, "abc") == "bc"


def test_nothing_grows_over_many_ticks() -> None:
    memory = AnswerMemory(50_000, 120)
    weights = set()
    for tick in range(2000):
        for name in "abcdefgh":
            memory.keep(RangeQuery(name, tick, tick, 1), answer(3), 60.0 * tick)
        weights.add(memory.weight)
    assert max(weights) == memory.weight
