"""How the verdict on a streak went, point by point, as if each of them had been the last final one.

A step is told where the judgement says another thing than before (verdict, reason, or where the regression stands); its
message and numbers are those of that moment.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby

from hypercare.domain.evidence.fold import EvidenceState, Yardstick, sort_of, turned
from hypercare.domain.evidence.judged_steps import missing_for
from hypercare.domain.evidence.judgement import Step, Tail, judge
from hypercare.domain.evidence.points import Missing, Point
from hypercare.domain.evidence.streak_turns import turns
from hypercare.domain.evidence.streaks import Rule, Sort, assess

Outline = tuple[object, ...]


def streak_history(state: EvidenceState, points: Sequence[Point], by: Yardstick) -> Iterator[Step]:
    """Take final points in like `fold`; yields the judgement after the first one, and after each that changes it."""
    said: Outline = ()
    for _, equal in groupby(points, key=_kind):
        run = tuple(equal)
        for following in turns(state, run, by, partial(_outline, point=run[0], by=by)):
            says = _outline(following, run[0], by)
            if says != said:
                said = says
                # A visit would have said why a point is missing, for it reads the point before it is final.
                judgement = judge(following, Tail((), following.final_through), by)
                yield following.final_through, missing_for(judgement, run[0].mark)
            state = following


def _kind(point: Point) -> tuple[Sort, Sort, str]:
    reason = point.mark.reason.value if isinstance(point.mark, Missing) else ""
    return sort_of(point.mark), turned(point.regression), reason


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
