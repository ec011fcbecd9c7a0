"""Keeping a status under its limit: what is cut first, and what never is.

First go the texts that the report or the next visit tells again: of alerts, of criteria, of targets; then most of the
rows about copies. Then the timeline loses its oldest entries, after the first one; then the messages of conditions are
cut, which say what a person has to do. At last what only people read goes altogether, and what can be told from the
rest. Never cut is what the next visit goes on from: the life, verdicts with the state of their evidence, rows of raised
targets, states and reasons of conditions.

Limit: what is never cut fits by itself while names have at most 63 characters, no regression bound is passed and left
again dozens of times within its `for`, and not every criterion is an error budget with dozens of holes. A status whose
state alone is larger is written as it is.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

STATUS_LIMIT_BYTES = 32 * 1024
_SHORT, _SHORTEST = 160, 60
_SHORTEST_TIMELINE = 5
_FEWEST_CHANGES = 5
_TEXTS = ("message", "worstSeries", "data")
_FOR_PEOPLE = frozenset({*_TEXTS, "reason", "metFor", "remaining", "last", "worst", "worstAt", "coverage"})

Status = dict[str, Any]
_Cut = Callable[[Status], Status]


def bounded(status: Status) -> Status:
    """Cut a status, in the order of this module's docstring, until it fits into `STATUS_LIMIT_BYTES`."""
    for cut in _CUTS:
        if size_bytes(status) <= STATUS_LIMIT_BYTES:
            break
        status = cut(status)
    return status


def size_bytes(status: Mapping[str, Any]) -> int:
    """The size of a status as compact JSON."""
    return len(json.dumps(status, separators=(",", ":"), ensure_ascii=False).encode())


def _shorter(part: str, width: int) -> _Cut:
    """Cut the texts in the elements of a list to so many bytes."""

    def cut(status: Status) -> Status:
        return {**status, part: [_narrowed(each, width) for each in status.get(part, ())]}

    return cut


def _without(part: str, keys: frozenset[str]) -> _Cut:
    def cut(status: Status) -> Status:
        kept = [{key: value for key, value in each.items() if key not in keys} for each in status.get(part, ())]
        return {**status, part: kept}

    return cut


def _shorter_alerts(status: Status) -> Status:
    alerts = status.get("alerts", {})
    for part in ("refusals", "changes"):
        alerts = {**alerts, **_shorter(part, _SHORT)(alerts)}
    return {**status, "alerts": alerts}


def _fewer_changes(status: Status) -> Status:
    alerts = status.get("alerts", {})
    return {**status, "alerts": {**alerts, "changes": list(alerts.get("changes", ()))[:_FEWEST_CHANGES]}}


def _without_alerts(status: Status) -> Status:
    return {**status, "alerts": {**status.get("alerts", {}), "refusals": [], "changes": []}}


def _shorter_timeline(status: Status) -> Status:
    timeline = list(status.get("timeline", ()))
    while len(timeline) > _SHORTEST_TIMELINE and size_bytes({**status, "timeline": timeline}) > STATUS_LIMIT_BYTES:
        del timeline[1]
    return {**status, "timeline": timeline}


def _shorter_summary(status: Status) -> Status:
    return {**status, "summary": _narrow(status.get("summary", ""), _SHORT)}


def _without_repeated_names(status: Status) -> Status:
    """An object without a name has that of its target."""
    rows = [
        {key: value for key, value in row.items() if key != "name" or value != row["target"]}
        for row in status.get("scaling", ())
    ]
    return {**status, "scaling": rows} if rows else status


_CUTS: tuple[_Cut, ...] = (
    _shorter_alerts,
    _shorter("criteria", _SHORT),
    _shorter("scaling", _SHORT),
    _fewer_changes,
    _shorter_timeline,
    _shorter_summary,
    _shorter("conditions", 2 * _SHORT),
    _without_alerts,
    _shorter("scaling", _SHORTEST),
    _without("scaling", frozenset(_TEXTS)),
    _without("criteria", _FOR_PEOPLE),
    _shorter("timeline", _SHORTEST),
    _shorter("conditions", _SHORTEST),
    _without("scaling", frozenset({"original", "applied", "floor", "ready"})),
    _without_repeated_names,
)


def _narrowed(body: Mapping[str, Any], width: int) -> Status:
    return {key: _narrow(value, width) if key in _TEXTS else value for key, value in body.items()}


def _narrow(text: str, width: int) -> str:
    """Cut a text to so many bytes of JSON, where a quote takes two and a letter up to four."""
    kept = text
    while (size := len(json.dumps(kept, ensure_ascii=False).encode())) > width:
        kept = kept[: len(kept) * (width - 3) // size]
    return text if kept == text else kept + "…"
