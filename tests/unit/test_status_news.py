"""Which changes of a status are news, to be written at once, and which are mere progress."""

import copy
from typing import Any

import pytest

from hypercare.domain.conditions import ConditionType
from hypercare.domain.rendering import significant
from hypercare.domain.timestamps import timestamp
from tests.unit.lives import QUIET
from tests.unit.statuses import SCHEMA, STATUS


def with_(status: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The status with another value somewhere."""
    changed: Any = copy.deepcopy(status)
    *parents, last = path.split("/")
    place = changed
    for parent in parents:
        place = place[int(parent)] if parent.isdecimal() else place[parent]
    place[int(last) if last.isdecimal() else last] = value
    return dict(changed)


CONDITION = {kind: f"conditions/{index}" for index, kind in enumerate(ConditionType)}
PROGRESS: dict[str, Any] = {
    "summary": "x",
    "blocked": "errors (20m left)",
    "criteria/0/metFor": "30m",
    "criteria/0/remaining": "30m",
    "criteria/0/last": 4,
    "criteria/0/worst": 4.5,
    "criteria/0/worstAt": timestamp(QUIET),
    "criteria/0/worstSeries": '{pod="b"}',
    "criteria/0/coverage": "99.1%",
    "criteria/0/finalThrough": timestamp(QUIET),
    "criteria/0/gaps": "g12",
    "criteria/0/lastBad": timestamp(QUIET),
    "criteria/0/streakFloor": timestamp(QUIET),
    "criteria/0/regression": {"gaps": "b12"},
    "criteria/0/budget": "7;0/0.5",
    "criteria/0/baseline": {"references": 7, "median": 1, "upper": 1.1},
    "criteria/0/runs": "1763716200/0;s1763715600.1a2b3c",
    "criteria/0/message": "Good for 30m of 1h",
    "criteria/0/reason": "Collecting",
    "scaling/0/ready": 3,
    "scaling/0/message": "3 replicas are ready",
    "alerts/refusals": [],
    f"{CONDITION[ConditionType.READY]}/message": "x",
    f"{CONDITION[ConditionType.RECONCILING]}/message": "x",
    f"{CONDITION[ConditionType.STALLED]}/message": "x",
    f"{CONDITION[ConditionType.ALERTS_TIGHTENED]}/message": "written 17s ago",
    f"{CONDITION[ConditionType.SCALING_RAISED]}/message": "x",
    f"{CONDITION[ConditionType.EVIDENCE_FRESH]}/message": "x",
    f"{CONDITION[ConditionType.EXIT_CRITERIA_MET]}/message": "x",
}
NEWS: dict[str, Any] = {
    "observedGeneration": 4,
    "phase": "Extended",
    "phaseSince": timestamp(QUIET),
    "strength": 75,
    "stage": "elevated",
    "outcome": "Met",
    "ends": "later",
    "report": "hypercare-report",
    "run/versionSince": timestamp(QUIET),
    "window/extensionsUsed": 2,
    "window/streakFloor": timestamp(QUIET),
    "overlay/revision": "other",
    "overlay/liveSince": timestamp(QUIET),
    "criteria/0/verdict": "Unmet",
    "criteria/0/since": timestamp(QUIET),
    "criteria/0/definition": "other",
    "criteria/0/regressed": True,
    "criteria/0/advisory": True,
    "criteria/0/name": "latency",
    "alerts/tightened": 3,
    "scaling/0/state": "Contested",
    "scaling/0/applied": 3,
    "scaling/0/floor": 3,
    "timeline": [],
    **{f"{place}/status": "Other" for place in CONDITION.values()},
    **{f"{place}/reason": "Other" for place in CONDITION.values()},
    f"{CONDITION[ConditionType.TARGETS_FOUND]}/message": "x",
    f"{CONDITION[ConditionType.REGRESSED]}/message": "latency",
    f"{CONDITION[ConditionType.RESTORED]}/message": "x",
    f"{CONDITION[ConditionType.SUCCEEDED]}/message": "x",
}


@pytest.mark.parametrize("path", PROGRESS)
def test_progress_alone_is_no_news(path: str) -> None:
    changed = with_(STATUS, path, PROGRESS[path])
    assert changed != STATUS
    assert significant(changed) == significant(STATUS)


@pytest.mark.parametrize("path", NEWS)
def test_everything_else_is_news(path: str) -> None:
    assert significant(with_(STATUS, path, NEWS[path])) != significant(STATUS)


def test_every_field_of_a_criterion_was_sorted_into_progress_and_news() -> None:
    """A field that is added later must be thought about: a write for each period at each tick is at stake."""
    known = SCHEMA["properties"]["criteria"]["items"]["properties"]
    sorted_out = {path.rpartition("/")[2] for path in (*PROGRESS, *NEWS) if path.startswith("criteria/0/")}
    assert known.keys() - sorted_out == {"kind"}
