"""Conditions: the machine-readable contract of a period's status.

Types, reasons and the meaning of `True` follow the Kubernetes API conventions; `Ready`, `Reconciling` and `Stalled` are
read by kstatus (Flux, Helm, `kubectl wait`): a healthy window of days is Ready, only what needs a person is Stalled.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from hypercare.domain.timestamps import parse_timestamp, timestamp

MESSAGE_LIMIT = 1024
_REASON = re.compile(r"[A-Za-z](?:[A-Za-z0-9_,:]{0,62}[A-Za-z0-9_])?")
_NO_REASON = "Unspecified"


class ConditionType(StrEnum):
    """Every condition a period has, from its first visit on, in the order of the status."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    TARGETS_FOUND = "TargetsFound"
    ALERTS_TIGHTENED = "AlertsTightened"
    SCALING_RAISED = "ScalingRaised"
    EVIDENCE_FRESH = "EvidenceFresh"
    EXIT_CRITERIA_MET = "ExitCriteriaMet"
    REGRESSED = "Regressed"
    RESTORED = "Restored"
    SUCCEEDED = "Succeeded"


class ConditionStatus(StrEnum):
    """The three values of a Kubernetes condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


@dataclass(frozen=True)
class Condition:
    """One observation. `reason` is CamelCase for machines, `message` a sentence for people."""

    type: ConditionType
    status: ConditionStatus
    reason: str
    message: str


@dataclass(frozen=True)
class Problem:
    """Something in the spec or the cluster that keeps a part of the period from working.

    `path` is the field it concerns, `message` says what to do. One that `stalls` needs a person; any other may heal by
    itself and stalls the period only when it lasts.
    """

    path: str
    reason: str
    message: str
    stalls: bool

    def __str__(self) -> str:
        """The message with its field path in front."""
        return f"{self.path}: {self.message}"


def true(kind: ConditionType, reason: str, message: str = "") -> Condition:
    """The condition holds."""
    return Condition(kind, ConditionStatus.TRUE, reason, message)


def false(kind: ConditionType, reason: str, message: str = "") -> Condition:
    """The condition does not hold."""
    return Condition(kind, ConditionStatus.FALSE, reason, message)


def unknown(kind: ConditionType, reason: str, message: str = "") -> Condition:
    """It cannot be told whether the condition holds."""
    return Condition(kind, ConditionStatus.UNKNOWN, reason, message)


@dataclass(frozen=True)
class Observed:
    """A condition as status remembers it, with the time (Unix seconds) of its last change of `status`."""

    condition: Condition
    since: int


def read_conditions(status: Mapping[str, Any]) -> dict[ConditionType, Observed]:
    """Read the conditions of a stored status; types of other versions are dropped."""
    known = {kind.value for kind in ConditionType}
    return {
        ConditionType(body["type"]): Observed(
            Condition(
                ConditionType(body["type"]),
                ConditionStatus(body["status"]),
                body.get("reason", ""),
                body.get("message", ""),
            ),
            parse_timestamp(body["lastTransitionTime"]),
        )
        for body in status.get("conditions", ())
        if body.get("type") in known
    }


def stamp(
    conditions: Iterable[Condition], before: Mapping[ConditionType, Observed], generation: int, now: int
) -> list[dict[str, Any]]:
    """Render conditions for status; `lastTransitionTime` moves only when the status itself flips.

    A reason may be passed on from a workload, where it is optional: one that the API server would refuse for its form
    must not keep the whole status from being written.
    """
    stamped = []
    for condition in map(_named, conditions):
        seen = before.get(condition.type)
        unchanged = seen is not None and seen.condition.status is condition.status
        since = seen.since if seen is not None and unchanged else now
        stamped.append(
            {
                "type": condition.type.value,
                "status": condition.status.value,
                "reason": condition.reason,
                "message": condition.message[:MESSAGE_LIMIT],
                "observedGeneration": generation,
                "lastTransitionTime": timestamp(since),
            }
        )
    return stamped


def _named(condition: Condition) -> Condition:
    return condition if _REASON.fullmatch(condition.reason) else replace(condition, reason=_NO_REASON)
