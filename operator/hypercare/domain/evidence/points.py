"""What the data says at one time of the grid: good, bad, missing or idle.

Where several series or parts speak about one point, bad outweighs missing, and missing outweighs good. `activeWhen`
comes before all of them: where it is known to be false, the point is idle whatever the value is, for a closed shop has
no orders, and that is not bad. Where its query fails, the point is missing, for it may turn out to be idle; where its
own data is missing, a bad value is still bad, and everything else is missing.

Stale data that violates the bound is bad as well: only what would count in favour must be covered by fresh samples.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isinf, isnan
from sys import float_info
from typing import Protocol

from hypercare.domain.evidence.bounds import Bound, excess, proves_nothing, satisfied
from hypercare.domain.samples import ENDPOINT_FAILURES, Answer, FailureKind, QueryFailed, Result

Labels = Mapping[str, str]


class MissingReason(StrEnum):
    """Why a point says nothing, beside the failures of a query."""

    NO_DATA = "NoData"
    NOT_A_NUMBER = "NotANumber"
    INFINITE = "InfiniteValue"
    TOO_FEW_SERIES = "TooFewSeries"
    TOO_MANY_SERIES = "TooManySeries"
    SCRAPE_GAP = "ScrapeGap"
    LOW_TRAFFIC = "LowTraffic"
    ERRORS_WITHOUT_TOTAL = "ErrorsWithoutTotal"
    NO_ALERTS = "NoAlertsSelected"
    RULES_NOT_EVALUATED = "RulesNotEvaluated"
    NO_INPUT = "NoDataBehindAlert"
    RULE_FAILS = "RuleFails"
    ZERO_REPLICAS = "ZeroReplicas"
    NO_KUBE_STATE_METRICS = "KubeStateMetricsMissing"
    UNATTRIBUTED = "AlertNotAttributable"
    UNPROVABLE = "QuietNotProvable"


@dataclass(frozen=True, slots=True)
class Measurement:
    """A value, and the labels of the series that has it: the worst, where there are several."""

    value: float
    series: Labels

    @property
    def shown(self) -> float:
        """The value as a number that JSON can hold."""
        return max(-float_info.max, min(float_info.max, self.value)) if isinf(self.value) else self.value


@dataclass(frozen=True, slots=True)
class Good:
    """Every value satisfies the bound."""

    worst: Measurement


@dataclass(frozen=True)
class Bad:
    """A value violates the bound."""

    worst: Measurement


@dataclass(frozen=True)
class Missing:
    """Nothing can be said. `reason` is CamelCase, `detail` for people."""

    reason: MissingReason | FailureKind
    detail: str

    @property
    def unanswered(self) -> bool:
        """Whether the question was not answered at all, so that asking later may tell: the data may well be there."""
        return self.reason in ENDPOINT_FAILURES


@dataclass(frozen=True)
class Idle:
    """Not to be judged here, by `activeWhen`."""


@dataclass(frozen=True)
class Restarted:
    """Good but for restarts of containers, each of which counts. The value of `worst` is how many."""

    worst: Measurement


Mark = Good | Bad | Missing | Idle | Restarted


class _HasMark(Protocol):
    @property
    def mark(self) -> object: ...


class Marked:
    """A time of the grid with a mark, of whatever kind the criterion is."""

    __slots__ = ()

    @property
    def missing(self: _HasMark) -> bool:
        """Whether nothing can be said here."""
        return isinstance(self.mark, Missing)

    @property
    def unanswered(self: _HasMark) -> bool:
        """Whether nothing can be said because the question was not answered at all."""
        return isinstance(self.mark, Missing) and self.mark.unanswered


@dataclass(frozen=True, slots=True)
class Point(Marked):
    """One time of the grid. `regression` is the mark by the criterion's second bound; bad there means past it."""

    time: int
    mark: Mark
    regression: Mark = Idle()


@dataclass(frozen=True)
class Table:
    """One answer by time: of each series its labels and its values; and the times that have no answer, and why.

    A time without a value of any series has no series.
    """

    columns: tuple[tuple[Labels, Mapping[int, float]], ...]
    failures: Mapping[int, Missing]

    def at(self, time: int) -> tuple[Measurement, ...] | Missing:
        """All series at one time, or why they are not known."""
        if time in self.failures:
            return self.failures[time]
        return tuple([Measurement(column[time], labels) for labels, column in self.columns if time in column])

    def present(self, time: int) -> bool | Missing:
        """Whether there is any series at one time, or why that is not known."""
        if time in self.failures:
            return self.failures[time]
        return any(time in column for _, column in self.columns)


def tabulate(result: Result, times: range) -> Table:
    """Sort an answer by time. An answer with warnings is tainted as a whole."""
    match result:
        case QueryFailed(kind, message):
            return Table((), dict.fromkeys(times, Missing(kind, message)))
        case Answer(_, warnings) if warnings:
            tainted = Missing(FailureKind.PARTIAL_ANSWER, "; ".join(warnings))
            return Table((), dict.fromkeys(times, tainted))
    failures: dict[int, Missing] = {}
    for part in result.unanswered:
        hole = Missing(part.failure.kind, part.failure.message)
        first, after = (max(0, -(-(end - times.start) // times.step)) for end in (part.start, part.end + 1))
        failures.update(dict.fromkeys(times[first:after], hole))
    return Table(tuple((series.labels, series.by_time()) for series in result.series), failures)


def mark_values(values: tuple[Measurement, ...], bound: Bound, min_series: int = 1) -> Mark:
    """Judge all series of one time by one bound."""
    if not values:
        return Missing(MissingReason.NO_DATA, "the query returned no series")
    bad = [each for each in values if not satisfied(bound, each.value) and not proves_nothing(bound, each.value)]
    if bad:
        return Bad(_worst(bad, bound))
    for each in values:
        if isnan(each.value):
            return Missing(MissingReason.NOT_A_NUMBER, f"the value is NaN{_of(each.series)}")
        if isinf(each.value):
            return Missing(MissingReason.INFINITE, f"the value is infinite{_of(each.series)}")
    if len(values) < min_series:
        return Missing(MissingReason.TOO_FEW_SERIES, f"{len(values)} series, at least {min_series} are asked for")
    return Good(_worst(values, bound))


def _worst(values: Sequence[Measurement], bound: Bound) -> Measurement:
    return values[0] if len(values) == 1 else max(values, key=lambda each: excess(bound, each.value))


def ratios(
    errors: tuple[Measurement, ...], totals: tuple[Measurement, ...], min_total: float
) -> tuple[tuple[Measurement, ...], tuple[Missing, ...]]:
    """Divide series by series (equal labels); returns the quotients, and what could not be divided."""
    numerators = {_identity(each.series): each.value for each in errors}
    quotients: list[Measurement] = []
    holes: list[Missing] = []
    for total in totals:
        numerator = numerators.pop(_identity(total.series), 0.0)
        match _denominator(total, min_total):
            case Missing() as hole:
                holes.append(hole)
            case denominator:
                quotients.append(Measurement(numerator / denominator, total.series))
    if numerators and totals:
        detail = "errors have labels that total does not have: aggregate both by the same labels"
        holes.append(Missing(MissingReason.ERRORS_WITHOUT_TOTAL, detail))
    if not totals:
        holes.append(Missing(MissingReason.NO_DATA, "the total returned no series"))
    return tuple(quotients), tuple(holes)


def heaviest(marks: Iterable[Mark]) -> Mark:
    """The mark that decides: bad, else missing, else idle, else restarted, else good; of equals the first.

    Of missing marks one that was not answered comes first, for it may still turn out to be something else.
    """
    return min(marks, key=_rank)


def _rank(mark: Mark) -> int:
    match mark:
        case Bad():
            return 0
        case Missing():
            return 1 if mark.unanswered else 2
        case Idle():
            return 3
        case Restarted():
            return 4
        case Good():
            return 5


def _denominator(total: Measurement, min_total: float) -> float | Missing:
    if isnan(total.value):
        return Missing(MissingReason.NOT_A_NUMBER, f"the total is NaN{_of(total.series)}")
    if isinf(total.value):
        return Missing(MissingReason.INFINITE, f"the total is infinite{_of(total.series)}")
    if total.value <= min_total:
        return Missing(
            MissingReason.LOW_TRAFFIC, f"the total {total.value:g} is not above {min_total:g}{_of(total.series)}"
        )
    return total.value


def _identity(labels: Labels) -> frozenset[tuple[str, str]]:
    return frozenset((name, value) for name, value in labels.items() if name != "__name__")


def series_text(labels: Labels) -> str:
    """Labels as PromQL writes them, for people, bounded."""
    text = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    return text if len(text) <= 200 else text[:197] + "..."


def _of(labels: Labels) -> str:
    return f" for {series_text(labels)}" if labels else ""
