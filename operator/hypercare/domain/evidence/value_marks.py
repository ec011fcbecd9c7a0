"""The points of `query` and `ratio` criteria: the expressions they need on the grid, and the marks that follow.

Beside each expression goes a companion that tells where it is covered by fresh samples, built from its syntax tree; a
ratio is covered by its total alone, for errors may well be absent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from hypercare.domain.evidence.bounds import Bound
from hypercare.domain.evidence.criteria import ActiveWhen, AlwaysActive, Criterion, QueryKind, RatioKind, Regression
from hypercare.domain.evidence.fold import not_regressed
from hypercare.domain.evidence.plain_points import plain_query, plain_ratio, plainly_good
from hypercare.domain.evidence.points import (
    Bad,
    Idle,
    Mark,
    Missing,
    MissingReason,
    Point,
    Table,
    heaviest,
    mark_values,
    ratios,
    tabulate,
)
from hypercare.domain.promql.syntax import coverage_expr, look_behind, parse
from hypercare.domain.promql.tenancy import Tenancy, confine
from hypercare.domain.samples import FailureKind, Result


@dataclass(frozen=True)
class ValueQuestions:
    """The confined expressions of one criterion; empty text where nothing has to be asked.

    Attributes:
        value: The query, or the errors of a ratio.
        total: The total of a ratio.
        coverage: Has a value where the criterion is covered by fresh samples.
        active: The query of `activeWhen`.
        active_coverage: Has a value where `activeWhen` is covered.
        look_behind: How many seconds before a point the criterion reads.
    """

    value: str
    total: str
    coverage: str
    active: str
    active_coverage: str
    look_behind: int

    def expressions(self) -> tuple[str, ...]:
        """What must be asked, each once."""
        every = (self.value, self.total, self.coverage, self.active, self.active_coverage)
        return tuple(dict.fromkeys(expr for expr in every if expr))


# The same for every visit, and parsing is most of what a visit costs.
@lru_cache(maxsize=16384)
def ask_values(
    kind: QueryKind | RatioKind, active_when: AlwaysActive | ActiveWhen, tenancy: Tenancy, freshness: int
) -> ValueQuestions:
    """Build the expressions, kept in the tenant's namespace. `freshness` in seconds."""
    match kind:
        case QueryKind(query):
            value, total = confine(query, tenancy), ""
        case RatioKind(errors, all_of_them):
            value, total = confine(errors, tenancy), confine(all_of_them, tenancy)
    active = confine(active_when.query, tenancy) if isinstance(active_when, ActiveWhen) else ""
    reaches = [look_behind(parse(expr)) for expr in (value, total) if expr]
    return ValueQuestions(
        value=value,
        total=total,
        coverage=coverage_expr(parse(total or value), freshness),
        active=active,
        active_coverage=coverage_expr(parse(active), freshness) if active else "",
        look_behind=max(reaches),
    )


@dataclass(frozen=True)
class _Tables:
    value: Table
    total: Table
    coverage: Table
    active: Table
    active_coverage: Table


_EMPTY = Table((), {})


def mark_values_at(
    criterion: Criterion, asked: ValueQuestions, results: Mapping[str, Result], times: range
) -> tuple[Point, ...]:
    """Judge every time of the grid; results come by expression."""

    def table(expr: str) -> Table:
        return tabulate(results[expr], times) if expr else _EMPTY

    tables = _Tables(
        table(asked.value), table(asked.total), table(asked.coverage), table(asked.active), table(asked.active_coverage)
    )
    good = _plainly_good(criterion, asked, tables)
    return tuple(good[time] if time in good else _point(criterion, asked, tables, time) for time in times)


def _plainly_good(criterion: Criterion, asked: ValueQuestions, tables: _Tables) -> Mapping[int, Point]:
    """The points that need no closer look, by their times."""
    if not isinstance(criterion.active_when, AlwaysActive) or tables.coverage.failures:
        return {}
    match criterion.kind:
        case QueryKind() as query:
            values, bound = plain_query(query, tables.value), query.bound
        case RatioKind() as ratio:
            values, bound = plain_ratio(ratio, tables.value, tables.total), ratio.bound
        case _:
            return {}
    fresh = {time for _, column in tables.coverage.columns for time in column} if asked.coverage else values.by_time
    if isinstance(criterion.regression, Regression):
        second = plainly_good(values, fresh, bound, not_regressed(criterion.regression))
        return {time: Point(time, mark, mark) for time, mark in second.items()}
    return {time: Point(time, mark) for time, mark in plainly_good(values, fresh, bound).items()}


def _point(criterion: Criterion, asked: ValueQuestions, tables: _Tables, time: int) -> Point:
    active = _active(criterion.active_when, asked, tables, time)
    if isinstance(active, Idle) or (active is not None and isinstance(active.reason, FailureKind)):
        return Point(time, active, active)
    uncovered = _uncovered(asked.coverage, tables.coverage, time)
    lacking = [each for each in (active, uncovered) if each is not None]
    kind = criterion.kind
    if not isinstance(kind, QueryKind | RatioKind):
        raise TypeError("alerts are judged elsewhere")
    main = _mark(kind, tables, kind.bound, time)
    if lacking:
        main = heaviest([main, *lacking])
    match criterion.regression:
        case Regression() as regression:
            return Point(time, main, heaviest([_mark(kind, tables, not_regressed(regression), time), *lacking]))
    return Point(time, main)


def _mark(kind: QueryKind | RatioKind, tables: _Tables, bound: Bound, time: int) -> Mark:
    values = tables.value.at(time)
    if isinstance(values, Missing):
        return values
    match kind:
        case QueryKind(_, _, min_series):
            return mark_values(values, bound, min_series)
        case RatioKind(min_total=min_total):
            totals = tables.total.at(time)
            if isinstance(totals, Missing):
                return totals
            quotients, holes = ratios(values, totals, min_total)
            return heaviest([*([mark_values(quotients, bound)] if quotients else []), *holes])


def _uncovered(coverage: str, table: Table, time: int) -> Missing | None:
    """Why a point is not backed by fresh samples; None where it is."""
    if not coverage:
        return None
    match table.present(time):
        case Missing() as failure:
            return failure
        case False:
            return Missing(MissingReason.SCRAPE_GAP, "no fresh samples: the targets were not scraped, or are gone")
    return None


def _active(
    active_when: AlwaysActive | ActiveWhen, asked: ValueQuestions, tables: _Tables, time: int
) -> Idle | Missing | None:
    """Idle where `activeWhen` is false for sure, missing where it is not known, None where it is true."""
    if isinstance(active_when, AlwaysActive):
        return None
    values = tables.active.at(time)
    if isinstance(values, Missing):
        return _of_active_when(values)
    uncovered = _uncovered(asked.active_coverage, tables.active_coverage, time)
    if uncovered is not None:
        return _of_active_when(uncovered)
    # A comparison such as `hour() > 6` answers nothing where it is false.
    if not values:
        return Idle()
    match mark_values(values, active_when.bound):
        case Bad():
            return Idle()
        case Missing() as unknown:
            return _of_active_when(unknown)
    return None


def _of_active_when(missing: Missing) -> Missing:
    return Missing(missing.reason, f"activeWhen: {missing.detail}")
