"""The fold over an error budget: what counts, what is forgotten, and what never depends on how one looked."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.evidence.budget import BudgetPoint, BudgetState, Burns, Measure, Spent, Sums, fold, measure
from hypercare.domain.evidence.budget_judgement import BudgetTail, judge_budget, verdict_on
from hypercare.domain.evidence.criteria import Criterion
from hypercare.domain.evidence.fold import Measured
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.evidence.points import Missing, MissingReason
from hypercare.domain.evidence.slo import SloKind
from hypercare.domain.evidence.status import read_state, render_state
from hypercare.domain.evidence.streaks import Rule, Sort, Streak, assess, push
from hypercare.domain.fields import Field
from tests.unit.budget_points import MARKS, STEP, folded, judged, measure_of, points, with_tail
from tests.unit.criteria import PYRRA, RATES, SLOTH, parse_slo

BY = measure_of()
TOLERANT = measure_of(missing=4, gap=2)
FULL = 24


@pytest.mark.parametrize(
    ("text", "verdict", "reason"),
    [
        ("g" * FULL, Verdict.MET, "WithinBudget"),
        ("x" * FULL, Verdict.MET, "WithinBudget"),
        ("h" * FULL, Verdict.MET, "WithinBudget"),
        # A window that is not over says nothing good yet, however good it looks.
        ("g" * (FULL - 1), Verdict.UNKNOWN, "Collecting"),
        # Burning is told early, once there were events enough to say so.
        ("bbbb", Verdict.UNMET, "BudgetBurning"),
        ("b", Verdict.UNKNOWN, "Collecting"),
        # The short window tells what the average of a day hides.
        ("g" * 22 + "bb", Verdict.UNMET, "BudgetBurning"),
        ("g" * 18 + "bbgggg", Verdict.MET, "WithinBudget"),
        # The long window tells what was too much in all.
        ("g" * 10 + "b" * 8 + "g" * 12, Verdict.UNMET, "BudgetBurning"),
        # The window is twelve parts and the one that is being filled.
        ("b" * 6 + "g" * 20, Verdict.UNMET, "BudgetBurning"),
        ("b" * 6 + "g" * 21, Verdict.MET, "WithinBudget"),
        # No traffic at all is no proof; a little of it is none either (rule of three).
        ("q" * FULL, Verdict.UNKNOWN, "TooFewEvents"),
        ("g" * 2 + "q" * 22, Verdict.UNKNOWN, "TooFewEvents"),
        ("g" * 3 + "q" * 21, Verdict.MET, "WithinBudget"),
        # Two bad points after silence burn too fast, but on events that allow two errors.
        ("g" * 12 + "q" * 10 + "bb", Verdict.UNKNOWN, "TooFewEvents"),
        # A missing point is a hole like everywhere.
        ("g" * FULL + "m", Verdict.UNKNOWN, "EvidenceMissing"),
        ("g" * 12 + "m" + "g" * 12, Verdict.UNKNOWN, "EvidenceGaps"),
        ("g" * 12 + "m" + "g" * FULL, Verdict.MET, "WithinBudget"),
        # Idle points take no part.
        ("i" * 30, Verdict.UNKNOWN, "NotActive"),
        ("gi" * 23, Verdict.UNKNOWN, "Collecting"),
        ("gi" * 24, Verdict.MET, "WithinBudget"),
        ("g" * 22 + "bb" + "i" * 50, Verdict.UNMET, "BudgetBurning"),
        ("", Verdict.UNKNOWN, "Collecting"),
    ],
)
def test_what_a_window_says(text: str, verdict: Verdict, reason: str) -> None:
    found = judged(text, BY)
    assert (found.verdict, found.reason) == (verdict, reason)


def test_the_tolerance_for_missing_points_is_that_of_a_streak() -> None:
    assert judged("g" * 12 + "mm" + "g" * 10, TOLERANT).verdict is Verdict.MET
    assert judged("g" * 12 + "mmm" + "g" * 9, TOLERANT).reason == "EvidenceGaps"
    assert judged("gmgmgmgmgm" + "g" * 14, TOLERANT).reason == "EvidenceGaps"


def test_a_mean_of_ratios_would_be_wrong_where_traffic_changes() -> None:
    """A night of few requests, half of them failed, weighs as little as it is."""
    night, day = Spent(0.005, 0.00001), Spent(0.0, 1.0)
    marks = [night] * 6 + [day] * 18
    state = fold(BudgetState("d", 0), [BudgetPoint((i + 1) * STEP, mark) for i, mark in enumerate(marks)], BY)
    assert judge_budget(state, BudgetTail(), BY).verdict is Verdict.MET
    assert BY.long(state.ledger).burn == pytest.approx(0.03 / 18.00006)


def test_numbers_that_people_see() -> None:
    found = judged("g" * 20 + "bb" + "gg", BY)
    assert isinstance(found.last, Measured)
    assert isinstance(found.worst, Measured)
    assert found.last.value == pytest.approx(10 / 24)
    # The short window is the newest part and the one before.
    assert found.worst.value == pytest.approx(10 / 3)
    assert found.worst.time == 23 * STEP
    assert (found.met_for_seconds, found.remaining_seconds, found.coverage) == (240, 10, 1.0)
    message = "The error budget burns at 0.417 over 4m and 2.5 over 20s; at most 1 is allowed"
    assert (found.reason, found.message) == ("BudgetBurning", message)


def test_the_worst_is_forgotten_when_it_left_the_window() -> None:
    found = judged("bb" + "g" * 26, BY)
    assert found.worst == Measured(0.0, "", 28 * STEP)


def test_how_much_is_missing_of_enough_is_told_in_numbers() -> None:
    few = judged("gg" + "q" * 22, BY)
    assert few.message.startswith("The objective allows 2 errors among the events of 4m; fewer than 3 prove nothing.")
    short = judged("g" * 12 + "q" * 10 + "bb", BY)
    assert short.message.startswith(
        "The objective allows 2 errors among the events of 20s; fewer than 3 prove nothing."
    )
    assert "burns at 0.714 over 4m and 5 over 20s" in short.message


def test_of_a_hole_the_reason_is_that_of_the_newest_missing_point() -> None:
    tail = points("m", FULL + 1)
    found = with_tail("g" * FULL, tail, (FULL + 1) * STEP, BY)
    assert (found.reason, found.message) == ("ScrapeGap", "no fresh samples")


def test_provisional_points_tell_a_burst_and_complete_nothing() -> None:
    for settled in (FULL - 1, FULL):
        assert with_tail("g" * (FULL - 1), points("g", FULL), settled * STEP, BY).verdict is Verdict.UNKNOWN
    assert with_tail("g" * FULL, points("bbbb", FULL + 1), FULL * STEP, BY).verdict is Verdict.UNMET


def test_a_restart_forgets_sums_and_reads_again_what_came_after_it() -> None:
    state = folded("b" * 30, BY)
    restarted = state.restarted(205, STEP)
    assert restarted == BudgetState("d", 200, presence=Streak(floor=205))
    assert restarted.restarted(205, STEP) is restarted
    assert restarted.restarted(100, STEP) is restarted
    later = fold(restarted, points("g" * FULL, 21), BY)
    assert judge_budget(later, BudgetTail(), BY).verdict is Verdict.UNKNOWN
    assert judge_budget(fold(later, points("g", 45), BY), BudgetTail(), BY).verdict is Verdict.MET


# --- recorded shares -------------------------------------------------------------------------------------------------


RECORDED = Measure(STEP, Rule(points=24), 2, 13, max_burn=1.0, over_seconds=240, recorded=True, since=10)


def recorded(burns: list[tuple[float, float] | None]) -> BudgetState:
    hole = Missing(MissingReason.NOT_A_NUMBER, "the value is NaN")
    marks = [hole if each is None else Burns(*each) for each in burns]
    return fold(BudgetState("d", 0), [BudgetPoint((i + 1) * STEP, mark) for i, mark in enumerate(marks)], RECORDED)


@pytest.mark.parametrize(
    ("burns", "verdict", "reason"),
    [
        ([(0.5, 0.5)] * 25, Verdict.MET, "WithinBudget"),
        ([(1.0, 1.0)] * 25, Verdict.MET, "WithinBudget"),
        # Full, but the recorded window still reaches behind the start.
        ([(0.5, 0.5)] * 24, Verdict.UNKNOWN, "TooFewEvents"),
        # What the long window says of the old release is not held against the new one.
        ([(9.0, 0.5)] * 24, Verdict.UNKNOWN, "TooFewEvents"),
        ([(9.0, 0.5)] * 25, Verdict.UNMET, "BudgetBurning"),
        # The short one speaks sooner.
        ([(0.0, 9.0)] * 2, Verdict.UNKNOWN, "Collecting"),
        ([(0.0, 9.0)] * 3, Verdict.UNMET, "BudgetBurning"),
        ([(0.5, 0.5)] * 24 + [(0.5, 1.1)], Verdict.UNMET, "BudgetBurning"),
        ([(0.5, 0.5)] * 25 + [None], Verdict.UNKNOWN, "EvidenceMissing"),
        ([(0.5, 0.5)] * 25 + [(2.0, 0.5), None], Verdict.UNMET, "BudgetBurning"),
        ([(0.5, 0.5)] * 10 + [None] + [(0.5, 0.5)] * 14, Verdict.UNKNOWN, "EvidenceGaps"),
    ],
)
def test_recorded_shares_count_once_their_window_is_inside(
    burns: list[tuple[float, float] | None], verdict: Verdict, reason: str
) -> None:
    found = judge_budget(recorded(burns), BudgetTail(), RECORDED)
    assert (found.verdict, found.reason) == (verdict, reason)


def test_after_a_hotfix_recorded_shares_wait_for_a_window_of_their_own() -> None:
    hotfix = BudgetState("d", 0).restarted(300, STEP)
    state = fold(hotfix, [BudgetPoint(300 + (i + 1) * STEP, Burns(9.0, 0.5)) for i in range(23)], RECORDED)
    assert judge_budget(state, BudgetTail(), RECORDED).verdict is Verdict.UNKNOWN
    later = fold(state, [BudgetPoint(540, Burns(9.0, 0.5))], RECORDED)
    assert judge_budget(later, BudgetTail(), RECORDED).verdict is Verdict.UNMET


# --- how a criterion becomes a measure -------------------------------------------------------------------------------


def measured(criterion: Criterion, step: int) -> Measure:
    assert isinstance(criterion.kind, SloKind)
    return measure(criterion, criterion.kind, step, since=7)


def test_a_window_becomes_parts_of_a_twelfth() -> None:
    by = measured(parse_slo(RATES, coverage="90%", maxGap="2m"), 30)
    assert (by.rule, by.part, by.parts) == (Rule(points=2880, missing=288, gap=4), 240, 13)
    assert (by.max_burn, by.over_seconds, by.recorded, by.since) == (1.0, 86400, False, 7)
    assert measured(parse_slo(SLOTH), 30).recorded


def test_a_step_longer_than_a_twelfth_makes_fewer_parts_and_no_longer_window() -> None:
    by = measured(parse_slo({**PYRRA, "over": "1h"}), 600)
    assert (by.rule.points, by.part, by.parts) == (6, 1, 7)


# --- properties ------------------------------------------------------------------------------------------------------

TEXTS = st.text(alphabet="gggghxbqmi", max_size=60)
MEASURES = st.builds(measure_of, st.integers(1, 26), st.integers(0, 4), st.integers(0, 3), st.integers(1, 3))
ORDER = [Verdict.UNMET, Verdict.UNKNOWN, Verdict.MET]


def oracle(text: str, by: Measure) -> Verdict:
    """The rules word by word, from the whole history."""
    presence, active = Streak(), [letter for letter in text if letter != "i"]
    for index, letter in enumerate(text):
        sort = {"m": Sort.MISSING, "i": Sort.IDLE}.get(letter, Sort.GOOD)
        presence = push(presence, sort, (index + 1) * STEP, by.rule, by.step)
    spent = [mark if isinstance(mark := MARKS[letter], Spent) else Spent(0, 0) for letter in active]
    parts = [spent[start : start + by.part] for start in range(0, len(spent), by.part)]
    burning = False
    for window in (parts[-by.parts :], parts[-2:]):
        errors = sum(each.errors for part in window for each in part)
        allowed = sum(each.allowed for part in window for each in part)
        above = errors > allowed + 1e-6
        if above and allowed * STEP > 3 - 1e-6:
            return Verdict.UNMET
        burning = burning or above
    events = sum(each.allowed for part in parts[-by.parts :] for each in part) * STEP
    full = assess(presence, len(text) * STEP, by.rule, by.step).met
    return Verdict.MET if full and not burning and events > 3 - 1e-6 else Verdict.UNKNOWN


@given(TEXTS, MEASURES)
def test_the_verdict_is_what_the_rules_say_word_by_word(text: str, by: Measure) -> None:
    assert judged(text, by).verdict is oracle(text, by)


@given(TEXTS, MEASURES)
def test_the_quick_verdict_is_that_of_the_judgement(text: str, by: Measure) -> None:
    assert verdict_on(folded(text, by), by) is judged(text, by).verdict


SPENT = st.builds(Spent, st.floats(0, 1e6), st.floats(0, 1e6))
ROWS = st.lists(st.one_of(SPENT, st.sampled_from([MARKS["m"], MARKS["i"]])), max_size=60)


@given(ROWS, MEASURES, st.lists(st.integers(0, 60)))
def test_the_state_does_not_depend_on_how_points_come_in_batches(
    row: list[Spent], by: Measure, cuts: list[int]
) -> None:
    every = [BudgetPoint((index + 1) * STEP, mark) for index, mark in enumerate(row)]
    state = BudgetState("d", 0)
    for start, end in pairwise([0, *sorted(cut for cut in cuts if cut < len(every)), len(every)]):
        state = fold(state, every[start:end], by)
    assert state == fold(BudgetState("d", 0), every, by)


@given(ROWS, MEASURES, st.integers(0, 60))
def test_storing_the_state_and_going_on_changes_nothing(row: list[Spent], by: Measure, cut: int) -> None:
    every = [BudgetPoint((index + 1) * STEP, mark) for index, mark in enumerate(row)]
    state = fold(BudgetState("d", 0), every[:cut], by)
    stored = read_state(Field("status", render_state(state)))
    assert isinstance(stored, BudgetState)
    assert (stored.ledger, stored.filled, stored.presence) == (state.ledger, state.filled, state.presence)
    for rest in (every[cut:], ()):
        one, other = (judge_budget(fold(each, rest, by), BudgetTail(), by) for each in (state, stored))
        assert (one.verdict, one.reason, one.message, one.met_for_seconds) == (
            other.verdict,
            other.reason,
            other.message,
            other.met_for_seconds,
        )


@given(TEXTS, MEASURES, st.integers(0, 60))
def test_a_point_within_budget_that_turns_missing_never_makes_it_met(text: str, by: Measure, index: int) -> None:
    if index < len(text) and text[index] in "ghxq" and judged(text, by).verdict is not Verdict.MET:
        assert judged(text[:index] + "m" + text[index + 1 :], by).verdict is not Verdict.MET


@given(TEXTS, MEASURES, st.integers(0, 60), st.sampled_from(["gh", "gx", "gb", "hx", "hb", "xb"]))
def test_more_errors_never_help(text: str, by: Measure, index: int, change: str) -> None:
    if index < len(text) and text[index] == change[0]:
        worse = judged(text[:index] + change[1] + text[index + 1 :], by).verdict
        assert ORDER.index(worse) <= ORDER.index(judged(text, by).verdict)


@given(TEXTS, TEXTS, st.integers(0, 4))
def test_what_is_older_than_the_window_pays_for_nothing(before: str, recent: str, missing: int) -> None:
    """However much traffic without errors there was before, the verdict is that of the window alone."""
    by = measure_of(missing=missing, gap=2)
    active = "".join(letter for letter in before if letter != "i")
    old = active[: len(active) // by.part * by.part]
    recent = "g" * 26 + recent
    surplus = "g" * len(old)
    assert judged(old + recent, by).verdict is judged(surplus + recent, by).verdict


@given(TEXTS, MEASURES)
def test_nothing_is_met_before_the_window_is_over(text: str, by: Measure) -> None:
    if len(text.replace("i", "")) < by.rule.points:
        assert judged(text, by).verdict is not Verdict.MET


@given(st.text(alphabet="ghxmi", max_size=60), st.integers(1, 12), st.integers(1, 12), st.integers(1, 3))
def test_while_the_budget_never_burned_too_fast_a_longer_window_is_never_met_earlier(
    text: str, length: int, more: int, part: int
) -> None:
    """With bursts no such rule can hold: a longer average forgives a burst that a shorter one does not.

    Met also takes events enough, and a shorter window has fewer; here every point that is present has enough.
    """
    shorter, longer = (measure_of(points, 0, 0, part) for points in (length + 3, length + 3 + more))
    if judged(text, longer).verdict is Verdict.MET:
        assert judged(text, shorter).verdict is Verdict.MET


@given(TEXTS, TEXTS, MEASURES, st.integers(0, 60))
def test_no_tail_completes_a_window(text: str, tail: str, by: Measure, settled: int) -> None:
    through = max(len(text), settled) * STEP
    if with_tail(text, points(tail, len(text) + 1), through, by).verdict is Verdict.MET:
        assert judged(text, by).verdict is Verdict.MET


@given(st.lists(st.floats(0, 1e6), min_size=24, max_size=40), st.floats(1e-4, 1e3))
def test_burning_exactly_as_fast_as_allowed_is_allowed_whatever_the_rounding(rates: list[float], share: float) -> None:
    spent = [Spent(total * share, total * share) for total in rates]
    state = fold(BudgetState("d", 0), [BudgetPoint((i + 1) * STEP, mark) for i, mark in enumerate(spent)], BY)
    assert not BY.long(state.ledger).above(1.0)
    total = sum(rates)
    assert not Sums(total * 0.001, sum(rate * 0.001 for rate in rates)).above(1.0)


def test_a_window_of_a_week_burns_exactly_as_fast_as_allowed_and_one_percent_more_is_told() -> None:
    """Thousands of sums in each part, each rounded, and the bound is still where it was."""
    by = replace(measured(parse_slo({**RATES, "over": "7d"}), 30), step=STEP)
    for errors, verdict in ((0.1, Verdict.MET), (0.101, Verdict.UNMET)):
        points = [BudgetPoint((index + 1) * STEP, Spent(errors, 0.1)) for index in range(by.rule.points)]
        state = fold(BudgetState("d", 0), points, by)
        assert verdict_on(state, by) is verdict
        assert len(str(render_state(state)["budget"])) < 400
