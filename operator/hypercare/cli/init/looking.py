"""Looking at a namespace: workloads, autoscalers, rules, and the profile that a period would have."""

from collections.abc import Iterator, Sequence

from hypercare.cli.cluster_access import Body, Cluster
from hypercare.cli.failures import NotAllowed, NotThere, UnusableInput
from hypercare.cli.init.survey import Autoscaler, Rules, Workload
from hypercare.cli.lenient import map_of, maps_of, number_of, text_of
from hypercare.domain.alerts.source_rules import made_by_hypercare
from hypercare.domain.objects import (
    AUTOSCALERS,
    DAEMONSETS,
    DEPLOYMENTS,
    PROFILES,
    PROMETHEUS_RULES,
    STATEFULSETS,
    ObjectRef,
    Resource,
)

_KINDS = {each.kind.lower(): each for each in (DEPLOYMENTS, STATEFULSETS, DAEMONSETS)}
_SHORT = {"deploy": DEPLOYMENTS, "sts": STATEFULSETS, "ds": DAEMONSETS}
_VERSION_LABEL = "app.kubernetes.io/version"
_MOST = 32


def workloads(cluster: Cluster, wanted: Sequence[str]) -> tuple[Workload, ...]:
    """The workloads that are named, or all of the namespace.

    Raises:
        UnusableInput: one is named that cannot be, there is none at all, or there are too many for one period.
    """
    namespace = cluster.namespace
    if wanted:
        return tuple(_workload(resource, _named(cluster, resource, name)) for resource, name in map(_parsed, wanted))
    found = [_workload(resource, body) for resource in _KINDS.values() for body in cluster.list(resource, namespace)]
    if not found:
        raise UnusableInput(f"namespace {namespace} has no workload to protect (is it the right one? see -n)")
    if len(found) > _MOST:
        raise UnusableInput(
            f"namespace {namespace} has {len(found)} workloads, and a period protects {_MOST}: name some"
        )
    return tuple(found)


def autoscalers(cluster: Cluster) -> tuple[Autoscaler, ...]:
    """The HorizontalPodAutoscalers of the namespace; none where they may not be read."""
    return tuple(map(_autoscaler, _readable(cluster, AUTOSCALERS)))


def rules(cluster: Cluster) -> tuple[Rules, ...]:
    """The PrometheusRules of the namespace that have alerts, without those that hypercare has made."""
    bodies = (body for body in _readable(cluster, PROMETHEUS_RULES) if not made_by_hypercare(body))
    found = (Rules(text_of(map_of(body, "metadata"), "name"), tuple(_severities(body))) for body in bodies)
    return tuple(each for each in found if each.severities)


def profile(cluster: Cluster, name: str) -> Body | NotAllowed | None:
    """The profile, None if it does not exist, or why it may not be read."""
    try:
        return cluster.find(ObjectRef(PROFILES, "", name))
    except NotAllowed as error:
        return error


def _parsed(text: str) -> tuple[Resource, str]:
    kind, slash, name = text.partition("/")
    known = {**_KINDS, **_SHORT, **{resource.plural: resource for resource in _KINDS.values()}}
    resource = known.get(kind.lower().partition(".")[0])
    if resource is None or not slash or not name:
        raise UnusableInput(f"{text!r} is no workload such as deployment/checkout, statefulset/cart or daemonset/agent")
    return resource, name


def _named(cluster: Cluster, resource: Resource, name: str) -> Body:
    try:
        return cluster.get(ObjectRef(resource, cluster.namespace, name))
    except NotThere as error:
        raise NotThere(f"no {resource.kind} {name} in namespace {cluster.namespace}") from error


def _workload(resource: Resource, body: Body) -> Workload:
    spec, status = map_of(body, "spec"), map_of(body, "status")
    replicas = number_of(spec, "replicas")
    wanted = number_of(status, "desiredNumberScheduled") if resource == DAEMONSETS else replicas
    return Workload(resource.kind, text_of(map_of(body, "metadata"), "name"), _version(spec), wanted or 0)


def _version(spec: Body) -> str:
    """What the pods say that they run: the label, or the tag of the first image that has one."""
    template = map_of(spec, "template")
    label = text_of(map_of(map_of(template, "metadata"), "labels"), _VERSION_LABEL)
    images = (text_of(each, "image") for each in maps_of(map_of(template, "spec"), "containers"))
    tags = (image.partition("@")[0].rpartition("/")[2].partition(":")[2] for image in images)
    return label or next(filter(None, tags), "")


def _autoscaler(body: Body) -> Autoscaler:
    metadata, spec = map_of(body, "metadata"), map_of(body, "spec")
    ref = map_of(spec, "scaleTargetRef")
    return Autoscaler(
        name=text_of(metadata, "name"),
        target=(text_of(ref, "kind"), text_of(ref, "name")),
        low=number_of(spec, "minReplicas") or 1,
        high=number_of(spec, "maxReplicas") or 1,
        owned=any(each.get("controller") is True for each in maps_of(metadata, "ownerReferences")),
    )


def _severities(body: Body) -> Iterator[str]:
    for group in maps_of(map_of(body, "spec"), "groups"):
        for rule in maps_of(group, "rules"):
            if text_of(rule, "alert"):
                yield text_of(map_of(rule, "labels"), "severity")


def _readable(cluster: Cluster, resource: Resource) -> tuple[Body, ...]:
    try:
        return cluster.list(resource, cluster.namespace)
    except (NotThere, NotAllowed):
        return ()
