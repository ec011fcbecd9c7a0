"""Exit criteria together: unknown is never success, advisory never blocks, a regression does."""

import itertools
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.conditions import MESSAGE_LIMIT, Problem
from hypercare.domain.evidence.bounds import Above
from hypercare.domain.evidence.criteria import Regression
from hypercare.domain.evidence.judgement import Regressed, Verdict
from hypercare.domain.exit_criteria import LATE, weigh
from hypercare.domain.life.facts import Exit
from hypercare.domain.samples import FailureKind
from hypercare.domain.snapshot import Reading
from hypercare.domain.timestamps import timestamp
from tests.unit.lives import QUIET
from tests.unit.snapshots import criterion, reading

MET, UNMET, UNKNOWN = Verdict
LATE_LIMIT = 120
BROKEN = Problem("spec.exitCriteria[1].query", "InvalidPromQL", "does not parse", stalls=True)
BLOCKED = 120


@dataclass(frozen=True)
class Case:
    """Criteria, those that cannot be read, and how they stand together."""

    sentence: str
    readings: tuple[Reading, ...]
    expected: Exit
    blocked: str
    message: str
    unreadable: tuple[Problem, ...] = field(default=())


LATENCY_MET = reading(MET, "latency")
REGRESSED = reading(UNMET, "latency", regressed=Regressed.YES, message="900 is past 500")
CASES = (
    Case("One that is met is all.", (reading(),), Exit.MET, "-", "The exit criterion is met"),
    Case("All must be met.", (reading(), LATENCY_MET), Exit.MET, "-", "All 2 exit criteria are met"),
    Case(
        "One that collects blocks, and says for how long.",
        (reading(UNKNOWN), LATENCY_MET),
        Exit.UNKNOWN,
        "errors (40m left)",
        "1 of 2 exit criteria block: errors: Good for 20m of 1h, 40m to go",
    ),
    Case(
        "One that is unknown for another reason blocks.",
        (reading(UNKNOWN, reason="ScrapeGap", message="no fresh samples"),),
        Exit.UNKNOWN,
        "errors (unknown)",
        "1 of 1 exit criteria block: errors is unknown: no fresh samples, 40m to go",
    ),
    Case(
        "Unmet outweighs unknown, and comes first.",
        (reading(UNKNOWN, "latency"), reading(UNMET)),
        Exit.UNMET,
        "errors (unmet), latency (40m left)",
        "2 of 2 exit criteria block: errors is unmet: 9 is not below 5, 40m to go; latency: Good for 20m of 1h",
    ),
    Case(
        "A regression is unmet, whatever the verdict is.",
        (reading(MET, regressed=Regressed.YES),),
        Exit.UNMET,
        "errors (regressed)",
        "1 of 1 exit criteria block: errors has regressed: Values were below 5 for 1h",
    ),
    Case("A regressed one is told as such.", (REGRESSED,), Exit.UNMET, "latency (regressed)", "1 of 1 exit criteria"),
    Case(
        "A regression that cannot be judged blocks.",
        (reading(MET, regressed=Regressed.UNKNOWN),),
        Exit.UNKNOWN,
        "errors (unknown)",
        "1 of 1 exit criteria block",
    ),
    Case(
        "A bound that is kept does not block.",
        (reading(MET, regressed=Regressed.NO),),
        Exit.MET,
        "-",
        "The exit criterion",
    ),
    Case(
        "One that cannot be read blocks the rest.",
        (reading(),),
        Exit.UNKNOWN,
        "InvalidPromQL",
        "1 of 2 exit criteria block: spec.exitCriteria[1].query: does not parse",
        (BROKEN,),
    ),
    Case("No criteria at all are never met.", (), Exit.UNKNOWN, "-", "No criterion blocks, and none is met"),
    Case(
        "Only advisory ones are never met.",
        (reading(advisory=True),),
        Exit.UNKNOWN,
        "-",
        "No criterion blocks, and none is met",
    ),
    Case(
        "An advisory one blocks nothing, however bad it is.",
        (reading(), reading(UNMET, "latency", advisory=True, regressed=Regressed.YES)),
        Exit.MET,
        "-",
        "The exit criterion is met",
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.sentence)
def test_weigh(case: Case) -> None:
    found = weigh(case.readings, case.unreadable, LATE_LIMIT)
    assert found.exit is case.expected
    assert found.blocked == case.blocked
    assert found.message.startswith(case.message)


def changed_at(since: str, read: Reading) -> Reading:
    return replace(read, stored={**read.stored, "since": since})


def test_the_sentence_begins_with_what_is_worst_and_says_since_when() -> None:
    """Regressed, unmet, unknown, collecting; of equals the one that needs longest."""
    since = "2027-01-15T12:00:00Z"
    found = weigh(
        (
            reading(UNKNOWN, "volume"),
            reading(UNKNOWN, "slow", remaining_seconds=7200),
            changed_at(since, reading(UNKNOWN, "backlog", reason="NoData", message="no series")),
            changed_at(since, reading(UNMET, "latency", message='0.9 is not below 0.5 (pod="a")')),
            changed_at(since, reading(UNMET, "errors", regressed=Regressed.YES, message="0.2 is not below 0.01")),
        ),
        (),
        LATE_LIMIT,
    )
    assert found.blocked == (
        "errors (regressed), latency (unmet), backlog (unknown), slow (2h left), volume (40m left)"
    )
    assert found.message == (
        "5 of 5 exit criteria block: "
        "errors has regressed since 2027-01-15T12:00:00Z: 0.2 is not below 0.01, 40m to go; "
        'latency is unmet since 2027-01-15T12:00:00Z: 0.9 is not below 0.5 (pod="a"), 40m to go; '
        "backlog is unknown since 2027-01-15T12:00:00Z: no series, 40m to go; "
        "slow: Good for 20m of 1h, 2h to go; volume: Good for 20m of 1h, 40m to go"
    )
    assert found.needed_seconds == 7200


def test_a_regression_says_which_bound_was_passed() -> None:
    past = reading(UNMET, "errors", regressed=Regressed.YES, message="0.2 is not below 0.01")
    bounded = replace(past, criterion=criterion("errors", regression=Regression(Above(0.05), 300)))
    expected = "errors is past its regression bound (above 0.05 for 5m): 0.2 is not below 0.01"
    assert weigh((bounded,), (), LATE_LIMIT).regression == expected


def test_of_many_criteria_the_first_are_told_and_the_rest_named() -> None:
    found = weigh(tuple(reading(UNMET, f"c{index}") for index in range(20)), (BROKEN,), LATE_LIMIT)
    assert found.unreadable
    assert found.message.startswith("21 of 21 exit criteria block: spec.exitCriteria[1].query: does not parse; c0 is ")
    assert found.message.endswith("; and 16 more: " + ", ".join(f"c{index}" for index in range(4, 20)))


def test_a_sentence_fits_into_the_status_whatever_the_messages_are() -> None:
    found = weigh(
        tuple(reading(UNMET, "c" * 60 + str(index), message="x" * 256) for index in range(20)), (), LATE_LIMIT
    )
    assert len(found.message) < MESSAGE_LIMIT - 150
    assert found.message.endswith("…")


def test_what_has_regressed_is_named_but_for_advisory_ones() -> None:
    advisory = reading(UNMET, "cost", advisory=True, regressed=Regressed.YES)
    assert weigh((reading(), REGRESSED, advisory), (), LATE_LIMIT).regressed == ("latency",)


ANY = st.builds(
    lambda verdict, regressed, advisory: (verdict, regressed, advisory),
    st.sampled_from(Verdict),
    st.sampled_from(Regressed),
    st.booleans(),
)


def readings(drawn: list[tuple[Verdict, Regressed, bool]]) -> tuple[Reading, ...]:
    return tuple(
        reading(verdict, f"c{index}", regressed=regressed, advisory=advisory)
        for index, (verdict, regressed, advisory) in enumerate(drawn)
    )


def test_only_all_met_and_none_regressed_is_success() -> None:
    """Every pair of blocking criteria, with and without one that cannot be read."""
    states = list(itertools.product(Verdict, Regressed, [False]))
    for pair in itertools.product(states, states):
        for unreadable in ((), (BROKEN,)):
            found = weigh(readings(list(pair)), unreadable, LATE_LIMIT)
            sound = all(verdict is MET and past in {Regressed.NO, Regressed.NOT_ASKED} for verdict, past, _ in pair)
            assert (found.exit is Exit.MET) == (sound and not unreadable)
            assert (found.blocked == "-") == (found.exit is Exit.MET)


@given(st.lists(ANY, max_size=6), st.booleans())
def test_what_is_unknown_is_never_success(drawn: list[tuple[Verdict, Regressed, bool]], unread: bool) -> None:
    found = weigh(readings(drawn), (BROKEN,) if unread else (), LATE_LIMIT)
    unknown = any(
        not advisory and (verdict is not MET or past is Regressed.UNKNOWN) for verdict, past, advisory in drawn
    )
    if unknown or unread or all(advisory for _, _, advisory in drawn):
        assert found.exit is not Exit.MET


@given(st.lists(ANY, max_size=5), st.sampled_from(Verdict), st.sampled_from(Regressed))
def test_an_advisory_criterion_changes_nothing(
    drawn: list[tuple[Verdict, Regressed, bool]], verdict: Verdict, past: Regressed
) -> None:
    without = weigh(readings(drawn), (), LATE_LIMIT)
    advisory = reading(verdict, "advice", advisory=True, regressed=past)
    with_it = weigh((*readings(drawn), advisory), (), LATE_LIMIT)
    assert (with_it.exit, with_it.blocked, with_it.regressed) == (without.exit, without.blocked, without.regressed)


@given(st.lists(ANY, max_size=5), ANY)
def test_one_more_blocking_criterion_never_makes_success(
    drawn: list[tuple[Verdict, Regressed, bool]], one_more: tuple[Verdict, Regressed, bool]
) -> None:
    before = weigh(readings(drawn), (), LATE_LIMIT).exit
    after = weigh(readings([*drawn, one_more]), (), LATE_LIMIT).exit
    if any(not advisory for _, _, advisory in drawn) and before is not Exit.MET:
        assert after is not Exit.MET


class TestStaleness:
    """How far each criterion is read, and whether its question was answered."""

    def test_up_to_the_limit_is_fresh(self) -> None:
        found = weigh((reading(late=LATE_LIMIT),), (), LATE_LIMIT)
        assert (found.stale, found.stale_reason) == ("", "")

    def test_beyond_the_limit_is_stale_with_how_far(self) -> None:
        found = weigh((reading(UNKNOWN, late=LATE_LIMIT + 1, reason="ScrapeGap"),), (), LATE_LIMIT)
        through = timestamp(QUIET - 30 - LATE_LIMIT - 1)
        assert found.stale == f"errors: Good for 20m of 1h (read through {through}, 2m1s behind)"
        assert found.stale_reason == "ScrapeGap"

    @pytest.mark.parametrize("kind", FailureKind)
    def test_a_question_that_was_not_answered_is_stale_at_once(self, kind: FailureKind) -> None:
        found = weigh((reading(UNKNOWN, reason=kind.value, message="no connection"),), (), LATE_LIMIT)
        assert found.stale_reason == kind.value
        assert "no connection" in found.stale

    @pytest.mark.parametrize("reason", ["Collecting", "LowTraffic", "NotANumber", "QuietNotProvable"])
    def test_where_samples_are_seen_a_hole_before_them_may_fill_first(self, reason: str) -> None:
        late = (reading(UNKNOWN, late=600, reason=reason),)
        assert weigh(late, (), LATE_LIMIT, 600).stale == ""
        assert weigh(late, (), LATE_LIMIT, 599).stale_reason == LATE

    @pytest.mark.parametrize("reason", ["OverlayNotLive", "CatchingUp"])
    def test_what_is_awaited_is_told_as_such_and_is_nothing_that_comes_late(self, reason: str) -> None:
        assert weigh((reading(UNKNOWN, late=999, reason=reason),), (), LATE_LIMIT).stale_reason == reason

    def test_where_nothing_is_seen_it_is_stale_all_the_same(self) -> None:
        assert weigh((reading(UNKNOWN, late=600, reason="NoData"),), (), LATE_LIMIT, 600).stale_reason == "NoData"

    def test_an_advisory_criterion_that_cannot_be_read_is_told_too(self) -> None:
        found = weigh((reading(), reading(UNKNOWN, "cost", advisory=True, late=999)), (), LATE_LIMIT)
        assert found.stale.startswith("cost: ")
        assert found.exit is Exit.MET

    def test_all_that_are_late_are_told(self) -> None:
        found = weigh((reading(late=999), reading(MET, "latency", late=9999)), (), LATE_LIMIT)
        assert found.stale.count("behind") == 2


def test_what_blocks_fits_into_a_column() -> None:
    found = weigh(tuple(reading(UNMET, f"criterion-number-{index}") for index in range(20)), (), LATE_LIMIT)
    assert len(found.blocked) == BLOCKED
    assert found.blocked.endswith("…")
