"""How the exit criteria stand together: what blocks the exit, in a word and in a sentence.

Criteria that are `advisory` are judged and shown, and never block. A criterion that cannot be read blocks like one that
is unknown: what is not known is never success. The sentence is for the person who is asked at night: first what has
become worse, then what is broken, then what is not known, then what only takes its time.
"""

from collections.abc import Sequence

from hypercare.domain.conditions import Problem
from hypercare.domain.durations import format_duration
from hypercare.domain.evidence.bounds import describe
from hypercare.domain.evidence.criteria import Regression
from hypercare.domain.evidence.judgement import Judgement, Regressed, Verdict
from hypercare.domain.evidence.points import MissingReason
from hypercare.domain.evidence.streak_reading import OVERLAY_NOT_LIVE
from hypercare.domain.evidence.verdict_history import CATCHING_UP
from hypercare.domain.findings import EvidenceState
from hypercare.domain.life.facts import Exit
from hypercare.domain.samples import FailureKind
from hypercare.domain.snapshot import Reading
from hypercare.domain.timestamps import timestamp

NONE = "-"
LATE = "EvidenceLate"
_BLOCKED_LIMIT = 120
_TOLD = 5
_TOLD_LIMIT = 170
# Leaves room in a condition and in the summary for what comes before and after.
_MESSAGE_LIMIT = 750
_UNANSWERED = frozenset(kind.value for kind in FailureKind)
_COLLECTING = frozenset({"Collecting", "WarmingUp"})
# Fresh samples that say nothing are not old ones: a night without traffic is no fault of the evidence.
_SEEN = frozenset(
    reason.value
    for reason in (
        MissingReason.LOW_TRAFFIC,
        MissingReason.NOT_A_NUMBER,
        MissingReason.INFINITE,
        MissingReason.ERRORS_WITHOUT_TOTAL,
        MissingReason.NO_ALERTS,
        MissingReason.UNATTRIBUTED,
        MissingReason.UNPROVABLE,
    )
)
_NO_DATA = (_UNANSWERED | {reason.value for reason in MissingReason}) - _SEEN
STALE_REASONS = _NO_DATA | {CATCHING_UP, OVERLAY_NOT_LIVE}
"""Reasons of a criterion that are the reason of evidence that is not fresh; for all others it is `LATE`."""


def weigh(
    readings: Sequence[Reading],
    unreadable: Sequence[Problem],
    late_limit_seconds: int,
    filling_limit_seconds: int = 0,
) -> EvidenceState:
    """Judge all criteria of a started run together.

    `late_limit_seconds`: a criterion that is final less far than this behind where it should be is still fresh, unless
    its question was not answered at all. `filling_limit_seconds` is that limit where samples were read and a hole
    before them may still fill up.
    """
    blocking = [reading for reading in readings if not reading.criterion.advisory]
    regressed = [each for each in blocking if each.judgement.regressed is Regressed.YES]
    late = [each for each in readings if _is_late(each, late_limit_seconds, filling_limit_seconds)]
    return EvidenceState(
        exit=_exit(blocking, unreadable),
        stale="; ".join(map(_staleness, late)),
        stale_reason=_why_late(late[0]) if late else "",
        blocked=_blocked(blocking, unreadable),
        message=_message(blocking, unreadable),
        regressed=tuple(map(_name, regressed)),
        regression="; ".join(map(_regression, regressed)),
        catching_up=any(each.judgement.reason == CATCHING_UP for each in blocking),
        needed_seconds=max((each.judgement.remaining_seconds for each in blocking), default=0),
        unreadable=bool(unreadable),
    )


def _is_late(reading: Reading, limit: int, filling_limit: int) -> bool:
    reason = reading.judgement.reason
    if reason in _UNANSWERED:
        return True
    return reading.late_seconds > (limit if reason in _NO_DATA else max(limit, filling_limit))


def _why_late(reading: Reading) -> str:
    reason = reading.judgement.reason
    return reason if reason in STALE_REASONS else LATE


def _staleness(reading: Reading) -> str:
    behind, through = format_duration(reading.late_seconds), timestamp(reading.final_through)
    read = f" (read through {through}, {behind} behind)" if reading.late_seconds else ""
    return f"{_name(reading)}: {reading.judgement.message}{read}"


def _regression(reading: Reading) -> str:
    told = f"{_name(reading)} is past its regression bound"
    match reading.criterion.regression:
        case Regression(bound, seconds):
            told += f" ({describe(bound)} for {format_duration(seconds)})"
    return f"{told}: {_clipped(reading.judgement.message, _TOLD_LIMIT)}"


def _exit(blocking: Sequence[Reading], unreadable: Sequence[Problem]) -> Exit:
    """Any criterion unmet or regressed: unmet. All met and none regressed: met. Else unknown."""
    judgements = [reading.judgement for reading in blocking]
    if any(each.verdict is Verdict.UNMET or each.regressed is Regressed.YES for each in judgements):
        return Exit.UNMET
    open_question = any(each.verdict is not Verdict.MET or each.regressed is Regressed.UNKNOWN for each in judgements)
    return Exit.UNKNOWN if unreadable or open_question or not judgements else Exit.MET


def _blocks(reading: Reading) -> bool:
    judgement = reading.judgement
    return judgement.verdict is not Verdict.MET or judgement.regressed in {Regressed.YES, Regressed.UNKNOWN}


def _blocked(blocking: Sequence[Reading], unreadable: Sequence[Problem]) -> str:
    words = [_word(reading) for reading in _by_urgency(blocking)]
    words += [f"{problem.reason}" for problem in unreadable]
    return _clipped(", ".join(words) or NONE, _BLOCKED_LIMIT)


def _word(reading: Reading) -> str:
    judgement = reading.judgement
    if judgement.regressed is Regressed.YES:
        return f"{_name(reading)} (regressed)"
    if judgement.verdict is Verdict.UNMET:
        return f"{_name(reading)} (unmet)"
    if judgement.reason in _COLLECTING and judgement.remaining_seconds > 0:
        return f"{_name(reading)} ({format_duration(judgement.remaining_seconds)} left)"
    return f"{_name(reading)} (unknown)"


def _message(blocking: Sequence[Reading], unreadable: Sequence[Problem]) -> str:
    found = _by_urgency(blocking)
    told = [str(problem) for problem in unreadable] + [_told(each) for each in found]
    if not told:
        return _all_met(len(blocking))
    shown = "; ".join(told[:_TOLD])
    more = [_name(each) for each in found[max(0, _TOLD - len(unreadable)) :]]
    rest = _clipped(f"; and {len(told) - _TOLD} more: {', '.join(more)}", _BLOCKED_LIMIT) if more else ""
    sentence = f"{len(told)} of {len(blocking) + len(unreadable)} exit criteria block: {shown}"
    return _clipped(sentence, _MESSAGE_LIMIT) + rest


def _all_met(count: int) -> str:
    match count:
        case 0:
            return "No criterion blocks, and none is met"
        case 1:
            return "The exit criterion is met"
    return f"All {count} exit criteria are met"


def _by_urgency(blocking: Sequence[Reading]) -> list[Reading]:
    """Those that block: regressed, unmet, unknown, collecting; of equals the one that needs longest first."""
    found = [each for each in blocking if _blocks(each)]
    return sorted(found, key=lambda each: (_urgency(each.judgement), -each.judgement.remaining_seconds))


def _urgency(judgement: Judgement) -> int:
    if judgement.regressed is Regressed.YES:
        return 0
    if judgement.verdict is Verdict.UNMET:
        return 1
    return 3 if judgement.reason in _COLLECTING else 2


def _told(reading: Reading) -> str:
    """One criterion: where it stands since when, what is seen, and how much is needed yet."""
    judgement, message = reading.judgement, _clipped(reading.judgement.message, _TOLD_LIMIT)
    left = f", {format_duration(judgement.remaining_seconds)} to go" if judgement.remaining_seconds else ""
    if judgement.regressed is Regressed.YES:
        return f"{_name(reading)} has regressed{_since(reading)}: {message}{left}"
    if judgement.verdict is Verdict.UNMET:
        return f"{_name(reading)} is unmet{_since(reading)}: {message}{left}"
    if judgement.reason in _COLLECTING:
        return f"{_name(reading)}: {message}{left}"
    if judgement.regressed is Regressed.UNKNOWN and judgement.verdict is Verdict.MET:
        return f"{_name(reading)} is met, but whether it has regressed is not known yet: {message}"
    return f"{_name(reading)} is unknown{_since(reading)}: {message}{left}"


def _since(reading: Reading) -> str:
    since = reading.stored.get("since")
    return f" since {since}" if since else ""


def _clipped(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _name(reading: Reading) -> str:
    return reading.criterion.name
