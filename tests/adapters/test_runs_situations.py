"""What `runs` makes of what kube-state-metrics shows: history written by promtool, judged as the loop judges it.

Names of metrics and labels are those of docs/metrics/workload in kubernetes/kube-state-metrics, and of its own tests
(internal/store/job_test.go); names of Jobs are those of the CronJob controller.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.evidence.reading import Evaluated, State
from hypercare.domain.evidence.run_record import Ending, RunsState
from hypercare.domain.profile import Evaluation
from tests.adapters.evidence_visits import judged
from tests.adapters.real_prometheus import History, backfill, prometheus
from tests.unit.evidence_contexts import context

pytestmark = pytest.mark.cluster

START = 1_750_000_200
HOUR = 3600
END = START + 2 * HOUR
HOLE = range(START + 2400, START + 3600)
EVALUATION = Evaluation(step=30, interval=60, delay=0, freshness=120, max_delay=600)

Value = Callable[[int], float | None]


@dataclass(frozen=True)
class Job:
    """A Job: created when, over after how many seconds and how, gone after how many more."""

    created: int
    fails: bool = False
    takes: int = 45
    shown_for: int = 900
    name: str = ""

    def series(self, cronjob: str, namespace: str, instance: str) -> Iterator[History]:
        """What kube-state-metrics shows of it: conditions only once they are there, each with three values."""
        name = self.name or f"{cronjob}-{self.created // 60}"
        job = {"namespace": namespace, "job_name": name, "instance": instance}
        owner = {"owner_kind": "CronJob", "owner_name": cronjob, "owner_is_controller": "true"}
        over = self.created + self.takes
        life = range(self.created, over + self.shown_for)
        yield History("kube_job_owner", job | owner, within(life, 1))
        yield History("kube_job_created", job, within(life, self.created))
        ended = "kube_job_failed" if self.fails else "kube_job_complete"
        for condition in ("true", "false", "unknown"):
            shown = within(range(over, life.stop), float(condition == "true"))
            yield History(ended, job | {"condition": condition}, shown)


def within(stretch: range, value: float) -> Value:
    """A value in a stretch of time, and no sample outside or in the hole."""
    return lambda moment: value if moment in stretch and moment not in HOLE else None


def cronjob(name: str, *jobs: Job, namespace: str = "shop", instance: str = "ksm-0") -> Iterator[History]:
    """A CronJob and its Jobs."""

    def scheduled(moment: int) -> float | None:
        minutes = [job.created // 60 * 60 for job in jobs if job.created <= moment and not job.name]
        return max(minutes) if minutes and moment not in HOLE else None

    labels = {"namespace": namespace, "cronjob": name, "instance": instance}
    info = labels | {"schedule": "*/10 * * * *", "concurrency_policy": "Forbid", "timezone": "local"}
    yield History("kube_cronjob_info", info, within(range(END + 1), 1))
    yield History("kube_cronjob_status_last_schedule_time", labels, scheduled)
    for job in jobs:
        yield from job.series(name, namespace, instance)


LATE = START + HOUR + 601
GOOD = tuple(Job(LATE + 600 * number) for number in range(3))


def history() -> Iterator[History]:
    """What kube-state-metrics showed."""
    for instance in ("ksm-0", "ksm-1"):
        yield from cronjob("good", *GOOD, instance=instance)
    yield from cronjob("good", *(Job(job.created, fails=True) for job in GOOD), namespace="other")
    yield from cronjob("good-too", *(Job(job.created, fails=True) for job in GOOD))
    yield from cronjob("failing", GOOD[0], Job(LATE + 600, fails=True), GOOD[2])
    yield from cronjob("by-hand", *GOOD[:2], Job(LATE + 1200, name="by-hand-try"))
    yield from cronjob("old", *(Job(START - 1200 + 300 * number) for number in range(3)))
    yield from cronjob("vanishing", *GOOD, Job(END - 595, takes=4, shown_for=4))
    yield from cronjob("active", *GOOD[:2], Job(LATE + 1200, takes=10_000))
    yield from cronjob("holed", *(Job(START + 601 + 600 * number) for number in range(3)))
    yield from cronjob("pruned", *(Job(job.created, shown_for=120) for job in GOOD))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Prometheus that holds the history."""
    folder = tmp_path_factory.mktemp("runs") / "history"
    backfill(folder, history(), range(START - 1500, END + 1))
    with prometheus(folder, {}) as running:
        yield running.url


def visit(url: str, target: str, now: int = END, stored: State | None = None, **runs: Any) -> Evaluated:
    at = context(now, evaluation=EVALUATION, started_at=START)
    return judged(url, {"runs": {"target": target, **runs}}, at, stored)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("good", (Verdict.MET, "RunsSucceeded")),
        ("good-too", (Verdict.UNMET, "RunFailed")),
        ("failing", (Verdict.UNMET, "RunFailed")),
        ("by-hand", (Verdict.MET, "RunsSucceeded")),
        ("old", (Verdict.UNKNOWN, "Collecting")),
        ("vanishing", (Verdict.UNKNOWN, "RunsNotSeen")),
        ("active", (Verdict.UNKNOWN, "Collecting")),
        ("holed", (Verdict.UNKNOWN, "Collecting")),
        ("pruned", (Verdict.MET, "RunsSucceeded")),
        ("unknown", (Verdict.UNKNOWN, "KubeStateMetricsMissing")),
    ],
)
def test_what_the_runs_of_a_cronjob_say(server: str, target: str, expected: tuple[Verdict, str]) -> None:
    found = visit(server, target).judgement
    assert (found.verdict, found.reason) == expected


def test_neither_replicas_nor_namespaces_nor_other_cronjobs_count(server: str) -> None:
    state = visit(server, "good").state
    assert isinstance(state, RunsState)
    assert [(entry.created, entry.ending) for entry in state.entries] == [
        (job.created, Ending.SUCCEEDED) for job in GOOD
    ]


def test_a_failure_that_is_tolerated_does_not_break_the_count(server: str) -> None:
    assert visit(server, "failing", succeeded=2, failed=1).judgement.verdict is Verdict.MET
    assert visit(server, "vanishing", failed=1).judgement.verdict is Verdict.MET


def test_a_hole_that_is_longer_than_max_gap_leaves_only_later_runs(server: str) -> None:
    found = visit(server, "holed").judgement
    assert "since 2025-06-15T16:10:00Z, after a stretch without data" in found.message


def test_while_kube_state_metrics_is_not_scraped_nothing_is_known(server: str) -> None:
    found = visit(server, "holed", now=HOLE.stop - 60).judgement
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "KubeStateMetricsMissing")
    assert found.message == "kube-state-metrics shows no CronJob holed here (kube_cronjob_info)"


def test_an_operator_that_was_away_while_jobs_were_pruned_counts_them_all_the_same(server: str) -> None:
    midway = visit(server, "pruned", now=GOOD[0].created + 30)
    assert visit(server, "pruned", stored=midway.state).state == visit(server, "pruned").state
