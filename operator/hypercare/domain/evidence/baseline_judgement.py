"""The verdict on one window of bins: is it complete, is there a past to compare it with, and what does that say?"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite

from hypercare.domain.durations import format_duration
from hypercare.domain.evidence.baseline import (
    LEAST_BINS,
    LEAST_REFERENCES,
    BaselineKind,
    Comparison,
    Direction,
    compare,
)
from hypercare.domain.evidence.baseline_bins import Bin, BinValues
from hypercare.domain.evidence.criteria import Criterion
from hypercare.domain.evidence.fold import Measured, window_rule
from hypercare.domain.evidence.grid import align_down
from hypercare.domain.evidence.judgement import Judgement, Verdict
from hypercare.domain.evidence.points import Missing
from hypercare.domain.evidence.streaks import Assessment, Rule, Sort, Streak, assess


@dataclass(frozen=True)
class NotCompared:
    """There was not enough on both sides."""


@dataclass(frozen=True)
class Judged:
    """The verdict on one window, and the comparison that it rests on."""

    judgement: Judgement
    comparison: Comparison | NotCompared = NotCompared()


class Judge:
    """Judges windows of one criterion against one past, which begins early enough for all references."""

    def __init__(self, criterion: Criterion, kind: BaselineKind, started_at: int, past: BinValues) -> None:
        self._kind = kind
        self._sustained = criterion.sustained_seconds
        self._started_at = started_at
        self._past = past
        self._rule: Rule = window_rule(criterion, kind.bin_seconds)
        self._statistics: dict[int, float | Missing] = {}

    def judge(self, bins: Sequence[Bin], count: int) -> Judged:
        """Judge the window that ends with the last of the first `count` bins, which follow each other on the grid."""
        window = bins[max(0, count - self._rule.points) : count]
        standing = _standing(window, self._rule, self._kind.bin_seconds)
        present = [each.mark for each in window if not isinstance(each.mark, Missing)]
        newest = window[-1].mark if window else None
        if isinstance(newest, Missing):
            return self._unknown(standing, newest.reason.value, newest.detail)
        if not standing.met:
            return self._incomplete(standing)
        if len(present) < LEAST_BINS:
            message = f"{len(present)} bins of the window are present, at least {LEAST_BINS} are needed"
            return self._unknown(standing, "TooFewBins", message)
        return self._compared(standing, window[-1].time, self._kind.statistic.of(present))

    def _compared(self, standing: Assessment, end: int, current: float) -> Judged:
        ends = self._kind.reference_ends(end, self._sustained, self._started_at)
        found = [self._reference(each) for each in ends]
        statistics = [each for each in found if not isinstance(each, Missing)]
        holes = [each for each in found if isinstance(each, Missing)]
        unanswered = next((each for each in holes if each.unanswered), None)
        if unanswered is not None:
            return self._unknown(standing, unanswered.reason.value, unanswered.detail)
        if len(statistics) < LEAST_REFERENCES:
            message = (
                f"{len(statistics)} of {len(found)} references can be used, at least {LEAST_REFERENCES} are needed"
            )
            return self._unknown(standing, "TooFewReferences", f"{message}: {holes[0].detail}")
        comparison = compare(self._kind, current, statistics)
        return Judged(self._verdict(standing, end, comparison), comparison)

    def _reference(self, end: int) -> float | Missing:
        """The statistic of the reference that ends at `end`, or why it cannot be used."""
        last = align_down(end, self._kind.bin_seconds)
        if last not in self._statistics:
            first = last - (self._rule.points - 1) * self._kind.bin_seconds
            self._statistics[last] = self._statistic(range(first, last + 1, self._kind.bin_seconds))
        return self._statistics[last]

    def _statistic(self, times: range) -> float | Missing:
        values = [self._past.at(time) for time in times]
        present = [value for value in values if not isinstance(value, Missing)]
        holes = [value for value in values if isinstance(value, Missing)]
        unanswered = next((hole for hole in holes if hole.unanswered), None)
        if unanswered is not None:
            return unanswered
        least = max(LEAST_BINS, self._rule.points - self._rule.missing)
        if len(present) >= least:
            return self._kind.statistic.of(present)
        commonest, _ = Counter(holes).most_common(1)[0]
        detail = f"{len(present)} of the {len(times)} bins of a reference are present, at least {least} are needed"
        return Missing(commonest.reason, f"{detail} ({commonest.detail})")

    def _verdict(self, standing: Assessment, end: int, comparison: Comparison) -> Judgement:
        window = self._rule.points * self._kind.bin_seconds
        message = _described(self._kind, comparison, window)
        last = Measured(comparison.current, "", end)
        coverage = _coverage(standing)
        if comparison.within:
            return Judgement(Verdict.MET, "WithinBaseline", message, window, 0, coverage, last)
        return Judgement(Verdict.UNMET, "OutsideBaseline", message, 0, window, coverage, last)

    def _incomplete(self, standing: Assessment) -> Judged:
        width = self._kind.bin_seconds
        asked = format_duration(self._rule.points * width)
        held = format_duration(standing.held * width)
        if standing.held < min(standing.countable, self._rule.points):
            missing = format_duration(standing.missing * width)
            message = f"{missing} of the last {asked} are missing; {held} since the last long gap"
            return self._unknown(standing, "EvidenceGaps", message)
        return self._unknown(standing, "Collecting", f"{held} of the {asked} that are compared")

    def _unknown(self, standing: Assessment, reason: str, message: str) -> Judged:
        width = self._kind.bin_seconds
        held = min(standing.held, self._rule.points - standing.remaining)
        numbers = (held * width, standing.remaining * width, _coverage(standing))
        return Judged(Judgement(Verdict.UNKNOWN, reason, message, *numbers))


def _standing(window: Sequence[Bin], rule: Rule, width: int) -> Assessment:
    """How complete the window is: every bin that is present is a good point of a streak."""
    sorts = (Sort.MISSING if each.missing else Sort.GOOD for each in window)
    track = tuple((sort, len(list(run))) for sort, run in groupby(sorts))
    return assess(Streak(track), window[-1].time if window else 0, rule, width)


def _coverage(standing: Assessment) -> float:
    return (standing.active - standing.missing) / standing.active if standing.active else 0.0


def _described(kind: BaselineKind, found: Comparison, window: int) -> str:
    what = f"{kind.statistic.value} of the last {format_duration(window)} is {found.current:g}"
    limits = [f"at most {found.upper:g}"] if isfinite(found.upper) else []
    limits += [f"at least {found.lower:g}"] if isfinite(found.lower) else []
    usual = f"the median of {found.references} references is {found.median:g}"
    return f"{what}; {usual}, so {' and '.join(limits)} {_VERB[kind.direction]}"


_VERB = {Direction.INCREASE: "is allowed", Direction.DECREASE: "is needed", Direction.EITHER: "are allowed"}
