"""`spec.protection.alerts`: which alerts a period tightens, how far, and what it adds.

Only the shape is judged here. Whether a named rule exists, a pattern matches anything or an override would loosen its
alert needs the rules themselves and is `selection`'s part. What is added is read by `added_alerts`.
"""

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from fractions import Fraction

from hypercare.domain.alerts.added_alerts import AddedAlert, Contact, parse_added, parse_labels
from hypercare.domain.alerts.name_patterns import parse_name_pattern
from hypercare.domain.alerts.scope import Scope
from hypercare.domain.conditions import Problem
from hypercare.domain.fields import Field
from hypercare.domain.label_selectors import LabelSelector, parse_label_selector
from hypercare.domain.life.rollout import Target

_OFF, _CALIBRATED = "Off", "Calibrated"
_FINEST_SHARE = 100_000
_FURTHEST = Fraction(4, 5)


class Deliver(StrEnum):
    """How loud a copy is: `Notify` gives it severity warning, `Page` keeps the original's severity."""

    NOTIFY = "Notify"
    PAGE = "Page"


class Inherited(Enum):
    """The value of an override that leaves the general rule in force."""

    INHERITED = "inherited"


INHERITED = Inherited.INHERITED


class Chosen(StrEnum):
    """Alerts that are not told by a PrometheusRule of the namespace, but by what they are about or where they are."""

    MENTIONING_TARGETS = "mentions"
    SHARED = "shared"


class _Mentioned(StrEnum):
    TARGETS = "Targets"


@dataclass(frozen=True)
class RuleSource:
    """PrometheusRules by name or by label, or what else tells alerts, narrowed by alert name and severity."""

    path: str
    rules: str | LabelSelector | Chosen
    alerts: tuple[re.Pattern[str], ...] = ()
    severities: tuple[str, ...] = ()

    @property
    def takes_all(self) -> bool:
        """Whether it means whatever there is, so that finding nothing is no mistake."""
        everything = self.rules in (LabelSelector(), Chosen.MENTIONING_TARGETS)
        return everything and not self.alerts and not self.severities


@dataclass(frozen=True)
class Calibrated:
    """Each bound is read from history; `headroom` is the share of the largest normal value that stays free above it."""

    headroom: Fraction = Fraction(1, 10)


MoveThreshold = Fraction | Calibrated
"""By which share of themselves bounds move at full strength (0 for not at all), or where they are read from."""


@dataclass(frozen=True)
class Tighten:
    """The general rule: `shorten_for` is the share of one that is taken off the `for` at full strength."""

    shorten_for: float = 0.5
    move_threshold: MoveThreshold = Fraction(1, 5)
    min_for_seconds: int = 30
    deliver: Deliver = Deliver.NOTIFY
    allow_unrestored: bool = False


@dataclass(frozen=True)
class Override:
    """What one alert, by its exact name, gets instead of the general rule."""

    path: str
    alert: str
    for_seconds: int | Inherited = INHERITED
    bound: Fraction | Inherited = INHERITED
    deliver: Deliver | Inherited = INHERITED


@dataclass(frozen=True)
class AlertProtection:
    """The whole of `protection.alerts`; `path` locates problems that concern all of it.

    `unusable` says which alerts were to be added and cannot be. `scope` is whose alerts it may take.
    `inhibit_originals`: a copy mutes its original, where that is sound.
    """

    path: str = "spec.protection.alerts"
    sources: tuple[RuleSource, ...] = ()
    tighten: Tighten = Tighten()
    overrides: tuple[Override, ...] = ()
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    add: tuple[AddedAlert, ...] = ()
    unusable: tuple[Problem, ...] = ()
    scope: Scope = dataclasses.field(default_factory=Scope)
    inhibit_originals: bool = False

    @property
    def requested(self) -> bool:
        """Whether the period asks for anything here."""
        return bool(self.sources or self.add or self.unusable)

    @property
    def asks_to_page(self) -> bool:
        """Whether any copy is to be as loud as its original."""
        asked = (self.tighten.deliver, *(override.deliver for override in self.overrides))
        return Deliver.PAGE in asked

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """The other namespaces whose PrometheusRules it takes from; none as long as it asks for no shared ones."""
        if not any(source.rules is Chosen.SHARED for source in self.sources):
            return ()
        return tuple(
            dict.fromkeys(each.namespace for each in self.scope.shared if each.namespace != self.scope.namespace)
        )


def parse_alert_protection(field: Field, targets: tuple[Target, ...] = ()) -> AlertProtection:
    """Read `protection.alerts` of a period with these targets; an absent field asks for nothing.

    Raises:
        InvalidField: a value cannot be used, with its path.
    """
    overrides = field.get("overrides")
    _require_unique_names(overrides)
    added = parse_added(field.get("add"), Contact(field.get("runbook"), field.get("owner")), targets)
    return AlertProtection(
        path=field.path,
        sources=tuple(_source(item) for item in field.get("from").items()),
        tighten=_tighten(field.get("tighten")),
        overrides=tuple(_override(item) for item in overrides.items()),
        labels=parse_labels(field.get("labels")),
        add=added.alerts,
        unusable=added.problems,
        scope=Scope(targets=targets),
        inhibit_originals=field.get("inhibitOriginals").flag(False),
    )


def parse_move_threshold(field: Field, headroom: Field) -> MoveThreshold:
    """Read a share such as `20%`, `Calibrated` (with its `headroom`) or `Off`.

    Raises:
        InvalidField: it is none of them, or so large a share that bounds would lose their meaning.
    """
    free = _share(headroom) if headroom.present else Calibrated().headroom
    match field.text() if field.present else "":
        case "":
            return Tighten().move_threshold
        case text if text == _OFF:
            return Fraction(0)
        case text if text == _CALIBRATED:
            return Calibrated(free)
    share = _share(field)
    if share > _FURTHEST:
        raise field.error(f"{field.text()!r} is too far: at most {float(_FURTHEST):.0%}, {_CALIBRATED} or {_OFF}")
    return share


def _share(field: Field) -> Fraction:
    return Fraction(field.share()).limit_denominator(_FINEST_SHARE)


def _require_unique_names(field: Field) -> None:
    names = Counter(item.get("alert").text() for item in field.items())
    for name, count in names.items():
        if count > 1:
            raise field.error(f"names the alert {name} {count} times")


def _source(field: Field) -> RuleSource:
    ways = [field.get(name) for name in ("rule", "selector", "mentions", "shared")]
    if sum(each.present for each in ways) != 1:
        raise field.error("needs exactly one of rule, selector, mentions and shared")
    return RuleSource(
        path=field.path,
        rules=_rules(*ways),
        alerts=tuple(parse_name_pattern(item) for item in field.get("alerts").items()),
        severities=field.get("severities").texts(),
    )


def _rules(rule: Field, selector: Field, mentions: Field, shared: Field) -> str | LabelSelector | Chosen:
    if rule.present:
        return rule.text()
    if selector.present:
        return parse_label_selector(selector)
    if mentions.present:
        mentions.choice(_Mentioned)
        return Chosen.MENTIONING_TARGETS
    if not shared.flag(False):
        raise shared.error("must be true: leave it out where nothing shared is wanted")
    return Chosen.SHARED


def _tighten(field: Field) -> Tighten:
    default = Tighten()
    return Tighten(
        shorten_for=field.get("shortenFor").share(default.shorten_for),
        move_threshold=parse_move_threshold(field.get("moveThreshold"), field.get("headroom")),
        min_for_seconds=field.get("minFor").seconds(default.min_for_seconds),
        deliver=field.get("deliver").choice(Deliver, default.deliver),
        allow_unrestored=field.get("allowUnrestored").flag(default.allow_unrestored),
    )


def _override(field: Field) -> Override:
    duration, bound, deliver = field.get("for"), field.get("bound"), field.get("deliver")
    if not any(each.present for each in (duration, bound, deliver)):
        raise field.error("overrides nothing: give for, bound or deliver")
    return Override(
        path=field.path,
        alert=field.get("alert").text(),
        for_seconds=duration.seconds() if duration.present else INHERITED,
        bound=_number(bound) if bound.present else INHERITED,
        deliver=deliver.choice(Deliver) if deliver.present else INHERITED,
    )


def _number(field: Field) -> Fraction:
    """The number as it was written: 0.045 has no exact binary form."""
    value = field.number()
    if not math.isfinite(value):
        raise field.error("must be finite")
    return Fraction(repr(value))
