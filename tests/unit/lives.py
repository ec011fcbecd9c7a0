"""Lives of periods to try the life table on: one timeline, one stored life for each place a period can be in.

The window: 12h, two extensions of 2h, so the hard end is at 16h; 4h of hold. Stages: intensive (100%, 2h), elevated
(50%, 2h). Relaxing takes 25 points every hour, with guard. `QUIET` is a moment at which no clock changes any of these
lives.
"""

from dataclasses import replace

from hypercare.domain.life.calendars import Always
from hypercare.domain.life.facts import Exit, Facts, Life, Outcome, Phase, Plan, Transition, Visit
from hypercare.domain.life.release import Release, Run, new_run
from hypercare.domain.life.rollout import Rollout, RolloutState
from hypercare.domain.life.transitions import advance
from hypercare.domain.life.window import Relaxation, Stage, StartOnRollout, Window

MINUTE, HOUR, DAY = 60, 3600, 86400
T0 = 1_800_000_000
QUIET = T0 + 5 * HOUR
UID = "0d6c2a7e-period"

RELEASE = Release(version="2.4.0", name="autumn", previous="2.3.9")
INTENSIVE = Stage("intensive", 100, 2 * HOUR)
ELEVATED = Stage("elevated", 50, 2 * HOUR)
WINDOW = Window(
    start=StartOnRollout(timeout_seconds=HOUR),
    duration_seconds=12 * HOUR,
    extend_by_seconds=2 * HOUR,
    extension_limit=2,
    hold_seconds=4 * HOUR,
    max_seconds=28 * DAY,
)
RELAX = Relaxation(step=25, every_seconds=HOUR, guard=True, during=Always())
PLAN = Plan(RELEASE, suspend=False, window=WINDOW, stages=(INTENSIVE, ELEVATED), relax=RELAX)

PROGRESSING = Rollout(RolloutState.PROGRESSING, "Deployment checkout: 1 of 3 updated, 3 available")
COMPLETE = Rollout(RolloutState.COMPLETE, "Deployment checkout runs 2.4.0")
UNVERSIONED = Rollout(RolloutState.UNVERSIONED, "Deployment checkout is rolled out")
FACTS = Facts(QUIET, UID, PROGRESSING, Exit.UNKNOWN, protected=False, restored=False)

RUN: Run = replace(new_run(UID, RELEASE, None, T0), before="2.3.8")


PENDING = Life(
    run=replace(RUN, created_at=T0 + 4 * HOUR + 30 * MINUTE),
    phase=Phase.PENDING,
    phase_since=T0 + 4 * HOUR + 30 * MINUTE,
    stage="intensive",
    stage_since=T0 + 4 * HOUR + 30 * MINUTE,
    strength=100,
    strength_since=T0 + 4 * HOUR + 30 * MINUTE,
)
ACTIVE = Life(
    run=RUN,
    phase=Phase.ACTIVE,
    phase_since=T0 + 5 * MINUTE,
    stage="intensive",
    stage_since=T0 + 4 * HOUR,
    strength=100,
    strength_since=T0,
    started_at=T0,
)
PREPARING = replace(ACTIVE, phase=Phase.PREPARING, phase_since=QUIET - 5 * MINUTE)
LAST_STAGE = replace(ACTIVE, stage="elevated", strength=50, strength_since=T0 + 4 * HOUR)
EXTENDED = replace(LAST_STAGE, phase=Phase.EXTENDED, phase_since=T0 + 4 * HOUR, extensions_used=1)
RELAXING_MET = replace(
    LAST_STAGE,
    phase=Phase.RELAXING,
    phase_since=T0 + 4 * HOUR,
    strength=25,
    outcome=Outcome.MET,
    last_step_at=QUIET - 30 * MINUTE,
)
RELAXING_OTHER = replace(RELAXING_MET, outcome=Outcome.ROLLED_BACK)
DOWN_MET = replace(RELAXING_MET, strength=0)
DOWN_OTHER = replace(RELAXING_OTHER, strength=0)
DECISION_NEEDED = replace(
    LAST_STAGE,
    phase=Phase.DECISION_NEEDED,
    phase_since=QUIET - HOUR,
    started_at=QUIET - 17 * HOUR,
    extensions_used=2,
)
COMPLETED = replace(DOWN_MET, phase=Phase.COMPLETED)
ENDED = replace(DOWN_OTHER, phase=Phase.ENDED)


def suspended(life: Life) -> Life:
    """The life, suspended a moment before `QUIET`."""
    return replace(life, phase=Phase.SUSPENDED, phase_since=QUIET - MINUTE, resume=life.phase)


OPEN = {
    "Pending": PENDING,
    "Preparing": PREPARING,
    "Active": ACTIVE,
    "Active, last stage": LAST_STAGE,
    "Extended": EXTENDED,
    "Relaxing, met": RELAXING_MET,
    "Relaxing, rolled back": RELAXING_OTHER,
}
PLACES = {
    **OPEN,
    "Relaxing, met, all down": DOWN_MET,
    "Relaxing, rolled back, all down": DOWN_OTHER,
    "DecisionNeeded": DECISION_NEEDED,
    **{f"Suspended from {place}": suspended(life) for place, life in OPEN.items()},
    "Completed": COMPLETED,
    "Ended": ENDED,
}


def quiet_visit(life: Life) -> Visit:
    """A visit on which nothing is the case that would change the life."""
    return Visit(life, replace(PLAN, suspend=life.phase is Phase.SUSPENDED), FACTS)


def told(transition: Transition | None, before: Life) -> str:
    """Where a visit led: phase, stage, strength and outcome in one line; `-` when nothing changed."""
    if transition is None:
        return "-"
    life = transition.life
    resume = f"/{life.resume}" if life.resume else ""
    outcome = f" {life.outcome}" if life.outcome else ""
    run = " new run" if life.run.id != before.run.id else ""
    return f"{life.phase}{resume} {life.stage} {life.strength}{outcome}{run}"


def visited(visit: Visit) -> Life:
    """The life after one visit."""
    found = advance(visit)
    return found.life if found else visit.life
