"""How the verdict on a streak went, point by point, as if each of them had been the last final one.

A step is told where the judgement says another thing than before (verdict, reason, or where the regression stands); its
message and numbers are those of that moment. To judge at every point would cost more than all the rest of reading, and
would say the same thing thousands of times.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from hypercare.domain.evidence.fold import EvidenceState, Yardstick, fold, sort_of, states, turned
from hypercare.domain.evidence.judgement import Judgement, Tail, judge
from hypercare.domain.evidence.points import Missing, Point
from hypercare.domain.evidence.streaks import Rule, Sort, assess

Step = tuple[int, Judgement]
Outline = tuple[object, ...]


def streak_history(state: EvidenceState, points: Sequence[Point], by: Yardstick) -> Iterator[Step]:
    """Take final points in like `fold`; yields the judgement after the first one, and after each that changes it."""
    said: Outline = ()
    for _, equal in groupby(points, key=_kind):
        run = tuple(equal)
        for following in _turns(state, run, by):
            says = _outline(following, run[0], by)
            if says != said:
                said = says
                yield following.final_through, _judge(following, run[0], by)
            state = following


def _kind(point: Point) -> tuple[Sort, Sort, str]:
    reason = point.mark.reason.value if isinstance(point.mark, Missing) else ""
    return sort_of(point.mark), turned(point.regression), reason


def _turns(before: EvidenceState, run: Sequence[Point], by: Yardstick) -> Iterator[EvidenceState]:
    """The states in a run of equal points at which the judgement may say another thing; the last state is among them.

    After its first point a run changes each part of the outline in one direction only (a bad point leaves the window, a
    streak becomes whole), so there is nothing between two that are equal. While a regression or a restart moves the
    start of what counts, each point is looked at.
    """
    after = fold(before, run, by)
    if after.main.floor != before.main.floor or sort_of(run[0].mark) is Sort.RESTARTED:
        yield from states(before, run, by)
        return
    first = fold(before, run[:1], by)
    yield first
    yield from _between(first, run[1:], after, by)


def _between(low: EvidenceState, run: Sequence[Point], high: EvidenceState, by: Yardstick) -> Iterator[EvidenceState]:
    if not run:
        return
    if len(run) == 1 or _outline(low, run[0], by) == _outline(high, run[0], by):
        yield high
        return
    half = len(run) // 2
    middle = fold(low, run[:half], by)
    yield from _between(low, run[:half], middle, by)
    yield from _between(middle, run[half:], high, by)


def _outline(state: EvidenceState, point: Point, by: Yardstick) -> Outline:
    """Everything that verdict, reason and regression depend on; `point` is of the kind of the newest one."""
    window = assess(state.main, state.final_through, by.rule, by.step)
    past = regressed = False
    if isinstance(by.regression, Rule):
        regression = assess(state.regression, state.final_through, by.regression, by.step)
        past, regressed = regression.unmet, regression.met
    return (
        window.unmet,
        window.met,
        window.newest_present_bad,
        window.restarts > window.rule.restarts,
        window.held < min(window.countable, by.rule.points),
        window.active == 0,
        window.newest is Sort.MISSING,
        point.mark.reason if isinstance(point.mark, Missing) else "",
        past,
        regressed,
    )


def _judge(state: EvidenceState, point: Point, by: Yardstick) -> Judgement:
    judgement = judge(state, Tail((), state.final_through), by)
    if judgement.reason == "EvidenceMissing" and isinstance(point.mark, Missing):
        # A visit would have said why, for it reads the point before it is final.
        return replace(judgement, reason=point.mark.reason.value, message=point.mark.detail)
    return judgement
