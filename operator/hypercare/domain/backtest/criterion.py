"""What a criterion would have said over a stretch of history, from the steps that `reading.replay` tells.

A `Trace` holds what was said after each final point. From that follows what a visit at any moment would have seen: it
has points that are final, points that are old enough to be, and points that are newer; a hole stays open for as long as
late data may fill it (docs/semantics.md, 1.3). So a backtest needs one pass over the data, and no visit of its own.

Limits: what was late then is there now, so a live run may have waited where a backtest does not; and what the API
server said then (rollouts, readiness, quotas) is not known.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from hypercare.domain.evidence.criteria import Criterion
from hypercare.domain.evidence.grid import align_down, settled_through
from hypercare.domain.evidence.judgement import Judgement, Regressed, Step, Verdict
from hypercare.domain.profile import Evaluation


@dataclass(frozen=True)
class Span:
    """From the start of the window through the end of the history, in Unix seconds."""

    start: int
    end: int


@dataclass(frozen=True)
class Trace:
    """What was said about one criterion. Times in Unix seconds.

    Attributes:
        criterion: Which one.
        before: What is said before there is any final point.
        steps: What is said from each of these points on, oldest first.
        missing: The final points that say nothing.
        final_through: The last final point; 0 for none.
    """

    criterion: Criterion
    before: Judgement
    steps: tuple[Step, ...]
    missing: tuple[int, ...]
    final_through: int

    def at(self, time: int) -> Judgement:
        """What is said after the points through `time`, all of them final."""
        index = bisect_right(self.steps, time, key=_time)
        return self.steps[index - 1][1] if index else self.before


@dataclass(frozen=True)
class Stretch:
    """A verdict that held from `start` until `end` (Unix seconds): why at first, and what else was said of it.

    `reasons` are the seconds that each reason held, in the order in which they came up.
    """

    start: int
    end: int
    judgement: Judgement
    reasons: tuple[tuple[str, int], ...]

    @property
    def seconds(self) -> int:
        """How long it held."""
        return self.end - self.start


def seen_by(trace: Trace, visit: int, evaluation: Evaluation) -> Judgement:
    """What a visit at this moment would have said: the rules of `judgement`, on three prefixes of the trace."""
    settled = settled_through(visit, evaluation, evaluation.step)
    final = trace.at(_final_through(trace, visit, settled, evaluation))
    at_settled = trace.at(settled)
    for judgement in (trace.at(align_down(visit, evaluation.step)), at_settled, final):
        if judgement.verdict is Verdict.UNMET:
            return replace(judgement, regressed=_regressed(final, at_settled))
    shown = final if at_settled.verdict is Verdict.MET else at_settled
    return replace(shown, regressed=_regressed(final, at_settled))


def _final_through(trace: Trace, visit: int, settled: int, evaluation: Evaluation) -> int:
    """The last final point as of a visit: the one before the first hole that may still fill."""
    index = bisect_right(trace.missing, visit - evaluation.max_delay)
    if index < len(trace.missing) and trace.missing[index] <= settled:
        return trace.missing[index] - evaluation.step
    return settled


def _regressed(final: Judgement, settled: Judgement) -> Regressed:
    """Past the bound for certain, within it for certain, or not known; never forgotten for newer points."""
    if final.regressed in {Regressed.YES, Regressed.NOT_ASKED}:
        return final.regressed
    both = {final.regressed, settled.regressed}
    return Regressed.NO if both == {Regressed.NO} else Regressed.UNKNOWN


def stretches(trace: Trace, span: Span) -> tuple[Stretch, ...]:
    """The verdicts of a criterion over the span, each with when it held and why."""
    found: list[Stretch] = []
    for start, end, judgement in _pieces(trace, span):
        piece = Stretch(start, end, judgement, ((judgement.reason, end - start),))
        if found and found[-1].judgement.verdict is judgement.verdict:
            found[-1] = _joined(found[-1], piece)
        else:
            found.append(piece)
    return tuple(found)


def _pieces(trace: Trace, span: Span) -> Iterator[tuple[int, int, Judgement]]:
    steps = ((span.start, trace.before), *trace.steps)
    ends = (*(time for time, _ in trace.steps), max(span.start, trace.final_through))
    for (start, judgement), end in zip(steps, ends, strict=True):
        if end > start or judgement is steps[-1][1]:
            yield start, end, judgement


def _joined(one: Stretch, other: Stretch) -> Stretch:
    seconds = dict(one.reasons)
    for reason, more in other.reasons:
        seconds[reason] = seconds.get(reason, 0) + more
    return Stretch(one.start, other.end, one.judgement, tuple(seconds.items()))


def first_met(found: Sequence[Stretch]) -> int | None:
    """The first point with which everything that is asked held; None for never."""
    return next((each.start for each in found if each.judgement.verdict is Verdict.MET), None)


def _time(step: Step) -> int:
    return step[0]
