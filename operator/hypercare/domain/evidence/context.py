"""What evidence depends on beside the criterion, and what reading one criterion results in, for every kind alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from hypercare.domain.evidence.grid import GridPoint
from hypercare.domain.evidence.judgement import Judgement, Verdict
from hypercare.domain.evidence.quiet import Watch, Whose
from hypercare.domain.evidence.verdict_history import VerdictChange
from hypercare.domain.life.rollout import Target
from hypercare.domain.profile import Evaluation
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.domain.timestamps import timestamp

MAX_POINTS = 2880
"""How far one visit reads (a day at 30 s). After a longer absence the evidence catches up over several visits."""

S_co = TypeVar("S_co", covariant=True)
P_co = TypeVar("P_co", bound=GridPoint, covariant=True)


@dataclass(frozen=True)
class Context:
    """Everything but the criterion that evidence depends on. Times in Unix seconds.

    Attributes:
        now: The time of this visit.
        evaluation: The grid and its delays.
        tenancy: What a query may read.
        whose: The period and its run.
        started_at: When the window started: what was before it was the old release.
        floor: Only points after it count (a hotfix restarts every streak); 0 for none.
        watch: The alerts of the period.
        targets: The workloads of the period.
    """

    now: int
    evaluation: Evaluation
    tenancy: Tenancy
    whose: Whose
    started_at: int
    floor: int
    watch: Watch
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True)
class NoEvidence:
    """Nothing has been stored for this criterion in this run."""


@dataclass(frozen=True)
class Waiting:
    """Nothing can be read yet."""

    reason: str
    message: str

    def judgement(self, remaining_seconds: int) -> Judgement:
        """What this says about a criterion."""
        return Judgement(Verdict.UNKNOWN, self.reason, self.message, 0, remaining_seconds)


def warming_up(first: int) -> Waiting:
    """The first point that can count, at `first` (Unix seconds), lies ahead."""
    message = f"Evidence counts from {timestamp(first)}, when nothing of the old release is read"
    return Waiting("WarmingUp", message)


@dataclass(frozen=True)
class Outcome(Generic[S_co, P_co]):
    """What one visit found out about one criterion: `points` are all that were read, final or not.

    `changes`: where the verdict changed along these points, after the verdict before them. A kind whose verdict is not
    a matter of single points has none.
    """

    state: S_co
    judgement: Judgement
    points: Sequence[P_co]
    changes: tuple[VerdictChange, ...] = ()
