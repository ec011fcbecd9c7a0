"""Which copies are to be tried on the history before a run, and what a verdict means for the levers of an alert.

An alert that has not been tried yet gets the shorter `for` alone, and so does one without history: a threshold moves
only where the copy is known to have been quiet, and no further than that. Source of the rules: docs/semantics.md, 2.4.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from hypercare.domain.alerts.preflight import Candidate, NoHistory, Preflight, Tried, WouldFire
from hypercare.domain.alerts.protection import Calibrated, Inherited, Tighten
from hypercare.domain.alerts.rewriting import CopyLabels, Levers, Unread, tighten_alert
from hypercare.domain.alerts.selection import SelectedAlert
from hypercare.domain.alerts.syntax import AlertSyntax
from hypercare.domain.alerts.thresholds import KEEP_THRESHOLDS, ThresholdRule
from hypercare.domain.alerts.tightening import (
    FULL_STRENGTH,
    ForRule,
    MovedThreshold,
    Outcome,
    Tightened,
    Untouched,
    UntouchedReason,
)

_FURTHEST = ThresholdRule(Fraction(4, 5))
"""As far as a bound that is read from history may move: where this cannot be done, nothing can be calibrated."""


@dataclass(frozen=True)
class Verdict:
    """What history said, and to which question: `asked` is the digest of a candidate."""

    asked: str
    found: Preflight


Verdicts = Mapping[str, Verdict]
"""By rule id."""


@dataclass(frozen=True)
class Wish:
    """What is asked for at full strength, and what it comes to: `full` is the copy that is to be tried."""

    for_rule: ForRule
    threshold: ThresholdRule | Calibrated
    full: Outcome

    @property
    def moves(self) -> bool:
        """Whether a threshold is asked for that can be moved."""
        return isinstance(self.full, Tightened) and isinstance(self.full.threshold, MovedThreshold)


def wish_for(selected: SelectedAlert, tighten: Tighten, labels: CopyLabels) -> tuple[Wish, AlertSyntax | Unread]:
    """What the general rule and its override ask for an alert, and what is known about its expression."""
    for_rule = ForRule(tighten, selected.override_seconds)
    threshold = _threshold(selected, tighten)
    full, syntax = tighten_alert(selected, Levers(for_rule, _tangible(threshold)), labels, FULL_STRENGTH)
    return Wish(for_rule, threshold, full), syntax


def candidate_of(selected: SelectedAlert, wish: Wish, inputs_expr: str) -> Candidate:
    """The question to history about an alert that may get a copy."""
    source = selected.source
    return Candidate(
        rule_id=source.rule_id,
        expr=source.expr,
        original_for_seconds=source.for_seconds,
        interval_seconds=source.group.interval_seconds,
        for_rule=wish.for_rule,
        threshold=wish.threshold if wish.moves else KEEP_THRESHOLDS,
        inputs_expr=inputs_expr,
    )


@lru_cache(maxsize=16384)
def digest(candidate: Candidate) -> str:
    """A short text that differs where the question to history does."""
    tighten, threshold = candidate.for_rule.tighten, candidate.threshold
    how = (
        ["calibrated", str(threshold.headroom)]
        if isinstance(threshold, Calibrated)
        else [str(threshold.share), str(threshold.override)]
    )
    asked = [
        candidate.expr,
        candidate.inputs_expr,
        candidate.original_for_seconds,
        candidate.interval_seconds,
        [tighten.shorten_for, tighten.min_for_seconds, tighten.allow_unrestored],
        str(candidate.for_rule.override_seconds),
        how,
    ]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:10]


def outcome_of(
    selected: SelectedAlert, wish: Wish, found: Preflight | None, labels: CopyLabels, strength: int
) -> Outcome:
    """What becomes of an alert at this strength, after what history said about it; None as long as it was not asked."""
    outcome, _ = tighten_alert(selected, _levers(wish, found), labels, strength)
    if isinstance(found, WouldFire) and isinstance(outcome, Tightened):
        return Untouched(UntouchedReason.WOULD_ALREADY_FIRE, found.message)
    return outcome


def _levers(wish: Wish, found: Preflight | None) -> Levers:
    if not wish.moves:
        return Levers(wish.for_rule, _tangible(wish.threshold))
    if isinstance(found, Tried) and found.strongest:
        return Levers(wish.for_rule, found.threshold, found.strongest)
    return Levers(wish.for_rule, _kept(wish, found))


def _kept(wish: Wish, found: Preflight | None) -> Untouched:
    """Why a threshold stays that was to be moved."""
    match found:
        case None:
            message = "its threshold waits until the copy has been tried on the hours before the run"
            return Untouched(UntouchedReason.NOT_TRIED, message)
        case NoHistory(message=message):
            return Untouched(UntouchedReason.NO_HISTORY, message)
        case Tried(told=message) if isinstance(wish.threshold, Calibrated):
            return Untouched(UntouchedReason.NOT_CALIBRATED, message)
        case Tried(told=message) | WouldFire(message=message):
            return Untouched(UntouchedReason.WOULD_ALREADY_FIRE, message)


def _threshold(selected: SelectedAlert, tighten: Tighten) -> ThresholdRule | Calibrated:
    if not isinstance(selected.bound, Inherited):
        return ThresholdRule(override=selected.bound)
    match tighten.move_threshold:
        case Calibrated() as calibrated:
            return calibrated
        case share:
            return ThresholdRule(share)


def _tangible(threshold: ThresholdRule | Calibrated) -> ThresholdRule:
    return _FURTHEST if isinstance(threshold, Calibrated) else threshold
