"""An overlay as the objects that hold it: divided where it is too large for one, always at the same places.

prometheus-operator refuses a PrometheusRule whose YAML has more than 0.5 MiB, and Prometheus knows an alert by file,
group and labels: one that moves to another object or group loses its state. So where to divide depends on what does
not change over the stages: the sizes of the originals and of the companions. A copy counts whether it is there or not.

Objects are `hypercare-<period>`, then `hypercare-<period>.1` and so on; a group that is too large by itself goes on in
`<group>#2`. Each group ends with its own heartbeat, and all objects share one revision.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from hypercare.domain.alerts.overlay import (
    GROUP_LABEL,
    OVERLAY_PREFIX,
    Body,
    owned_by,
    rule_id_of,
    with_groups,
)
from hypercare.domain.alerts.source_rules import SourceAlert
from hypercare.domain.alerts.watched import WatchedAlert

OBJECT_BYTES = 300 * 1024
"""How much an object is filled, measured as JSON. Its YAML may be a half larger, and 512 KiB are accepted."""
GROUP_BYTES = 150 * 1024
_COPY_BYTES = 2048
"""What copy and companions have beyond their original: labels, its name in the summary, and what was changed."""
_TIMES = 4
"""How often an expression is repeated: in the copy, in what both record, and about once in the question for inputs."""
_ALONE_BYTES = 400 * 1024
"""What a single alert may have at most."""


def present_parts(rules: Iterable[Body], period: str, period_uid: str) -> tuple[Body, ...]:
    """The objects of an overlay among the rules of its namespace, by their numbers."""
    numbered = ((_number(body["metadata"]["name"], period), body) for body in rules if owned_by(body, period_uid))
    return tuple(body for number, body in sorted(numbered, key=lambda each: each[0]) if number >= 0)


def joined(parts: Sequence[Body]) -> Body:
    """The overlay that these objects hold; empty for none. Of one that somebody has emptied nothing is left."""
    if not parts:
        return {}
    groups = [group for part in parts for group in part.get("spec", {}).get("groups") or ()]
    return {**parts[0], "spec": {"groups": groups}}


def original_bytes(alerts: Iterable[SourceAlert]) -> dict[str, int]:
    """By rule id, how many bytes a copy of an original and its companions may have at any strength."""
    return {
        alert.rule_id: _COPY_BYTES + _TIMES * _size([alert.expr, alert.own_labels]) + _size(dict(alert.annotations))
        for alert in alerts
    }


def oversized(overlay: Body, originals: Mapping[str, int]) -> frozenset[str]:
    """The rule ids of alerts that no object has room for: with its companions each is evaluated several times."""
    weights = _weights(overlay["spec"]["groups"], originals)
    return frozenset(rule_id for rule_id, weight in weights.items() if weight > _ALONE_BYTES)


def with_divided_groups(overlay: Body, originals: Mapping[str, int]) -> dict[str, Any]:
    """The same overlay without groups that are too large for an object."""
    names = {group["name"] for group in overlay["spec"]["groups"]}
    groups = [part for group in overlay["spec"]["groups"] for part in _divided(group, originals, names)]
    return with_groups(overlay, groups)


def divide(overlay: Body, originals: Mapping[str, int]) -> tuple[dict[str, Any], ...]:
    """The objects of an overlay whose groups are divided already."""
    filled: list[list[Body]] = [[]]
    room = OBJECT_BYTES
    for group in overlay["spec"]["groups"]:
        weight = sum(_weights([group], originals).values())
        if weight > room and filled[-1]:
            filled.append([])
            room = OBJECT_BYTES
        filled[-1].append(group)
        room -= weight
    return tuple(_part(overlay, number, groups) for number, groups in enumerate(filled))


def in_their_groups(watched: Iterable[WatchedAlert], overlay: Body) -> tuple[WatchedAlert, ...]:
    """The watched alerts with the groups in which the overlay evaluates them."""
    groups = {
        rule_id_of(rule): group["name"]
        for group in overlay.get("spec", {}).get("groups", ())
        for rule in group["rules"]
        if rule_id_of(rule)
    }
    return tuple(replace(each, group_id=groups.get(each.rule_id, each.group_id)) for each in watched)


def _number(name: str, period: str) -> int:
    """Which part an object is; -1 for none of this period."""
    plain = OVERLAY_PREFIX + period
    suffix = name.removeprefix(plain + ".")
    if name == plain:
        return 0
    return int(suffix) if suffix != name and suffix.isascii() and suffix.isdecimal() else -1


def _part(overlay: Body, number: int, groups: Sequence[Body]) -> dict[str, Any]:
    name = overlay["metadata"]["name"] + (f".{number}" if number else "")
    return {**overlay, "metadata": {**overlay["metadata"], "name": name}, "spec": {"groups": list(groups)}}


def _divided(group: Body, originals: Mapping[str, int], taken: set[str]) -> Iterator[Body]:
    chunks: list[set[str]] = [set()]
    room = GROUP_BYTES
    for rule_id, weight in _weights([group], originals).items():
        if weight > room and chunks[-1]:
            chunks.append(set())
            room = GROUP_BYTES
        chunks[-1].add(rule_id)
        room -= weight
    for number, rule_ids in enumerate(chunks, start=1):
        name = group["name"] if number == 1 else _free(group["name"], number, taken)
        yield {**group, "name": name, "rules": list(_rules(group, rule_ids, name))}


def _rules(group: Body, rule_ids: set[str], name: str) -> Iterator[Body]:
    for rule in group["rules"]:
        rule_id = rule_id_of(rule)
        if rule_id and rule_id not in rule_ids:
            continue
        labels = rule["labels"]
        yield {**rule, "labels": {**labels, GROUP_LABEL: name}} if GROUP_LABEL in labels else rule


def _free(name: str, number: int, taken: set[str]) -> str:
    """A group's name for a part of it. Groups of originals may be called anything, so even like one."""
    found = next(each for signs in count(1) if (each := f"{name}{'#' * signs}{number}") not in taken)
    taken.add(found)
    return found


def _weights(groups: Iterable[Body], originals: Mapping[str, int]) -> dict[str, int]:
    """By rule id, in order: the bytes of companions and of a copy, as if there were one."""
    added: defaultdict[str, int] = defaultdict(int)
    order: dict[str, None] = {}
    for rule in (rule for group in groups for rule in group["rules"] if rule_id_of(rule)):
        rule_id = rule_id_of(rule)
        # An added alert is there at any strength, so it counts as it is.
        added[rule_id] += _size(rule)
        # The companions are always there and in one order, the copies are not.
        if "record" in rule:
            order[rule_id] = None
    return {rule_id: originals.get(rule_id, added[rule_id]) for rule_id in order}


def _size(content: object) -> int:
    # Escaped: YAML escapes what is not printable as well.
    return len(json.dumps(content))
