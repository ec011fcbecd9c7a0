"""Good, bad, missing or idle: one sentence per case."""

from math import inf, nan

import pytest

from hypercare.domain.evidence.bounds import Above, AtLeast, AtMost, Below, Between, Bound, Equals, excess, satisfied
from hypercare.domain.evidence.points import (
    Bad,
    Good,
    Idle,
    Mark,
    Measurement,
    Missing,
    MissingReason,
    heaviest,
    mark_values,
    ratios,
    series_text,
    tabulate,
)
from hypercare.domain.samples import Answer, FailureKind, QueryFailed, Sample, Series, Unanswered


def values(*numbers: float) -> tuple[Measurement, ...]:
    return tuple(Measurement(number, {"i": str(index)}) for index, number in enumerate(numbers))


@pytest.mark.parametrize(
    ("bound", "good", "bad"),
    [
        (Above(5), 5.1, 5),
        (Below(5), 4.9, 5),
        (AtLeast(5), 5, 4.9),
        (AtMost(5), 5, 5.1),
        (Between(1, 2), 1, 0.9),
        (Between(1, 2), 2, 2.1),
        (Equals(0), 0, -0.1),
    ],
)
def test_above_and_below_are_strict_and_ranges_include_their_ends(bound: Bound, good: float, bad: float) -> None:
    assert satisfied(bound, good)
    assert not satisfied(bound, bad)
    assert excess(bound, bad) > excess(bound, good)
    assert not satisfied(bound, nan)


@pytest.mark.parametrize(
    ("bound", "numbers", "expected"),
    [
        (Above(5), (6, 7), Good(Measurement(6, {"i": "0"}))),
        (Above(5), (6, 5), Bad(Measurement(5, {"i": "1"}))),
        (Below(5), (9, 7, 8), Bad(Measurement(9, {"i": "0"}))),
        (Between(1, 2), (1.5, -3, 4), Bad(Measurement(-3, {"i": "1"}))),
        (Below(5), (inf,), Bad(Measurement(inf, {"i": "0"}))),
        (Above(5), (-inf, 6), Bad(Measurement(-inf, {"i": "0"}))),
        (Equals(1), (inf,), Bad(Measurement(inf, {"i": "0"}))),
        # Bad outweighs missing.
        (Above(5), (nan, 4), Bad(Measurement(4, {"i": "1"}))),
    ],
)
def test_every_series_must_satisfy_the_bound_and_the_worst_is_named(
    bound: Bound, numbers: tuple[float, ...], expected: Mark
) -> None:
    assert mark_values(values(*numbers), bound) == expected


@pytest.mark.parametrize(
    ("bound", "numbers", "min_series", "reason"),
    [
        (Above(5), (), 1, MissingReason.NO_DATA),
        (Above(5), (nan,), 1, MissingReason.NOT_A_NUMBER),
        (Above(5), (6, nan), 1, MissingReason.NOT_A_NUMBER),
        # x/0 must not pass `above`.
        (Above(5), (inf,), 1, MissingReason.INFINITE),
        (Below(5), (-inf,), 1, MissingReason.INFINITE),
        (AtMost(5), (-inf,), 1, MissingReason.INFINITE),
        (Above(5), (6,), 2, MissingReason.TOO_FEW_SERIES),
    ],
)
def test_what_cannot_be_said_is_missing(
    bound: Bound, numbers: tuple[float, ...], min_series: int, reason: MissingReason
) -> None:
    found = mark_values(values(*numbers), bound, min_series)
    assert isinstance(found, Missing)
    assert found.reason is reason


def one(value: float, **labels: str) -> Measurement:
    return Measurement(value, labels)


def test_errors_that_are_absent_while_there_is_traffic_are_zero() -> None:
    assert ratios((), (one(10),), 0) == ((one(0),), ())


def test_errors_are_divided_by_the_total_with_the_same_labels() -> None:
    found = ratios((one(1, r="a", __name__="e"), one(2, r="b")), (one(4, r="b"), one(10, r="a", __name__="t")), 0)
    assert found == ((one(0.5, r="b"), one(0.1, r="a", __name__="t")), ())


@pytest.mark.parametrize(
    ("errors", "totals", "min_total", "reason"),
    [
        ((one(1),), (), 0, MissingReason.NO_DATA),
        ((one(1),), (one(0),), 0, MissingReason.LOW_TRAFFIC),
        ((), (one(0.1),), 0.1, MissingReason.LOW_TRAFFIC),
        ((one(1),), (one(nan),), 0, MissingReason.NOT_A_NUMBER),
        ((one(1),), (one(inf),), 0, MissingReason.INFINITE),
        ((one(1, code="500"),), (one(9),), 0, MissingReason.ERRORS_WITHOUT_TOTAL),
    ],
)
def test_a_ratio_without_traffic_or_with_other_labels_is_missing(
    errors: tuple[Measurement, ...], totals: tuple[Measurement, ...], min_total: float, reason: MissingReason
) -> None:
    _, holes = ratios(errors, totals, min_total)
    assert [hole.reason for hole in holes] == [reason]


GOOD, BAD, IDLE = Good(one(0)), Bad(one(9)), Idle()
NO_DATA = Missing(MissingReason.NO_DATA, "")
TIMED_OUT = Missing(FailureKind.TIMEOUT, "")


@pytest.mark.parametrize(
    ("marks", "decides"),
    [
        ((GOOD, NO_DATA, BAD, IDLE), BAD),
        ((GOOD, IDLE, NO_DATA), NO_DATA),
        ((GOOD, IDLE), IDLE),
        ((GOOD, GOOD), GOOD),
        # What was not answered may still turn out to be something else, so it comes before what is known to be missing.
        ((NO_DATA, TIMED_OUT), TIMED_OUT),
    ],
)
def test_bad_outweighs_missing_outweighs_idle_outweighs_good(marks: tuple[Mark, ...], decides: Mark) -> None:
    assert heaviest(marks) is decides


@pytest.mark.parametrize("kind", list(FailureKind))
def test_a_failed_query_is_missing_at_every_time_with_its_reason(kind: FailureKind) -> None:
    table = tabulate(QueryFailed(kind, "why"), range(0, 20, 10))
    assert [table.at(time) for time in (0, 10)] == [Missing(kind, "why")] * 2


@pytest.mark.parametrize(
    ("reason", "unanswered"),
    [
        (FailureKind.UNREACHABLE, True),
        (FailureKind.TIMEOUT, True),
        (FailureKind.REFUSED, True),
        (FailureKind.INVALID_ANSWER, True),
        (FailureKind.BAD_QUERY, False),
        (FailureKind.PARTIAL_ANSWER, False),
        (FailureKind.NATIVE_HISTOGRAM, False),
        (MissingReason.NO_DATA, False),
    ],
)
def test_only_what_was_never_answered_waits_for_an_answer(
    reason: FailureKind | MissingReason, unanswered: bool
) -> None:
    assert Missing(reason, "").unanswered is unanswered


def test_warnings_taint_the_whole_answer_and_holes_only_their_stretch() -> None:
    series = (Series({}, (Sample(0, 1), Sample(10, 2), Sample(20, 3))),)
    tainted = tabulate(Answer(series, warnings=("one store is down",)), range(0, 30, 10))
    assert all(tainted.at(time) == Missing(FailureKind.PARTIAL_ANSWER, "one store is down") for time in (0, 10, 20))
    hole = Unanswered(10, 15, QueryFailed(FailureKind.PARTIAL_ANSWER, "w"))
    partly = tabulate(Answer(series, unanswered=(hole,)), range(0, 30, 10))
    assert partly.at(0) == (Measurement(1, {}),)
    assert partly.at(10) == Missing(FailureKind.PARTIAL_ANSWER, "w")
    assert partly.at(20) == (Measurement(3, {}),)
    assert partly.at(30) == ()


def test_infinite_values_are_shown_as_numbers_that_json_can_hold() -> None:
    assert Measurement(inf, {}).shown == 1.7976931348623157e308
    assert Measurement(-inf, {}).shown == -1.7976931348623157e308


def test_labels_are_shown_bounded() -> None:
    assert series_text({"b": "2", "a": "1"}) == 'a="1", b="2"'
    assert len(series_text({"x": "y" * 500})) == 200
