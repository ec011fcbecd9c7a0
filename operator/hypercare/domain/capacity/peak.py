"""`floor: Peak`: the most replicas that a target was given in the days before its run.

What is asked is how many were wanted, not how many there were: a rollout has more pods for a while than anybody asked
for. The question is put for the time before the run, so whenever it is asked the answer is the same, and what
hypercare itself has raised never counts.
"""

from dataclasses import dataclass
from math import isfinite

from hypercare.domain.capacity.hold import Refusal
from hypercare.domain.capacity.quantity import SeenPeak
from hypercare.domain.life.rollout import Target
from hypercare.domain.objects import DEPLOYMENTS, ROLLOUTS, STATEFULSETS
from hypercare.domain.promql.tenancy import Tenancy, confine
from hypercare.domain.promql.text import matcher
from hypercare.domain.samples import Answer, InstantQuery, QueryFailed, Result

BASELINE_DAYS = 7


@dataclass(frozen=True)
class _Metric:
    name: str
    label: str


_WANTED = {
    DEPLOYMENTS.kind: _Metric("kube_deployment_spec_replicas", "deployment"),
    STATEFULSETS.kind: _Metric("kube_statefulset_replicas", "statefulset"),
    ROLLOUTS.kind: _Metric("rollout_info_replicas_desired", "name"),
}


def peak_query(target: Target, tenancy: Tenancy, run_began: int) -> InstantQuery | Refusal:
    """Ask for the peak before a run that began then (Unix seconds), or say why there can be none."""
    metric = _WANTED.get(target.kind)
    if metric is None:
        return Refusal("NotScalable", f"{target.kind} {target.name} runs once per node: remove this rule")
    series = f"{metric.name}{{{matcher(metric.label, '=', target.name)}}}"
    return InstantQuery(confine(f"max(max_over_time({series}[{BASELINE_DAYS}d]))", tenancy), run_began)


def peak_of(target: Target, result: Result) -> SeenPeak | Refusal:
    """Read the answer; one that may be incomplete counts as none."""
    name = f"{target.kind} {target.name}"
    match result:
        case QueryFailed(message=message):
            return Refusal("PeakUnread", f"the replicas of {name} before the run could not be read: {message}")
        case Answer(warnings=warnings) if warnings:
            return Refusal("PeakUnread", f"the replicas of {name} before the run may be incomplete: {warnings[0]}")
        case Answer(series=(series,)) if series.samples and isfinite(series.samples[0].value):
            return SeenPeak(max(1, int(series.samples[0].value)))
        case _:
            metric = _WANTED[target.kind].name
            message = f"Prometheus has no {metric} of {name} in the {BASELINE_DAYS} days before the run"
            return Refusal("PeakUnknown", f"{message}: write `floor` as a count")
