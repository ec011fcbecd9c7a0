"""The life table: what follows from where a period stands and what is the case. First match wins, one row per visit.

The order of `TRANSITIONS` is the documentation; each row is one row of the life table in docs/concepts.md. A transition
is stored in status before anything that it causes is written elsewhere.
"""

from collections.abc import Callable
from dataclasses import replace

from hypercare.domain.life.facts import RUNNING, Exit, Life, Outcome, Phase, Plan, Transition, Visit
from hypercare.domain.life.release import ReleaseChange, classify, new_run
from hypercare.domain.life.rollout import SETTLE_SECONDS, RolloutState
from hypercare.domain.life.window import StartAt, StartImmediately, StartOnRollout

PREPARING_SECONDS = 600

Row = Callable[[Visit], Transition | None]


def begin(plan: Plan, period_uid: str, now: int, after: Life | None = None) -> Transition:
    """Open a run: the first one of a period, or the one that follows `after`, whose live protections carry over."""
    run = new_run(period_uid, plan.release, after.run if after else None, now)
    first = plan.stages[0]
    carried = after.strength if after and not after.closed else 0
    strength = max(carried, first.strength if plan.protects(now) else 0)
    life = Life(run, Phase.PENDING, now, first.name, now, strength, now)
    return Transition(life, "RunStarted", f"Run {run.id} for release {plan.release} began")


def advance(visit: Visit) -> Transition | None:
    """The first row of the table that applies, or None when the life stays as it is."""
    return next((found for found in (row(visit) for row in TRANSITIONS) if found), None)


def superseded(visit: Visit) -> bool:
    """Whether this visit ends an open run because the release has a new identity."""
    return not visit.life.closed and new_run_row(visit) is not None


def new_run_row(visit: Visit) -> Transition | None:
    """Any phase but Suspended, new run identity: an open run is superseded, criteria start anew."""
    life, release = visit.life, visit.plan.release
    if life.phase is Phase.SUSPENDED or classify(life.run, release) is not ReleaseChange.NEW_RUN:
        return None
    return begin(visit.plan, visit.facts.period_uid, visit.now, after=visit.life)


def _rollback(visit: Visit) -> Transition | None:
    """An open run relaxes. A closed one only remembers, so that the same version released again begins a new run."""
    life, release = visit.life, visit.plan.release
    if classify(life.run, release) is not ReleaseChange.ROLLBACK:
        return None
    run = replace(life.run, identity=release.identity, version=release.version, version_since=visit.now)
    rolled, went = replace(life, run=run), f"Release went back from {life.run.version} to {release.version}"
    if life.closed:
        return Transition(rolled, "RolledBack", f"{went} after the end: nothing is left to relax")
    return _relaxing(replace(rolled, resume=None), Outcome.ROLLED_BACK, visit.now, f"{went}: relaxing")


def _hotfix(visit: Visit) -> Transition | None:
    life, release = visit.life, visit.plan.release
    if life.closed or classify(life.run, release) is not ReleaseChange.HOTFIX:
        return None
    run = replace(life.run, version=release.version, version_since=visit.now)
    fixed = replace(life, run=run, streak_floor=visit.now, rollout_since=None)
    message = f"Version {release.version} replaces {life.run.version} in this run: every streak restarts"
    return Transition(fixed, "Hotfix", message)


def _hard_end(visit: Visit) -> Transition | None:
    life = visit.life
    underway = life.resume if life.phase is Phase.SUSPENDED else life.phase
    if not visit.past_hard_end or life.closed or life.phase in {Phase.RELAXING, Phase.DECISION_NEEDED}:
        return None
    if underway is Phase.RELAXING:
        resumed = replace(life.enter(Phase.RELAXING, visit.now), resume=None)
        return Transition(resumed, "HardEndReached", "Hard end reached while suspended: relaxing goes on")
    if visit.facts.catching_up and life.phase is not Phase.SUSPENDED:
        return None
    if visit.met and life.phase is not Phase.SUSPENDED:
        return _relaxing(life, Outcome.MET, visit.now, "Exit criteria are met at the hard end: relaxing")
    held = replace(life.enter(Phase.DECISION_NEEDED, visit.now), resume=None)
    return Transition(held, "DecisionNeeded", "Hard end reached without the evidence: protections are held")


def _decision_expired(visit: Visit) -> Transition | None:
    life = visit.life
    if life.phase is not Phase.DECISION_NEEDED or visit.now < life.phase_since + visit.plan.window.hold_seconds:
        return None
    return _relaxing(life, Outcome.LIMIT_REACHED, visit.now, "No decision came in time: relaxing")


def _hard_end_moved(visit: Visit) -> Transition | None:
    if visit.life.phase is not Phase.DECISION_NEEDED or visit.past_hard_end:
        return None
    extended = visit.life.enter(Phase.EXTENDED, visit.now)
    return Transition(extended, "Extended", "The hard end was moved past now: the window goes on")


def _suspend(visit: Visit) -> Transition | None:
    life, now = visit.life, visit.now
    if life.closed or visit.past_hard_end or visit.plan.suspend is (life.phase is Phase.SUSPENDED):
        return None
    if visit.plan.suspend:
        suspended = replace(life.enter(Phase.SUSPENDED, now), resume=life.phase, rollout_since=None)
        return Transition(suspended, "Suspended", "Suspended by spec")
    back = life.resume or Phase.ACTIVE
    return Transition(replace(life.enter(back, now), resume=None), "Resumed", f"Resumed: {back} again")


def _protect_ahead(visit: Visit) -> Transition | None:
    life, plan, now = visit.life, visit.plan, visit.now
    if life.phase is not Phase.PENDING or not plan.protects(now):
        return None
    first = plan.stages[0]
    if life.strength >= first.strength and life.stage == first.name:
        return None
    ahead = replace(life, stage=first.name, stage_since=now).at_strength(max(life.strength, first.strength), now)
    return Transition(ahead, "ProtectingAhead", f"Protections are applied at {ahead.strength}% ahead of the start")


def _settling(visit: Visit) -> Transition | None:
    """Remember since when a rollout without a readable version has been complete, also across a restart.

    Whatever interrupts the watching of it (another start condition, a suspension, a hotfix) lets it begin again.
    """
    life, state = visit.life, visit.facts.rollout.state
    settled = state is RolloutState.UNVERSIONED and isinstance(visit.plan.window.start, StartOnRollout)
    if life.phase is not Phase.PENDING or settled is (life.rollout_since is not None):
        return None
    since = visit.now if settled else None
    return Transition(replace(life, rollout_since=since), "RolloutObserved", visit.facts.rollout.message)


def _start(visit: Visit) -> Transition | None:
    if visit.life.phase is not Phase.PENDING:
        return None
    found = _start_moment(visit)
    if found is None:
        return None
    started_at, why = found
    first, now = visit.plan.stages[0], visit.now
    life = replace(visit.life.enter(Phase.PREPARING, now), started_at=started_at, stage=first.name, stage_since=now)
    return Transition(life.at_strength(first.strength, now), "WindowStarted", why)


def _respecified(visit: Visit) -> Transition | None:
    """A spec change keeps a stage of the same name, else takes the first one that is not stronger than now."""
    life, now = visit.life, visit.now
    if life.phase not in RUNNING | {Phase.DECISION_NEEDED}:
        return None
    same = visit.plan.stage(life.stage)
    if same is not None and same.strength == life.strength:
        return None
    if same is not None:
        message = f"Stage {same.name} now has strength {same.strength}%"
        return Transition(life.at_strength(same.strength, now), "StageChanged", message)
    stage = visit.plan.stage_at_most(life.strength)
    moved = replace(life, stage=stage.name, stage_since=now).at_strength(stage.strength, now)
    return Transition(moved, "StageChanged", f"Stage {life.stage} is gone from the spec: {stage.name} takes its place")


def _prepared(visit: Visit) -> Transition | None:
    life, now = visit.life, visit.now
    if life.phase is not Phase.PREPARING:
        return None
    if visit.facts.protected:
        return Transition(life.enter(Phase.ACTIVE, now), "Protected", "Everything requested is verified: active")
    if now >= life.phase_since + PREPARING_SECONDS:
        message = "Not everything requested could be verified within 10m: active nevertheless"
        return Transition(life.enter(Phase.ACTIVE, now), "NotAppliedInTime", message)
    return None


def _next_stage(visit: Visit) -> Transition | None:
    life, now = visit.life, visit.now
    if life.phase not in {Phase.PREPARING, Phase.ACTIVE} or not visit.met:
        return None
    names = [stage.name for stage in visit.plan.stages]
    stage = visit.plan.stage(life.stage)
    if stage is None or now < life.stage_since + stage.min_seconds:
        return None
    if stage.name == names[-1]:
        return _relaxing(life, Outcome.MET, now, "Exit criteria are met in the last stage: relaxing")
    following = visit.plan.stages[names.index(stage.name) + 1]
    moved = replace(life, stage=following.name, stage_since=now).at_strength(following.strength, now)
    return Transition(moved, "StageChanged", f"Exit criteria are met: stage {following.name} at {following.strength}%")


def _planned_end(visit: Visit) -> Transition | None:
    life, now, window = visit.life, visit.now, visit.plan.window
    if life.phase not in RUNNING or now < visit.planned_end or visit.facts.catching_up:
        return None
    if visit.met:
        return _relaxing(life, Outcome.MET, now, "Exit criteria are met at the planned end: relaxing")
    if life.extensions_used >= window.extension_limit:
        return None
    used = life.extensions_used + 1
    extended = replace(life.enter(Phase.EXTENDED, now), extensions_used=used)
    message = f"Exit criteria are not met at the planned end: extension {used} of {window.extension_limit}"
    return Transition(extended, "Extended", message)


def _extended_met(visit: Visit) -> Transition | None:
    if visit.life.phase is not Phase.EXTENDED or not visit.met:
        return None
    return _relaxing(visit.life, Outcome.MET, visit.now, "Exit criteria are met: relaxing")


def _guard(visit: Visit) -> Transition | None:
    """Unmet while relaxing: the last stage returns, and the window goes on.

    Where relaxing began from a stronger stage (met at the planned end), the last stage that is not weaker than now
    returns: bad evidence never lowers a protection.
    """
    life, now = visit.life, visit.now
    if life.phase is not Phase.RELAXING or life.outcome is not Outcome.MET or life.strength == 0:
        return None
    if not visit.plan.relax.guard or visit.facts.exit is not Exit.UNMET or visit.past_hard_end:
        return None
    stage = visit.plan.stage_at_least(life.strength)
    phase = Phase.EXTENDED if life.extensions_used else Phase.ACTIVE
    back = replace(life.enter(phase, now), outcome=None, last_step_at=None, stage=stage.name, stage_since=now)
    message = f"Exit criteria are unmet again: back to {stage.name} at {stage.strength}%"
    return Transition(back.at_strength(stage.strength, now), "RelaxingReverted", message)


def _relax_step(visit: Visit) -> Transition | None:
    life, now, relax = visit.life, visit.now, visit.plan.relax
    if life.phase is not Phase.RELAXING or life.strength == 0:
        return None
    if life.outcome is Outcome.MET:
        due = life.last_step_at is None or now >= life.last_step_at + relax.every_seconds
        allowed = relax.during.contains(now) and (visit.met or not visit.guarded)
    else:
        due = now >= (life.last_step_at or life.phase_since) + relax.every_seconds
        allowed = True
    if not (due and allowed):
        return None
    lower = replace(life, last_step_at=now).at_strength(max(0, life.strength - relax.step), now)
    return Transition(lower, "Relaxed", f"Strength {life.strength}% -> {lower.strength}%")


def _close(visit: Visit) -> Transition | None:
    life, now = visit.life, visit.now
    if life.phase is not Phase.RELAXING or life.strength > 0 or not visit.facts.restored:
        return None
    if life.outcome is Outcome.MET:
        return Transition(life.enter(Phase.COMPLETED, now), "Completed", "Everything is restored: hypercare succeeded")
    outcome = life.outcome or Outcome.LIMIT_REACHED
    message = f"Everything is restored: hypercare ended without success ({outcome})"
    return Transition(life.enter(Phase.ENDED, now), "Ended", message)


TRANSITIONS: tuple[Row, ...] = (
    new_run_row,
    _rollback,
    _hotfix,
    _hard_end,
    _decision_expired,
    _hard_end_moved,
    _suspend,
    _protect_ahead,
    _settling,
    _start,
    _respecified,
    _prepared,
    _next_stage,
    _planned_end,
    _extended_met,
    _guard,
    _relax_step,
    _close,
)


def _start_moment(visit: Visit) -> tuple[int, str] | None:
    life, now, rollout = visit.life, visit.now, visit.facts.rollout
    match visit.plan.window.start:
        case StartImmediately():
            return now, "The window starts at once"
        case StartAt(at=at):
            return (max(at, life.run.created_at), "The window starts at its set time") if now >= at else None
        case StartOnRollout(timeout_seconds=timeout):
            if rollout.state is RolloutState.COMPLETE:
                return now, f"The rollout is complete: {rollout.message}"
            if life.rollout_since is not None and now >= life.rollout_since + SETTLE_SECONDS:
                return now, f"The rollout has been complete for {SETTLE_SECONDS}s: {rollout.message}"
            if now >= life.run.created_at + timeout:
                return now, f"The rollout was not complete within the timeout, starting anyway: {rollout.message}"
            return None


def _relaxing(life: Life, outcome: Outcome, now: int, message: str) -> Transition:
    relaxing = replace(life.enter(Phase.RELAXING, now), outcome=outcome, last_step_at=None)
    return Transition(relaxing, "RelaxingStarted", message)
