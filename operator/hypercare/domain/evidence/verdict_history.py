"""When a verdict changed: a function of the points alone, so it is the same live and after any absence.

A change belongs to the point of the grid with which it came about, not to the visit that found it. What is told early,
from points that are not final yet, has the time of its point too, so it is not told again when the point becomes final.

Limit: late data may still fill a hole that was told as Unknown, and then a history that was read later has no hole.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

from hypercare.domain.evidence.criteria import NoRegression
from hypercare.domain.evidence.fold import EvidenceState, Yardstick, sort_of, states
from hypercare.domain.evidence.judgement import Judgement, Tail, Verdict, judge
from hypercare.domain.evidence.points import Point
from hypercare.domain.evidence.streak_turns import turns
from hypercare.domain.evidence.streaks import Sort, assess

MOST_TOLD = 10
"""So many changes of one criterion are told at one visit; of more, after a long absence, the newest."""
CATCHING_UP = "CatchingUp"


@dataclass(frozen=True)
class VerdictChange:
    """A verdict, and the point (Unix seconds) from which on it holds."""

    time: int
    judgement: Judgement

    @property
    def verdict(self) -> Verdict:
        """Met, Unmet or Unknown."""
        return self.judgement.verdict


@dataclass(frozen=True)
class Told:
    """What the status says of a criterion: verdict, the point since which it holds (Unix seconds), and the reason."""

    verdict: Verdict
    since: int
    reason: str = ""


def fold_with_changes(
    state: EvidenceState, points: Sequence[Point], by: Yardstick
) -> tuple[EvidenceState, tuple[VerdictChange, ...]]:
    """Take final points in like `fold`; also returns the verdict before them, and each change on the way."""
    found = [_at(state, by)]
    for _, run in groupby(points, key=_sort):
        for following in turns(state, tuple(run), by, partial(_verdict, by=by)):
            if _verdict(following, by) is not found[-1].verdict:
                found.append(_at(following, by))
            state = following
    return state, tuple(found)


def told_early(state: EvidenceState, tail: Tail, judgement: Judgement, by: Yardstick) -> tuple[VerdictChange, ...]:
    """The change that points after the last final one bring, if they bring one, with the first point that does."""
    if _verdict(state, by) is judgement.verdict:
        return ()
    # A regression restarts the streak only when its points are final.
    for ahead in states(state, tail.points, replace(by, regression=NoRegression())):
        if _verdict(ahead, by) is judgement.verdict:
            return (VerdictChange(ahead.final_through, judgement),)
    return ()


def untold(before: Told, found: Sequence[VerdictChange], now: VerdictChange) -> tuple[VerdictChange, ...]:
    """What is news: of what was found, what came after `before` and is a change; then `now`, where that is another one.

    While the evidence is catching up, `now` is no news: the verdict is only not known because not all was read.
    """
    if now.judgement.reason == CATCHING_UP:
        return tuple(_changes(before, found))[-MOST_TOLD:]
    if before.reason == CATCHING_UP and found:
        passed = [change for change in found if change.time <= before.since]
        before = Told((passed[-1] if passed else found[0]).verdict, before.since)
    return tuple(_changes(before, (*found, VerdictChange(max(now.time, before.since + 1), now.judgement))))[-MOST_TOLD:]


def joined(earlier: Sequence[VerdictChange], later: Sequence[VerdictChange]) -> tuple[VerdictChange, ...]:
    """Two histories, the one after the other, without what is no change; bounded."""
    every = (*earlier, *later)
    kept = [each for before, each in zip((None, *every), every, strict=False) if not before or _differ(before, each)]
    return tuple(kept[-MOST_TOLD:])


def _differ(one: VerdictChange, other: VerdictChange) -> bool:
    return one.verdict is not other.verdict


def _changes(before: Told, found: Sequence[VerdictChange]) -> Iterator[VerdictChange]:
    verdict = before.verdict
    for change in found:
        if change.time > before.since and change.verdict is not verdict:
            verdict = change.verdict
            yield change


def _at(state: EvidenceState, by: Yardstick) -> VerdictChange:
    return VerdictChange(state.final_through, judge(state, Tail((), 0), by))


def _sort(point: Point) -> Sort:
    return sort_of(point.mark)


def _verdict(state: EvidenceState, by: Yardstick) -> Verdict:
    standing = assess(state.main, state.final_through, by.rule, by.step)
    if standing.unmet:
        return Verdict.UNMET
    return Verdict.MET if standing.met else Verdict.UNKNOWN
