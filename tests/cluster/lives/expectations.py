"""What tests look for in a period, in words."""

import os
from collections.abc import Mapping
from typing import Any

from tests.cluster.lives.history import Body, History, Version
from tests.cluster.lives.place import OVERLAY, Place

# A window in which nothing happens by itself, for lives that end otherwise.
LASTING: Mapping[str, Any] = {
    "window": {"start": {"when": "RolloutComplete", "timeout": "1m"}, "duration": "1h"},
    "stages": [{"name": "intensive", "strength": 100, "minDuration": "30m"}],
}


SLACK_SECONDS = 5.0
"""What a shared machine may take in addition; a broken promise is late by a poll of an interval, or for ever."""


def promised(seconds: float) -> float:
    """How long to wait for what is promised within `seconds`: more where more runs than there are processors."""
    return (seconds + SLACK_SECONDS) * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def protected(version: Version) -> bool:
    """Active, with everything requested in effect."""
    levers = version.holds("AlertsTightened") and version.holds("ScalingRaised")
    return version.phase == "Active" and levers and version.status["strength"] == 100


def over(version: Version) -> bool:
    """The run has ended, this way or that, and is reported."""
    return version.phase in {"Completed", "Ended"} and "report" in version.status


def met(name: str, version: Version) -> bool:
    """Whether a criterion is met."""
    return version.verdict(name) == "Met"


def await_protection(period: History) -> Version:
    """Wait until the period is protected."""
    return period.until("everything is protected", protected)


def phases(period: History) -> list[str]:
    """The phases that the period has gone through, each stay once."""
    found: list[str] = []
    for version in period.versions:
        if version.phase != "-" and version.phase not in found[-1:]:
            found.append(version.phase)
    return found


def restored(place: Place) -> bool:
    """Whether nothing of hypercare is left on any object, and all are what they were."""
    return place.floor() == 2 and not place.find("rules", OVERLAY) and not place.all("hold")


def content(body: Body) -> Body:
    """What people and controllers asked for in an object: no status, no version, no bookkeeping."""
    metadata = body["metadata"]
    kept = {key: metadata.get(key) for key in ("name", "labels", "annotations", "finalizers", "ownerReferences")}
    return {key: value for key, value in body.items() if key not in {"metadata", "status"}} | {"metadata": kept}
