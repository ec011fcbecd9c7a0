"""The bins of a `baseline` criterion: the expressions they need, and what each of them says.

A bin has the value of the one series that the query returns at its end. Several series are no evidence: a label that
comes and goes, such as a pod, has no history to compare with, so the query must aggregate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import isinf, isnan

from hypercare.domain.evidence.baseline import BaselineKind
from hypercare.domain.evidence.points import Marked, Missing, MissingReason, Table, tabulate
from hypercare.domain.promql.syntax import coverage_expr, parse
from hypercare.domain.promql.tenancy import Tenancy, confine
from hypercare.domain.samples import RangeQuery, Result


@dataclass(frozen=True)
class Bin(Marked):
    """The value of one stretch of time, named by its end (Unix seconds)."""

    time: int
    mark: float | Missing


@dataclass(frozen=True)
class BaselineQuestions:
    """The confined expression, and what has a value where fresh samples cover it (empty: everywhere)."""

    value: str
    coverage: str

    def over(self, times: range) -> tuple[RangeQuery, ...]:
        """What must be asked for these bins, each once."""
        expressions = dict.fromkeys(expr for expr in (self.value, self.coverage) if expr)
        return tuple(RangeQuery(expr, times[0], times[-1], times.step) for expr in expressions) if times else ()


# The same for every visit, and parsing is most of what a visit costs.
@lru_cache(maxsize=4096)
def ask_baseline(kind: BaselineKind, tenancy: Tenancy, freshness: int) -> BaselineQuestions:
    """Build the expressions, kept in the tenant's namespace. `freshness` in seconds."""
    value = confine(kind.query, tenancy)
    return BaselineQuestions(value, coverage_expr(parse(value), freshness))


@dataclass(frozen=True)
class BinValues:
    """Answers by time. Of a long past only the hours that are compared are looked at."""

    values: Table
    covered: Table | None

    def at(self, time: int) -> float | Missing:
        """The value of the bin that ends at `time` (Unix seconds), or why there is none."""
        match self.values.at(time):
            case Missing() as failure:
                return failure
            case ():
                return Missing(MissingReason.NO_DATA, "the query returned no series")
            case (only,):
                return self._usable(only.value, time)
            case several:
                detail = f"{len(several)} series: a baseline compares one, so aggregate the query"
                return Missing(MissingReason.TOO_MANY_SERIES, detail)

    def _usable(self, value: float, time: int) -> float | Missing:
        if isnan(value):
            return Missing(MissingReason.NOT_A_NUMBER, "the value is NaN")
        if isinf(value):
            return Missing(MissingReason.INFINITE, "the value is infinite")
        match self.covered.present(time) if self.covered is not None else True:
            case Missing() as failure:
                return failure
            case False:
                return Missing(MissingReason.SCRAPE_GAP, "no fresh samples: the targets were not scraped, or are gone")
        return value


def bin_values(asked: BaselineQuestions, times: range, results: Mapping[RangeQuery, Result]) -> BinValues:
    """The answers to what was asked about at least one bin."""
    answers = {query.expr: tabulate(results[query], times) for query in asked.over(times)}
    return BinValues(answers[asked.value], answers.get(asked.coverage))


def bins_at(asked: BaselineQuestions, times: range, results: Mapping[RangeQuery, Result]) -> tuple[Bin, ...]:
    """What each bin says."""
    if not times:
        return ()
    values = bin_values(asked, times, results)
    return tuple(Bin(time, values.at(time)) for time in times)
