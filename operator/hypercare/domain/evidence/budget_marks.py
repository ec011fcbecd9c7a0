"""The points of a `slo` criterion: what is asked for each source, and what was spent at each time of the grid.

Whether a point is there at all is judged on the total, as a query whose every number is good: so activity, scrape gaps,
NaN and failures mean the same as for every other kind. Errors that are absent while there is a total are 0 where a
person wrote the expression, for a healthy service has no error series; Pyrra records a 0 itself, so there they are
missing: a latency objective without any fast request has no errors recorded either.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import inf, isinf, isnan

from hypercare.domain.evidence.bounds import AtLeast
from hypercare.domain.evidence.budget import BudgetMark, BudgetPoint, Burns, Spent
from hypercare.domain.evidence.criteria import ActiveWhen, AlwaysActive, Criterion, NoRegression, QueryKind
from hypercare.domain.evidence.points import Good, Idle, Measurement, Missing, MissingReason, Point, Table, tabulate
from hypercare.domain.evidence.slo import SLOTH_WINDOWS, Allowed, Pyrra, Rates, SloKind, Sloth
from hypercare.domain.evidence.value_marks import ValueQuestions, ask_values, mark_values_at
from hypercare.domain.promql.syntax import look_behind, parse
from hypercare.domain.promql.tenancy import Tenancy, confine
from hypercare.domain.samples import Answer, Result

_ANY_NUMBER = AtLeast(-inf)
_PYRRA_LOOKS_BEHIND = 300
_NOTHING = tabulate(Answer(()), range(0))


@dataclass(frozen=True)
class BudgetQuestions:
    """The confined expressions of one `slo` criterion; empty text where nothing has to be asked.

    Attributes:
        total: All events, or the share of errors over the long window; with its coverage and `activeWhen`.
        spent: The errors, or the share of errors over the short window.
        objective: The recorded objective.
        look_behind: How many seconds before a point the criterion reads; not counted are recorded windows.
    """

    total: ValueQuestions
    spent: str
    objective: str
    look_behind: int

    def expressions(self) -> tuple[str, ...]:
        """What must be asked, each once."""
        every = (*self.total.expressions(), self.spent, self.objective)
        return tuple(dict.fromkeys(expr for expr in every if expr))


@lru_cache(maxsize=4096)
def ask_budget(
    kind: SloKind, active_when: AlwaysActive | ActiveWhen, tenancy: Tenancy, freshness: int
) -> BudgetQuestions:
    """Build the expressions, kept in the tenant's namespace. `freshness` in seconds."""
    total, spent, objective = _expressions(kind)
    asked = ask_values(QueryKind(total, _ANY_NUMBER), active_when, tenancy, freshness)
    reach = max(asked.look_behind, look_behind(parse(spent)))
    return BudgetQuestions(
        total=asked,
        spent=confine(spent, tenancy),
        objective="" if isinstance(kind.objective, Allowed) else confine(objective, tenancy),
        look_behind=_PYRRA_LOOKS_BEHIND if isinstance(kind.source, Pyrra) else reach,
    )


def mark_budget_at(
    criterion: Criterion, kind: SloKind, asked: BudgetQuestions, results: Mapping[str, Result], times: range
) -> tuple[BudgetPoint, ...]:
    """Tell what was spent at every time of the grid; results come by expression."""
    presence = replace(criterion, kind=QueryKind(asked.total.value, _ANY_NUMBER), regression=NoRegression())
    answers = _Answers(
        kind=kind,
        total=tabulate(results[asked.total.value], times),
        spent=tabulate(results[asked.spent], times),
        objective=tabulate(results[asked.objective], times) if asked.objective else _NOTHING,
    )
    return tuple(_point(point, answers) for point in mark_values_at(presence, asked.total, results, times))


@dataclass(frozen=True)
class _Answers:
    kind: SloKind
    total: Table
    spent: Table
    objective: Table


def _expressions(kind: SloKind) -> tuple[str, str, str]:
    """The total, what is spent of it, and the objective where it is recorded."""
    match kind.source:
        case Rates(errors, total):
            return total, errors, ""
        case Pyrra() as pyrra:
            requests, errors = "pyrra_requests:rate5m", "pyrra_errors:rate5m"
            return pyrra.recorded(requests), pyrra.recorded(errors), pyrra.recorded("pyrra_objective")
        case Sloth() as sloth:
            long, short = (f"slo:sli_error:ratio_rate{window}" for window in SLOTH_WINDOWS[kind.over_seconds])
            return sloth.recorded(long), sloth.recorded(short), sloth.recorded("slo:objective:ratio")


def _point(point: Point, answers: _Answers) -> BudgetPoint:
    match point.mark:
        case Good():
            return BudgetPoint(point.time, _mark(point.time, answers))
        case Missing() | Idle() as mark:
            return BudgetPoint(point.time, mark)
    raise TypeError("every number is good here")


def _mark(time: int, answers: _Answers) -> BudgetMark:
    share = _allowed_share(answers, time)
    if isinstance(share, Missing):
        return share
    total = _sum(answers.total.at(time))
    if isinstance(total, Missing):
        return total
    spent = _spent(answers, time)
    if isinstance(spent, Missing):
        return spent
    if isinstance(answers.kind.source, Sloth):
        return Burns(total / share, spent / share)
    if spent > 0 and total == 0:
        return Missing(MissingReason.ERRORS_WITHOUT_TOTAL, "there are errors, and the total is 0")
    return Spent(spent, total * share)


def _allowed_share(answers: _Answers, time: int) -> float | Missing:
    match answers.kind.objective:
        case Allowed(share):
            return share
    recorded = _sum(answers.objective.at(time))
    if isinstance(recorded, Missing):
        return Missing(recorded.reason, f"objective: {recorded.detail}")
    if not 0 < recorded < 1:
        return Missing(MissingReason.NO_DATA, f"the recorded objective {recorded:g} is not between 0 and 1")
    return 1 - recorded


def _spent(answers: _Answers, time: int) -> float | Missing:
    row = answers.spent.at(time)
    return 0.0 if row == () and isinstance(answers.kind.source, Rates) else _sum(row)


def _sum(row: tuple[Measurement, ...] | Missing) -> float | Missing:
    """The sum over all series; not below 0, for latency errors are recorded as a difference of two rates."""
    match row:
        case Missing():
            return row
        case ():
            return Missing(MissingReason.NO_DATA, "the query returned no series")
    total = sum(each.value for each in row)
    if isnan(total):
        return Missing(MissingReason.NOT_A_NUMBER, "the value is NaN")
    if isinf(total):
        return Missing(MissingReason.INFINITE, "the value is infinite")
    return max(0.0, total)
