"""One element of `spec.exitCriteria`, read: what each kind may say, what it may not, and what is not said.

The fields of a kind that has a module of its own are read there.
"""

from hypercare.domain.alerts.name_patterns import parse_name_pattern
from hypercare.domain.evidence.baseline import BaselineKind, parse_baseline
from hypercare.domain.evidence.bound_field import BOUNDS, parse_bound, parse_side
from hypercare.domain.evidence.criteria import (
    ActiveWhen,
    AlertsKind,
    AlertState,
    AlwaysActive,
    Criterion,
    Include,
    Kind,
    NoRegression,
    QueryKind,
    RatioKind,
    Regression,
)
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
