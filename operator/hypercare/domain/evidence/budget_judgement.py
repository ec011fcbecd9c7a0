"""The verdict on a `slo` criterion, with its reason and a sentence for people.

As for every kind three windows are looked at: the one that ends at the last final point, the one that ends where points
should be final by now, and the one with everything that was read. Met needs the first two, so neither provisional data
nor a hole that may still fill up completes it; a budget that burns too fast in any of them is told at once, also before
`over` has passed, if there were events enough to say so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from hypercare.domain.durations import format_duration
from hypercare.domain.evidence.budget import ENOUGH_ALLOWED, BudgetPoint, BudgetState, Measure, Sums, fold
from hypercare.domain.evidence.judgement import Judgement, Verdict
from hypercare.domain.evidence.points import Missing
from hypercare.domain.evidence.slo import SHORT_WINDOWS
from hypercare.domain.evidence.streaks import Assessment, Sort, assess


@dataclass(frozen=True)
class BudgetTail:
    """Points after the last final one; those through `settled_through` (Unix seconds) are old enough to be final."""

    points: Sequence[BudgetPoint] = ()
    settled_through: int = 0


@dataclass(frozen=True)
class _Window:
    """How the window that ends with a state stands."""

    state: BudgetState
    by: Measure

    @cached_property
    def long(self) -> Sums:
        return self.by.long(self.state.ledger)

    @cached_property
    def short(self) -> Sums:
        return self.by.short(self.state.ledger)

    @cached_property
    def presence(self) -> Assessment:
        return assess(self.state.presence, self.state.final_through, self.by.rule, self.by.step)

    @property
    def verdict(self) -> Verdict:
        by = self.by
        above = [sums for sums in (self.long, self.short) if sums.above(by.max_burn)]
        if any(by.enough(sums) for sums in above):
            return Verdict.UNMET
        return Verdict.MET if not above and by.enough(self.long) and self.full else Verdict.UNKNOWN

    @property
    def full(self) -> bool:
        """Whether the window is as long as it must be, and there."""
        rule, streak = self.by.rule, self.state.presence
        match streak.track:
            case ((Sort.GOOD, count),):
                # Most days are this, and judging each of their points would take longer than all the rest.
                return min(count, (self.state.final_through - streak.floor) // self.by.step) >= rule.points
        return self.presence.met


def verdict_on(state: BudgetState, by: Measure) -> Verdict:
    """The verdict on final points alone."""
    return _Window(state, by).verdict


def judge_budget(state: BudgetState, tail: BudgetTail, by: Measure) -> Judgement:
    """Judge what is final, in the light of what is not yet."""
    settled = fold(state, (point for point in tail.points if point.time <= tail.settled_through), by)
    newest = fold(state, tail.points, by)
    verdict, window = _verdict(_Window(newest, by), _Window(settled, by), _Window(state, by))
    reason, message = _explain(verdict, window, tail)
    presence = window.presence
    return Judgement(
        verdict=verdict,
        reason=reason,
        message=message,
        met_for_seconds=min(presence.held, by.rule.points - presence.remaining) * by.step,
        remaining_seconds=0 if verdict is Verdict.MET else max(1, presence.remaining) * by.step,
        coverage=(presence.active - presence.missing) / presence.active if presence.active else 0.0,
        last=newest.last,
        worst=newest.worst,
    )


def _verdict(everything: _Window, settled: _Window, final: _Window) -> tuple[Verdict, _Window]:
    for window in (everything, settled, final):
        if window.verdict is Verdict.UNMET:
            return Verdict.UNMET, window
    for window in (settled, final):
        if window.verdict is not Verdict.MET:
            return Verdict.UNKNOWN, window
    return Verdict.MET, final


def _explain(verdict: Verdict, window: _Window, tail: BudgetTail) -> tuple[str, str]:
    by, presence = window.by, window.presence
    burns = _burns(window)
    match verdict:
        case Verdict.MET:
            return "WithinBudget", burns
        case Verdict.UNMET:
            return "BudgetBurning", burns
    asked, held = (format_duration(points * by.step) for points in (by.rule.points, presence.held))
    if presence.newest is Sort.MISSING:
        return _hole(tail)
    if window.state.presence.track and not presence.active:
        return "NotActive", "No point has been active yet: activeWhen was false all the time"
    if presence.held < min(presence.countable, by.rule.points):
        missing = format_duration(presence.missing * by.step)
        return "EvidenceGaps", f"{missing} of the last {asked} are missing; seen for {held} since the last long gap"
    if presence.held < by.rule.points:
        return "Collecting", f"Seen for {held} of {asked}. {burns}"
    return "TooFewEvents", _too_few(window)


def _burns(window: _Window) -> str:
    by = window.by
    long, short = (format_duration(seconds) for seconds in (by.over_seconds, by.over_seconds // SHORT_WINDOWS))
    return (
        f"The error budget burns at {window.long.burn:.3g} over {long} and {window.short.burn:.3g} over {short}; "
        f"at most {by.max_burn:g} is allowed"
    )


def _too_few(window: _Window) -> str:
    by = window.by
    long = not by.enough(window.long)
    allowed, over = (window.long, by.over_seconds) if long else (window.short, by.over_seconds // SHORT_WINDOWS)
    return (
        f"The objective allows {by.allowed_errors(allowed):.3g} errors among the events of {format_duration(over)}; "
        f"fewer than {ENOUGH_ALLOWED:g} prove nothing. {_burns(window)}"
    )


def _hole(tail: BudgetTail) -> tuple[str, str]:
    missing = [point.mark for point in tail.points if isinstance(point.mark, Missing)]
    if not missing:
        return "EvidenceMissing", "The newest point is missing"
    return missing[-1].reason.value, missing[-1].detail
