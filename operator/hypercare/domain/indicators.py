"""The indicator catalog: well-known questions about a workload, by name, with the expression that answers each.

An indicator is an expression with placeholders. What takes their place comes from a target of a period, and does so
only as a whole PromQL string literal behind `=` or `=~`: no name can become anything but a value, and names that no
workload can have are refused besides. Namespaces are not named here; `tenancy` confines every expression.

Limit: what an indicator reads is told by names. Where a service is called otherwise in its metrics than the workload
that runs it, it finds no series, and that is unknown, never good.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from hypercare.catalog import documents
from hypercare.domain.fields import Field
from hypercare.domain.life.pods import pod_pattern
from hypercare.domain.life.rollout import Target
from hypercare.domain.objects import TARGETS
from hypercare.domain.profile import TenantException, parse_exception
from hypercare.domain.promql.fields import parse_expression, parse_finite
from hypercare.domain.promql.text import one_of, quoted

_PLACEHOLDER = re.compile(r"\$\(([a-z]+)\)")
_WORKLOAD_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
_NEAREST = 3
_SAMPLE_NAME = "a-1.b"


class Worse(StrEnum):
    """Which values are worse, and so which side of a bound is an alert."""

    HIGHER = "Higher"
    LOWER = "Lower"


@dataclass(frozen=True)
class Value:
    """An expression with one series, which is the value."""

    query: str


@dataclass(frozen=True)
class Share:
    """Errors over total, both per second; not told while the total is at most `min_total`."""

    errors: str
    total: str
    min_total: float


Measure = Value | Share


@dataclass(frozen=True)
class Variant:
    """What is asked for one kind of workload. `data` has series whenever the indicator can be told."""

    measure: Measure
    data: str


@dataclass(frozen=True)
class TenancyHint:
    """An exception of the profile's tenancy that the metrics need in the situation that `because` describes."""

    exception: TenantException
    because: str


@dataclass(frozen=True)
class Indicator:
    """One entry of the catalog.

    Attributes:
        name: `source/name`.
        description: What the value is, as the beginning of a sentence.
        unit: ratio, seconds, milliseconds, requests/s, or a noun in plural.
        worse: Which values are worse.
        variants: What is asked, by kind of workload.
        default_bound: Bound of an alert that names none, on the worse side.
        default_for_seconds: `for` of an alert that names none.
        tenancy: What the profile may need.
    """

    name: str
    description: str
    unit: str
    worse: Worse
    variants: Mapping[str, Variant]
    default_bound: float
    default_for_seconds: int
    tenancy: tuple[TenancyHint, ...]

    @property
    def alert_bound(self) -> str:
        """The field that bounds an alert: `above` or `below`."""
        return "above" if self.worse is Worse.HIGHER else "below"

    @property
    def criterion_bound(self) -> str:
        """The field that bounds good values from the worse side."""
        return "below" if self.worse is Worse.HIGHER else "above"


@dataclass(frozen=True)
class Source:
    """A file of the catalog: where the metrics come from, and what of it must agree with names of workloads."""

    name: str
    title: str
    about: str
    references: tuple[str, ...]
    tenancy: tuple[TenancyHint, ...]
    indicators: tuple[Indicator, ...]


@cache
def catalog() -> tuple[Source, ...]:
    """All sources that are shipped."""
    return tuple(parse_source(name, Field(f"catalog/{name}", body)) for name, body in documents().items())


@cache
def indicators() -> Mapping[str, Indicator]:
    """All indicators by name."""
    return {indicator.name: indicator for source in catalog() for indicator in source.indicators}


def parse_source(name: str, field: Field) -> Source:
    """Read a file of the catalog.

    Raises:
        InvalidField: with the path, also for an expression that cannot be kept in a namespace.
    """
    hints = tuple(
        TenancyHint(parse_exception(item), item.get("because").text()) for item in field.get("tenancy").items()
    )
    named = field.get("indicators")
    names = list(named.value) if isinstance(named.value, Mapping) else []
    return Source(
        name=name,
        title=field.get("title").text(),
        about=field.get("about").text(),
        references=field.get("references").texts(),
        tenancy=hints,
        indicators=tuple(_indicator(f"{name}/{key}", named.get(key), hints) for key in names),
    )


def parse_indicator(field: Field) -> Indicator:
    """Look up the indicator that a field names.

    Raises:
        InvalidField: there is none; the message has the nearest names.
    """
    name = field.text()
    found = indicators().get(name)
    if found is None:
        raise field.error(f"{name!r} is not in the catalog; {_nearest(name)}")
    return found


def parse_target(field: Field, targets: tuple[Target, ...]) -> Target:
    """Look up the target that a field names.

    Raises:
        InvalidField: it is none of the period's targets, or no name that a workload can have.
    """
    name = field.text()
    found = next((target for target in targets if target.name == name), None)
    if found is None:
        raise field.error(f"{name!r} is not the name of a target: {', '.join(target.name for target in targets)}")
    if not _WORKLOAD_NAME.fullmatch(name):
        raise field.error(f"{name!r} is not a name that a workload can have")
    return found


def measured(indicator: Indicator, target: Target) -> Variant:
    """What is asked about this very target: the expressions with all placeholders filled in."""
    variant = indicator.variants[target.kind]
    data = _filled(variant.data, target)
    match variant.measure:
        case Value(query):
            return Variant(Value(_filled(query, target)), data)
        case Share(errors, total, min_total):
            return Variant(Share(_filled(errors, target), _filled(total, target), min_total), data)


def _filled(text: str, target: Target) -> str:
    values = {
        "target": target.name,
        "pods": pod_pattern(target),
        "job": f"(.+/)?{one_of([target.name])}",
    }
    return _PLACEHOLDER.sub(lambda found: f'"{quoted(values[found[1]])}"', text)


def _indicator(name: str, field: Field, tenancy: tuple[TenancyHint, ...]) -> Indicator:
    worse, alert = field.get("worse").choice(Worse), field.get("alert")
    found = Indicator(
        name=name,
        description=field.get("description").text(),
        unit=field.get("unit").text(),
        worse=worse,
        variants={kind: _variant(field, kind) for kind in TARGETS},
        default_bound=parse_finite(alert.get("above" if worse is Worse.HIGHER else "below")),
        default_for_seconds=alert.get("for").seconds(),
        tenancy=tenancy,
    )
    if field.get("ratio").present and worse is Worse.LOWER:
        raise field.get("worse").error("a share of errors is worse when it is higher")
    return found


def _variant(field: Field, kind: str) -> Variant:
    ratio = field.get("ratio")
    if ratio.present == field.get("query").present:
        raise field.error("needs exactly one of query and ratio")
    data = _template(field.get("data"), kind)
    if not ratio.present:
        return Variant(Value(_template(field.get("query"), kind)), data)
    errors, total = _template(ratio.get("errors"), kind), _template(ratio.get("total"), kind)
    return Variant(Share(errors, total, parse_finite(ratio.get("minTotal"))), data)


def _template(field: Field, kind: str) -> str:
    """The expression for a kind; one sample shows that it can be read, whatever name is put in."""
    own = field.get(kind) if isinstance(field.value, Mapping) else field
    text = own.text()
    unknown = set(_PLACEHOLDER.findall(text)) - {"target", "pods", "job"}
    if unknown:
        raise own.error(f"has unknown placeholders: {', '.join(sorted(unknown))}")
    parse_expression(Field(own.path, _filled(text, Target(kind, _SAMPLE_NAME))))
    return text


def _nearest(name: str) -> str:
    by_end = {known.partition("/")[2]: known for known in indicators()}
    near = difflib.get_close_matches(name, indicators(), _NEAREST, 0.5)
    near += [by_end[end] for end in difflib.get_close_matches(name.rpartition("/")[2], by_end, 1)]
    if not near:
        return f"its sources are {', '.join(source.name for source in catalog())}"
    return f"the nearest are {', '.join(dict.fromkeys(near))}"
