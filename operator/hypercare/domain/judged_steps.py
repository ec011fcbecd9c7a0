"""How a verdict went, point by point, for the kinds that are judged anew at each point.

Nothing but final points is told, each judged as if it had been the last one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from hypercare.domain.conditions import timestamp
from hypercare.domain.judgement import Judgement, Verdict
from hypercare.domain.points import Missing
from hypercare.domain.streak_history import Step
from hypercare.domain.verdict_history import CATCHING_UP, VerdictChange


def outlined(steps: Iterable[Step]) -> Iterator[Step]:
    """The first step, and each that has another verdict or reason than the one before."""
    said: tuple[str, str] | None = None
    for time, judgement in steps:
        says = (judgement.verdict.value, judgement.reason)
        if says != said:
            said = says
            yield time, judgement


def changes_after(before: Step, steps: Iterable[Step]) -> tuple[VerdictChange, ...]:
    """The verdict before these steps, and each change on the way."""
    found = [VerdictChange(*before)]
    for time, judgement in steps:
        if judgement.verdict is not found[-1].verdict:
            found.append(VerdictChange(time, judgement))
    return tuple(found)


def missing_for(judgement: Judgement, mark: object) -> Judgement:
    """The judgement with the reason for which its newest point is missing, which a visit knows and a state does not."""
    if judgement.reason == "EvidenceMissing" and isinstance(mark, Missing):
        return replace(judgement, reason=mark.reason.value, message=mark.detail)
    return judgement


def catching_up(judgement: Judgement, end: int) -> Judgement:
    """What is said while points after `end` (Unix seconds) have not been read yet."""
    message = f"Read through {timestamp(end)} so far, going on; until then: {judgement.message}"
    return replace(judgement, verdict=Verdict.UNKNOWN, reason=CATCHING_UP, message=message)
