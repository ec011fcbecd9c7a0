"""What one visit found out about each part of a period: the input of the conditions."""

from dataclasses import dataclass

from hypercare.domain.conditions import Problem
from hypercare.domain.life.facts import Exit, Life, Plan
from hypercare.domain.life.rollout import Rollout


@dataclass(frozen=True)
class NotRequested:
    """The period asks for nothing of the kind."""

    message: str = "Nothing is requested"


@dataclass(frozen=True)
class ObserveOnly:
    """Mode Observe: nothing is written."""


@dataclass(frozen=True)
class Off:
    """Strength is zero: not yet protected, or not any more."""

    reason: str
    message: str


@dataclass(frozen=True)
class Verified:
    """Everything that is requested was observed to be in effect."""

    reason: str
    message: str


@dataclass(frozen=True)
class Unverified:
    """Requested, and observed not to be in effect, or only in part."""

    reason: str
    message: str


@dataclass(frozen=True)
class Untold:
    """Requested, and it cannot be told whether it is in effect."""

    reason: str
    message: str


Lever = NotRequested | ObserveOnly | Off | Verified | Unverified | Untold


@dataclass(frozen=True)
class EvidenceState:
    """How the exit criteria stand together.

    `stale` is empty while every criterion is final as far as it should be, else it says which is not, and why.
    `blocked` is short, for the printer column; `message` is a sentence. `regressed` names criteria past their bound,
    and `regression` says how. `catching_up`: after a long absence not everything that is there has been read yet.
    `needed_seconds`: how long it takes at least until all are met. `unreadable`: one cannot be read at all, and blocks
    until somebody corrects it.
    """

    exit: Exit
    stale: str
    stale_reason: str
    blocked: str
    message: str
    regressed: tuple[str, ...] = ()
    regression: str = ""
    catching_up: bool = False
    needed_seconds: int = 0
    unreadable: bool = False


@dataclass(frozen=True)
class Findings:
    """Everything the conditions are made of. `unrestored` says what is not restored yet; empty when all is.

    `held_copies`: that is nothing but copies that fire and are meant to stay a while.
    """

    life: Life
    plan: Plan
    rollout: Rollout
    alerts: Lever
    scaling: Lever
    evidence: EvidenceState
    unrestored: str
    held_copies: bool = False
    drift: str = ""
    author_problems: tuple[Problem, ...] = ()
    target_problems: tuple[Problem, ...] = ()
    alert_problems: tuple[Problem, ...] = ()
    scaling_problems: tuple[Problem, ...] = ()
    evidence_problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems, in the order in which they are told."""
        own = self.author_problems + self.target_problems
        return own + self.alert_problems + self.scaling_problems + self.evidence_problems

    @property
    def protected(self) -> bool:
        """Whether everything requested is verified, vacuously so where nothing is, or where nothing is written.

        What was left out because of a problem was requested, too.
        """
        levers = ((self.alerts, self.alert_problems), (self.scaling, self.scaling_problems))
        return all(_protects(lever, problems) for lever, problems in levers)


def _protects(lever: Lever, problems: tuple[Problem, ...]) -> bool:
    match lever:
        case ObserveOnly():
            return True
        case NotRequested() | Verified():
            return not problems
        case Off() | Unverified() | Untold():
            return False
