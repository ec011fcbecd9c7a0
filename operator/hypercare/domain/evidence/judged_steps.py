"""What is told of a verdict beside the verdict: why a point is missing, that reading goes on, how it went so far.

How it went is here for the kinds that are judged anew at each point: nothing but final points is told, each judged as
if it had been the last one. Streaks have `streak_history`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Protocol, TypeVar

from hypercare.domain.evidence.judgement import Judgement, Step, Verdict
from hypercare.domain.evidence.points import Missing
from hypercare.domain.evidence.verdict_history import CATCHING_UP, VerdictChange
from hypercare.domain.timestamps import timestamp


def outlined(steps: Iterable[Step]) -> Iterator[Step]:
    """The first step, and each that has another verdict or reason than the one before."""
    said: tuple[str, str] | None = None
    for time, judgement in steps:
        says = (judgement.verdict.value, judgement.reason)
        if says != said:
            said = says
            yield time, judgement


class _State(Protocol):
    @property
    def final_through(self) -> int: ...


class _Point(Protocol):
    @property
    def mark(self) -> object: ...


S = TypeVar("S", bound=_State)
P = TypeVar("P", bound=_Point)


def with_changes(
    state: S, followed: Iterable[tuple[P, S]], verdict_on: Callable[[S], Verdict], judge: Callable[[S], Judgement]
) -> tuple[S, tuple[VerdictChange, ...]]:
    """The last of the states that followed final points; also the verdict before them, and each change on the way."""
    found = [VerdictChange(state.final_through, judge(state))]
    newest = state
    for point, newest in followed:
        if verdict_on(newest) is not found[-1].verdict:
            found.append(VerdictChange(newest.final_through, missing_for(judge(newest), point.mark)))
    return newest, tuple(found)


def missing_for(judgement: Judgement, mark: object) -> Judgement:
    """The judgement with the reason for which its newest point is missing, which a visit knows and a state does not."""
    if judgement.reason == "EvidenceMissing" and isinstance(mark, Missing):
        return replace(judgement, reason=mark.reason.value, message=mark.detail)
    return judgement


def catching_up(judgement: Judgement, end: int) -> Judgement:
    """What is said while points after `end` (Unix seconds) have not been read yet."""
    message = f"Read through {timestamp(end)} so far, going on; until then: {judgement.message}"
    return replace(judgement, verdict=Verdict.UNKNOWN, reason=CATCHING_UP, message=message)
