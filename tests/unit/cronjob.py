"""A CronJob that exists only in a test: its Jobs, and what kube-state-metrics shows of them at any time.

Names of Jobs end in the minute for which they were scheduled, as the controller makes them (kubernetes,
pkg/controller/cronjob: `<name>-<minutes since the epoch>`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hypercare.domain.evidence.points import Missing, MissingReason
from hypercare.domain.evidence.run_record import Ending, Run, RunsPoint, Seen

STEP = 30
NAME = "ingest"
NO_CRONJOB = "kube-state-metrics shows no CronJob ingest here (kube_cronjob_info)"
HOLE = Missing(MissingReason.NO_KUBE_STATE_METRICS, NO_CRONJOB)


@dataclass(frozen=True)
class Job:
    """A Job: created when, over after how many seconds and how, shown for how long after that."""

    created: int
    takes: int = 20
    fails: bool = False
    shown_for: int = 100_000
    by_hand: str = ""

    @property
    def name(self) -> str:
        """As the controller, or the person, named it."""
        return self.by_hand or f"{NAME}-{self.created // 60}"

    def at(self, time: int) -> Iterable[Run]:
        """How it is shown at a time; not at all before it exists and after it was pruned."""
        if self.created <= time < self.created + self.takes + self.shown_for:
            over = time >= self.created + self.takes
            ending = (Ending.FAILED if self.fails else Ending.SUCCEEDED) if over else Ending.ACTIVE
            yield Run(self.name, self.created, ending)


@dataclass(frozen=True)
class CronJob:
    """All its Jobs, and the times (of the grid) at which nothing was scraped."""

    jobs: Sequence[Job]
    holes: frozenset[int] = field(default_factory=frozenset)

    def seen(self, time: int) -> Seen:
        """What is shown at a time."""
        scheduled = [job.created // 60 * 60 for job in self.jobs if job.created <= time and not job.by_hand]
        return Seen(tuple(run for job in self.jobs for run in job.at(time)), max(scheduled, default=0))

    def points(self, times: range) -> tuple[RunsPoint, ...]:
        """Points of a grid."""
        return tuple(RunsPoint(time, HOLE if time in self.holes else self.seen(time)) for time in times)
