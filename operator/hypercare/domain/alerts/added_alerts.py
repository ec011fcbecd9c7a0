"""`protection.alerts.add`: alerts that exist for the period only, spelled out or made of an indicator of the catalog.

One that is made of an indicator and cannot be used (no such indicator, not a target) becomes a problem with the path of
its field, and disturbs no other.

One template that does not parse makes prometheus-operator skip a whole PrometheusRule. So texts that come from the
period hold no templates, but for the `summary` of an added alert, which may hold the simple ones that are known to be
sound.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hypercare.domain.alerts.indicator_alerts import indicator_alert, parse_bound
from hypercare.domain.conditions import Problem
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.indicators import Indicator, parse_indicator, parse_target
from hypercare.domain.life.rollout import Target

RESERVED_LABELS = frozenset({"namespace", "alertname"})
EVERY_TARGET = "*"
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_TEMPLATE = re.compile(
    r"\{\{-?\s*\$(?:value|labels\.[a-zA-Z_][a-zA-Z0-9_]*)(?:\s*\|\s*humanize(?:1024|Duration|Percentage|Timestamp)?)?\s*-?\}\}"
)


@dataclass(frozen=True)
class AddedAlert:
    """An alert that exists for the period only: strength does not change it.

    `data` has series whenever the condition can be told; empty where only the names of metrics in `expr` say so.
    `origin` is the indicator and bound that it was made of; empty for one that its author spelled out.
    """

    path: str
    alert: str
    expr: str
    for_seconds: int
    severity: str
    runbook: str
    owner: str
    labels: Mapping[str, str]
    summary: str
    data: str = ""
    origin: str = ""


@dataclass(frozen=True)
class Contact:
    """Runbook and owner of alerts that are made of indicators and name none."""

    runbook: Field
    owner: Field


@dataclass(frozen=True)
class AddedAlerts:
    """The alerts, and what keeps others from being made."""

    alerts: tuple[AddedAlert, ...]
    problems: tuple[Problem, ...]


def parse_added(field: Field, contact: Contact, targets: tuple[Target, ...]) -> AddedAlerts:
    """Read `add`, with the period's targets for those that are made of an indicator.

    Raises:
        InvalidField: a spelled-out alert cannot be used, or two have the same name.
    """
    alerts: list[AddedAlert] = []
    problems: list[Problem] = []
    for item in field.items():
        if not item.get("indicator").present:
            alerts.append(_spelled_out(item))
            continue
        try:
            alerts.extend(_from_indicator(item, contact, targets))
        except InvalidField as error:
            problems.append(Problem(error.path, "InvalidIndicator", error.message, stalls=True))
    _require_unique(field, [each.alert for each in alerts])
    return AddedAlerts(tuple(alerts), tuple(problems))


def parse_labels(field: Field) -> dict[str, str]:
    """Read labels with constant values that a rule may set and that hypercare does not need itself.

    Raises:
        InvalidField: a name or a value cannot be used.
    """
    labels = field.text_map()
    for name in labels:
        label = field.get(name)
        if name in RESERVED_LABELS or name.startswith("hypercare"):
            raise label.error("is set by hypercare on every copy")
        if name == "severity":
            raise label.error("is decided by deliver (Notify or Page) for copies, by add[].severity for added alerts")
        if not _LABEL_NAME.fullmatch(name) or name.startswith("__"):
            raise label.error("is not a label name that a rule can set")
        _constant(label)
    return labels


def _require_unique(field: Field, names: list[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise field.error(f"names the alert {name} {count} times")


def _spelled_out(field: Field) -> AddedAlert:
    return AddedAlert(
        path=field.path,
        alert=_constant(field.get("alert")),
        expr=_constant(field.get("expr")),
        for_seconds=field.get("for").seconds(0),
        severity=_constant(field.get("severity"), "warning"),
        runbook=_constant(field.get("runbook")),
        owner=_constant(field.get("owner")),
        labels=parse_labels(field.get("labels")),
        summary=_template(field.get("summary")),
    )


def _from_indicator(field: Field, contact: Contact, targets: tuple[Target, ...]) -> Iterator[AddedAlert]:
    if field.get("expr").present:
        raise field.get("expr").error("is not used with indicator, which has its own")
    indicator = parse_indicator(field.get("indicator"))
    for target in _chosen(field.get("target"), targets):
        yield _made_of(field, indicator, target, contact)


def _chosen(field: Field, targets: tuple[Target, ...]) -> tuple[Target, ...]:
    if field.present and field.value == EVERY_TARGET:
        return tuple(parse_target(Field(field.path, target.name), targets) for target in targets)
    return (parse_target(field, targets),)


def _made_of(field: Field, indicator: Indicator, target: Target, contact: Contact) -> AddedAlert:
    made = indicator_alert(indicator, target, parse_bound(field, indicator))
    return AddedAlert(
        path=field.path,
        alert=_constant(field.get("alert"), made.name),
        expr=made.expr,
        for_seconds=field.get("for").seconds(indicator.default_for_seconds),
        severity=_constant(field.get("severity"), "warning"),
        runbook=_given(field.get("runbook"), contact.runbook),
        owner=_given(field.get("owner"), contact.owner),
        labels=parse_labels(field.get("labels")),
        summary=_template(field.get("summary")) or made.summary,
        data=made.data,
        origin=made.origin,
    )


def _given(field: Field, general: Field) -> str:
    if not field.present and not general.present:
        raise field.error(
            f"is required, here or for all in {general.path} (of the period, or of its profile's defaults)"
        )
    return _constant(field if field.present else general)


def _constant(field: Field, default: str | None = None) -> str:
    text = field.text(default)
    if not text.strip():
        raise field.error("must not be empty")
    if "{{" in text:
        raise field.error("must not hold a template")
    return text


def _template(field: Field) -> str:
    text = field.text("")
    if "{{" in _TEMPLATE.sub("", text):
        raise field.error("may hold only {{ $value }} and {{ $labels.name }}, each with one humanize function or none")
    return text
