"""The points of a `workload` criterion: what kube-state-metrics says about the targets at each time of the grid.

A target that is not available is bad, and so are more restarts at once than are tolerated. Fewer restarts are counted
by the streak. Where something else is missing for good, tolerable restarts are bad: they must not be lost, and nothing
says that they did no harm. Zero replicas are missing, never good: nothing that does not run can fail.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hypercare.domain.evidence.points import (
    Bad,
    Good,
    Mark,
    Measurement,
    Missing,
    MissingReason,
    Point,
    Restarted,
    Table,
    heaviest,
    tabulate,
)
from hypercare.domain.evidence.workload import (
    CONDITION,
    COUNTED,
    METRICS,
    RESTARTED,
    RESTARTS_METRIC,
    RUNNING,
    WANTED,
    WHAT,
    Reach,
    WorkloadKind,
    workload_expression,
)
from hypercare.domain.life.rollout import Target
from hypercare.domain.objects import DEPLOYMENTS
from hypercare.domain.profile import Evaluation
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.domain.samples import Result


@dataclass(frozen=True)
class WorkloadQuestions:
    """One expression per target. `look_behind`: how many seconds before a point the present of the targets is read."""

    asked: tuple[tuple[Target, str], ...]
    look_behind: int

    def expressions(self) -> tuple[str, ...]:
        """What must be asked, each once."""
        return tuple(dict.fromkeys(expr for _, expr in self.asked))


@dataclass(frozen=True)
class _Seen:
    """What is known of one target at one time: numbers by what they are about, and restarts by pod."""

    numbers: Mapping[str, float]
    restarted: tuple[Measurement, ...]


def ask_workload(
    targets: Sequence[Target], tenancy: Tenancy, evaluation: Evaluation, max_gap_seconds: int
) -> WorkloadQuestions:
    """Build the expressions for all targets of the period."""
    window = max(evaluation.freshness, evaluation.step)
    reach = Reach(evaluation.step, window, window + max_gap_seconds)
    asked = tuple((target, workload_expression(target, tenancy, reach)) for target in targets)
    return WorkloadQuestions(asked, window)


def mark_workload_at(
    kind: WorkloadKind, asked: WorkloadQuestions, results: Mapping[str, Result], times: range
) -> tuple[Point, ...]:
    """Judge every time of the grid; results come by expression."""
    tables = tuple((target, tabulate(results[expr], times)) for target, expr in asked.asked)
    return tuple(Point(time, _mark(kind, tables, time)) for time in times)


def _mark(kind: WorkloadKind, tables: Sequence[tuple[Target, Table]], time: int) -> Mark:
    marks: list[Mark] = []
    restarted: list[Measurement] = []
    for target, table in tables:
        match _seen(table, time):
            case Missing() as failure:
                marks.append(failure)
            case seen:
                marks.append(_availability(kind, target, seen))
                marks.extend(_uncounted(target, seen))
                restarted.extend(seen.restarted)
    return _with_restarts(kind, heaviest(marks or [_NO_TARGETS]), restarted)


_NO_TARGETS = Missing(MissingReason.NO_DATA, "the period has no targets")


def _seen(table: Table, time: int) -> _Seen | Missing:
    rows = table.at(time)
    if isinstance(rows, Missing):
        return rows
    numbers = {row.series.get(WHAT, ""): row.value for row in rows if row.series.get(WHAT) != RESTARTED}
    return _Seen(numbers, tuple(row for row in rows if row.series.get(WHAT) == RESTARTED))


def _availability(kind: WorkloadKind, target: Target, seen: _Seen) -> Mark:
    metrics = METRICS[target.kind]
    wanted, running = seen.numbers.get(WANTED), seen.numbers.get(RUNNING)
    condition = seen.numbers.get(CONDITION)
    if wanted is None or running is None:
        return _not_exported(target, metrics.wanted if wanted is None else metrics.running)
    if wanted == 0:
        return Missing(MissingReason.ZERO_REPLICAS, f"{target.kind} {target.name} has zero replicas")
    if target.kind == DEPLOYMENTS.kind and condition is None:
        return _not_exported(target, "kube_deployment_status_condition")
    healthy = running >= wanted or (condition is not None and condition > 0)
    labels = {metrics.label: target.name, "running": f"{running:g} of {wanted:g}"}
    if healthy or not kind.available:
        return Good(Measurement(0, {}))
    return Bad(Measurement(max(1.0, wanted - running), labels))


def _uncounted(target: Target, seen: _Seen) -> list[Missing]:
    """A pod whose counter is not exported may have restarted."""
    counted, running = seen.numbers.get(COUNTED, 0), seen.numbers.get(RUNNING, 0)
    if counted >= max(running, 1):
        return []
    return [_not_exported(target, f"{RESTARTS_METRIC} ({counted:g} of {max(running, 1):g} pods)")]


def _not_exported(target: Target, what: str) -> Missing:
    detail = (
        f"{target.kind} {target.name}: no fresh {what}. Install kube-state-metrics, scrape it with honorLabels, and "
        "see that the profile's tenancy names its namespace label"
    )
    return Missing(MissingReason.NO_KUBE_STATE_METRICS, detail)


def _with_restarts(kind: WorkloadKind, mark: Mark, restarted: Sequence[Measurement]) -> Mark:
    total = sum(each.value for each in restarted)
    if not total or isinstance(mark, Bad) or (isinstance(mark, Missing) and mark.unanswered):
        return mark
    worst = max(restarted, key=lambda each: each.value)
    measured = Measurement(total, {"pod": worst.series.get("pod", "")})
    if total > kind.max_restarts or isinstance(mark, Missing):
        return Bad(measured)
    return Restarted(measured)
