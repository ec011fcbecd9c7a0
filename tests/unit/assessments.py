"""What is found on a visit, and what is expected of one condition."""

from dataclasses import dataclass, field, replace
from typing import Any

from hypercare.domain.assessment import APPLY_SECONDS, Before, assess
from hypercare.domain.conditions import Condition, ConditionType, Observed, Problem, false, true
from hypercare.domain.findings import EvidenceState, Findings, Lever, Off, Untold, Unverified
from hypercare.domain.life.facts import Exit, Life
from tests.unit.lives import (
    ACTIVE,
    COMPLETED,
    DECISION_NEEDED,
    DOWN_MET,
    ENDED,
    EXTENDED,
    PENDING,
    PREPARING,
    QUIET,
    RELAXING_MET,
    suspended,
)
from tests.unit.snapshots import findings

INTERVAL = 60
AHEAD = replace(PENDING, strength=0)
WRITING = Unverified("Writing", "The tightened alerts are being written")
UNREACHABLE = Untold("PrometheusUnreachable", "no connection")
OFF = Off("Relaxed", "Strength is down to 0%")
REGRESSED = EvidenceState(
    Exit.UNMET, "", "", "errors (regressed)", "errors: 9", regressed=("errors",), regression="errors is past"
)
MISSING = Problem("spec.targets[0]", "TargetNotFound", "Deployment shop/checkout does not exist", stalls=False)
BROKEN = Problem("spec.exitCriteria[0].query", "InvalidPromQL", "does not parse", stalls=True)
LATE = APPLY_SECONDS + 1
TIGHTENED_NOT = false(ConditionType.ALERTS_TIGHTENED, "Writing")
RECONCILED = true(ConditionType.RECONCILING, "Applying")


def ago(seconds: int, *conditions: Condition) -> dict[ConditionType, Observed]:
    """Conditions as status has had them for so long."""
    return {each.type: Observed(each, QUIET - seconds) for each in conditions}


@dataclass(frozen=True)
class Case:
    """What is found, after what the status said before, and what is expected of one condition."""

    sentence: str
    found: Findings
    kind: ConditionType
    status: str
    reason: str
    words: str = ""
    before: dict[ConditionType, Observed] = field(default_factory=dict)
    spec_changed: bool = False

    @property
    def condition(self) -> Condition:
        """What it comes to."""
        return assessed(self.found, self.before, self.spec_changed)[self.kind]

    @property
    def name(self) -> str:
        return f"{self.kind}: {self.sentence}"


def assessed(
    found: Findings, before: dict[ConditionType, Observed] | None = None, spec_changed: bool = False
) -> dict[ConditionType, Condition]:
    """All conditions, by type."""
    conditions = assess(found, Before(before or {}, spec_changed, INTERVAL, QUIET))
    return {each.type: each for each in conditions}


def with_alerts(lever: Lever, life: Life = ACTIVE, **others: Any) -> Findings:
    return findings(life, alerts=lever, **others)


def applying(life: Life) -> Findings:
    return with_alerts(WRITING, life)


EVERYWHERE = {
    "Pending": findings(AHEAD, alerts=OFF, scaling=OFF),
    "Preparing": applying(PREPARING),
    "Active": findings(),
    "Extended": findings(EXTENDED),
    "Relaxing": findings(RELAXING_MET),
    "Relaxing, all down": findings(replace(DOWN_MET, strength_since=QUIET), alerts=OFF, scaling=OFF),
    "DecisionNeeded": findings(DECISION_NEEDED),
    "Suspended": findings(suspended(ACTIVE)),
    "Completed": findings(COMPLETED, alerts=OFF, scaling=OFF, unrestored=""),
    "Ended": findings(ENDED, alerts=OFF, scaling=OFF, unrestored=""),
}
