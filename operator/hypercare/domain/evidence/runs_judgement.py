"""The verdict on a `runs` criterion, with its reason and a sentence for people.

Met needs the runs that were seen through the last final point, and those seen through where points should be final by
now, with the newest point present in both. A failed run is told at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hypercare.domain.evidence.fold import Measured
from hypercare.domain.evidence.judgement import Judgement, Verdict
from hypercare.domain.evidence.points import Missing
from hypercare.domain.evidence.run_record import RunRule, RunsPoint, RunsState, Walk, fold, walk_back
from hypercare.domain.timestamps import timestamp


@dataclass(frozen=True)
class RunsTail:
    """Points after the last final one; those through `settled_through` (Unix seconds) are old enough to be final."""

    points: Sequence[RunsPoint] = ()
    settled_through: int = 0


def judge_runs(state: RunsState, tail: RunsTail, rule: RunRule) -> Judgement:
    """Judge what is final, in the light of what is not yet."""
    settled = fold(state, (point for point in tail.points if point.time <= tail.settled_through), rule)
    newest = fold(state, tail.points, rule)
    verdict, decisive = _verdict(newest, settled, state, rule)
    reason, message = _explain(verdict, decisive, tail, rule)
    present = decisive.last_seen == decisive.final_through
    return Judgement(
        verdict=verdict,
        reason=reason,
        message=message,
        met_for_seconds=0,
        remaining_seconds=0,
        coverage=1.0 if present else 0.0,
        last=newest.last,
        worst=newest.worst,
    )


def verdict_on(state: RunsState, rule: RunRule) -> Verdict:
    """The verdict on final points alone.

    Among the ended runs that are remembered, enough successes leave no room for more other ones than may have failed.
    """
    walk = walk_back(state, rule.kind)
    if walk.failed > rule.kind.failed:
        return Verdict.UNMET
    present = state.last_seen == state.final_through
    return Verdict.MET if present and walk.enough else Verdict.UNKNOWN


def _verdict(newest: RunsState, settled: RunsState, final: RunsState, rule: RunRule) -> tuple[Verdict, RunsState]:
    for state in (newest, settled, final):
        if verdict_on(state, rule) is Verdict.UNMET:
            return Verdict.UNMET, state
    for state in (settled, final):
        if verdict_on(state, rule) is not Verdict.MET:
            return Verdict.UNKNOWN, state
    return Verdict.MET, final


def _explain(verdict: Verdict, state: RunsState, tail: RunsTail, rule: RunRule) -> tuple[str, str]:
    walk, kind = walk_back(state, rule.kind), rule.kind
    counted = _counted(walk, rule)
    match verdict:
        case Verdict.MET:
            return "RunsSucceeded", counted
        case Verdict.UNMET:
            newest = f", the newest of them {state.worst.series}" if isinstance(state.worst, Measured) else ""
            return "RunFailed", f"{counted}{newest}; at most {kind.failed} may fail on the way to {kind.succeeded}"
    if state.last_seen != state.final_through:
        return _hole(tail)
    if walk.unseen > 0 and walk.failed + walk.unseen > kind.failed:
        return "RunsNotSeen", f"{counted}; what was not seen to end may have failed"
    since = f" since {timestamp(state.blind_until)}, after a stretch without data" if state.blind_until else ""
    return "Collecting", f"{counted}{since}; {kind.succeeded} must succeed"


def _counted(walk: Walk, rule: RunRule) -> str:
    parts = [f"{walk.succeeded} succeeded", f"{walk.failed} failed"]
    if walk.unseen:
        parts.append(f"{walk.unseen} not seen to end")
    return f"Of the newest runs of {rule.kind.target}, {', '.join(parts)}"


def _hole(tail: RunsTail) -> tuple[str, str]:
    missing = [point.mark for point in tail.points if isinstance(point.mark, Missing)]
    if not missing:
        return "EvidenceMissing", "The newest point is missing"
    return missing[-1].reason.value, missing[-1].detail
