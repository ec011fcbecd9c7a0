"""When the clock alone can change the life of a period: what the due-queue is asked for.

Too early costs one visit that changes nothing; too late breaks a promise. So each phase names every moment at which one
of its rows could begin to apply, whatever the criteria say by then.
"""

from hypercare.domain.life.facts import Life, Outcome, Phase, Plan
from hypercare.domain.life.rollout import SETTLE_SECONDS
from hypercare.domain.life.transitions import PREPARING_SECONDS
from hypercare.domain.life.window import StartAt, StartImmediately, StartOnRollout


def next_change(life: Life, plan: Plan, now: int) -> int | None:
    """The next moment (Unix seconds, after `now`) at which the clock alone can make a row apply; None if none can."""
    moments = [moment for moment in _moments(life, plan, now) if moment > now]
    return min(moments, default=None)


def _moments(life: Life, plan: Plan, now: int) -> tuple[int, ...]:
    match life.phase:
        case Phase.COMPLETED | Phase.ENDED:
            return ()
        case Phase.PENDING:
            return _start_moments(life, plan)
        case Phase.RELAXING:
            return (*_relax_moments(life, plan, now), *_hard_end_moments(life, plan))
        case Phase.SUSPENDED:
            return _hard_end_moments(life, plan)
        case Phase.DECISION_NEEDED:
            return (life.phase_since + plan.window.hold_seconds,)
        case Phase.PREPARING | Phase.ACTIVE | Phase.EXTENDED:
            return (*_window_moments(life, plan), *_hard_end_moments(life, plan))


def _start_moments(life: Life, plan: Plan) -> tuple[int, ...]:
    match plan.window.start:
        case StartImmediately():
            return ()
        case StartAt() as start:
            return (start.protect_from, start.at)
        case StartOnRollout() as start:
            settled = (life.rollout_since + SETTLE_SECONDS,) if life.rollout_since is not None else ()
            return (life.run.created_at + start.timeout_seconds, *settled)


def _window_moments(life: Life, plan: Plan) -> tuple[int, ...]:
    stage = plan.stage(life.stage)
    staged = (life.stage_since + stage.min_seconds,) if stage else ()
    planned = (plan.window.planned_end(life.started_at, life.extensions_used),) if life.started_at is not None else ()
    return (life.phase_since + PREPARING_SECONDS, *staged, *planned)


def _relax_moments(life: Life, plan: Plan, now: int) -> tuple[int, ...]:
    step = (life.last_step_at or life.phase_since) + plan.relax.every_seconds
    opening = (plan.relax.during.next_opening(now),) if life.outcome is Outcome.MET else ()
    return (step, *opening)


def _hard_end_moments(life: Life, plan: Plan) -> tuple[int, ...]:
    """The hard end, and the end of the hold, at which a guard lets go."""
    if life.started_at is None:
        return ()
    hard_end = plan.window.hard_end(life.started_at)
    return (hard_end, hard_end + plan.window.hold_seconds)
