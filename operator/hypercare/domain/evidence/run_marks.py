"""What kube-state-metrics shows of a CronJob and its Jobs, at each time of the grid.

Read are `kube_job_owner` (which Jobs are the CronJob's), `kube_job_created`, `kube_job_complete`, `kube_job_failed`
(the terminal conditions of a Job; a failed pod that is retried is no failed run) and
`kube_cronjob_status_last_schedule_time`. A time is covered when `kube_cronjob_info` of the CronJob has a fresh sample.
Source: kubernetes/kube-state-metrics, docs/metrics/workload/{job,cronjob}-metrics.md; all of them are stable.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite

from hypercare.domain.evidence.points import Measurement, Missing, MissingReason, Table, tabulate
from hypercare.domain.evidence.run_record import Ending, Run, RunsPoint, Seen
from hypercare.domain.evidence.runs import RunsKind
from hypercare.domain.promql.syntax import coverage_expr, parse
from hypercare.domain.promql.tenancy import Tenancy, confine
from hypercare.domain.promql.text import matcher
from hypercare.domain.samples import Result


@dataclass(frozen=True)
class RunQuestions:
    """The confined expressions of one `runs` criterion.

    Attributes:
        created: When each Job of the CronJob was created.
        complete: Those that are complete.
        failed: Those that have failed.
        scheduled: When the CronJob made a Job last.
        coverage: Has a value where the CronJob is known, from fresh samples.
    """

    created: str
    complete: str
    failed: str
    scheduled: str
    coverage: str

    def expressions(self) -> tuple[str, ...]:
        """What must be asked."""
        return self.created, self.complete, self.failed, self.scheduled, self.coverage


@lru_cache(maxsize=4096)
def ask_runs(kind: RunsKind, tenancy: Tenancy, freshness: int) -> RunQuestions:
    """Build the expressions, kept in the tenant's namespace. `freshness` in seconds."""
    owner = f"{matcher('owner_kind', '=', 'CronJob')},{matcher('owner_name', '=', kind.target)}"
    cronjob = matcher("cronjob", "=", kind.target)

    # Replicas of kube-state-metrics show every Job twice, with labels of their own.
    def owned(jobs: str) -> str:
        return confine(f"max by (job_name) ({jobs}) and on (job_name) kube_job_owner{{{owner}}}", tenancy)

    return RunQuestions(
        created=owned("kube_job_created"),
        complete=owned('kube_job_complete{condition="true"} == 1'),
        failed=owned('kube_job_failed{condition="true"} == 1'),
        scheduled=confine(f"max(kube_cronjob_status_last_schedule_time{{{cronjob}}})", tenancy),
        coverage=coverage_expr(parse(confine(f"kube_cronjob_info{{{cronjob}}}", tenancy)), freshness),
    )


def mark_runs_at(
    kind: RunsKind, asked: RunQuestions, results: Mapping[str, Result], times: range
) -> tuple[RunsPoint, ...]:
    """Tell which Jobs there were at every time of the grid; results come by expression."""
    created, complete, failed, scheduled, coverage = (tabulate(results[expr], times) for expr in asked.expressions())
    jobs = _Jobs(created, complete, failed, scheduled)
    return tuple(RunsPoint(time, _uncovered(kind, coverage, time) or _seen(jobs, time)) for time in times)


@dataclass(frozen=True)
class _Jobs:
    created: Table
    complete: Table
    failed: Table
    scheduled: Table


def _uncovered(kind: RunsKind, coverage: Table, time: int) -> Missing | None:
    match coverage.at(time):
        case Missing() as failure:
            return failure
        case ():
            detail = f"kube-state-metrics shows no CronJob {kind.target} here (kube_cronjob_info)"
            return Missing(MissingReason.NO_KUBE_STATE_METRICS, detail)
    return None


def _seen(jobs: _Jobs, time: int) -> Seen | Missing:
    rows = [table.at(time) for table in (jobs.created, jobs.complete, jobs.failed, jobs.scheduled)]
    known = [row for row in rows if not isinstance(row, Missing)]
    if len(known) < len(rows):
        return next(row for row in rows if isinstance(row, Missing))
    created, complete, failed, scheduled = known
    if not all(isfinite(each.value) for each in (*created, *scheduled)):
        return Missing(MissingReason.NOT_A_NUMBER, "a time is not a number")
    done, broken = _names(complete), _names(failed)
    return Seen(
        runs=tuple(Run(name, int(each.value), _ending(name, done, broken)) for each in created for name in _name(each)),
        scheduled=max((int(each.value) for each in scheduled), default=0),
    )


def _ending(name: str, complete: frozenset[str], failed: frozenset[str]) -> Ending:
    if name in failed:
        return Ending.FAILED
    return Ending.SUCCEEDED if name in complete else Ending.ACTIVE


def _names(row: tuple[Measurement, ...]) -> frozenset[str]:
    return frozenset(name for each in row for name in _name(each))


def _name(each: Measurement) -> tuple[str, ...]:
    name = each.series.get("job_name", "")
    return (name,) if name else ()
