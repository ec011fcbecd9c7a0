"""Letting a copy mute its original: one inhibit rule per alert, and only where it can mute nothing but the twin.

A rule is sound where the original's result has a label set that its expression settles (an outer `by (…)`): all of it
has to be equal, and everything else that tells the original from other alerts is matched. A looser rule would swallow
pages of other instances. And the copy has to be as loud as the original: a copy that only informs would take the page
away, and a critical original would in turn mute the copy, so that nobody hears of either.

Source of the rule: docs/semantics.md, 2.8.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hypercare.domain.alerts.closed_labels import closed_labels
from hypercare.domain.alerts.judgement import ADDED_GROUP
from hypercare.domain.alerts.matchers import LabelMatcher, MatchOperator
from hypercare.domain.alerts.overlay import RULE_LABEL, Body
from hypercare.domain.alerts.result_labels import pinned_values
from hypercare.domain.alerts.source_rules import SourceAlert, identity
from hypercare.domain.promql.syntax import PromQLError, parse

RULE_LIMIT = 200
"""Rules of one period. Alertmanager holds each alert against every rule."""
_MARK = "hypercare"


class Unmuted(StrEnum):
    """Why an original is not muted by its copy."""

    SEVERITY_LOWERED = "SeverityLowered"
    LABELS_OPEN = "LabelsOpen"
    ANOTHER_ALIKE = "AnotherAlike"
    NOT_OF_NAMESPACE = "NotOfNamespace"
    ROUTED_ELSEWHERE = "RoutedElsewhere"
    TOO_MANY = "TooMany"


@dataclass(frozen=True)
class Refused:
    """No rule is made for this alert; `message` says why."""

    alertname: str
    reason: Unmuted
    message: str


@dataclass(frozen=True)
class InhibitRule:
    """While an alert that `source` matches fires, one that `target` matches is muted if all of `equal` are equal.

    `copy_labels` are the labels of the copy that are known, `original_labels` those of its original.
    """

    alertname: str
    rule_id: str
    source: tuple[LabelMatcher, ...]
    target: tuple[LabelMatcher, ...]
    equal: tuple[str, ...]
    copy_labels: Mapping[str, str]
    original_labels: Mapping[str, str]

    def twins(self, copy: Mapping[str, str], original: Mapping[str, str]) -> bool:
        """Whether this copy mutes this original."""
        return (
            all(matcher.matches(copy.get(matcher.name, "")) for matcher in self.source)
            and all(matcher.matches(original.get(matcher.name, "")) for matcher in self.target)
            and all(copy.get(name, "") == original.get(name, "") for name in self.equal)
        )


@dataclass(frozen=True)
class Copy:
    """A copy as the overlay has it, with the labels of its group and its own."""

    alertname: str
    rule_id: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Alerts:
    """The alerts that people have written: by rule id those of the period's namespace, and those of all others."""

    originals: Mapping[str, SourceAlert]
    elsewhere: Sequence[SourceAlert] = ()


def copies_in(overlay: Sequence[Body]) -> Iterator[Copy]:
    """The copies in the objects of an overlay; an added alert is none, for it has no original."""
    for group in (group for body in overlay for group in body["spec"]["groups"]):
        for rule in group["rules"]:
            if "alert" in rule:
                labels = {**group.get("labels", {}), **rule["labels"]}
                copy = Copy(rule["alert"], labels[RULE_LABEL], labels)
                if copy.rule_id != identity("", ADDED_GROUP, copy.alertname):
                    yield copy


def inhibit_rules(overlay: Sequence[Body], alerts: Alerts, namespace: str) -> tuple[InhibitRule | Refused, ...]:
    """One rule, or why there is none, for each copy in the objects of a period's overlay."""
    made = 0
    found: list[InhibitRule | Refused] = []
    for copy in copies_in(overlay):
        each = _rule(copy, alerts, namespace)
        made += isinstance(each, InhibitRule)
        if isinstance(each, InhibitRule) and made > RULE_LIMIT:
            message = f"a period has at most {RULE_LIMIT} inhibit rules"
            each = Refused(copy.alertname, Unmuted.TOO_MANY, message)
        found.append(each)
    return tuple(found)


def known_labels(source: SourceAlert, copy: Copy) -> tuple[dict[str, str], dict[str, str]]:
    """What is known of the labels of an original and of its copy; the namespace is the same, whoever sets it."""
    name = {"alertname": source.alertname}
    early = {**name, **static_labels(copy.labels)}
    original = {**name, **static_labels(source.own_labels), _MARK: ""}
    if "namespace" in early:
        original["namespace"] = early["namespace"]
    return original, early


def static_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels whose values are known without evaluating a template."""
    return {name: value for name, value in labels.items() if "{{" not in value}


def _rule(copy: Copy, alerts: Alerts, namespace: str) -> InhibitRule | Refused:
    source = alerts.originals.get(copy.rule_id)
    if source is None:
        message = "its original belongs to another namespace, whose alerts are not muted from here"
        return Refused(copy.alertname, Unmuted.NOT_OF_NAMESPACE, message)
    own = source.own_labels
    if copy.labels.get("severity", "") != own.get("severity", ""):
        message = "its copy has another severity, and muting the original would take its page away"
        return Refused(copy.alertname, Unmuted.SEVERITY_LOWERED, message)
    equal = _equal(copy, source)
    if equal is None:
        message = "its expression does not settle which labels its results have (an outer by (…) does)"
        return Refused(copy.alertname, Unmuted.LABELS_OPEN, message)
    foreign = (each for each in alerts.elsewhere if _may_show(each, namespace))
    others = (each for each in (*alerts.originals.values(), *foreign) if each is not source)
    if any(each.alertname == source.alertname and not _told_apart(own, each.own_labels) for each in others):
        message = "another alert has its name and labels, and would be muted as well"
        return Refused(copy.alertname, Unmuted.ANOTHER_ALIKE, message)
    return _sound_rule(copy, source, equal, namespace)


def _sound_rule(copy: Copy, source: SourceAlert, equal: frozenset[str], namespace: str) -> InhibitRule:
    marks = {_MARK: copy.labels[_MARK], RULE_LABEL: copy.rule_id, "namespace": namespace}
    original, early = known_labels(source, copy)
    return InhibitRule(
        alertname=source.alertname,
        rule_id=source.rule_id,
        source=_matchers(marks),
        target=_matchers({**original, "namespace": namespace}),
        equal=tuple(sorted(equal)),
        copy_labels={**early, "namespace": namespace},
        original_labels={**original, "namespace": namespace},
    )


def _equal(copy: Copy, source: SourceAlert) -> frozenset[str] | None:
    """What tells the instances of an alert apart; None where that is not settled.

    A label that rule or group set replaces the result's. From a template it may differ between instances, so it has to
    be equal as well, which it cannot be if the period replaces it.
    """
    try:
        closed = closed_labels(parse(source.expr))
    except PromQLError:
        return None
    own = source.own_labels
    templated = own.keys() - static_labels(own).keys()
    if closed is None or any(copy.labels.get(name) != own[name] for name in templated):
        return None
    return (closed - own.keys() - copy.labels.keys()) | templated


def _may_show(alert: SourceAlert, namespace: str) -> bool:
    """Whether an alert from elsewhere may carry this namespace, as those of a platform do that are about everybody."""
    own = alert.own_labels.get("namespace")
    if own is not None:
        return own == namespace or "{{" in own
    try:
        tree = parse(alert.expr)
    except PromQLError:
        return True
    closed = closed_labels(tree)
    values = pinned_values(tree, "namespace")
    return (closed is None or "namespace" in closed) and (not values or namespace in values)


def _told_apart(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether matchers on the labels of `one` never hold for `other`."""
    fixed, others = static_labels(one), static_labels(other)
    return any(name in others and others[name] != value for name, value in fixed.items())


def _matchers(labels: Mapping[str, str]) -> tuple[LabelMatcher, ...]:
    return tuple(LabelMatcher(name, MatchOperator.EQUAL, value) for name, value in sorted(labels.items()))
