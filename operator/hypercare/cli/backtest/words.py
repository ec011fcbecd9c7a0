"""What tables and pages say alike: what was asked, how long something took, and why a verdict held for a while."""

from hypercare.domain.backtest.criterion import Stretch
from hypercare.domain.durations import format_duration
from hypercare.domain.evidence.criteria import Criterion
from hypercare.domain.evidence.slo import SloKind
from hypercare.domain.report.facts import asked_of

_FOR_A_WHILE = {
    "Collecting": "Good so far, not yet for long enough",
    "RecentlyViolated": "Good again, not yet for long enough",
    "EvidenceGaps": "Too much is missing",
}


def asked(criterion: Criterion) -> str:
    """The bound, and for how long it must hold."""
    _, bound = asked_of(criterion)
    within_bound = isinstance(criterion.kind, SloKind) or not criterion.sustained_seconds
    return bound if within_bound else f"{bound} for {format_duration(criterion.sustained_seconds)}"


def after(moment: int | None, start: int) -> str:
    """How long after the start something would have happened."""
    return "never" if moment is None else format_duration(moment - start)


def why(stretch: Stretch) -> str:
    """The first reason in words, and what came after it by name and duration.

    Words hold for all of the stretch, so they are without numbers that were those of its first moment only.
    """
    first = stretch.judgement.reason
    others = [f"{reason} {format_duration(for_)}" for reason, for_ in stretch.reasons if reason != first and for_]
    words = _FOR_A_WHILE.get(first, stretch.judgement.message)
    return f"{words}; then {', '.join(others)}" if others else words
