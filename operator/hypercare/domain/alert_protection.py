"""`spec.protection.alerts`: which alerts a period tightens, how far, and what it adds.

Only the shape is judged here. Whether a named rule exists, a pattern matches anything or an override would loosen its
alert needs the rules themselves and is `alert_selection`'s part.

One template that does not parse makes prometheus-operator skip a whole PrometheusRule. So texts that come from the
period hold no templates, but for the `summary` of an added alert, which may hold the simple ones that are known to be
sound.
"""

import dataclasses
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum

from hypercare.domain.fields import Field
from hypercare.domain.label_selectors import LabelSelector, parse_label_selector
from hypercare.domain.name_patterns import parse_name_pattern

RESERVED_LABELS = frozenset({"namespace", "alertname"})
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_TEMPLATE = re.compile(
    r"\{\{-?\s*\$(?:value|labels\.[a-zA-Z_][a-zA-Z0-9_]*)(?:\s*\|\s*humanize(?:1024|Duration|Percentage|Timestamp)?)?\s*-?\}\}"
)


class Deliver(StrEnum):
    """How loud a copy is: `Notify` gives it severity warning, `Page` keeps the original's severity."""

    NOTIFY = "Notify"
    PAGE = "Page"


class Inherited(Enum):
    """The value of an override that leaves the general rule in force."""

    INHERITED = "inherited"


INHERITED = Inherited.INHERITED


@dataclass(frozen=True)
class RuleSource:
    """PrometheusRules of the namespace, by name or by label, narrowed by alert name and severity."""

    path: str
    rules: str | LabelSelector
    alerts: tuple[re.Pattern[str], ...] = ()
    severities: tuple[str, ...] = ()

    @property
    def takes_all(self) -> bool:
        """Whether it means whatever there is, so that finding nothing is no mistake."""
        return self.rules == LabelSelector() and not self.alerts and not self.severities


@dataclass(frozen=True)
class Tighten:
    """The general rule: `shorten_for` is the share of one that is taken off the `for` at full strength."""

    shorten_for: float = 0.5
    min_for_seconds: int = 30
    deliver: Deliver = Deliver.NOTIFY
    allow_unrestored: bool = False


@dataclass(frozen=True)
class Override:
    """What one alert, by its exact name, gets instead of the general rule."""

    path: str
    alert: str
    for_seconds: int | Inherited = INHERITED
    deliver: Deliver | Inherited = INHERITED


@dataclass(frozen=True)
class AddedAlert:
    """An alert that exists for the period only, as its author wrote it: strength does not change it."""

    path: str
    alert: str
    expr: str
    for_seconds: int
    severity: str
    runbook: str
    owner: str
    labels: Mapping[str, str]
    summary: str


@dataclass(frozen=True)
class AlertProtection:
    """The whole of `protection.alerts`; `path` locates problems that concern all of it."""

    path: str = "spec.protection.alerts"
    sources: tuple[RuleSource, ...] = ()
    tighten: Tighten = Tighten()
    overrides: tuple[Override, ...] = ()
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    add: tuple[AddedAlert, ...] = ()

    @property
    def requested(self) -> bool:
        """Whether the period asks for anything here."""
        return bool(self.sources or self.add)


def parse_alert_protection(field: Field) -> AlertProtection:
    """Read `protection.alerts`; an absent field asks for nothing.

    Raises:
        InvalidField: a value cannot be used, with its path.
    """
    overrides, add = field.get("overrides"), field.get("add")
    _require_unique_names(overrides)
    _require_unique_names(add)
    return AlertProtection(
        path=field.path,
        sources=tuple(_source(item) for item in field.get("from").items()),
        tighten=_tighten(field.get("tighten")),
        overrides=tuple(_override(item) for item in overrides.items()),
        labels=_constant_labels(field.get("labels")),
        add=tuple(_added(item) for item in add.items()),
    )


def _require_unique_names(field: Field) -> None:
    names = Counter(item.get("alert").text() for item in field.items())
    for name, count in names.items():
        if count > 1:
            raise field.error(f"names the alert {name} {count} times")


def _source(field: Field) -> RuleSource:
    rule, selector = field.get("rule"), field.get("selector")
    if rule.present == selector.present:
        raise field.error("needs exactly one of rule and selector")
    return RuleSource(
        path=field.path,
        rules=rule.text() if rule.present else parse_label_selector(selector),
        alerts=tuple(parse_name_pattern(item) for item in field.get("alerts").items()),
        severities=field.get("severities").texts(),
    )


def _tighten(field: Field) -> Tighten:
    default = Tighten()
    return Tighten(
        shorten_for=field.get("shortenFor").share(default.shorten_for),
        min_for_seconds=field.get("minFor").seconds(default.min_for_seconds),
        deliver=field.get("deliver").choice(Deliver, default.deliver),
        allow_unrestored=field.get("allowUnrestored").flag(default.allow_unrestored),
    )


def _override(field: Field) -> Override:
    duration, deliver = field.get("for"), field.get("deliver")
    if not duration.present and not deliver.present:
        raise field.error("overrides nothing: give for, deliver or both")
    return Override(
        path=field.path,
        alert=field.get("alert").text(),
        for_seconds=duration.seconds() if duration.present else INHERITED,
        deliver=deliver.choice(Deliver) if deliver.present else INHERITED,
    )


def _added(field: Field) -> AddedAlert:
    return AddedAlert(
        path=field.path,
        alert=_constant(field.get("alert")),
        expr=_constant(field.get("expr")),
        for_seconds=field.get("for").seconds(0),
        severity=_constant(field.get("severity"), "warning"),
        runbook=_constant(field.get("runbook")),
        owner=_constant(field.get("owner")),
        labels=_constant_labels(field.get("labels")),
        summary=_template(field.get("summary")),
    )


def _constant_labels(field: Field) -> dict[str, str]:
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
