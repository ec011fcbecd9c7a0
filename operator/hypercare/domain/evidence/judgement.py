"""The verdict on one criterion, with its reason and a sentence for people.

Three windows are looked at: the one that ends at the last final point, the one that ends where points should be final
by now, and the one with everything that was read. Met needs the first two, so neither provisional data nor a hole that
may still fill up completes it; a bad point in any of them is told at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from hypercare.domain.durations import format_duration
from hypercare.domain.evidence.bounds import describe
from hypercare.domain.evidence.fold import (
    EvidenceState,
    Judged,
    Measured,
    NotMeasured,
    Shown,
    Yardstick,
    newest_shown,
    push_points,
    turned,
)
from hypercare.domain.evidence.points import Missing, Point
from hypercare.domain.evidence.streaks import Assessment, Rule, Sort, assess, push

_NOT_MEASURED = NotMeasured()


class Verdict(StrEnum):
    """Unknown never counts as met."""

    MET = "Met"
    UNMET = "Unmet"
    UNKNOWN = "Unknown"


class Regressed(StrEnum):
    """Where the regression bound stands. `UNKNOWN` blocks the exit as `YES` does."""

    NOT_ASKED = "NotAsked"
    NO = "No"
    YES = "Yes"
    UNKNOWN = "Unknown"


@dataclass(frozen=True)
class Judgement:
    """What is known about one criterion now.

    Attributes:
        verdict: Met, Unmet or Unknown.
        reason: Why, as one CamelCase word.
        message: Why, as a sentence.
        met_for_seconds: How far the current run got (active time).
        remaining_seconds: How much active time is needed if all of it is good.
        coverage: Share of the window's points so far that are present; 0 without any.
        last: Newest value.
        worst: Worst value in the window.
        regressed: Where the regression bound stands.
    """

    verdict: Verdict
    reason: str
    message: str
    met_for_seconds: int
    remaining_seconds: int
    coverage: float = 0.0
    last: Shown = _NOT_MEASURED
    worst: Shown = _NOT_MEASURED
    regressed: Regressed = Regressed.NOT_ASKED


Step = tuple[int, Judgement]
"""The judgement as of a point (Unix seconds)."""


@dataclass(frozen=True)
class Tail:
    """Points after the last final one; those through `settled_through` (Unix seconds) are old enough to be final."""

    points: Sequence[Point]
    settled_through: int


@dataclass(frozen=True)
class _Windows:
    final: Assessment
    settled: Assessment
    everything: Assessment


def judge(state: EvidenceState, tail: Tail, by: Yardstick) -> Judgement:
    """Judge what is final, in the light of what is not yet."""
    windows = _windows(state, tail, by)
    verdict, decisive = _verdict(windows)
    reason, message = _explain(verdict, decisive, state, tail, by)
    held = min(decisive.held, by.rule.points - decisive.remaining)
    newest = newest_shown(tail.points)
    return Judgement(
        verdict=verdict,
        reason=reason,
        message=message,
        met_for_seconds=held * by.step,
        remaining_seconds=0 if verdict is Verdict.MET else decisive.remaining * by.step,
        coverage=(decisive.active - decisive.missing) / decisive.active if decisive.active else 0.0,
        last=newest if isinstance(newest, Measured) else state.last,
        worst=state.worst if isinstance(state.worst, Measured) else newest,
        regressed=_regressed(state, tail, by),
    )


def _windows(state: EvidenceState, tail: Tail, by: Yardstick) -> _Windows:
    settled = [point for point in tail.points if point.time <= tail.settled_through]
    at_settled = push_points(state.main, settled, by)
    at_end = push_points(state.main, tail.points, by)
    return _Windows(
        final=assess(state.main, state.final_through, by.rule, by.step),
        settled=assess(at_settled, settled[-1].time if settled else state.final_through, by.rule, by.step),
        everything=assess(at_end, tail.points[-1].time if tail.points else state.final_through, by.rule, by.step),
    )


def _verdict(windows: _Windows) -> tuple[Verdict, Assessment]:
    for window in (windows.everything, windows.settled, windows.final):
        if window.unmet:
            return Verdict.UNMET, window
    for window in (windows.settled, windows.final):
        if not window.met:
            return Verdict.UNKNOWN, window
    return Verdict.MET, windows.final


def _explain(verdict: Verdict, window: Assessment, state: EvidenceState, tail: Tail, by: Yardstick) -> tuple[str, str]:
    asked = format_duration(by.rule.points * by.step)
    held = format_duration(min(window.held, by.rule.points - window.remaining) * by.step)
    match verdict:
        case Verdict.MET:
            return "Sustained", f"{_fine(window, by)} for {asked}"
        case Verdict.UNMET if window.newest_present_bad:
            return _VIOLATED[by.judged], _violation(state, tail, by)
        case Verdict.UNMET if window.restarts > by.rule.restarts:
            return "TooManyRestarts", f"{window.restarts} restarts in the last {asked}, tolerated: {by.rule.restarts}"
        case Verdict.UNMET:
            return "RecentlyViolated", f"Good for {held} of {asked} since the last bad point"
    if window.newest is Sort.MISSING:
        return _hole(tail)
    if state.main.track and not window.active:
        return "NotActive", "No point has been active yet: activeWhen was false all the time"
    if window.held < min(window.countable, by.rule.points):
        missing = format_duration(window.missing * by.step)
        return "EvidenceGaps", f"{missing} of the last {asked} are missing; good for {held} since the last long gap"
    return "Collecting", f"Good for {held} of {asked}"


_VIOLATED = {
    Judged.VALUES: "BoundViolated",
    Judged.ALERTS: "AlertFiring",
    Judged.TARGETS: "WorkloadDisturbed",
}


def _fine(window: Assessment, by: Yardstick) -> str:
    match by.judged:
        case Judged.VALUES:
            return f"Values were {describe(by.bound)}"
        case Judged.ALERTS:
            return "No selected alert fired"
        case Judged.TARGETS:
            return f"The targets were undisturbed (restarts: {window.restarts}, tolerated: {by.rule.restarts})"


def _violation(state: EvidenceState, tail: Tail, by: Yardstick) -> str:
    newest = newest_shown(tail.points)
    shown = newest if isinstance(newest, Measured) else state.last
    if isinstance(shown, NotMeasured):
        return "The newest point is bad"
    of = f" ({shown.series})" if shown.series else ""
    match by.judged:
        case Judged.VALUES:
            return f"{shown.value:g} is not {describe(by.bound)}{of}"
        case Judged.ALERTS:
            return f"An alert that must be quiet is not{of}"
        case Judged.TARGETS:
            return f"A target is not available, or has restarted{of}"


def _hole(tail: Tail) -> tuple[str, str]:
    missing = [point.mark for point in tail.points if isinstance(point.mark, Missing)]
    if not missing:
        return "EvidenceMissing", "The newest point is missing"
    return missing[-1].reason.value, missing[-1].detail


def _regressed(state: EvidenceState, tail: Tail, by: Yardstick) -> Regressed:
    rule = by.regression
    if not isinstance(rule, Rule):
        return Regressed.NOT_ASKED
    final = assess(state.regression, state.final_through, rule, by.step)
    if final.met:
        return Regressed.YES
    streak, through = state.regression, state.final_through
    for point in tail.points:
        if point.time <= tail.settled_through:
            streak, through = push(streak, turned(point.regression), point.time, rule, by.step), point.time
    settled = assess(streak, through, rule, by.step)
    return Regressed.NO if final.unmet and settled.unmet else Regressed.UNKNOWN
