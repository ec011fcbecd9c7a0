"""The verdict follows from the window of the last `sustainedFor` active points, and from nothing older."""

from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.evidence.fold import EvidenceState, Measured, fold, yardstick
from hypercare.domain.evidence.judgement import Regressed, Verdict
from hypercare.domain.evidence.status import read_state, render_state
from hypercare.domain.evidence.streaks import MAX_SEGMENTS, Rule
from hypercare.domain.fields import Field
from tests.unit.criteria import parse
from tests.unit.evidence_points import STEP, fresh, judged, points, verdict_of, yardstick_of

FOUR = Rule(points=4)
TEN = Rule(points=10, missing=2, gap=1)
LENIENT = Rule(points=10, bad=1, missing=2, gap=2)
RESTARTS = Rule(points=6, missing=1, gap=1, restarts=3)


@pytest.mark.parametrize(
    ("text", "rule", "verdict", "reason", "met_for_and_remaining"),
    [
        ("", FOUR, "Unknown", "Collecting", (0, 40)),
        ("ggg", FOUR, "Unknown", "Collecting", (30, 10)),
        ("gggg", FOUR, "Met", "Sustained", (40, 0)),
        ("gggggggg", FOUR, "Met", "Sustained", (40, 0)),
        ("bgggg", FOUR, "Met", "Sustained", (40, 0)),
        ("bggg", FOUR, "Unmet", "RecentlyViolated", (30, 10)),
        ("gggggggb", FOUR, "Unmet", "BoundViolated", (0, 40)),
        # A bad point stays the newest one that is present, whatever is missing after it.
        ("gggbm", FOUR, "Unmet", "BoundViolated", (0, 40)),
        ("ggggm", FOUR, "Unknown", "EvidenceMissing", (0, 40)),
        # Two of ten may be missing, but not on end, and not the newest.
        ("ggggmggggg", TEN, "Met", "Sustained", (100, 0)),
        ("gmggmggggg", TEN, "Met", "Sustained", (100, 0)),
        ("gmgmgmgggg", TEN, "Unknown", "EvidenceGaps", (80, 20)),
        ("ggggmmgggg", TEN, "Unknown", "EvidenceGaps", (50, 50)),
        ("gggggggggm", TEN, "Unknown", "EvidenceMissing", (90, 10)),
        # Surplus of long ago does not pay for a hole of today.
        ("g" * 500 + "mm", TEN, "Unknown", "EvidenceMissing", (10, 90)),
        ("g" * 500 + "mmg", TEN, "Unknown", "EvidenceGaps", (20, 80)),
        # Idle points neither count nor break anything.
        ("giiigiggiiii", FOUR, "Met", "Sustained", (40, 0)),
        ("iiii", FOUR, "Unknown", "NotActive", (0, 40)),
        ("gggi", FOUR, "Unknown", "Collecting", (30, 10)),
        # A hole goes on behind a night.
        ("ggggmiiimgggg", TEN, "Unknown", "EvidenceGaps", (50, 50)),
        ("bggiiiiii", FOUR, "Unmet", "RecentlyViolated", (20, 20)),
        # allowBad tolerates a share, but never the newest point.
        ("ggggbggggg", LENIENT, "Met", "Sustained", (100, 0)),
        ("ggbgbggggg", LENIENT, "Unmet", "RecentlyViolated", (70, 30)),
        ("gggggggggb", LENIENT, "Unmet", "BoundViolated", (90, 10)),
        ("bggg", LENIENT, "Unknown", "Collecting", (40, 60)),
        # Restarts are tolerated up to their number, the newest point included.
        ("grrggr", RESTARTS, "Met", "Sustained", (60, 0)),
        ("ggRggg", RESTARTS, "Met", "Sustained", (60, 0)),
        ("grRggg", RESTARTS, "Unmet", "TooManyRestarts", (40, 20)),
        ("Rgggrg", RESTARTS, "Unmet", "TooManyRestarts", (50, 10)),
        ("bRgggr", RESTARTS, "Unmet", "TooManyRestarts", (40, 20)),
        ("bggggr", RESTARTS, "Unmet", "RecentlyViolated", (50, 10)),
        ("Rgggrgg", RESTARTS, "Met", "Sustained", (60, 0)),
        ("rmg", RESTARTS, "Unknown", "Collecting", (30, 30)),
        ("gggggr", Rule(points=6), "Unmet", "TooManyRestarts", (0, 60)),
    ],
)
def test_verdicts(text: str, rule: Rule, verdict: str, reason: str, met_for_and_remaining: tuple[int, int]) -> None:
    found = judged(text, rule)
    assert (found.verdict.value, found.reason) == (verdict, reason)
    assert (found.met_for_seconds, found.remaining_seconds) == met_for_and_remaining


def test_points_up_to_the_floor_do_not_count() -> None:
    by = yardstick_of(FOUR)
    state = fold(fresh(), points("gggg"), by)
    assert verdict_of(state, by).verdict is Verdict.MET
    restarted = state.restarted(20)
    assert (verdict_of(restarted, by).verdict, verdict_of(restarted, by).met_for_seconds) == (Verdict.UNKNOWN, 20)
    again = fold(restarted, points("gg", 5), by)
    assert verdict_of(again, by).verdict is Verdict.MET
    assert again.restarted(10) == again


@pytest.mark.parametrize(
    ("final", "tail", "settled", "verdict", "reason"),
    [
        # The tail tells a breach early, and never completes the window.
        ("gggg", "b", 4, "Unmet", "BoundViolated"),
        ("gggg", "gbg", 4, "Unmet", "RecentlyViolated"),
        ("ggg", "g", 3, "Unknown", "Collecting"),
        ("ggg", "g", 4, "Unknown", "Collecting"),
        ("bggg", "g", 3, "Unmet", "RecentlyViolated"),
        ("gggg", "m", 4, "Met", "Sustained"),
        # A hole that should be final by now makes the newest point missing.
        ("gggg", "mm", 5, "Unknown", "ScrapeGap"),
        ("gggg", "mg", 6, "Unknown", "EvidenceGaps"),
    ],
)
def test_the_tail(final: str, tail: str, settled: int, verdict: str, reason: str) -> None:
    by = yardstick_of(FOUR)
    state = fold(fresh(), points(final), by)
    found = verdict_of(state, by, points(tail, len(final) + 1), settled * STEP)
    assert (found.verdict.value, found.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("past", "regressed"),
    [
        ("", "Unknown"),
        ("ggg", "No"),
        ("ggb", "No"),
        ("gbb", "Yes"),
        ("gbbg", "No"),
        ("gbm", "Unknown"),
        ("mmm", "Unknown"),
        ("gmg", "No"),
        ("bib", "Yes"),
    ],
)
def test_regressed_while_the_bound_has_been_passed_for_long_enough(past: str, regressed: str) -> None:
    by = yardstick_of(FOUR, Rule(points=2))
    state = fold(fresh(), points("g" * len(past), regression=past), by)
    assert verdict_of(state, by).regressed.value == regressed


def test_a_regression_restarts_the_streak_at_its_last_point() -> None:
    by = yardstick_of(FOUR, Rule(points=2))
    state = fold(fresh(), points("ggggggggg", regression="gggbbbggg"), by)
    assert state.main.floor == 60
    assert (verdict_of(state, by).verdict, verdict_of(state, by).met_for_seconds) == (Verdict.UNKNOWN, 30)
    after = fold(state, points("g", 10, regression="g"), by)
    assert verdict_of(after, by).verdict is Verdict.MET


def test_without_a_second_bound_nothing_regresses() -> None:
    assert judged("gggg", FOUR).regressed is Regressed.NOT_ASKED


def test_the_worst_value_is_forgotten_when_it_is_older_than_the_window() -> None:
    by = yardstick_of(FOUR)
    state = fold(fresh(), points("gbgg"), by)
    assert state.worst == Measured(9, 'pod="a"', 20)
    assert state.last == Measured(1, "", 40)
    assert fold(state, points("gg", 5), by).worst == Measured(1, "", 60)


def test_too_many_changes_forget_the_oldest_and_raise_the_floor() -> None:
    rule = Rule(points=1000, missing=1000, gap=1000)
    by = yardstick_of(rule)
    state = fold(fresh(), points("gm" * 60), by)
    assert len(state.main.track) == MAX_SEGMENTS
    assert state.main.floor == (120 - MAX_SEGMENTS) * STEP
    assert len(render_state(state)["gaps"]) <= 512


def test_shares_become_numbers_of_points_without_rounding_in_favour() -> None:
    by = yardstick(parse(sustainedFor="1h", coverage="95%", maxGap="2m", allowBad="1%"), 30)
    assert by.rule == Rule(points=120, bad=1, missing=6, gap=4)
    assert yardstick(parse(sustainedFor="61s", coverage="100%"), 30).rule == Rule(points=3, bad=0, missing=0, gap=0)
    assert yardstick(parse(regression={"below": 1, "for": "45s"}), 30).regression == Rule(points=2)


RULES = st.builds(
    Rule,
    points=st.integers(1, 12),
    bad=st.integers(0, 2),
    missing=st.integers(0, 4),
    gap=st.integers(0, 3),
    restarts=st.integers(0, 5),
)
TEXTS = st.text(alphabet="gggggbmirR", max_size=60)


def oracle(text: str, rule: Rule) -> Verdict:
    """The rules of the verdict, word by word, over the whole past."""
    window = [kind for kind in text if kind != "i"][-rule.points :]
    present = [kind for kind in window if kind != "m"]
    restarts = window.count("r") + 3 * window.count("R")
    if (present and present[-1] == "b") or window.count("b") > rule.bad or restarts > rule.restarts:
        return Verdict.UNMET
    longest = max((len(list(run)) for kind, run in groupby(window) if kind == "m"), default=0)
    complete = len(window) == rule.points and window[-1] != "m"
    if complete and window.count("m") <= rule.missing and longest <= rule.gap:
        return Verdict.MET
    return Verdict.UNKNOWN


@given(TEXTS, RULES)
def test_the_verdict_is_what_the_rules_say_word_by_word(text: str, rule: Rule) -> None:
    assert judged(text, rule).verdict is oracle(text, rule)


@given(TEXTS, RULES, st.lists(st.integers(0, 60)))
def test_the_verdict_does_not_depend_on_how_points_come_in_batches(text: str, rule: Rule, cuts: list[int]) -> None:
    by = yardstick_of(rule, Rule(points=2))
    every = points(text, regression=text)
    at_once = fold(fresh(), every, by)
    state = fresh()
    bounds = [0, *sorted(cut for cut in cuts if cut < len(every)), len(every)]
    for start, end in pairwise(bounds):
        state = fold(state, every[start:end], by)
    assert state == at_once


@given(TEXTS, RULES, st.integers(0, 60))
def test_storing_the_state_and_going_on_changes_nothing(text: str, rule: Rule, cut: int) -> None:
    by = yardstick_of(rule, Rule(points=2))
    every = points(text, regression=text)
    state = fold(fresh(), every[:cut], by)
    stored = read_state(Field("status", render_state(state)))
    assert isinstance(stored, EvidenceState)
    for rest in (every[cut:], ()):
        one, other = verdict_of(fold(state, rest, by), by), verdict_of(fold(stored, rest, by), by)
        assert (one.verdict, one.reason, one.met_for_seconds, one.regressed, one.coverage) == (
            other.verdict,
            other.reason,
            other.met_for_seconds,
            other.regressed,
            other.coverage,
        )


@given(TEXTS, RULES, st.integers(0, 60))
def test_a_good_point_that_turns_missing_never_makes_it_met(text: str, rule: Rule, index: int) -> None:
    if index < len(text) and text[index] == "g" and judged(text, rule).verdict is not Verdict.MET:
        assert judged(text[:index] + "m" + text[index + 1 :], rule).verdict is not Verdict.MET


@given(TEXTS, RULES, st.integers(0, 60))
def test_a_point_that_turns_bad_from_good_never_helps(text: str, rule: Rule, index: int) -> None:
    order = [Verdict.UNMET, Verdict.UNKNOWN, Verdict.MET]
    if index < len(text) and text[index] == "g":
        before, after = judged(text, rule).verdict, judged(text[:index] + "b" + text[index + 1 :], rule).verdict
        assert order.index(after) <= order.index(before)


@given(TEXTS, RULES)
def test_a_new_bad_point_is_always_told(text: str, rule: Rule) -> None:
    assert judged(text + "b", rule).verdict is Verdict.UNMET


@given(TEXTS, st.integers(1, 12), st.integers(1, 6))
def test_a_longer_sustained_for_is_never_met_earlier(text: str, length: int, more: int) -> None:
    if judged(text, Rule(points=length + more)).verdict is Verdict.MET:
        assert judged(text, Rule(points=length)).verdict is Verdict.MET


@given(TEXTS, RULES)
def test_what_remains_is_exactly_what_is_needed(text: str, rule: Rule) -> None:
    needed = judged(text, rule).remaining_seconds // STEP
    assert judged(text + "g" * needed, rule).verdict is Verdict.MET
    if needed > 0:
        assert judged(text + "g" * (needed - 1), rule).verdict is not Verdict.MET


@given(TEXTS, TEXTS, RULES, st.integers(0, 60))
def test_no_tail_completes_a_window(text: str, tail: str, rule: Rule, settled: int) -> None:
    by = yardstick_of(rule)
    state = fold(fresh(), points(text), by)
    found = verdict_of(state, by, points(tail, len(text) + 1), max(state.final_through, settled * STEP))
    if found.verdict is Verdict.MET:
        assert judged(text, rule).verdict is Verdict.MET
        assert not tail.endswith("b")
