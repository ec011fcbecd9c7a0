"""Which objects the operator has made for a period, also when nothing refers to the period any more.

`kubectl delete --cascade=orphan` takes the owner reference off what it leaves behind, so ownership is told by three
signs together: the label that the operator manages it, the label with the name of the period, and the name of the
object, which follows from that of the period. A reference to any other owner means that somebody has adopted it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypercare.domain.alerts.overlay import OVERLAY_PREFIX, PERIOD_LABEL
from hypercare.domain.alerts.source_rules import MANAGED_BY, MANAGER
from hypercare.domain.objects import GROUP, PERIODS

MADE_SELECTOR = f"{MANAGED_BY}={MANAGER}"
"""Label selector that finds at least everything for which `made_for` answers."""
Body = Mapping[str, Any]


@dataclass(frozen=True)
class MadeFor:
    """The period an object was made for; `uid` is empty where the owner reference was taken off."""

    period: str
    uid: str


def made_for(body: Body) -> MadeFor | None:
    """For which period the operator has made this object; None where it is not certain that it has."""
    metadata = body["metadata"]
    labels = metadata.get("labels") or {}
    period = str(labels.get(PERIOD_LABEL, ""))
    if labels.get(MANAGED_BY) != MANAGER or not period or not _named_after(metadata["name"], period):
        return None
    owners = metadata.get("ownerReferences") or ()
    if not all(_is_period(owner, period) for owner in owners):
        return None
    return MadeFor(period, str(owners[0].get("uid", "")) if owners else "")


def _named_after(name: str, period: str) -> bool:
    """`hypercare-<period>`, or one of the further parts of an overlay, `hypercare-<period>.<n>`."""
    return re.fullmatch(rf"{re.escape(OVERLAY_PREFIX + period)}(\.[0-9]+)?", name) is not None


def _is_period(owner: Body, period: str) -> bool:
    group = str(owner.get("apiVersion", "")).partition("/")[0]
    return (group, owner.get("kind"), owner.get("name")) == (GROUP, PERIODS.kind, period)
