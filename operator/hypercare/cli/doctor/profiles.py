"""Whether profiles can be used, and whether some Prometheus selects the rules that hypercare writes with them."""

from collections.abc import Iterator, Sequence

from hypercare.cli.cluster_access import Body, Cluster
from hypercare.cli.doctor.diagnosis import Diagnosis, ok, problem, unchecked, warning
from hypercare.cli.failures import ClusterFailed, NotAllowed, NotThere
from hypercare.cli.periods.seen import Seen
from hypercare.domain.alerts.rule_selection import RuleLoaders
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.objects import NAMESPACES, PROFILES, PROMETHEUSES, SECRETS, THANOS_RULERS, ObjectRef, Resource
from hypercare.domain.profile import DEFAULT_PROFILE, Profile, parse_profile

_NAMED = 3


def profiles(cluster: Cluster, periods: Sequence[Seen], operator_namespace: str) -> Iterator[Diagnosis]:
    """Everything about profiles, and where the rules that are written with them go."""
    try:
        bodies = cluster.list(PROFILES)
    except ClusterFailed as error:
        yield unchecked("profiles", error.format_message())
        return
    names = {str(body["metadata"]["name"]) for body in bodies}
    if DEFAULT_PROFILE not in names:
        told = f"there is no HypercareProfile {DEFAULT_PROFILE}: a period that names none stalls"
        yield warning("profiles", told, "create one; docs/getting-started.md has the smallest")
    missing = sorted({each.profile for each in periods if not each.over} - names)
    if missing:
        yield problem("profiles", f"periods name profiles that do not exist: {', '.join(missing)}", "create them")
    for body in bodies:
        yield from _profile(cluster, body, periods, operator_namespace)


def _profile(cluster: Cluster, body: Body, periods: Sequence[Seen], operator_namespace: str) -> Iterator[Diagnosis]:
    name = str(body["metadata"]["name"])
    area = f"profile {name}"
    try:
        profile = parse_profile(name, Field("spec", body.get("spec", {})))
    except InvalidField as error:
        yield problem(area, str(error), "correct the field; kubectl hypercare lint shows more")
        return
    yield ok(area, f"can be used, asks {profile.endpoint.url}")
    yield from _secret(cluster, area, body, operator_namespace)
    namespaces = sorted({each.namespace for each in periods if each.profile == name and not each.over})
    for namespace in namespaces[:_NAMED]:
        yield from selected(cluster, profile, namespace)


def _secret(cluster: Cluster, area: str, body: Body, namespace: str) -> Iterator[Diagnosis]:
    name = ((body["spec"].get("prometheus") or {}).get("secretRef") or {}).get("name")
    if not name:
        return
    try:
        found = cluster.find(ObjectRef(SECRETS, namespace, str(name)))
    except NotAllowed:
        return
    if found is None:
        told = f"its Secret {name} is not in the operator's namespace {namespace}"
        yield problem(area, told, "create it there, with username and password, token, or tls.crt and tls.key")


def selected(cluster: Cluster, profile: Profile, namespace: str) -> Iterator[Diagnosis]:
    """Whether a PrometheusRule with the profile's labels in a namespace is loaded by anybody."""
    area = f"ruleSelector for namespace {namespace}"
    try:
        bodies = [*_bodies(cluster, PROMETHEUSES), *_bodies(cluster, THANOS_RULERS)]
        labels = (cluster.get(ObjectRef(NAMESPACES, "", namespace))["metadata"].get("labels")) or {}
    except ClusterFailed as error:
        yield unchecked(area, error.format_message())
        return
    if not bodies:
        yield unchecked(area, "no Prometheus or ThanosRuler object is in sight: who loads rules cannot be told")
        return
    loaders = RuleLoaders(bodies, namespace, labels)
    rules = {"metadata": {"name": "hypercare", "namespace": namespace, "labels": dict(profile.rule_labels)}}
    refusals = loaders.refusals(rules)
    if refusals:
        told = f"nobody selects rules with the labels of profile {profile.name}: {'; '.join(refusals[:_NAMED])}"
        yield problem(area, told, "set rules.labels of the profile, or label the namespace, as is said")
    else:
        yield ok(area, f"{', '.join(loaders.selecting(rules)[:_NAMED])} selects what profile {profile.name} writes")


def _bodies(cluster: Cluster, resource: Resource) -> tuple[Body, ...]:
    try:
        return cluster.list(resource)
    except NotThere:
        return ()
