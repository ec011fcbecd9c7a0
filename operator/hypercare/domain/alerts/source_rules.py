"""Alerts as their owners wrote them, read from the bodies of PrometheusRule objects.

A rule that cannot be read is one `UnreadableRule` and never disturbs the others. Durations may carry milliseconds in
rule files; they are rounded up to whole seconds, which can only make hypercare shorten less.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hypercare.domain.fields import Field, InvalidField

Body = Mapping[str, Any]
MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "hypercare"
_MILLISECONDS = re.compile(r"(?P<whole>.*?)(?P<milliseconds>[0-9]+)ms")
_LABELS_IN_TEXT = re.compile(r"(?:\$labels|\.Labels)\.([a-zA-Z_][a-zA-Z0-9_]*)|\$labels \"([^\"]+)\"")


class Reach(StrEnum):
    """What the expression of an alert was narrowed to; only shared alerts are."""

    AS_WRITTEN = "AsWritten"
    TARGETS = "Targets"
    NAMESPACE = "Namespace"


@dataclass(frozen=True)
class SourceGroup:
    """The group an alert is evaluated in. Texts are empty when the group leaves them to Prometheus' configuration.

    `shared_from` is the namespace of a group that the profile shares with others; empty for one of the period's own.
    """

    object_name: str
    object_uid: str
    name: str
    interval: str
    interval_seconds: int
    query_offset: str
    query_offset_seconds: int
    labels: Mapping[str, str]
    partial_response_strategy: str
    shared_from: str = ""

    @property
    def group_id(self) -> str:
        """Unique for a period: group names are unique within their object, and no name of an object has a colon."""
        home = f"{self.shared_from}:" if self.shared_from else ""
        return f"{home}{self.object_name}/{self.name}"


@dataclass(frozen=True)
class SourceAlert:
    """One alerting rule. `position` counts all rules of the group from 0.

    Of a shared alert, `expr` is what concerns the tenant. `scope` are the matchers that tell which results of the
    original that are, and `inputs` is PromQL for whether there is any data behind it. Both are empty for others.
    """

    group: SourceGroup
    position: int
    alertname: str
    expr: str
    for_seconds: int
    keep_firing_for: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    scope: str = ""
    inputs: str = ""
    reach: Reach = Reach.AS_WRITTEN

    @property
    def rule_id(self) -> str:
        """Identity of the alert for the run: object, group and position, not text that may be edited meanwhile."""
        home = (self.group.shared_from,) if self.group.shared_from else ()
        return identity(*home, self.group.object_name, self.group.name, str(self.position))

    @property
    def severity(self) -> str:
        """The severity that its own labels give it; empty if they give none."""
        return self.own_labels.get("severity", "")

    @property
    def own_labels(self) -> dict[str, str]:
        """The labels of group and rule together; the rule's win, as in Prometheus."""
        return {**self.group.labels, **self.labels}

    @property
    def labels_in_texts(self) -> frozenset[str]:
        """The labels that its templates use: `$labels` in them are those of the result."""
        texts = "\n".join([*self.annotations.values(), *self.labels.values()])
        return frozenset(one or other for one, other in _LABELS_IN_TEXT.findall(texts))


@dataclass(frozen=True)
class UnreadableRule:
    """A rule whose body does not have the form of a PrometheusRule, with the path of the field."""

    path: str
    message: str


def identity(*parts: str) -> str:
    """A short stable name for something that several texts identify together."""
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:10]


def object_name(body: Body) -> str:
    """`metadata.name`, empty where there is none."""
    return Field("metadata", body.get("metadata", {})).get("name").text("")


def object_namespace(body: Body) -> str:
    """`metadata.namespace`, empty where there is none."""
    return Field("metadata", body.get("metadata", {})).get("namespace").text("")


def object_labels(body: Body) -> dict[str, str]:
    """`metadata.labels`."""
    return Field("metadata", body.get("metadata", {})).get("labels").text_map()


def made_by_hypercare(body: Body) -> bool:
    """Whether an object is an overlay, of this period or another: those are never copied again."""
    owners = Field("metadata", body.get("metadata", {})).get("ownerReferences").items()
    owned = any(owner.get("kind").text("") == "HypercarePeriod" for owner in owners)
    return owned or object_labels(body).get(MANAGED_BY) == MANAGER


def rule_seconds(field: Field) -> int:
    """A duration of a rule file in whole seconds, rounded up; absent is 0."""
    found = _MILLISECONDS.fullmatch(field.text("")) if field.present else None
    if found is None:
        return field.seconds(0)
    whole = Field(field.path, found["whole"]).seconds() if found["whole"] else 0
    return whole - -int(found["milliseconds"]) // 1000


def source_alerts(body: Body, default_interval_seconds: int) -> Iterator[SourceAlert | UnreadableRule]:
    """All alerting rules of one PrometheusRule, in order.

    `default_interval_seconds` stands in for the evaluation interval of groups that name none.
    """
    root = f"PrometheusRule {object_name(body)} spec"
    for group in _groups(Field(root, body.get("spec", {}))):
        match group:
            case UnreadableRule():
                yield group
            case Field():
                yield from _alerts_of_group(group, body, default_interval_seconds)


def _groups(spec: Field) -> Sequence[Field | UnreadableRule]:
    try:
        return spec.get("groups").items()
    except InvalidField as error:
        return (UnreadableRule(error.path, error.message),)


def _alerts_of_group(field: Field, body: Body, default_interval: int) -> Iterator[SourceAlert | UnreadableRule]:
    try:
        group, rules = _group(field, body, default_interval), field.get("rules").items()
    except InvalidField as error:
        yield UnreadableRule(error.path, error.message)
        return
    for position, rule in enumerate(rules):
        try:
            if rule.get("alert").present:
                yield _alert(rule, group, position)
        except InvalidField as error:
            yield UnreadableRule(error.path, error.message)


def _group(field: Field, body: Body, default_interval: int) -> SourceGroup:
    interval, offset = field.get("interval"), field.get("query_offset")
    return SourceGroup(
        object_name=object_name(body),
        object_uid=Field("metadata", body.get("metadata", {})).get("uid").text(""),
        name=field.get("name").text(),
        interval=interval.text(""),
        interval_seconds=rule_seconds(interval) or default_interval,
        query_offset=offset.text(""),
        query_offset_seconds=rule_seconds(offset),
        labels=field.get("labels").text_map(),
        partial_response_strategy=field.get("partial_response_strategy").text(""),
    )


def _alert(field: Field, group: SourceGroup, position: int) -> SourceAlert:
    expr = field.get("expr")
    return SourceAlert(
        group=group,
        position=position,
        alertname=field.get("alert").text(),
        # The CRD declares `expr` as int-or-string.
        expr=str(expr.integer()) if isinstance(expr.value, int) else expr.text(),
        for_seconds=rule_seconds(field.get("for")),
        keep_firing_for=field.get("keep_firing_for").text(""),
        labels=field.get("labels").text_map(),
        annotations=field.get("annotations").text_map(),
    )
