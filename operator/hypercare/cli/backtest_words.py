"""Why a verdict held for a while, in words, without the numbers that were those of its first moment only."""

from hypercare.domain.backtest import Stretch
from hypercare.domain.durations import format_duration

_FOR_A_WHILE = {
    "Collecting": "Good so far, not yet for long enough",
    "RecentlyViolated": "Good again, not yet for long enough",
    "EvidenceGaps": "Too much is missing",
}


def after(moment: int | None, start: int) -> str:
    """How long after the start something would have happened."""
    return "never" if moment is None else format_duration(moment - start)


def why(stretch: Stretch) -> str:
    """The first reason in words, and what came after it by name and duration."""
    first = stretch.judgement.reason
    others = [f"{reason} {format_duration(for_)}" for reason, for_ in stretch.reasons if reason != first and for_]
    words = _FOR_A_WHILE.get(first, stretch.judgement.message)
    return f"{words}; then {', '.join(others)}" if others else words
