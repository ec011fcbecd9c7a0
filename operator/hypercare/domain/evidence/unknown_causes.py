"""What keeps verdicts unknown, in few classes: what somebody who runs the operator can be alerted on.

Reasons are for the people of a period, and there are many. Of the classes, `Endpoint` and `Query` are for those who run
the operator or Prometheus, `Data` and `Rules` for those who own the metrics and alerts; `Traffic` and `Time` pass.
"""

from collections.abc import Mapping
from enum import StrEnum

from hypercare.domain.evidence.points import MissingReason
from hypercare.domain.samples import FailureKind


class Cause(StrEnum):
    """A class of reasons."""

    ENDPOINT = "Endpoint"
    QUERY = "Query"
    DATA = "Data"
    RULES = "Rules"
    TRAFFIC = "Traffic"
    TIME = "Time"
    OTHER = "Other"


_RULES = frozenset(
    {
        MissingReason.NO_ALERTS,
        MissingReason.RULES_NOT_EVALUATED,
        MissingReason.NO_INPUT,
        MissingReason.RULE_FAILS,
        MissingReason.UNATTRIBUTED,
        MissingReason.UNPROVABLE,
    }
)
_TRAFFIC = frozenset({MissingReason.LOW_TRAFFIC})
_QUERY = frozenset({FailureKind.BAD_QUERY})
_CAUSES: Mapping[str, Cause] = {
    **{kind.value: Cause.QUERY if kind in _QUERY else Cause.ENDPOINT for kind in FailureKind},
    **dict.fromkeys((reason.value for reason in MissingReason), Cause.DATA),
    **dict.fromkeys((reason.value for reason in _RULES), Cause.RULES),
    **dict.fromkeys((reason.value for reason in _TRAFFIC), Cause.TRAFFIC),
    **dict.fromkeys(("EvidenceGaps", "EvidenceMissing"), Cause.DATA),
    "NotActive": Cause.TRAFFIC,
    "TooFewEvents": Cause.TRAFFIC,
    "OverlayNotLive": Cause.RULES,
    **dict.fromkeys(("Collecting", "WarmingUp", "CatchingUp"), Cause.TIME),
}


def cause_of(reason: str) -> Cause:
    """The class of a reason of `status.criteria[]`."""
    return _CAUSES.get(reason, Cause.OTHER)
