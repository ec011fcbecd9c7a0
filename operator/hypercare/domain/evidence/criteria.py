"""Exit criteria as the spec has them: what is asked, which values pass, and for how long.

A criterion that parses can be read: its PromQL has been parsed, found replayable and found confinable to a namespace.
What it says about data is in `points` and `quiet`, how points become a verdict in `fold`, and the seam that the
loop uses in `reading`.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from hypercare.domain.alerts.name_patterns import parse_name_pattern
from hypercare.domain.evidence.baseline import BaselineKind, parse_baseline
from hypercare.domain.evidence.bound_field import BOUNDS, parse_bound, parse_side
from hypercare.domain.evidence.bounds import Above, Below, Bound
from hypercare.domain.evidence.runs import RunsKind, parse_runs
from hypercare.domain.evidence.slo import SloKind, Sloth, parse_slo
from hypercare.domain.evidence.workload import WorkloadKind, parse_workload
from hypercare.domain.fields import Field
from hypercare.domain.indicators import Share, Value, measured, parse_indicator, parse_target
from hypercare.domain.life.rollout import Target
from hypercare.domain.promql.fields import parse_expression

_DEFAULT_COVERAGE = 0.95
_LONGEST_DEFAULT_GAP = 600
_DEFAULT_GAP_SHARE = 0.05
_KINDS = ("query", "ratio", "indicator", "alerts", "slo", "baseline", "workload", "runs")
_NOT_WITH_SLO = ("sustainedFor", *BOUNDS, "minSeries", "allowBad", "regression")
_NOT_WITH_RUNS = (*_NOT_WITH_SLO, "coverage", "activeWhen")
_NOT_WITHOUT_BOUND = (*BOUNDS, "minSeries", "allowBad", "activeWhen", "regression")


@dataclass(frozen=True)
class QueryKind:
    """The values of a PromQL expression; fewer than `min_series` of them are no evidence."""

    query: str
    bound: Bound
    min_series: int = 1


@dataclass(frozen=True)
class RatioKind:
    """Errors over total. Errors that are absent while the total is above `min_total` count as 0."""

    errors: str
    total: str
    bound: Bound
    min_total: float = 0.0


class Include(StrEnum):
    """Whose alerts must be quiet: the team's own, the tightened copies, or both."""

    ORIGINALS = "Originals"
    COPIES = "Copies"
    BOTH = "Both"


class AlertState(StrEnum):
    """States of an alert, as the label `alertstate` has them."""

    PENDING = "pending"
    FIRING = "firing"


@dataclass(frozen=True)
class AlertsKind:
    """No selected alert is in one of the states. Empty severities, names or labels: all that is watched.

    Attributes:
        severities: The original's severity is one of these.
        names: The whole name matches one of these regular expressions.
        states: The states that count as bad.
        include: Whose states count.
        labels: The alert's rule sets all of these labels to these values, sorted by name.
    """

    severities: tuple[str, ...]
    names: tuple[str, ...]
    states: frozenset[AlertState] = frozenset({AlertState.FIRING})
    include: Include = Include.ORIGINALS
    labels: tuple[tuple[str, str], ...] = ()


Kind = QueryKind | RatioKind | AlertsKind | SloKind | BaselineKind | WorkloadKind | RunsKind


@dataclass(frozen=True)
class AlwaysActive:
    """Every point counts."""


@dataclass(frozen=True)
class ActiveWhen:
    """Points count only while every value of the query satisfies the bound; no value at all means not active."""

    query: str
    bound: Above | Below


@dataclass(frozen=True)
class NoRegression:
    """No second bound."""


@dataclass(frozen=True)
class Regression:
    """Regressed once values have been past the bound for `for_seconds` on end."""

    bound: Above | Below
    for_seconds: int


@dataclass(frozen=True)
class Criterion:
    """One exit criterion. Times are seconds of active time, shares are parts of one.

    `sustained_seconds` is how long evidence takes at least: `sustainedFor`, for `slo` its `over`, for `runs` 0.
    """

    name: str
    kind: Kind
    sustained_seconds: int
    coverage: float
    max_gap_seconds: int
    allow_bad: float = 0.0
    active_when: AlwaysActive | ActiveWhen = AlwaysActive()
    regression: NoRegression | Regression = NoRegression()
    advisory: bool = False

    @property
    def kind_name(self) -> str:
        """The key of the spec that holds the kind."""
        match self.kind:
            case QueryKind():
                return "query"
            case RatioKind():
                return "ratio"
            case AlertsKind():
                return "alerts"
            case SloKind():
                return "slo"
            case BaselineKind():
                return "baseline"
            case WorkloadKind():
                return "workload"
            case RunsKind():
                return "runs"


def parse_criterion(field: Field, targets: tuple[Target, ...] = ()) -> Criterion:
    """Read one element of `spec.exitCriteria` of a period with these targets.

    One with an `indicator` becomes what the indicator is: a query or a ratio.

    Raises:
        InvalidField: with the path, also for PromQL that cannot be read.
    """
    kind = _parse_kind(field, targets)
    sustained = _parse_sustained(field, kind)
    regression = _parse_regression(field.get("regression"))
    if isinstance(kind, AlertsKind) and isinstance(regression, Regression):
        raise field.get("regression").error("is not used with alerts, which have no value")
    return Criterion(
        name=field.get("name").text(),
        kind=kind,
        sustained_seconds=sustained,
        coverage=field.get("coverage").share(_DEFAULT_COVERAGE),
        max_gap_seconds=field.get("maxGap").seconds(_default_gap(kind, sustained)),
        allow_bad=field.get("allowBad").share(0.0),
        active_when=_parse_active_when(field.get("activeWhen")),
        regression=regression,
        advisory=field.get("advisory").flag(False),
    )


def definition_hash(criterion: Criterion, *asked_with: object) -> str:
    """Hash of all that changes what the criterion asks; its name and `advisory` do not.

    `asked_with` is what the reading adds: the grid, and the expressions as they are asked; plain values only.
    """
    asked = (
        criterion.kind,
        criterion.sustained_seconds,
        criterion.coverage,
        criterion.max_gap_seconds,
        criterion.allow_bad,
        criterion.active_when,
        criterion.regression,
        *asked_with,
    )
    return hashlib.sha256(repr(_stable(asked)).encode()).hexdigest()[:12]


def _stable(value: object) -> object:
    """The same with sets in order, for `repr` of a set differs between processes."""
    match value:
        case AlertsKind():
            named = (sorted(value.severities), sorted(value.names), sorted(value.states), value.include)
            return ("alerts", *named, *value.labels)
        case tuple():
            return tuple(_stable(each) for each in value)
    return value


def _parse_kind(field: Field, targets: tuple[Target, ...]) -> Kind:
    written = [key for key in _KINDS if field.get(key).present]
    if len(written) != 1:
        raise field.error(f"exactly one of {', '.join(_KINDS[:-1])} and {_KINDS[-1]} must be set")
    match written[0]:
        case "query":
            min_series = field.get("minSeries").integer(1)
            if min_series < 1:
                raise field.get("minSeries").error("must be at least 1")
            return QueryKind(parse_expression(field.get("query")), parse_bound(field), min_series)
        case "ratio":
            return _parse_ratio(field)
        case "indicator":
            return _parse_indicator(field, targets)
        case "slo":
            return parse_slo(field.get("slo"))
        case "baseline":
            return parse_baseline(field.get("baseline"), field.get("sustainedFor"))
        case "workload":
            return parse_workload(field.get("workload"))
        case "runs":
            return parse_runs(field.get("runs"))
        case _:
            return _parse_alerts(field.get("alerts"))


def _parse_sustained(field: Field, kind: Kind) -> int:
    """How long evidence takes; refuses what has no meaning for a kind that names its own span, or needs none."""
    match kind:
        case SloKind(source=source):
            unused = (*_NOT_WITH_SLO, "activeWhen") if isinstance(source, Sloth) else _NOT_WITH_SLO
            _refuse(field, unused, "slo with sloth" if isinstance(source, Sloth) else "slo")
            return kind.over_seconds
        case RunsKind():
            _refuse(field, _NOT_WITH_RUNS, "runs")
            return 0
        case BaselineKind():
            _refuse(field, _NOT_WITHOUT_BOUND, "baseline")
        case WorkloadKind():
            _refuse(field, _NOT_WITHOUT_BOUND, "workload")
    sustained = field.get("sustainedFor").seconds()
    if sustained <= 0:
        raise field.get("sustainedFor").error("must be longer than zero")
    return sustained


def _default_gap(kind: Kind, sustained: int) -> int:
    """A twentieth of the window and at most ten minutes, but one bin of a baseline, however wide."""
    gap = min(_LONGEST_DEFAULT_GAP, int(_DEFAULT_GAP_SHARE * sustained)) if sustained else _LONGEST_DEFAULT_GAP
    return max(gap, kind.bin_seconds) if isinstance(kind, BaselineKind) else gap


def _refuse(field: Field, unused: tuple[str, ...], kind: str) -> None:
    for key in unused:
        if field.get(key).present:
            raise field.get(key).error(f"is not used with {kind}")


def _parse_ratio(field: Field) -> RatioKind:
    ratio = field.get("ratio")
    min_total = ratio.get("minTotal").number(0.0)
    if min_total < 0:
        raise ratio.get("minTotal").error("must not be negative")
    return RatioKind(
        parse_expression(ratio.get("errors")), parse_expression(ratio.get("total")), parse_bound(field), min_total
    )


def _parse_indicator(field: Field, targets: tuple[Target, ...]) -> QueryKind | RatioKind:
    _refuse(field, ("minSeries",), "indicator")
    indicator, target, bound = parse_indicator(field.get("indicator")), field.get("target"), parse_bound(field)
    wrong = indicator.alert_bound
    if field.get(wrong).present:
        worse = indicator.worse.value.lower()
        raise field.get(wrong).error(
            f"of {indicator.name} the {worse} values are the worse ones: use {indicator.criterion_bound}"
        )
    match measured(indicator, parse_target(target, targets)).measure:
        case Value(query):
            return QueryKind(query, bound)
        case Share(errors, total, min_total):
            return RatioKind(errors, total, bound, min_total)


def _parse_alerts(field: Field) -> AlertsKind:
    states = frozenset(state.choice(AlertState) for state in field.get("states").items())
    return AlertsKind(
        severities=field.get("severities").texts(),
        names=tuple(parse_name_pattern(name).pattern for name in field.get("names").items()),
        states=states or frozenset({AlertState.FIRING}),
        include=field.get("include").choice(Include, Include.ORIGINALS),
        labels=tuple(sorted(field.get("labels").text_map().items())),
    )


def _parse_active_when(field: Field) -> AlwaysActive | ActiveWhen:
    return ActiveWhen(parse_expression(field.get("query")), parse_side(field)) if field.present else AlwaysActive()


def _parse_regression(field: Field) -> NoRegression | Regression:
    return Regression(parse_side(field), field.get("for").seconds()) if field.present else NoRegression()
