"""Whether everything is installed: server and clock, CRDs and their version, the operator's Deployment."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hypercare.cli.cluster_access import Body, Cluster
from hypercare.cli.doctor.diagnosis import Diagnosis, ok, problem, unchecked, warning
from hypercare.cli.doctor.permissions import Account
from hypercare.cli.failures import ClusterFailed, NotAllowed, NotThere
from hypercare.cli.lint.schema import schema_of
from hypercare.cli.periods.words import counted, roughly
from hypercare.domain.objects import DEPLOYMENTS, GROUP, HOLDS, PERIODS, PROFILES, PROMETHEUS_RULES, Resource

_SKEW_SECONDS = 30
_OPERATOR = "app.kubernetes.io/name=hypercare-operator"
_ACCOUNT = "hypercare-operator"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_INSTALL = "install the CRDs: kubectl apply --server-side -k crds, or the chart with crds.enabled"
_OWN = (PERIODS, PROFILES, HOLDS)


def server(cluster: Cluster) -> Iterator[Diagnosis]:
    """The API server answers, and its clock agrees with the one here."""
    version = cluster.raw("/version")
    yield ok("API server", f"{cluster.host} answers, Kubernetes {version.get('gitVersion', 'of some version')}")
    theirs = cluster.time()
    if theirs is None:
        yield unchecked("clock", "the API server does not tell its time")
        return
    skew = int(abs(time.time() - theirs.timestamp()))
    if skew > _SKEW_SECONDS:
        told = f"this machine and the API server differ by {roughly(skew)}"
        yield warning("clock", told, "set this machine's clock: ages and times ahead are shown wrong by as much")
    else:
        yield ok("clock", "this machine and the API server agree")


def definitions(cluster: Cluster) -> Iterator[Diagnosis]:
    """The project's kinds are served as this version knows them, and PrometheusRules are served at all."""
    for resource in _OWN:
        yield _definition(cluster, resource)
    if served(cluster, PROMETHEUS_RULES):
        yield ok("CRD prometheusrules", "served")
    else:
        fix = "install the CRDs of prometheus-operator; until then no alert is tightened"
        yield warning("CRD prometheusrules", "not served by this cluster", fix)


def served(cluster: Cluster, resource: Resource) -> bool:
    """Whether the cluster knows a kind."""
    try:
        found = cluster.raw(f"/apis/{resource.group}/{resource.version}")
    except NotThere:
        return False
    return any(each.get("name") == resource.plural for each in found.get("resources") or ())


@dataclass(frozen=True)
class Installation:
    """How the operator is installed: the account it runs as, and the arguments it is started with."""

    account: Account
    arguments: tuple[str, ...] = ()


def operator(cluster: Cluster, namespace: str, account: str) -> tuple[Installation, list[Diagnosis]]:
    """The operator's Deployment, and what it says."""
    area, assumed = "operator", Installation(Account(namespace, account or _ACCOUNT))
    try:
        found = cluster.list(DEPLOYMENTS, namespace, labels=_OPERATOR)
    except ClusterFailed as error:
        return assumed, [unchecked(area, error.format_message())]
    if not found:
        told = f"no Deployment with the label {_OPERATOR} in namespace {namespace}"
        fix = "install it (chart, or manifests/install), or name its namespace with --operator-namespace"
        return assumed, [warning(area, told, f"{fix}; whether one works anyway is told below")]
    pod = found[0]["spec"]["template"]["spec"]
    running = Account(namespace, account or str(pod.get("serviceAccountName") or "default"))
    arguments = tuple(str(each) for container in pod["containers"] for each in container.get("args") or ())
    return Installation(running, arguments), [_deployment(found)]


def _deployment(found: tuple[Body, ...]) -> Diagnosis:
    body, status = found[0], found[0].get("status") or {}
    name = f"Deployment {body['metadata']['namespace']}/{body['metadata']['name']}"
    ready, wanted = int(status.get("readyReplicas") or 0), int(body["spec"].get("replicas", 1))
    if len(found) > 1:
        return warning("operator", f"{len(found)} Deployments carry the operator's label", "keep one of them")
    if not wanted:
        return problem("operator", f"{name} is scaled to zero", "scale it to one replica")
    if not ready:
        namespace = body["metadata"]["namespace"]
        fix = f"look at its pods and their logs: kubectl -n {namespace} describe pods -l {_OPERATOR}"
        return problem("operator", f"{name} has no ready pod", fix)
    image = ", ".join(str(each.get("image")) for each in body["spec"]["template"]["spec"]["containers"])
    return ok("operator", f"{name} is ready ({image})")


def _definition(cluster: Cluster, resource: Resource) -> Diagnosis:
    area = f"CRD {resource.plural}"
    try:
        body = cluster.raw(f"{_CRDS}/{resource.plural}.{GROUP}")
    except NotThere:
        return problem(area, "is not installed", _INSTALL)
    except NotAllowed:
        if served(cluster, resource):
            return ok(area, "served (its version cannot be read by you)")
        return problem(area, "is not served", _INSTALL)
    conditions = {each["type"]: each for each in (body.get("status") or {}).get("conditions") or ()}
    established = conditions.get("Established", {})
    if established.get("status") != "True":
        return problem(area, f"is not established: {established.get('message', 'not yet')}", _INSTALL)
    return _version(area, resource, body)


def _version(area: str, resource: Resource, body: Body) -> Diagnosis:
    version = next((each for each in body["spec"]["versions"] if each["name"] == resource.version), None)
    if version is None or not version.get("served"):
        return problem(area, f"does not serve {resource.version}", _INSTALL)
    if resource == HOLDS:
        return ok(area, f"{resource.version} is served")
    theirs, ours = _fields(version["schema"]["openAPIV3Schema"]), _fields(schema_of(resource.plural))
    if theirs != ours:
        differing = sorted(theirs ^ ours)
        fields = f"{counted(len(differing), 'field')} differ, such as {', '.join(differing[:3])}"
        told = f"another version of the schema than this plugin's: {fields}"
        return warning(area, told, "bring plugin, operator and CRDs to one version; the CRDs are upgraded first")
    return ok(area, f"{resource.version} is served, as this plugin knows it")


def _fields(schema: Mapping[str, Any], path: str = "") -> frozenset[str]:
    """The paths of all fields."""
    children = {f"{path}.{name}".lstrip("."): child for name, child in (schema.get("properties") or {}).items()}
    inner = [(f"{path}[]", schema["items"])] if isinstance(schema.get("items"), Mapping) else []
    found = frozenset(children)
    for below, child in (*children.items(), *inner):
        found |= _fields(child, below)
    return found
