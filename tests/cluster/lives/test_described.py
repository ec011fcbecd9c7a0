"""What `kubectl describe` shows of a period that several things stand in the way of: word for word, but for times.

The expected text is in described.txt. Times, durations, hashes and measured values are replaced by placeholders, for
they differ from run to run; everything else is what a person reads.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.lives.expectations import LASTING
from tests.cluster.lives.history import Version
from tests.cluster.lives.place import ERRORS, PERIOD, SPEC, TOTAL, Place

pytestmark = pytest.mark.cluster
EXPECTED = Path(__file__).with_name("described.txt")
RATIO = {"ratio": {"errors": ERRORS, "total": TOTAL}}
VOLUME = {"query": TOTAL, "above": 1}
CRITERIA: tuple[dict[str, Any], ...] = (
    {**RATIO, "name": "errors", "below": 0.02, "sustainedFor": "1h", "regression": {"above": 0.1, "for": "2s"}},
    {"name": "backlog", "query": "max by (service) (queue_oldest_age_seconds)", "below": 60, "sustainedFor": "30m"},
    {"name": "volume", **VOLUME, "sustainedFor": "6h"},
    {"name": "steady", **VOLUME, "sustainedFor": "2s"},
    {"name": "nights", **VOLUME, "sustainedFor": "10m", "activeWhen": {"query": "vector(0)", "above": 1}},
    {"name": "busy", "ratio": {**RATIO["ratio"], "minTotal": 1000}, "below": 0.02, "sustainedFor": "15m"},
    {"name": "advice", **VOLUME, "above": 1000, "sustainedFor": "1h", "advisory": True},
)
VERDICTS = {
    "errors": "BoundViolated",
    "backlog": "BoundViolated",
    "volume": "Collecting",
    "steady": "Sustained",
    "nights": "NotActive",
    "busy": "LowTraffic",
    "advice": "BoundViolated",
}
PLACEHOLDERS = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?Z", "<time>"),
    (r"\b(?:\d+[dhms])+(?= (?:left|to go|more|behind|of))", "<duration>"),
    (r"^( +(?:Met For|Remaining): +)\S+", r"\1<duration>"),
    (r"^( +Gaps: +)\S+", r"\1<marks>"),
    (r"^( +(?:Definition|Revision): +)\S+", r"\1<hash>"),
    (r"^( +(?:Last|Worst|Coverage): +)\S+", r"\1<value>"),
    (r"\b[\d.]+(?= is not)", "<value>"),
    (r"r1-[0-9a-f]{8}", "<run>"),
    (r"\b\d+%(?= of the time in)", "<share>"),
)


def test_a_period_that_is_held_up_describes_itself(place: Place) -> None:
    shop = place.cluster.shop
    shop.misbehave(place.namespace, errors=0.5)
    shop.add(place.namespace, "mailer")
    shop.misbehave(place.namespace, "mailer", queue=100)
    with place.watch("period") as period:
        protection = {"alerts": SPEC["protection"]["alerts"]}
        place.period(exitCriteria=list(CRITERIA), protection=protection, **{**LASTING, "window": _window()})
        period.until("every criterion stands where it will stay", _stands, 60)
        place.cluster.wait_until("all is told", lambda: "errors is Unmet" in _described(place))
        found = _normalised(_described(place))
    shop.remove(place.namespace, "mailer")
    assert found == EXPECTED.read_text()


def _window() -> dict[str, Any]:
    return {**LASTING["window"], "duration": "2d", "extension": {"by": "1d", "limit": 1}, "atLimit": {"hold": "1h"}}


def _stands(version: Version) -> bool:
    reasons = {name: version.criterion(name)["reason"] for name in VERDICTS}
    return reasons == VERDICTS and version.holds("Regressed") and version.phase == "Active"


def _described(place: Place) -> str:
    text = place.cluster.kubectl("describe", "hcp", PERIOD, "-n", place.namespace)
    return text[text.index("\nStatus:") + 1 :]


def _normalised(text: str) -> str:
    """The status with placeholders; the Events by reason and message, in the order of their text."""
    status, _, events = text.partition("\nEvents:\n")
    for pattern, placeholder in PLACEHOLDERS:
        status = re.sub(pattern, placeholder, status, flags=re.MULTILINE)
        events = re.sub(pattern, placeholder, events, flags=re.MULTILINE)
    rows = [re.split(r" {2,}", line.strip(), maxsplit=4) for line in events.splitlines()[2:]]
    told = sorted(f"{row[0]} {row[1]}: {row[-1]}" for row in rows)
    return "\n".join([*(line.rstrip() for line in status.splitlines()), "Events:", *told, ""])
