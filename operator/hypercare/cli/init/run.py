"""The work of `kubectl hypercare init`: look, write."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from hypercare.cli.cluster_access import Cluster
from hypercare.cli.failures import OK, UnusableInput
from hypercare.cli.init.capacity import Here, capacity_offers
from hypercare.cli.init.command import InitArguments
from hypercare.cli.init.looking import profile, rules, workloads
from hypercare.cli.init.metrics import metrics, usable_profile
from hypercare.cli.init.survey import Capacity, Survey, Workload
from hypercare.cli.init.template import period_file
from hypercare.cli.periods.words import counted
from hypercare.cli.seen_capacity import seen_capacity
from hypercare.domain.life.rollout import Target

_LONGEST_NAME = 52


def run(asked: InitArguments) -> int:
    """Do it; returns the exit code.

    Raises:
        UnusableInput: there is nothing to protect, or the file exists already.
    """
    path = Path(asked.output) if asked.output else None
    if path is not None and path.exists() and not asked.force:
        raise UnusableInput(f"--output: {path} exists already; --force writes over it")
    with Cluster.connect(asked) as cluster:
        survey = _survey(cluster, asked)
    text = period_file(survey)
    if path is None:
        typer.echo(text, nl=False)
        return OK
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UnusableInput(f"--output: {path}: {error.strerror or error}") from error
    protected = counted(len(survey.workloads), "workload")
    typer.echo(f"{path}: a period for {protected} of namespace {survey.namespace}", err=True)
    return OK


def _survey(cluster: Cluster, asked: InitArguments) -> Survey:
    found = workloads(cluster, asked.targets or ())
    body = profile(cluster, asked.profile)
    known = isinstance(body, Mapping)
    spec: Mapping[str, Any] = (body.get("spec") or {}) if isinstance(body, Mapping) else {}
    targets = found.targets
    name = asked.name or (targets[0].name if len(targets) == 1 else cluster.namespace)
    return Survey(
        namespace=cluster.namespace,
        name=name[:_LONGEST_NAME].rstrip("-."),
        profile=asked.profile,
        profile_there=True if known else False if body is None else None,
        workloads=targets,
        left_out=found.left_out,
        capacity=_capacity(cluster, targets, usable_profile(spec).limits.max_floor),
        rules=rules(cluster),
        metrics=metrics(asked, spec, cluster.namespace, targets),
        date=datetime.now(UTC).date().isoformat(),
    )


def _capacity(cluster: Cluster, targets: Sequence[Workload], max_floor: int) -> Capacity:
    here = Here(seen_capacity(cluster, cluster.namespace), max_floor)
    return capacity_offers([Target(each.kind, each.name) for each in targets], here)
