"""Copies that fire are held as they are while a weaker version of them would resolve.

A firing alert resolves in place when its `for` grows past its age, or when its condition does not hold at the new bound
(rules of Prometheus, `alerting.go`); people would read "resolved" while the problem stands. So such a copy keeps its
rule, as it is in the overlay now, until the weaker one would fire as well or the original fires. At strength 0 nothing
but held copies is left, in the objects and groups in which they are, so that their state stays theirs.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from hypercare.domain.alerts.overlay import COPY_ACTIVE, Body, rule_id_of, with_groups
from hypercare.domain.alerts.source_rules import rule_seconds
from hypercare.domain.alerts.watched import Making, WatchedAlert
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.samples import Answer, Result, Series


@dataclass(frozen=True)
class Weakened:
    """A copy as it is, and as it is wanted now."""

    rule_id: str
    present: Body
    wanted: Body

    @property
    def same_condition(self) -> bool:
        """Whether only its `for` differs."""
        return bool(self.present.get("expr") == self.wanted["expr"])

    @property
    def wanted_for_seconds(self) -> int:
        """The `for` that is wanted."""
        return rule_seconds(Field("for", self.wanted.get("for", "0s")))

    @property
    def question(self) -> str:
        """PromQL: what fulfils the wanted condition now."""
        return str(self.wanted["expr"])


def copies(overlay: Body) -> dict[str, Body]:
    """The alerting rules of an overlay by their rule id. Of rules that somebody has spoilt none is there."""
    return {rule_id_of(rule): rule for _, rule in _rules(overlay) if "alert" in rule and rule_id_of(rule)}


def for_seconds(overlay: Body) -> dict[str, int]:
    """By rule id, the `for` of the copies in an overlay; none of one that somebody has made unreadable."""
    found: dict[str, int] = {}
    for rule_id, rule in copies(overlay).items():
        with suppress(InvalidField):
            found[rule_id] = rule_seconds(Field("for", rule.get("for", "0s")))
    return found


def changing(present: Body, wanted: Body, firing: Iterable[str]) -> tuple[Weakened, ...]:
    """The firing copies whose condition or `for` is to change."""
    now, then = copies(present), copies(wanted)
    pairs = (Weakened(rule_id, now[rule_id], then[rule_id]) for rule_id in firing if rule_id in now and rule_id in then)
    return tuple(each for each in pairs if (each.present["expr"], each.present.get("for")) != _timing(each.wanted))


def still_fulfilled(weakened: Weakened, fulfilled: Result, firing: Sequence[Series]) -> bool:
    """Whether every instance that fires fulfils the wanted condition; `firing` are the series of this copy."""
    if not isinstance(fulfilled, Answer) or fulfilled.warnings:
        return False
    own = weakened.wanted.get("labels", {})
    return all(any(_same_instance(each.labels, one.labels, own) for each in fulfilled.series) for one in firing)


def with_held(wanted: Body, present: Body, held: frozenset[str]) -> dict[str, Any]:
    """The wanted overlay with the rules of these copies as they are now."""
    kept = {_key(group, rule): rule for group, rule in _rules(present) if _is_part_of_copy(rule, held)}
    groups = []
    for group in wanted["spec"]["groups"]:
        own = {_key(group["name"], rule) for rule in group["rules"]}
        missing = [rule for (name, *_), rule in kept.items() if name == group["name"] and _key(name, rule) not in own]
        rules = [kept.get(_key(group["name"], rule), rule) for rule in group["rules"]]
        groups.append({**group, "rules": missing + rules})
    return with_groups(wanted, groups)


def only_held(present: Sequence[Body], held: frozenset[str]) -> tuple[dict[str, Any], ...]:
    """The objects that are there, with nothing but these copies and their companions; none without any of them."""
    left = []
    for part in present:
        groups = [reduced for group in part["spec"]["groups"] if (reduced := _reduced(group, held))]
        if groups:
            left.append((part, groups))
    every = with_groups(present[0], [group for _, groups in left for group in groups]) if left else {}
    revised = iter(every["spec"]["groups"]) if left else iter(())
    return tuple(_renewed(part, every, [next(revised) for _ in groups]) for part, groups in left)


def held_alert(alert: WatchedAlert, copy: Body, held: frozenset[str]) -> WatchedAlert:
    """The watched alert with what its copy has for now."""
    if alert.rule_id not in held or not copy:
        return alert
    seconds = rule_seconds(Field("for", copy.get("for", "0s")))
    return replace(alert, making=Making.TIGHTENED, copy_for_seconds=seconds)


def _renewed(part: Body, every: Body, groups: list[Body]) -> dict[str, Any]:
    """An object with these groups, without what the API server adds."""
    kept = {key: part["metadata"][key] for key in ("name", "namespace", "labels", "ownerReferences")}
    metadata = {**kept, "annotations": every["metadata"]["annotations"]}
    return {"apiVersion": part["apiVersion"], "kind": part["kind"], "metadata": metadata, "spec": {"groups": groups}}


def _reduced(group: Body, held: frozenset[str]) -> dict[str, Any]:
    rules = [rule for rule in group["rules"] if not rule_id_of(rule) or rule_id_of(rule) in held]
    return {**group, "rules": rules} if any("alert" in rule for rule in rules) else {}


def _rules(overlay: Body) -> Iterator[tuple[str, Body]]:
    """All rules with the names of their groups. Somebody may have edited the object: nothing is taken for granted."""
    try:
        for group in Field("spec", overlay.get("spec", {})).get("groups").items():
            for rule in group.get("rules").items():
                rule.get("labels").text_map()
                if isinstance(rule.value, Mapping) and "expr" in rule.value:
                    yield group.get("name").text(""), rule.value
    except InvalidField:
        return


def _is_part_of_copy(rule: Body, held: frozenset[str]) -> bool:
    return rule_id_of(rule) in held and ("alert" in rule or rule.get("record") == COPY_ACTIVE)


def _key(group: str, rule: Body) -> tuple[str, str, str]:
    return group, rule_id_of(rule), str(rule.get("record", ""))


def _timing(rule: Body) -> tuple[Any, Any]:
    return rule["expr"], rule.get("for")


def _same_instance(result: Mapping[str, str], firing: Mapping[str, str], own: Mapping[str, str]) -> bool:
    """Whether a result is what fires; labels that the rule sets itself may differ."""
    return all(firing.get(name) == value or name in own for name, value in result.items() if name != "__name__")
