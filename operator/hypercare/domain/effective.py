"""The effective spec: the period over the profile's defaults over the built-in ones.

Objects merge key by key. Lists whose elements have names merge by name, each element replaced whole; every other list,
and `stages`, is replaced as a whole. Exit criteria that come from nowhere else are the built-in ones. Built-in stages
and criteria are shorter in a window that is too short for them: each stage a third of it, each streak a sixth.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hypercare.domain.durations import InvalidDuration, format_duration, parse_duration

BUILT_IN_DEFAULTS: Mapping[str, Any] = {
    "mode": "Enforce",
    "suspend": False,
    "window": {
        "start": {"when": "RolloutComplete"},
        "duration": "3d",
        "extension": {"by": "1d", "limit": 3},
        "atLimit": {"hold": "48h", "then": "Relax"},
    },
    "stages": [
        {"name": "intensive", "strength": 100, "minDuration": "24h"},
        {"name": "elevated", "strength": 50, "minDuration": "24h"},
    ],
    "relax": {"step": 25, "every": "1h", "guard": True},
    "protection": {
        "alerts": {
            "from": [{"mentions": "Targets"}],
            "tighten": {"shortenFor": "50%", "moveThreshold": "20%", "minFor": "30s", "deliver": "Notify"},
        },
    },
}

BUILT_IN_CRITERIA: Sequence[Mapping[str, Any]] = (
    {"name": "quiet", "alerts": {"severities": ["critical"], "include": "Originals"}, "sustainedFor": "12h"},
    {"name": "pods", "workload": {"available": True, "maxRestarts": 0}, "sustainedFor": "12h"},
)

# Where list elements have a name, and under which key.
_NAMED = {
    "spec.exitCriteria": "name",
    "spec.targets": "name",
    "spec.protection.scaling": "target",
    "spec.protection.disruption": "target",
    "spec.protection.alerts.overrides": "alert",
    "spec.protection.alerts.add": "alert",
}


def effective_spec(period: Mapping[str, Any], profile_defaults: Mapping[str, Any]) -> Mapping[str, Any]:
    """Merge the spec of a period with the `defaults` of its profile and the built-in ones."""
    asked = _merge("spec", profile_defaults, period)
    merged = _merge("spec", BUILT_IN_DEFAULTS, asked)
    if "stages" not in asked:
        merged["stages"] = _fitting(merged["stages"], "minDuration", _share_of(merged, 3))
    if "exitCriteria" not in asked:
        merged["exitCriteria"] = _fitting(BUILT_IN_CRITERIA, "sustainedFor", _share_of(merged, 6))
    return merged


def _share_of(merged: Mapping[str, Any], parts: int) -> int:
    """A part of the window, in seconds; what cannot be read as a duration is refused when the spec is parsed."""
    try:
        return parse_duration(str(merged["window"].get("duration"))) // parts
    except InvalidDuration:
        return 0


def _fitting(built_in: Sequence[Mapping[str, Any]], key: str, longest_seconds: int) -> list[Mapping[str, Any]]:
    """Built-in elements with a duration that does not outgrow a short window."""
    return [
        {**each, key: format_duration(max(1, min(longest_seconds, parse_duration(each[key]))))} for each in built_in
    ]


def _merge(path: str, under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        merged[key] = _merged_value(f"{path}.{key}", merged.get(key), value)
    return merged


def _merged_value(path: str, under: object, over: object) -> object:
    if over is None:
        return under
    if isinstance(under, Mapping) and isinstance(over, Mapping) and path not in _MAPS_REPLACED:
        return _merge(path, under, over)
    if path in _NAMED and isinstance(under, Sequence) and isinstance(over, Sequence):
        return _merge_named(_NAMED[path], under, over)
    return over


# A release belongs to one period alone, and the parts of a start condition make sense only together.
_MAPS_REPLACED = frozenset({"spec.release", "spec.window.start"})


def _merge_named(key: str, under: Sequence[Any], over: Sequence[Any]) -> list[Any]:
    named = {_identity(key, element): element for element in under if isinstance(element, Mapping)}
    named.update({_identity(key, element): element for element in over if isinstance(element, Mapping)})
    return list(named.values())


def _identity(key: str, element: Mapping[str, Any]) -> object:
    """The name; of an alert that is made of an indicator and has none of its own, the two that it is named by."""
    return element.get(key) or (element.get("indicator"), element.get("target"))
