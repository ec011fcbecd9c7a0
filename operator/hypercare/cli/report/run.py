"""The work of `kubectl hypercare report`: find the ConfigMap, show what is in it."""

import json
from collections.abc import Mapping
from typing import Any

import typer

from hypercare.cli.cluster_access import Body, Cluster
from hypercare.cli.failures import OK, ClusterFailed, NotThere
from hypercare.cli.report.command import ReportArguments, ReportOutput
from hypercare.cli.report.html import report_page
from hypercare.cli.report.sections import digest
from hypercare.cli.report.text import report_view
from hypercare.cli.terminal import console, drawn
from hypercare.domain.objects import CONFIG_MAPS, PERIODS, ObjectRef
from hypercare.domain.report.configmap import PERIOD_LABEL, REPORT_LABEL, is_report_of, report_name

_MARKDOWN, _JSON = "report.md", "report.json"


def run(asked: ReportArguments) -> int:
    """Do it; returns the exit code.

    Raises:
        NotThere: there is no such report.
    """
    with Cluster.connect(asked) as cluster:
        data = _data(_report(cluster, asked), asked.output)
    shown = console(asked.color)
    match asked.output:
        case ReportOutput.TABLE:
            typer.echo(drawn(report_view(digest(_facts(data))), shown), color=True)
        case ReportOutput.HTML:
            typer.echo(report_page(digest(_facts(data))))
        case ReportOutput.MARKDOWN | ReportOutput.JSON:
            typer.echo(data, nl=False)
    return OK


def _report(cluster: Cluster, asked: ReportArguments) -> Body:
    """The ConfigMap of the run that is named, or the newest."""
    if asked.of_run:
        name = report_name(asked.name, asked.of_run)
        found = cluster.find(ObjectRef(CONFIG_MAPS, cluster.namespace, name))
        if found is None:
            told = f"no report of run {asked.of_run} of {asked.name} in namespace {cluster.namespace}"
            raise NotThere(f"{told} (kubectl get configmaps -n {cluster.namespace} -l {REPORT_LABEL}=true)")
        return found
    return _newest(cluster, asked.name)


def _newest(cluster: Cluster, name: str) -> Body:
    labels = f"{REPORT_LABEL}=true,{PERIOD_LABEL}"
    bodies = [
        body
        for body in cluster.list(CONFIG_MAPS, cluster.namespace, labels=labels)
        if is_report_of(body["metadata"], name)
    ]
    if not bodies:
        raise NotThere(_none(cluster, name))
    return max(bodies, key=lambda body: str(body["metadata"].get("creationTimestamp", "")))


def _none(cluster: Cluster, name: str) -> str:
    """Why there is no report: the run is not over, or there is no such period."""
    told = f"no report of {name} in namespace {cluster.namespace}"
    try:
        period = cluster.find(ObjectRef(PERIODS, cluster.namespace, name))
    except ClusterFailed:
        return told
    if period is None:
        return f"{told}, and no such period (kubectl hypercare list -A shows all)"
    phase = (period.get("status") or {}).get("phase", "Pending")
    return f"{told}: it is written when a run is over, and this one is {phase}"


def _data(found: Body, output: ReportOutput) -> str:
    key = _MARKDOWN if output is ReportOutput.MARKDOWN else _JSON
    text = (found.get("data") or {}).get(key)
    if not isinstance(text, str):
        raise NotThere(f"ConfigMap {found['metadata']['name']} has no key {key}")
    return text


def _facts(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ClusterFailed(f"the report is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise ClusterFailed("the report is no object")
    return found
