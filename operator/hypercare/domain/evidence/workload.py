"""The criterion kind `workload`: the targets are available, and their containers have not restarted too often.

All of it is read from kube-state-metrics, on the same grid as everything else, so it can be replayed. One expression
per target holds every question about it. Its parts are told apart by the label `what`, and look back over a window, so
what was between two points is seen as well.

Available is a target of which no fewer pods run, at the worst moment of the window, than were wanted at the least in a
longer time. So a pod that drops out for a single scrape is seen, and after a scale-up there is as long for new pods to
come up as a Deployment has by default to make progress. A Deployment with fewer is available, too, for as long as its
own condition says so, which knows what its strategy tolerates. That condition alone would call a small Deployment
unavailable at every scale-up.

Restarts are what the counters of a target's pods rose by since the point before, compared with their newest sample of
up to `maxGap` earlier, so what happened in a tolerated hole counts after it. The counter of a new pod begins at zero.
"""

from dataclasses import dataclass
from functools import lru_cache

from hypercare.domain.fields import Field
from hypercare.domain.life.pods import pod_pattern
from hypercare.domain.life.rollout import Target
from hypercare.domain.objects import DAEMONSETS, DEPLOYMENTS, ROLLOUTS, STATEFULSETS
from hypercare.domain.promql.tenancy import Tenancy, confine
from hypercare.domain.promql.text import matcher

WHAT = "what"
WANTED, CONDITION, RUNNING, COUNTED, RESTARTED = "wanted", "condition", "running", "counted", "restarted"
MAX_RESTARTS = 1000
STARTING_SECONDS = 600
"""How long new pods may take to come up: the default of a Deployment's progressDeadlineSeconds."""
RESTARTS_METRIC = "kube_pod_container_status_restarts_total"


@dataclass(frozen=True)
class WorkloadKind:
    """Whether availability is judged, and how many restarts there may be in the window, of all targets together."""

    available: bool = True
    max_restarts: int = 0


@dataclass(frozen=True)
class WorkloadMetrics:
    """Metrics of kube-state-metrics about one kind, and the label that holds the name (its docs/metrics/workload)."""

    label: str
    wanted: str
    running: str


METRICS = {
    DEPLOYMENTS.kind: WorkloadMetrics(
        "deployment", "kube_deployment_spec_replicas", "kube_deployment_status_replicas_available"
    ),
    STATEFULSETS.kind: WorkloadMetrics(
        "statefulset", "kube_statefulset_replicas", "kube_statefulset_status_replicas_ready"
    ),
    DAEMONSETS.kind: WorkloadMetrics(
        "daemonset", "kube_daemonset_status_desired_number_scheduled", "kube_daemonset_status_number_available"
    ),
    # Of the controller of Argo Rollouts; kube-state-metrics knows none.
    ROLLOUTS.kind: WorkloadMetrics("name", "rollout_info_replicas_desired", "rollout_info_replicas_available"),
}
_CONDITION_METRIC = "kube_deployment_status_condition"


@dataclass(frozen=True)
class Reach:
    """How far back one expression looks, in seconds: `window` for what is, `before` for earlier counters."""

    step: int
    window: int
    before: int

    @property
    def wanted(self) -> int:
        """How far back what is wanted is looked at."""
        return self.window + STARTING_SECONDS


def parse_workload(field: Field) -> WorkloadKind:
    """Read `workload` of a criterion.

    Raises:
        InvalidField: with the path.
    """
    restarts = field.get("maxRestarts").integer(0)
    if not 0 <= restarts <= MAX_RESTARTS:
        raise field.get("maxRestarts").error(f"must be between 0 and {MAX_RESTARTS}")
    return WorkloadKind(field.get("available").flag(True), restarts)


def described(kind: WorkloadKind) -> tuple[str, str]:
    """What is asked, and the bound in words, for reports."""
    return "all targets", f"{'available, with ' if kind.available else ''}at most {kind.max_restarts} restarts"


# The same for every visit, and parsing is most of what a visit costs.
@lru_cache(maxsize=4096)
def workload_expression(target: Target, tenancy: Tenancy, reach: Reach) -> str:
    """Everything that is asked about one target, as one expression, kept in the tenant's namespace."""
    metrics = METRICS[target.kind]
    named = matcher(metrics.label, "=", target.name)
    counters = f"{RESTARTS_METRIC}{{{matcher('pod', '=~', pod_pattern(target))}}}"
    pods = "sum by (pod, uid) (max by (pod, uid, container)"
    now = f"{pods} (last_over_time({counters}[{reach.window}s])))"
    before = f"{pods} (last_over_time({counters}[{reach.before}s] offset {reach.step}s)))"
    parts = {
        WANTED: _least(metrics.wanted, named, reach.wanted),
        RUNNING: _least(metrics.running, named, reach.window),
        COUNTED: f"count(count by (pod) ({now}))",
        RESTARTED: f"({now} - {before} > 0 or ({now} > 0 unless {before}) and on () group({before}))",
    }
    if target.kind == DEPLOYMENTS.kind:
        condition = f'condition="Available",{named},status="true"'
        parts[CONDITION] = _least(_CONDITION_METRIC, condition, reach.window)
    text = " or ".join(f'label_replace({part}, "{WHAT}", "{what}", "", "")' for what, part in parts.items())
    return confine(text, tenancy)


def _least(metric: str, matchers: str, window: int) -> str:
    """The least value in the window; replicas of kube-state-metrics export each series twice."""
    return f"min(min_over_time({metric}{{{matchers}}}[{window}s]))"
