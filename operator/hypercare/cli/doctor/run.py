"""The work of `kubectl hypercare doctor`: look at one thing after the other, show."""

import time
from collections.abc import Iterator, Sequence

import typer

from hypercare.cli.cluster_access import Cluster
from hypercare.cli.doctor.authors import author_check
from hypercare.cli.doctor.command import DoctorArguments
from hypercare.cli.doctor.diagnosis import Diagnosis, State, unchecked
from hypercare.cli.doctor.installation import definitions, operator, served, server
from hypercare.cli.doctor.permissions import operator_permissions, own_permissions
from hypercare.cli.doctor.profiles import profiles
from hypercare.cli.doctor.text import doctor_view
from hypercare.cli.doctor.working import endpoint, heartbeat, rules_in_force, stalled
from hypercare.cli.failures import NEGATIVE, OK, ClusterFailed, NotAllowed
from hypercare.cli.options import Output
from hypercare.cli.periods.reading import read_period
from hypercare.cli.periods.seen import Seen
from hypercare.cli.printing import object_text
from hypercare.cli.terminal import console, drawn
from hypercare.domain.objects import PERIODS, SCALED_OBJECTS


def run(asked: DoctorArguments) -> int:
    """Do it; returns the exit code.

    Raises:
        NoCluster: the API server cannot be asked at all.
    """
    with Cluster.connect(asked) as cluster:
        found = list(_examine(cluster, asked))
    if asked.output is Output.TABLE:
        shown = console(asked.color)
        typer.echo(drawn(doctor_view(found), shown), color=True)
    else:
        answer = [
            {"area": each.area, "state": each.state.value, "message": each.message, "fix": each.fix} for each in found
        ]
        typer.echo(object_text(answer, asked.output))
    return NEGATIVE if any(each.state is State.PROBLEM for each in found) else OK


def _examine(cluster: Cluster, asked: DoctorArguments) -> Iterator[Diagnosis]:
    yield from server(cluster)
    yield from definitions(cluster)
    installed, of_operator = operator(cluster, asked.operator_namespace, asked.operator_account)
    yield from of_operator
    yield from operator_permissions(cluster, installed.account, asked.namespace)
    yield from own_permissions(cluster, asked.namespace)
    try:
        periods = _periods(cluster, asked.namespace)
    except ClusterFailed as error:
        yield unchecked("periods", error.format_message())
        return
    yield from author_check(cluster, periods, installed.arguments, keda=served(cluster, SCALED_OBJECTS))
    yield from profiles(cluster, periods, installed.account.namespace)
    now = int(time.time())
    yield heartbeat(periods, now)
    yield endpoint(periods, now)
    yield rules_in_force(periods, now)
    yield from stalled(periods)


def _periods(cluster: Cluster, namespace: str) -> Sequence[Seen]:
    """All that may be read: those of the namespace that is named, of all, or of the context's."""
    try:
        return tuple(map(read_period, cluster.list(PERIODS, namespace)))
    except NotAllowed:
        if namespace:
            raise
        return tuple(map(read_period, cluster.list(PERIODS, cluster.namespace)))
