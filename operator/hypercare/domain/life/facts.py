"""The words in which the life of a period is told: phases, outcomes, the stored facts, what one visit observes.

`Life` is what status remembers between visits and `Facts` is what was observed this time; `transitions.advance` says
what follows from them.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from hypercare.domain.life.release import Release, Run
from hypercare.domain.life.rollout import Rollout
from hypercare.domain.life.window import Relaxation, Stage, StartAt, Window


class Phase(StrEnum):
    """One word for people; conditions are the contract."""

    PENDING = "Pending"
    PREPARING = "Preparing"
    ACTIVE = "Active"
    EXTENDED = "Extended"
    RELAXING = "Relaxing"
    DECISION_NEEDED = "DecisionNeeded"
    SUSPENDED = "Suspended"
    COMPLETED = "Completed"
    ENDED = "Ended"


class Outcome(StrEnum):
    """Why a run relaxes, or how it ended."""

    MET = "Met"
    SUPERSEDED = "Superseded"
    ROLLED_BACK = "RolledBack"
    LIMIT_REACHED = "LimitReached"


class Exit(StrEnum):
    """What the exit criteria say together; final verdicts only. `UNKNOWN` is never success."""

    MET = "Met"
    UNMET = "Unmet"
    UNKNOWN = "Unknown"


CLOSED = frozenset({Phase.COMPLETED, Phase.ENDED})
RUNNING = frozenset({Phase.PREPARING, Phase.ACTIVE, Phase.EXTENDED})


@dataclass(frozen=True)
class Life:
    """The stored facts of a run. Times are Unix seconds; None means that it has not happened.

    `strength` is 0..100. `resume` is the phase to return to when a suspension ends. `rollout_since` is when the targets
    were first seen rolled out without a version to match. `streak_floor` is when a hotfix restarted every streak.
    """

    run: Run
    phase: Phase
    phase_since: int
    stage: str
    stage_since: int
    strength: int
    strength_since: int
    started_at: int | None = None
    extensions_used: int = 0
    outcome: Outcome | None = None
    resume: Phase | None = None
    last_step_at: int | None = None
    rollout_since: int | None = None
    streak_floor: int | None = None

    @property
    def closed(self) -> bool:
        """Whether the run is over and restored."""
        return self.phase in CLOSED

    def enter(self, phase: Phase, now: int) -> "Life":
        """Change the phase, remembering when."""
        return replace(self, phase=phase, phase_since=now)

    def at_strength(self, strength: int, now: int) -> "Life":
        """Change the strength, remembering when."""
        return self if strength == self.strength else replace(self, strength=strength, strength_since=now)


def stepping_down(life: Life) -> bool:
    """Whether relaxing has taken its first step, also while the run is suspended in it."""
    phase = life.resume if life.phase is Phase.SUSPENDED else life.phase
    return phase is Phase.RELAXING and life.last_step_at is not None


@dataclass(frozen=True)
class Plan:
    """The part of the effective spec that steers the life."""

    release: Release
    suspend: bool
    window: Window
    stages: tuple[Stage, ...]
    relax: Relaxation

    def stage(self, name: str) -> Stage | None:
        """The stage of this name, if the spec still has it."""
        return next((stage for stage in self.stages if stage.name == name), None)

    def stage_at_most(self, strength: int) -> Stage:
        """The first stage that is not stronger than this; the last one if all are."""
        return next((stage for stage in self.stages if stage.strength <= strength), self.stages[-1])

    def stage_at_least(self, strength: int) -> Stage:
        """The last stage that is not weaker than this; the first one if all are."""
        return next((stage for stage in reversed(self.stages) if stage.strength >= strength), self.stages[0])

    def protects(self, now: int) -> bool:
        """Whether protections are due: from the first visit on, or ahead of a set start."""
        start = self.window.start
        return not isinstance(start, StartAt) or now >= start.protect_from


@dataclass(frozen=True)
class Facts:
    """What was observed on this visit. `now` in Unix seconds.

    `protected`: everything that is requested is verified live (vacuously so in Observe mode). `restored`: no claim of
    this period and no overlay is left. `catching_up`: what was recorded in an absence is still being read, and what
    happens because the criteria are not met waits for it.
    """

    now: int
    period_uid: str
    rollout: Rollout
    exit: Exit
    protected: bool
    restored: bool
    catching_up: bool = False


@dataclass(frozen=True)
class Transition:
    """A step of the life, with the words for the Event, the log and the report's timeline."""

    life: Life
    reason: str
    message: str


@dataclass(frozen=True)
class Visit:
    """One evaluation of the table: where the life stands, what the spec wants, what is the case."""

    life: Life
    plan: Plan
    facts: Facts

    @property
    def now(self) -> int:
        """The clock of this visit, Unix seconds."""
        return self.facts.now

    @property
    def met(self) -> bool:
        """All criteria met, on final verdicts, and nothing regressed."""
        return self.facts.exit is Exit.MET

    @property
    def planned_end(self) -> int:
        """Of a started run."""
        return self.plan.window.planned_end(self._started, self.life.extensions_used)

    @property
    def hard_end(self) -> int:
        """Of a started run."""
        return self.plan.window.hard_end(self._started)

    @property
    def past_hard_end(self) -> bool:
        """Whether the run has started and its hard end has come."""
        return self.life.started_at is not None and self.now >= self.hard_end

    @property
    def guarded(self) -> bool:
        """Whether relaxing waits for the criteria.

        A guard that never lets go would keep protections for ever (a Prometheus that is gone stays Unknown), so it
        ends together with the longest time that a missed hard end is held for.
        """
        return self.plan.relax.guard and self.now < self.hard_end + self.plan.window.hold_seconds

    @property
    def _started(self) -> int:
        return self.life.started_at if self.life.started_at is not None else self.now
