"""Rehearsing a copy on the day before a run: how strong it may be without having been noise.

The copy is replayed at its strongest. Where it would have fired without its original in more than one episode, or would
be firing at the start of the run, the threshold is moved less, then not at all; where even the shorter `for` is noise,
there is no copy. Source of the rules: docs/semantics.md, 2.4.

Whether there was data to be noisy about is told by the alert's input, not by its expression, which is empty when all is
well. An alert without input (`absent`) is true where data is missing, so a time without results is one that had data.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from hypercare.domain.alerts.calibration import Bound, Refused, calibrate
from hypercare.domain.alerts.history import (
    DAY,
    Asking,
    Moment,
    Stretch,
    Unreadable,
    before_the_release,
    positive,
    read_instances,
)
from hypercare.domain.alerts.preflight import NOT_ASKED, Candidate, NoHistory, Preflight, Tried, WouldFire
from hypercare.domain.alerts.protection import Calibrated
from hypercare.domain.alerts.replay import Alone, Replayed, evaluations, fires_alone
from hypercare.domain.alerts.thresholds import KEEP_THRESHOLDS, ThresholdRule, move_threshold
from hypercare.domain.alerts.tightening import FULL_STRENGTH, MovedThreshold, Tightened, shorten_for
from hypercare.domain.durations import format_duration
from hypercare.domain.promql.syntax import PromQLError, check_replayable, parse

STRENGTHS = (100, 75, 50, 25)
"""At which strengths a threshold is tried, one after the other."""
MIN_COVERAGE = Fraction(3, 4)
"""Of the day before the release that must have data behind the alert. A service of this morning has not had a day."""
MOST_FIRES = 1
"""Episodes without the original that a copy may have: one a day may have been worth a look."""
_SPAN = before_the_release(DAY)


def rehearse(candidate: Candidate, moment: Moment) -> Asking[Preflight]:
    """Reach a verdict; whatever cannot be read becomes `NoHistory`."""
    try:
        check_replayable(parse(candidate.expr))
        return (yield from _Rehearsal(candidate, moment).verdict())
    except PromQLError as error:
        return NoHistory(f"its expression cannot be replayed: {error}")
    except Unreadable as unreadable:
        return unreadable.verdict


@dataclass(frozen=True)
class _Version:
    """A copy that is tried: at which strength its bounds are (0 as written), its expression, and its condition."""

    strength: int
    expr: str
    told: str


@dataclass(frozen=True)
class _Rehearsal:
    candidate: Candidate
    moment: Moment

    @property
    def _stretch(self) -> Stretch:
        return Stretch.of(self.candidate, self.moment, DAY)

    @property
    def _copy_for(self) -> int:
        """The `for` of the copy at full strength."""
        given = self.candidate
        outcome = shorten_for(given.original_for_seconds, given.interval_seconds, given.for_rule, FULL_STRENGTH)
        return outcome.copy_for_seconds if isinstance(outcome, Tightened) else given.original_for_seconds

    def verdict(self) -> Asking[Preflight]:
        """Try one version after the other, the strongest first."""
        if not isinstance(self.candidate.threshold, Calibrated) and not self._versions(self.candidate.threshold):
            return NOT_ASKED
        coverage, original = yield from self._original()
        if coverage < MIN_COVERAGE:
            return self._for_only(coverage, original)
        threshold, reason = yield from self._threshold()
        versions = self._versions(threshold)
        if not versions:
            return Tried(threshold, 0, 0, DAY, reason)
        alone, tried = Alone(0, at_end=False), []
        for version in versions:
            copy = yield from self._replayed(version, original)
            alone = fires_alone(copy, original, self._stretch.counted)
            tried.append((version, alone))
            if _is_quiet(alone):
                told = _told(reason, tried, coverage)
                return Tried(threshold, version.strength, alone.fires, DAY, told)
        return WouldFire(alone.fires, DAY, _told(reason, tried, coverage))

    def _for_only(self, coverage: Fraction, original: Replayed) -> Preflight:
        """Too little history says nothing about being quiet, but noise is noise."""
        for version in self._versions(KEEP_THRESHOLDS):
            copy = replace(original, intervals=evaluations(self._copy_for, self._stretch.interval))
            alone = fires_alone(copy, original, self._stretch.counted)
            if not _is_quiet(alone):
                return WouldFire(alone.fires, DAY, _told("", [(version, alone)], coverage))
        known, needed = _percent(coverage), _percent(MIN_COVERAGE)
        return NoHistory(f"there is data behind it for {known} of the time {_SPAN}, and {needed} are needed")

    def _original(self) -> Asking[tuple[Fraction, Replayed]]:
        """For which share of the day there is data behind the original, and what the original did."""
        stretch, given = self._stretch, self.candidate
        original = stretch.ask(given.expr, stretch.grid)
        inputs = (stretch.ask(given.inputs_expr, stretch.grid),) if given.inputs_expr else ()
        results = yield (original, *inputs)
        coverage = Fraction(1)
        for question in inputs:
            present = positive(results[question], stretch.grid) & stretch.counted
            coverage = Fraction(present.bit_count(), stretch.counted.bit_count())
        intervals = evaluations(given.original_for_seconds, stretch.interval)
        replayed = Replayed(read_instances(results[original], stretch.grid), intervals)
        return coverage, replayed

    def _threshold(self) -> Asking[tuple[ThresholdRule, str]]:
        """How bounds are to move, and why they do not where they were to be read from history."""
        wish = self.candidate.threshold
        if not isinstance(wish, Calibrated):
            return wish, ""
        try:
            found = yield from calibrate(self.candidate, wish, self._copy_for, self.moment)
        except (PromQLError, Unreadable) as error:
            if isinstance(error, Unreadable) and error.verdict.again:
                raise
            found = Refused(str(error))
        match found:
            case Bound(rule, told):
                return rule, told
            case Refused(message):
                return KEEP_THRESHOLDS, f"not calibrated: {message}"

    def _versions(self, rule: ThresholdRule) -> tuple[_Version, ...]:
        """What there is to try; nothing where neither lever changes anything."""
        given, duration = self.candidate, f" for {format_duration(self._copy_for)}" if self._copy_for else ""
        found: dict[str, _Version] = {}
        for strength in STRENGTHS if rule.asked else ():
            moved = move_threshold(given.expr, rule, strength)
            if isinstance(moved, MovedThreshold):
                bounds = " or ".join(f"{each.operator} {each.copy}" for each in moved.bounds)
                found.setdefault(moved.expr, _Version(strength, moved.expr, bounds + duration))
        if self._copy_for < given.original_for_seconds:
            found[given.expr] = _Version(0, given.expr, f"as written{duration}")
        return tuple(found.values())

    def _replayed(self, version: _Version, original: Replayed) -> Asking[Replayed]:
        intervals = evaluations(self._copy_for, self._stretch.interval)
        if not version.strength:
            return replace(original, intervals=intervals)
        grid = self._stretch.grid
        question = self._stretch.ask(version.expr, grid)
        results = yield (question,)
        return Replayed(read_instances(results[question], grid), intervals)


def _is_quiet(alone: Alone) -> bool:
    return alone.fires <= MOST_FIRES and not alone.at_end


def _told(reason: str, tried: Sequence[tuple[_Version, Alone]], coverage: Fraction) -> str:
    """What was tried, the strongest first: a whole sentence, then only numbers."""
    (first, alone), *rest = tried
    sentence = f"{first.told} would have fired {_times(alone)} {_SPAN}"
    parts = [sentence, *(f"{version.told}: {_times(each)}" for version, each in rest)]
    if (known := _percent(coverage)) != "100%":
        parts.append(f"there is data for {known} of that time")
    return "; ".join([reason] * bool(reason) + parts)


def _times(alone: Alone) -> str:
    times = "1 time" if alone.fires == 1 else f"{alone.fires} times"
    return f"{times} (and at its end)" if alone.at_end else times


def _percent(share: Fraction) -> str:
    return f"{float(share):.0%}"
