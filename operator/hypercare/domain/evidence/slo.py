"""The criterion kind `slo`: how fast the error budget of a service burns, whoever measures it.

Burn is the share of errors over the share that the objective allows: at 1 the budget lasts exactly as long as planned.
Three sources are read: errors and total as expressions of per-second rates; what Pyrra records for an objective, which
is the same; and what Sloth records, which is the share of errors over fixed windows and no number of events.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from hypercare.domain.durations import format_duration
from hypercare.domain.fields import Field
from hypercare.domain.promql.fields import parse_expression, parse_finite
from hypercare.domain.promql.text import matcher

SHORT_WINDOWS = 12
"""The short window is this part of `over`, as in the multi-window burn alerts of the SRE workbook."""
SLOTH_WINDOWS: Mapping[int, tuple[str, str]] = {
    3600: ("1h", "5m"),
    21600: ("6h", "30m"),
    86400: ("1d", "2h"),
    259200: ("3d", "6h"),
}
"""By `over` in seconds: Sloth's windows that are each other's twelfth (slok/sloth, internal/alert/windows)."""
_SHORTEST_OVER = 3600
_SOURCES = ("errors", "sloth", "pyrra")


@dataclass(frozen=True)
class Rates:
    """Expressions of errors and of all events, both per second; each is the sum over all its series."""

    errors: str
    total: str


@dataclass(frozen=True)
class Sloth:
    """What Sloth records for one SLO of one service."""

    service: str
    slo: str

    def recorded(self, metric: str) -> str:
        """The highest value of a recorded metric; replicas of Prometheus record the same series twice."""
        matchers = (matcher("sloth_service", "=", self.service), matcher("sloth_slo", "=", self.slo))
        return f"max({metric}{{{','.join(matchers)}}})"


@dataclass(frozen=True)
class Pyrra:
    """What Pyrra records for one objective (its generic rules)."""

    name: str

    def recorded(self, metric: str) -> str:
        """The highest value of a recorded metric; replicas of Prometheus record the same series twice."""
        return f"max({metric}{{{matcher('slo', '=', self.name)}}})"


@dataclass(frozen=True)
class Allowed:
    """The share of events that may fail: 0.001 at an objective of 99.9 percent."""

    share: float


@dataclass(frozen=True)
class AsRecorded:
    """The objective is the one that the tool records."""


@dataclass(frozen=True)
class SloKind:
    """The budget burns at most at `max_burn`, over `over_seconds` and over a twelfth of it."""

    source: Rates | Sloth | Pyrra
    objective: Allowed | AsRecorded
    over_seconds: int
    max_burn: float = 1.0

    @property
    def short_seconds(self) -> int:
        """The length of the short window."""
        return self.over_seconds // SHORT_WINDOWS


def parse_slo(field: Field) -> SloKind:
    """Read `slo` of a criterion.

    Raises:
        InvalidField: with the path, also for PromQL that cannot be read.
    """
    over = field.get("over").seconds()
    if over < _SHORTEST_OVER:
        raise field.get("over").error("must be at least 1h")
    max_burn = parse_finite(field.get("maxBurn"), 1.0)
    if max_burn <= 0:
        raise field.get("maxBurn").error("must be above 0")
    source = _parse_source(field)
    if isinstance(source, Sloth) and over not in SLOTH_WINDOWS:
        windows = ", ".join(long for long, _ in SLOTH_WINDOWS.values())
        raise field.get("over").error(
            f"must be one of {windows} with sloth: it records these windows and their twelfth"
        )
    return SloKind(source, _parse_objective(field.get("objective"), source), over, max_burn)


def described(kind: SloKind) -> tuple[str, str]:
    """What is asked, and the bound in words, for reports."""
    over = format_duration(kind.over_seconds)
    bound = f"burns at most {kind.max_burn:g} times as fast as allowed, over {over}"
    match kind.source:
        case Rates(errors, total):
            return f"({errors}) / ({total})", bound
        case Sloth(service, slo):
            return f"Sloth: {service}/{slo}", bound
        case Pyrra(name):
            return f"Pyrra: {name}", bound


def _parse_source(field: Field) -> Rates | Sloth | Pyrra:
    written = [key for key in _SOURCES if field.get(key).present]
    if len(written) != 1 or (field.get("total").present and "errors" not in written):
        raise field.error("exactly one of errors (with total), sloth and pyrra must be set")
    match written[0]:
        case "sloth":
            return Sloth(field.get("sloth").get("service").text(), field.get("sloth").get("slo").text())
        case "pyrra":
            return Pyrra(field.get("pyrra").get("name").text())
    return Rates(parse_expression(field.get("errors")), parse_expression(field.get("total")))


def _parse_objective(field: Field, source: Rates | Sloth | Pyrra) -> Allowed | AsRecorded:
    if not field.present and not isinstance(source, Rates):
        return AsRecorded()
    percent = parse_finite(field)
    if not 0 < percent < 100:
        raise field.error("must be a percentage above 0 and below 100")
    # 100 - 99.9 is 0.0999999… in binary: a service that burns exactly as fast as allowed must not fail by rounding.
    return Allowed(float((100 - Decimal(repr(percent))) / 100))
