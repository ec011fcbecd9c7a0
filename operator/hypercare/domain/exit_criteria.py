"""How the exit criteria stand together: what blocks the exit, in a word and in a sentence.

Criteria that are `advisory` are judged and shown, and never block. A criterion that cannot be read blocks like one that
is unknown: what is not known is never success.
"""

from collections.abc import Sequence

from hypercare.domain.conditions import Problem
from hypercare.domain.durations import format_duration
from hypercare.domain.findings import EvidenceState
from hypercare.domain.judgement import Regressed, Verdict
from hypercare.domain.life import Exit
from hypercare.domain.samples import FailureKind
from hypercare.domain.snapshot import Reading
from hypercare.domain.verdict_history import CATCHING_UP

NONE = "-"
_BLOCKED_LIMIT = 120
_UNANSWERED = frozenset(kind.value for kind in FailureKind)


def weigh(readings: Sequence[Reading], unreadable: Sequence[Problem], late_limit_seconds: int) -> EvidenceState:
    """Judge all criteria of a started run together.

    `late_limit_seconds`: a criterion that is final less far than this behind where it should be is still fresh, unless
    its question was not answered at all.
    """
    blocking = [reading for reading in readings if not reading.criterion.advisory]
    regressed = tuple(_name(each) for each in blocking if each.judgement.regressed is Regressed.YES)
    late = [each for each in readings if each.late_seconds > late_limit_seconds or each.judgement.reason in _UNANSWERED]
    return EvidenceState(
        exit=_exit(blocking, unreadable),
        stale="; ".join(map(_staleness, late)),
        stale_reason=late[0].judgement.reason if late else "",
        blocked=_blocked(blocking, unreadable),
        message=_message(blocking, unreadable),
        regressed=regressed,
        catching_up=any(each.judgement.reason == CATCHING_UP for each in blocking),
    )


def _staleness(reading: Reading) -> str:
    behind = format_duration(reading.late_seconds)
    return f"{_name(reading)} is {behind} behind: {reading.judgement.message}"


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
    words = [_word(reading) for reading in blocking if _blocks(reading)]
    words += [f"{problem.reason}" for problem in unreadable]
    text = ", ".join(words) or NONE
    return text if len(text) <= _BLOCKED_LIMIT else text[: _BLOCKED_LIMIT - 1] + "…"


def _word(reading: Reading) -> str:
    judgement = reading.judgement
    if judgement.regressed is Regressed.YES:
        return f"{_name(reading)} (regressed)"
    if judgement.verdict is Verdict.UNMET:
        return f"{_name(reading)} (unmet)"
    if judgement.reason == "Collecting":
        return f"{_name(reading)} ({format_duration(judgement.remaining_seconds)} left)"
    return f"{_name(reading)} (unknown)"


def _message(blocking: Sequence[Reading], unreadable: Sequence[Problem]) -> str:
    told = [f"{_name(each)}: {each.judgement.message}" for each in blocking if _blocks(each)]
    told += [str(problem) for problem in unreadable]
    if not told:
        return f"All {len(blocking)} exit criteria are met" if blocking else "No criterion blocks, and none is met"
    return f"{len(told)} of {len(blocking) + len(unreadable)} exit criteria block: {'; '.join(told)}"


def _name(reading: Reading) -> str:
    return reading.criterion.name
