"""What becomes of one alert at a given strength: how its copy differs, or the reason why it has none.

Two levers, each by itself: a shorter `for` (`tightening`) and a moved threshold (`thresholds`). A copy that moves its
threshold has results that the original does not have, so more can go wrong with it: labels that it sets over those of
its results could make two of them one, and fail the rule. Then the threshold stays, and the `for` may still be shorter.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from hypercare.domain.alerts.copies import conflicting_labels, overriding_labels
from hypercare.domain.alerts.selection import SelectedAlert
from hypercare.domain.alerts.syntax import AlertSyntax, read_alert
from hypercare.domain.alerts.thresholds import KEEP_THRESHOLDS, ThresholdRule, move_threshold
from hypercare.domain.alerts.tightening import (
    FULL_STRENGTH,
    ForRule,
    MovedThreshold,
    Outcome,
    Tightened,
    Untouched,
    UntouchedReason,
    shorten_for,
)
from hypercare.domain.promql.syntax import PromQLError


@dataclass(frozen=True)
class Unread:
    """An expression that cannot be read: nothing can be recorded about it."""

    message: str


@dataclass(frozen=True)
class Levers:
    """What is asked for at full strength. Without a share or an override of the bound, thresholds are left out.

    Bounds move at most as far as at strength `strongest`; an `Untouched` says why they stay though asked for.
    """

    for_rule: ForRule
    threshold: ThresholdRule | Untouched = KEEP_THRESHOLDS
    strongest: int = FULL_STRENGTH


@dataclass(frozen=True)
class CopyLabels:
    """The labels that copies get, and those that may name the namespace of a series."""

    configured: Mapping[str, str]
    tenant: frozenset[str]


def tighten_alert(
    selected: SelectedAlert, levers: Levers, labels: CopyLabels, strength: int
) -> tuple[Outcome, AlertSyntax | Unread]:
    """Decide about an alert, and say what is known about its expression."""
    try:
        syntax = read_alert(selected.source.expr, labels.tenant)
    except PromQLError as error:
        return Untouched(UntouchedReason.UNSUPPORTED_PROMQL, str(error)), Unread(str(error))
    refusal = next(_refusals(selected, syntax, labels.configured), None)
    if refusal is not None:
        return refusal, syntax
    source = selected.source
    shortened = shorten_for(source.for_seconds, source.group.interval_seconds, levers.for_rule, strength)
    match levers.threshold:
        case Untouched() as kept:
            return _combined(source.for_seconds, shortened, kept), syntax
        case ThresholdRule(asked=False):
            return shortened, syntax
        case rule:
            moved = _moved(selected, syntax, rule, min(strength, levers.strongest), labels.configured)
            return _combined(source.for_seconds, shortened, moved), syntax


def _moved(
    selected: SelectedAlert, syntax: AlertSyntax, rule: ThresholdRule, strength: int, labels: Mapping[str, str]
) -> MovedThreshold | Untouched:
    moved = move_threshold(selected.source.expr, rule, strength)
    overriding = overriding_labels(selected, syntax, labels)
    if isinstance(moved, MovedThreshold) and overriding:
        names = ", ".join(sorted(overriding))
        message = f"its rule sets {names} over the results' own, so that two more of them could become one, and fail"
        return Untouched(UntouchedReason.RESULTS_COLLAPSE, message)
    return moved


def _combined(original_for: int, shortened: Tightened | Untouched, moved: MovedThreshold | Untouched) -> Outcome:
    if isinstance(shortened, Tightened):
        if isinstance(moved, MovedThreshold):
            return replace(shortened, threshold=moved)
        return replace(shortened, left=(moved,))
    if isinstance(moved, MovedThreshold):
        return Tightened(original_for, original_for, threshold=moved, left=(shortened,))
    # The threshold tells more about the alert, the `for` more about the request.
    return Untouched(moved.reason, f"{moved.message}; {shortened.message}")


def _refusals(selected: SelectedAlert, syntax: AlertSyntax, labels: Mapping[str, str]) -> Iterator[Untouched]:
    if selected.refused:
        yield Untouched(UntouchedReason.OVERRIDE_LOOSENS, selected.refused)
    if syntax.always_same:
        yield Untouched(UntouchedReason.ALWAYS_FIRES, "it reads no series: it always fires, or never does")
    if syntax.reads_alerts:
        yield Untouched(UntouchedReason.READS_ALERTS, "it reads the state of other alerts, copies among them")
    if conflicts := conflicting_labels(selected, syntax, labels):
        names = ", ".join(sorted(conflicts))
        message = f"its results carry the label {names}; a copy that sets it could make several results one, and fail"
        yield Untouched(UntouchedReason.LABEL_OVERRIDDEN, message)
