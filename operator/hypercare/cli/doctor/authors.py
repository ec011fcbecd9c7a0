"""Whether the API server asks what authors of periods may do: without that the operator enforces nothing."""

from collections.abc import Iterator, Sequence

from hypercare.cli.cluster_access import Body, Cluster
from hypercare.cli.doctor.diagnosis import Diagnosis, ok, problem, unchecked, warning
from hypercare.cli.failures import ClusterFailed, NotThere
from hypercare.cli.periods.seen import Seen
from hypercare.domain.author_policy import Installed, NotInForce, judge, resembles
from hypercare.domain.authorship import FLAG
from hypercare.domain.objects import POLICIES, POLICY_BINDINGS
from hypercare.shipped import authors_policy

_AREA = "check of authors"
_SCALED_OBJECTS = "resource('scaledobjects')"
_INSTALL = "apply the policy of this version (authors-policy.yaml of manifests/install, or the chart)"


def author_check(
    cluster: Cluster, periods: Sequence[Seen], arguments: Sequence[str], *, keda: bool
) -> Iterator[Diagnosis]:
    """Judge the policy as the operator does, for where it serves periods.

    Args:
        cluster: Where to look.
        periods: All that are known; those that only observe need no check.
        arguments: What the operator is started with.
        keda: Whether the cluster serves ScaledObjects.
    """
    try:
        installed = _installed(cluster)
    except ClusterFailed as error:
        yield unchecked(_AREA, error.format_message(), "ask a cluster admin, who may list admission policies")
        return
    waived = FLAG in arguments
    wrong = next((found for found in _judged(installed, periods, arguments) if isinstance(found, NotInForce)), None)
    if wrong is not None and waived:
        yield warning(_AREA, f"{wrong.message}; the operator enforces all the same ({FLAG})", _INSTALL)
    elif wrong is not None:
        yield problem(_AREA, f"{wrong.message}, so nothing new is enforced", f"{_INSTALL}, or run with {FLAG}")
    elif keda and not _asks_about_keda(installed.policies):
        told = "the API server asks what authors may do, but not about ScaledObjects, which this cluster has"
        yield warning(
            _AREA, told, "upgrade the release, which sees KEDA, or set admissionPolicies.authors.scaledObjects"
        )
    else:
        yield ok(_AREA, "the API server asks what the authors of periods may do")


def _installed(cluster: Cluster) -> Installed:
    try:
        return Installed(True, cluster.list(POLICIES), cluster.list(POLICY_BINDINGS))
    except NotThere:
        return Installed(False, (), ())


def _judged(installed: Installed, periods: Sequence[Seen], arguments: Sequence[str]) -> Iterator[object]:
    """One judgement for each namespace: those the operator serves, and those of periods; none stands for all."""
    served = {each.partition("=")[2] for each in arguments if each.startswith("--namespace=")}
    enforcing = {each.namespace for each in periods if each.mode != "Observe" and not each.over}
    for namespace in sorted(served | enforcing) or [""]:
        yield judge(installed, authors_policy(), namespace)


def _asks_about_keda(policies: Sequence[Body]) -> bool:
    return any(
        _SCALED_OBJECTS in str(each.get("expression", ""))
        for policy in policies
        if resembles(policy, authors_policy())
        for each in policy["spec"].get("validations") or ()
    )
