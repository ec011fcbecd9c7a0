"""The life that a backtest tells is the one that the loop would have led, had it visited meanwhile."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given as generated
from hypothesis import settings
from hypothesis import strategies as st

from hypercare.domain.backtest.criterion import Span
from hypercare.domain.backtest.replayed_life import ReplayedLife, replay_life
from hypercare.domain.evidence.judgement import Judgement
from hypercare.domain.exit_criteria import weigh
from hypercare.domain.life.due import next_change
from hypercare.domain.life.facts import Exit, Facts, Outcome, Phase, Visit
from hypercare.domain.life.rollout import Rollout, RolloutState
from hypercare.domain.life.transitions import advance, begin
from hypercare.domain.life.window import StartImmediately
from hypercare.domain.period import Resolved
from hypercare.domain.snapshot import Reading
from tests.unit.backtests import START, STEP, Visits, given, histories, resolved
from tests.unit.prometheus_answers import Source, constant

MINUTE = 60
SPEC: Mapping[str, Any] = {
    "window": {"start": {"when": "RolloutComplete"}, "duration": "40m", "extension": {"by": "10m", "limit": 1}},
    "stages": [
        {"name": "intensive", "strength": 100, "minDuration": "10m"},
        {"name": "elevated", "strength": 50, "minDuration": "5m"},
    ],
    "relax": {"step": 25, "every": "4m", "guard": True},
}
ORDERS = {"name": "orders", "query": "orders", "above": 5, "sustainedFor": "3m"}
ERRORS = {"name": "errors", "query": "errors", "below": 1, "sustainedFor": "3m"}


def bad_within(start: int, end: int, good: float, bad: float) -> Source:
    """Bad in a part of the span, in minutes."""
    return lambda time: bad if start * MINUTE <= time - START < end * MINUTE else good


def lived(criteria: list[Mapping[str, Any]], metrics: Mapping[str, Source], minutes: int, **spec: Any) -> ReplayedLife:
    period = resolved(criteria, **{**SPEC, **spec})
    asked = given(period, minutes * MINUTE)
    return replay_life(period, [each.trace for each in histories(asked, metrics)], asked.span)


def told(life: ReplayedLife) -> list[tuple[str, str]]:
    """Minutes after the start, and what happened."""
    return [(f"{(entry.time - START) / MINUTE:g}", entry.reason) for entry in life.timeline]


def test_a_good_release_goes_through_its_stages_and_is_over() -> None:
    life = lived([ORDERS], {"orders": constant(10)}, 60)
    assert told(life) == [
        ("0", "RunStarted"),
        ("0", "WindowStarted"),
        ("0", "Protected"),
        ("10", "StageChanged"),
        ("15", "RelaxingStarted"),
        ("15", "Relaxed"),
        ("19", "Relaxed"),
        ("19", "Completed"),
    ]
    assert (life.relaxing_since, life.over_at) == (START + 15 * MINUTE, START + 19 * MINUTE)
    # The streak is whole with the sixth point, which is final half a minute later.
    assert life.blocked_seconds == {"orders": 3 * MINUTE}


def test_bad_evidence_while_relaxing_brings_the_protection_back() -> None:
    metrics = {"orders": bad_within(16, 17, good=10, bad=1)}
    life = lived([ORDERS], metrics, 60)
    reasons = [reason for _, reason in told(life)]
    assert reasons[4:8] == ["RelaxingStarted", "Relaxed", "RelaxingReverted", "RelaxingStarted"]
    assert life.relaxing_since == max(entry.time for entry in life.timeline if entry.reason == "RelaxingStarted")
    assert life.relaxing_since > START + 20 * MINUTE


def test_what_is_bad_while_relaxing_without_a_guard_stands_in_nobodys_way() -> None:
    metrics = {"orders": bad_within(16, 30, good=10, bad=1)}
    life = lived([ORDERS], metrics, 60, relax={**SPEC["relax"], "guard": False})
    assert (life.relaxing_since, life.over_at) == (START + 15 * MINUTE, START + 19 * MINUTE)
    assert life.blocked_seconds == {"orders": 3 * MINUTE}


def test_a_regression_alone_brings_the_protection_back() -> None:
    """A value that keeps the bound and is past the regression's is bad news, not just no news."""
    regression = {"above": 90, "for": "30s"}
    metrics = {"orders": bad_within(16, 17, good=10, bad=95)}
    life = lived([{**ORDERS, "regression": regression}], metrics, 60)
    assert "RelaxingReverted" in [reason for _, reason in told(life)]


def test_the_clock_is_heard_between_two_ticks() -> None:
    life = lived([ORDERS], {"orders": constant(10)}, 60, relax={**SPEC["relax"], "every": "90s"})
    assert told(life)[-3:] == [("15", "Relaxed"), ("16.5", "Relaxed"), ("16.5", "Completed")]


def test_what_is_never_met_ends_in_a_decision_and_says_what_blocks() -> None:
    life = lived([ORDERS, ERRORS], {"orders": constant(10), "errors": constant(3)}, 60)
    assert [reason for _, reason in told(life)][-2:] == ["Extended", "DecisionNeeded"]
    assert (life.life.phase, life.relaxing_since, life.over_at) == (Phase.DECISION_NEEDED, None, None)
    assert (life.evidence.exit, life.evidence.blocked) == (Exit.UNMET, "errors (unmet)")
    assert life.blocked_seconds == {"orders": 3 * MINUTE, "errors": 60 * MINUTE}


def test_a_limit_that_was_reached_is_no_success() -> None:
    window = {**SPEC["window"], "atLimit": {"hold": "5m", "then": "Relax"}}
    life = lived([ERRORS], {"errors": constant(3)}, 90, window=window)
    assert (life.life.phase, life.life.outcome, life.relaxing_since) == (Phase.ENDED, Outcome.LIMIT_REACHED, None)
    assert life.over_at is not None


def test_a_history_that_ends_too_early_leaves_the_rest_open() -> None:
    life = lived([ORDERS], {"orders": constant(10)}, 12)
    assert (life.relaxing_since, life.life.stage, life.evidence.exit) == (None, "elevated", Exit.MET)
    assert life.outlook is not None
    assert (life.outlook.stage, life.outlook.relaxing_from) == ("elevated", START + 15 * MINUTE)


def test_missing_data_is_never_success() -> None:
    life = lived([ORDERS], {"orders": constant(None)}, 60)
    assert life.relaxing_since is None
    assert life.evidence.exit is Exit.UNKNOWN


def test_advisory_criteria_block_nothing() -> None:
    life = lived([ORDERS, {**ERRORS, "advisory": True}], {"orders": constant(10), "errors": constant(3)}, 60)
    assert life.life.phase is Phase.COMPLETED
    assert life.blocked_seconds == {"orders": 3 * MINUTE, "errors": 0}


@pytest.mark.parametrize(
    "spec",
    [
        {"window": {**SPEC["window"], "start": {"when": "At", "at": "2031-01-01T00:00:00Z"}}},
        {"suspend": True},
        {"mode": "Observe"},
    ],
    ids=["a set start", "suspended", "Observe"],
)
def test_the_window_starts_with_the_history_whatever_the_spec_waits_for(spec: Mapping[str, Any]) -> None:
    life = lived([ORDERS], {"orders": constant(10)}, 60, **spec)
    assert life.over_at == START + 19 * MINUTE


RUNS = st.lists(st.tuples(st.sampled_from("ggggbm"), st.integers(1, 20)), min_size=1, max_size=12)
VALUES: Mapping[str, float | None] = {"g": 10.0, "b": 1.0, "m": None}


@settings(deadline=None, max_examples=40)
@generated(runs=RUNS, max_delay=st.sampled_from(["0", "2m"]), guard=st.booleans())
def test_it_is_the_life_that_the_loop_leads(runs: list[tuple[str, int]], max_delay: str, guard: bool) -> None:
    text = "".join(letter * count for letter, count in runs)
    metrics: dict[str, Source] = {"orders": lambda time: VALUES[text[min(len(text) - 1, (time - START) // STEP)]]}
    relax = {**SPEC["relax"], "guard": guard}
    period = resolved([ORDERS], {"maxDelay": max_delay, "freshness": "30s"}, **{**SPEC, "relax": relax})
    asked = given(period, 45 * MINUTE)
    replayed = replay_life(period, [each.trace for each in histories(asked, metrics)], asked.span)
    assert [(entry.time, entry.reason) for entry in replayed.timeline] == loop(period, metrics, asked.span)


def loop(period: Resolved, metrics: Mapping[str, Source], span: Span) -> list[tuple[int, str]]:
    """Visit at every interval and whenever the clock matters, with what the loop reads at each visit."""
    plan = replace(period.spec.plan, window=replace(period.spec.plan.window, start=StartImmediately()))
    visits = Visits(period, metrics)
    first = begin(plan, "uid", span.start)
    life, happened, now = first.life, [(span.start, first.reason)], span.start
    while not life.closed and now <= span.end:
        exit_ = exit_of(period, visits.at(now - now % MINUTE))
        while found := advance(Visit(life, plan, facts(now, exit_))):
            life = found.life
            happened.append((now, found.reason))
        tick = now - now % MINUTE + MINUTE
        change = next_change(life, plan, now)
        now = tick if change is None else min(tick, change)
    return happened


def exit_of(period: Resolved, judgements: list[Judgement]) -> Exit:
    readings = [Reading(*both, 0, 0, {}) for both in zip(period.spec.criteria, judgements, strict=True)]
    return weigh(readings, (), 0).exit


def facts(now: int, exit_: Exit) -> Facts:
    return Facts(now, "uid", Rollout(RolloutState.COMPLETE, "complete"), exit_, protected=True, restored=True)
