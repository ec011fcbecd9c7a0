"""Asking the cluster for a period and its profile, with words for what is not there."""

import time

from hypercare.cli.cluster_access import Body, Cluster
from hypercare.cli.failures import ClusterFailed, NotAllowed, NotThere
from hypercare.cli.options import ClusterArguments
from hypercare.cli.periods.advice import PROFILE_UNREADABLE
from hypercare.cli.periods.found import Found, find_out
from hypercare.domain.conditions import Problem
from hypercare.domain.objects import PERIODS, PROFILES, ObjectRef
from hypercare.domain.period import Resolved, profile_name, resolve

PLURAL = PERIODS.plural


def period_body(cluster: Cluster, name: str) -> Body:
    """Read one period.

    Raises:
        NotThere: it does not exist, or the kind does not; the message says what to do.
    """
    try:
        return cluster.get(ObjectRef(PERIODS, cluster.namespace, name))
    except NotThere as error:
        raise not_there(error, f"no HypercarePeriod {name} in namespace {cluster.namespace}") from error


def not_there(error: NotThere, told: str) -> ClusterFailed:
    """The same with other words; where even the kind is missing, that is what is told."""
    if PLURAL in str(error):
        return NotThere(f"{told} (kubectl hypercare list -A shows all)")
    return NotThere("the cluster knows no HypercarePeriod: install the CRDs (kubectl apply -k crds)")


def effective(cluster: Cluster, body: Body) -> Resolved | Problem:
    """The period merged with its profile, or why it cannot be."""
    name = profile_name(body)
    try:
        return resolve(body, cluster.find(ObjectRef(PROFILES, "", name)))
    except NotAllowed as error:
        return Problem("spec.profile", PROFILE_UNREADABLE, f"HypercareProfile {name}: {error}", stalls=False)


def found_now(name: str, arguments: ClusterArguments) -> Found:
    """One period as it is now, with everything that the views need.

    Raises:
        ClusterFailed: it does not exist, or the cluster cannot be asked.
    """
    with Cluster.connect(arguments) as cluster:
        body = period_body(cluster, name)
        return find_out(body, effective(cluster, body), int(time.time()))


def all_periods(cluster: Cluster, namespace: str) -> tuple[Body, ...]:
    """Read all periods, of all namespaces if `namespace` is empty."""
    try:
        return cluster.list(PERIODS, namespace)
    except NotThere as error:
        raise not_there(error, "no HypercarePeriods") from error
