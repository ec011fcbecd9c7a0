"""A HypercarePeriod as it lies in the API server, as typed values that can be shown. `reading` makes them."""

from collections.abc import Mapping
from dataclasses import dataclass

UNSEEN = -1
OVER = frozenset({"Completed", "Ended"})
NOT_STARTED = "Pending"


@dataclass(frozen=True)
class SeenCondition:
    """One condition; `since` in Unix seconds."""

    type: str
    status: str
    reason: str
    message: str
    since: int | None
    generation: int


@dataclass(frozen=True)
class SeenCriterion:
    """One exit criterion. `met_for` and `remaining` in seconds, `last` as text."""

    name: str
    kind: str
    advisory: bool
    verdict: str
    reason: str
    message: str
    since: int | None
    met_for: int
    remaining: int
    coverage: str
    last: str
    regressed: bool
    final_through: int | None

    @property
    def share(self) -> float:
        """How much of what is asked for has passed well, 0 to 1."""
        if self.verdict == "Met":
            return 1.0
        whole = self.met_for + self.remaining
        return self.met_for / whole if whole else 0.0


@dataclass(frozen=True)
class SeenScaling:
    """One raised target. Replicas; None where the status does not tell."""

    target: str
    object_kind: str
    object_name: str
    original: int | None
    floor: int | None
    applied: int | None
    ready: int | None
    state: str
    message: str


@dataclass(frozen=True)
class SeenAlerts:
    """What became of the selected alerts. `refusals` are those that were left alone: alert, reason, message."""

    selected: int
    tightened: int
    untouched: int
    live_since: int | None
    refusals: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class SeenEvent:
    """An entry of the timeline."""

    time: int | None
    reason: str
    message: str


@dataclass(frozen=True)
class SeenWindow:
    """Times of the run, in Unix seconds."""

    created_at: int | None
    started_at: int | None
    planned_end: int | None
    hard_end: int | None
    extensions_used: int
    last_step_at: int | None


@dataclass(frozen=True)
class Seen:
    """One period. Times in Unix seconds; texts are empty where there is nothing to tell."""

    namespace: str
    name: str
    generation: int
    observed: int
    made_at: int | None
    written_at: int | None
    deleting: bool
    profile: str
    mode: str
    targets: tuple[str, ...]
    release: str
    wanted_run: str
    run: str
    run_identity: str
    phase: str
    phase_since: int | None
    resume_phase: str
    stage: str
    stage_since: int | None
    strength: int
    outcome: str
    window: SeenWindow
    conditions: Mapping[str, SeenCondition]
    criteria: tuple[SeenCriterion, ...]
    alerts: SeenAlerts
    scaling: tuple[SeenScaling, ...]
    blocked: str
    summary: str
    report: str
    reports: tuple[str, ...]
    timeline: tuple[SeenEvent, ...]

    @property
    def visited(self) -> bool:
        """Whether an operator has seen the period at all."""
        return self.observed != UNSEEN

    @property
    def current(self) -> bool:
        """Whether the status is about the spec as it is now."""
        return self.observed >= self.generation

    @property
    def over(self) -> bool:
        """Whether the run has ended and everything is restored."""
        return self.phase in OVER

    @property
    def about_this_release(self) -> bool:
        """Whether the status is about the release that the spec names, and not yet about the one before."""
        return self.current and self.run_identity == self.wanted_run

    def holds(self, condition: str) -> bool:
        """Whether a condition is True."""
        found = self.conditions.get(condition)
        return found is not None and found.status == "True"
