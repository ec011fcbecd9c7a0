"""Looking at a namespace: workloads, rules, and the profile that a period would have."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from hypercare.cli.cluster_access import Body, Cluster
from hypercare.cli.failures import NotAllowed, NotThere, UnusableInput
from hypercare.cli.init.survey import Found, LeftOut, Rules, Workload
from hypercare.cli.lenient import map_of, maps_of, number_of, text_of
from hypercare.domain.alerts.source_rules import made_by_hypercare
from hypercare.domain.capacity.capacity_objects import controller_of
from hypercare.domain.objects import (
    DAEMONSETS,
    DEPLOYMENTS,
    PROFILES,
    PROMETHEUS_RULES,
    ROLLOUTS,
    STATEFULSETS,
    TARGETS,
    ObjectRef,
    Resource,
)

_KINDS = {each.kind.lower(): each for each in TARGETS.values()}
_SHORT = {"deploy": DEPLOYMENTS, "sts": STATEFULSETS, "ds": DAEMONSETS, "ro": ROLLOUTS}
_VERSION_LABEL = "app.kubernetes.io/version"
_CANARY = "Canary "
_MOST = 32
_Body = tuple[Resource, Body]


def workloads(cluster: Cluster, wanted: Sequence[str]) -> Found:
    """The workloads that are named, or all of the namespace that a period can wait for.

    Raises:
        UnusableInput: one is named that cannot be, there is none at all, or there are too many for one period.
    """
    namespace = cluster.namespace
    if wanted:
        return Found(_named(cluster, wanted))
    bodies = list(_all(cluster))
    if not bodies:
        raise UnusableInput(f"namespace {namespace} has no workload to protect (is it the right one? see -n)")
    found = _parted(bodies)
    if not found.targets:
        raise UnusableInput(f"no workload of namespace {namespace} has replicas to protect: name the ones you mean")
    if len(found.targets) > _MOST:
        raise UnusableInput(
            f"namespace {namespace} has {len(found.targets)} workloads, and a period protects {_MOST}: name some"
        )
    return found


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
        raise UnusableInput(f"{text!r} is no workload such as deployment/checkout, statefulset/cart or rollout/web")
    return resource, name


def _named(cluster: Cluster, wanted: Sequence[str]) -> tuple[Workload, ...]:
    asked = list(dict.fromkeys(map(_parsed, wanted)))
    twice = [name for name, count in Counter(name for _, name in asked).items() if count > 1]
    if twice:
        raise UnusableInput(f"{twice[0]} is named with several kinds, and targets of one period have different names")
    if len(asked) > _MOST:
        raise UnusableInput(f"{len(asked)} workloads are named, and a period protects {_MOST}")
    bodies = [(resource, _get(cluster, resource, name)) for resource, name in asked]
    return tuple(_workload(resource, body, _template(cluster, body)) for resource, body in bodies)


def _template(cluster: Cluster, body: Body) -> dict[str, Body]:
    """The Deployment that a Rollout has its pods from."""
    name = text_of(map_of(map_of(body, "spec"), "workloadRef"), "name")
    return {name: cluster.find(ObjectRef(DEPLOYMENTS, cluster.namespace, name)) or {}} if name else {}


def _get(cluster: Cluster, resource: Resource, name: str) -> Body:
    try:
        return cluster.get(ObjectRef(resource, cluster.namespace, name))
    except NotThere as error:
        raise NotThere(f"no {resource.kind} {name} in namespace {cluster.namespace}") from error


def _all(cluster: Cluster) -> Iterator[_Body]:
    for resource in _KINDS.values():
        # Of a kind that not every cluster has.
        found = _readable(cluster, resource) if resource == ROLLOUTS else cluster.list(resource, cluster.namespace)
        yield from ((resource, body) for body in found)


def _parted(bodies: Sequence[_Body]) -> Found:
    """Those that a period can wait for, and the others."""
    templates = {
        text_of(map_of(map_of(body, "spec"), "workloadRef"), "name"): text_of(map_of(body, "metadata"), "name")
        for resource, body in bodies
        if resource == ROLLOUTS
    }
    deployments = {text_of(map_of(body, "metadata"), "name"): body for kind, body in bodies if kind == DEPLOYMENTS}
    primaries = {controller_of(body): name for name, body in deployments.items()}
    targets: dict[str, Workload] = {}
    left_out: list[LeftOut] = []
    for resource, body in bodies:
        each = _workload(resource, body, deployments)
        of_deployment = resource == DEPLOYMENTS
        if of_deployment and each.name in templates:
            left_out.append(LeftOut(each, f"Rollout {templates[each.name]} has its pods"))
        elif of_deployment and (primary := primaries.get(f"{_CANARY}{each.name}")):
            left_out.append(LeftOut(each, f"Flagger tries releases in it, and {primary} serves"))
        elif each.replicas == 0:
            left_out.append(LeftOut(each, "it has no replicas, and the window would wait for them"))
        elif each.name in targets:
            left_out.append(LeftOut(each, f"{targets[each.name].kind} {each.name} has the same name"))
        else:
            targets[each.name] = each
    return Found(tuple(targets.values()), tuple(left_out))


def _workload(resource: Resource, body: Body, deployments: Mapping[str, Body]) -> Workload:
    """`deployments` may have the pod template of a Rollout."""
    spec, status = map_of(body, "spec"), map_of(body, "status")
    if resource == DAEMONSETS:
        replicas = number_of(status, "desiredNumberScheduled")
    else:
        # As the API takes a missing field.
        replicas = number_of(spec, "replicas") if "replicas" in spec else 1
    template = deployments.get(text_of(map_of(spec, "workloadRef"), "name"), {})
    version = _version(spec) or _version(map_of(template, "spec"))
    return Workload(resource.kind, text_of(map_of(body, "metadata"), "name"), version, replicas or 0)


def _version(spec: Body) -> str:
    """What the pods say that they run: the label, or the tag of the first image that has one."""
    template = map_of(spec, "template")
    label = text_of(map_of(map_of(template, "metadata"), "labels"), _VERSION_LABEL)
    images = (text_of(each, "image") for each in maps_of(map_of(template, "spec"), "containers"))
    tags = (image.partition("@")[0].rpartition("/")[2].partition(":")[2] for image in images)
    return label or next(filter(None, tags), "")


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
