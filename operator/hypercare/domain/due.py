"""When the clock alone can change the life of a period: what the due-queue is asked for."""

from hypercare.domain.life import Life, Plan
from hypercare.domain.rollout import SETTLE_SECONDS
from hypercare.domain.transitions import PREPARING_SECONDS
from hypercare.domain.window import StartAt, StartImmediately, StartOnRollout


def next_change(life: Life, plan: Plan, now: int) -> int | None:
    """The next moment (Unix seconds, after `now`) at which the clock alone can make a row apply; None if none can."""
    moments = [moment for moment in _moments(life, plan) if moment > now]
    return min(moments, default=None)


def _moments(life: Life, plan: Plan) -> tuple[int, ...]:
    if life.closed:
        return ()
    if life.started_at is None:
        return _start_moments(life, plan)
    window, stage = plan.window, plan.stage(life.stage)
    hard_end = window.hard_end(life.started_at)
    return (
        window.planned_end(life.started_at, life.extensions_used),
        hard_end,
        hard_end + window.hold_seconds,
        life.phase_since + window.hold_seconds,
        life.phase_since + PREPARING_SECONDS,
        life.stage_since + (stage.min_seconds if stage else 0),
        (life.last_step_at or life.phase_since) + plan.relax.every_seconds,
    )


def _start_moments(life: Life, plan: Plan) -> tuple[int, ...]:
    match plan.window.start:
        case StartImmediately():
            return ()
        case StartAt() as start:
            return (start.protect_from, start.at)
        case StartOnRollout() as start:
            settled = (life.rollout_since + SETTLE_SECONDS,) if life.rollout_since is not None else ()
            return (life.run.created_at + start.timeout_seconds, *settled)
