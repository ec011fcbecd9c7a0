"""Alerts that an overlay is built without, because one of them would take all others down.

prometheus-operator refuses a PrometheusRule as a whole, and tells only that it does. What tells the alerts apart are
the objects they come from: each is one that it accepts, one that it refuses too, or one that no Prometheus selects, so
that it was never looked at. When it refuses an overlay, the alerts of the latter two are left out; their originals are
not evaluated either. This is remembered in an annotation of the overlay, by the generation of the source object, so
that a corrected source is tried again.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hypercare.domain.alerts.overlay import Body, rule_id_of, with_groups
from hypercare.domain.alerts.plan import AlertOutcome, AlertPlan
from hypercare.domain.alerts.rule_templates import parses
from hypercare.domain.alerts.source_rules import made_by_hypercare, object_name
from hypercare.domain.alerts.tightening import Untouched, UntouchedReason
from hypercare.domain.alerts.watched import Making, WatchedAlert
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.objects import GROUP

LEFT_OUT_ANNOTATION = f"{GROUP}/left-out"
_NEVER_NAMES = frozenset({"", "__name__"})
TOO_LARGE = "its expression and texts are too long: with what proves it quiet they do not fit into a PrometheusRule"


@dataclass(frozen=True)
class Blamed:
    """A PrometheusRule whose alerts are left out, at this generation of it, and why in words."""

    generation: int
    message: str


def unwritable(overlay: Body) -> dict[str, str]:
    """The rule ids of copies with labels or annotations that Prometheus refuses, with the reason in words.

    Prometheus refuses their originals as well. Annotations that do not parse are not among them: they become texts.
    """
    found: dict[str, str] = {}
    for group in overlay["spec"]["groups"]:
        for rule in group["rules"]:
            reason = _refused_label({**group.get("labels", {}), **rule["labels"]}, rule.get("annotations", {}))
            if reason and rule_id_of(rule):
                found[rule_id_of(rule)] = reason
    return found


def _refused_label(labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    for name in (*labels, *annotations):
        if name in _NEVER_NAMES:
            return f"{name!r} is no name that a rule can give to a label or annotation"
    broken = next((name for name, text in labels.items() if not parses(text)), None)
    return "" if broken is None else f"the template of its label {broken} does not parse"


def blame(sources: Iterable[Body], refused: Mapping[str, str], unselected: frozenset[str]) -> dict[str, Blamed]:
    """The source objects whose alerts may be what prometheus-operator refuses in the overlay.

    Args:
        sources: PrometheusRules of the namespace.
        refused: By name, those that it refuses themselves, with its words.
        unselected: Names of those that no Prometheus selects.
    """
    found = {}
    for body in sources:
        name, generation = object_name(body), _generation(body)
        if name in refused:
            message = f"prometheus-operator refuses PrometheusRule {name}, so the original is not evaluated either"
            found[name] = Blamed(generation, f"{message}: {refused[name]}")
        elif name in unselected:
            found[name] = Blamed(generation, f"no Prometheus selects PrometheusRule {name}: it was never checked")
    return found


def remembered(parts: Iterable[Body]) -> dict[str, Blamed]:
    """What the annotation of an overlay says; one that somebody has spoilt says nothing."""
    found: dict[str, Blamed] = {}
    for part in parts:
        text = part["metadata"].get("annotations", {}).get(LEFT_OUT_ANNOTATION, "{}")
        try:
            known = Field("left-out", json.loads(text))
            names = known.value if isinstance(known.value, Mapping) else {}
            for name in names:
                each = known.get(name)
                found[name] = Blamed(each.get("generation").integer(), each.get("message").text())
        except (ValueError, RecursionError, InvalidField):
            continue
    return found


def current(blamed: Mapping[str, Blamed], sources: Iterable[Body]) -> dict[str, Blamed]:
    """Those whose source has not changed since."""
    generations = {object_name(body): _generation(body) for body in sources if not made_by_hypercare(body)}
    return {name: each for name, each in blamed.items() if generations.get(name) == each.generation}


def with_memory(overlay: Body, blamed: Mapping[str, Blamed]) -> dict[str, Any]:
    """The overlay with the annotation that remembers what is left out, if anything is."""
    if not blamed:
        return dict(overlay)
    told = {name: {"generation": each.generation, "message": each.message} for name, each in sorted(blamed.items())}
    annotations = {**overlay["metadata"]["annotations"], LEFT_OUT_ANNOTATION: json.dumps(told)}
    return {**overlay, "metadata": {**overlay["metadata"], "annotations": annotations}}


def without(plan: AlertPlan, reasons: Mapping[str, str]) -> AlertPlan:
    """The plan without these alerts, by rule id, each with the reason in words."""
    if plan.overlay is None or not reasons:
        return plan
    groups = [_reduced(group, reasons) for group in plan.overlay["spec"]["groups"]]
    kept = [group for group in groups if any(rule_id_of(rule) for rule in group["rules"])]
    return replace(
        plan,
        overlay=with_groups(plan.overlay, kept) if kept else None,
        watched=tuple(_watched(each, reasons) for each in plan.watched),
        outcomes=tuple(_outcome(each, reasons) for each in plan.outcomes),
    )


def _reduced(group: Body, reasons: Mapping[str, str]) -> dict[str, Any]:
    return {**group, "rules": [rule for rule in group["rules"] if rule_id_of(rule) not in reasons]}


def _watched(alert: WatchedAlert, reasons: Mapping[str, str]) -> WatchedAlert:
    if alert.rule_id not in reasons:
        return alert
    return replace(
        alert,
        making=Making.UNTOUCHED,
        copy_for_seconds=alert.original_for_seconds,
        unprovable=reasons[alert.rule_id],
    )


def _outcome(outcome: AlertOutcome, reasons: Mapping[str, str]) -> AlertOutcome:
    if outcome.rule_id not in reasons:
        return outcome
    return replace(outcome, result=Untouched(UntouchedReason.UNSUPPORTED_PROMQL, reasons[outcome.rule_id]))


def _generation(body: Body) -> int:
    return Field("metadata", body.get("metadata", {})).get("generation").integer(0)
