"""What a cluster adds: whether its API server takes the objects, and whether what they name is there."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from hypercare.cli.cluster_access import Body, Cluster
from hypercare.cli.failures import NotAccepted, NotAllowed, NotThere
from hypercare.cli.lint.capacity import UNREADABLE, capacity_findings
from hypercare.cli.lint.checks import name_of, of_kind, resolved_of, spec_findings
from hypercare.cli.lint.findings import Finding, Source
from hypercare.cli.lint.routing import INTERVAL_SECONDS, Routes, routing_findings
from hypercare.cli.periods.advice import advice
from hypercare.cli.seen_capacity import seen_capacity
from hypercare.domain.alerts.plan import plan_alerts
from hypercare.domain.objects import (
    PERIODS,
    PROFILES,
    PROMETHEUS_RULES,
    TARGETS,
    ObjectRef,
    Resource,
)
from hypercare.domain.overlay_context import overlay_context
from hypercare.domain.period import Mode, Resolved, profile_name
from hypercare.domain.snapshot import Identity

# How the API server begins what admission says, with the same status as for a missing right.
_POLICIES = ("ValidatingAdmissionPolicy", "admission webhook")


def check_in_cluster(cluster: Cluster, sources: Sequence[Source], routes: Routes) -> Iterator[Finding]:
    """Ask the server about each object; only what the account may read is checked."""
    for source in sources:
        match source.document.kind:
            case PROFILES.kind:
                yield from _accepted(cluster, source, ObjectRef(PROFILES, "", name_of(source)))
            case PERIODS.kind:
                yield from _period(cluster, source, sources, routes)


def _period(cluster: Cluster, source: Source, sources: Sequence[Source], routes: Routes) -> Iterator[Finding]:
    namespace = _namespace(cluster, source)
    refused = list(_accepted(cluster, source, ObjectRef(PERIODS, namespace, name_of(source))))
    yield from refused
    if any(each.rule != UNREADABLE for each in refused):
        return
    try:
        yield from _targets(cluster, source, namespace)
        profile = _profile(cluster, source, sources)
        if profile is None:
            message = (
                f"HypercareProfile {profile_name(source.document.body)!r} is neither in the cluster nor in the files"
            )
            yield source.error("spec.profile", "ProfileNotFound", message, advice("ProfileNotFound"))
            return
        resolved = resolved_of(source, profile)
        yield from spec_findings(source, resolved, profile)
        if isinstance(resolved, Resolved):
            yield from _alerts(cluster, source, (namespace, resolved), routes)
            if resolved.spec.scaling or resolved.spec.disruption:
                yield from capacity_findings(source, name_of(source), resolved, seen_capacity(cluster, namespace))
    except NotAllowed as error:
        yield source.warning("", UNREADABLE, f"not everything could be checked: {error.format_message()}")


def _accepted(cluster: Cluster, source: Source, ref: ObjectRef) -> Iterator[Finding]:
    """A dry run, under strict field validation."""
    metadata = {**source.document.body.get("metadata", {}), "name": ref.name}
    if ref.namespace:
        metadata["namespace"] = ref.namespace
    try:
        cluster.dry_run(ref, {**source.document.body, "metadata": metadata})
    except NotAccepted as error:
        causes = error.causes or (("", error.format_message()),)
        for path, message in causes:
            yield source.error(path, "Refused", f"the API server refuses it: {message}")
    except NotThere as error:
        told = error.format_message()
        missing = "namespaces" in told
        path, fix = ("metadata.namespace", "create the namespace first") if missing else ("kind", "install the CRDs")
        yield source.error(path, "NotServed", told, fix)
    except NotAllowed as error:
        yield _denied(source, error.format_message())


def _denied(source: Source, told: str) -> Finding:
    """A policy has refused the object for what it asks; else this account may not write it, whatever it asks."""
    if any(sign in told for sign in _POLICIES):
        fix = "let somebody apply it who may do what it asks for, or ask for less; see docs/security.md"
        return source.error("spec", "Refused", f"the API server refuses it: {told}", fix)
    return source.warning("", UNREADABLE, f"the API server was not asked: {told}")


def _targets(cluster: Cluster, source: Source, namespace: str) -> Iterator[Finding]:
    for index, target in enumerate(source.document.body["spec"]["targets"]):
        resource = TARGETS.get(str(target.get("kind")))
        if resource is not None and not _exists(cluster, resource, namespace, str(target.get("name"))):
            message = f"there is no {resource.kind} {target.get('name')} in namespace {namespace}"
            yield source.error(f"spec.targets[{index}].name", "TargetNotFound", message, advice("TargetNotFound"))


def _exists(cluster: Cluster, resource: Resource, namespace: str, name: str) -> bool:
    return cluster.find(ObjectRef(resource, namespace, name)) is not None


def _profile(cluster: Cluster, source: Source, sources: Sequence[Source]) -> Body | None:
    """The profile of the files, which is what will be applied, or the cluster's."""
    name = profile_name(source.document.body)
    given = [each.document.body for each in of_kind(sources, PROFILES.kind) if name_of(each) == name]
    return given[0] if given else cluster.find(ObjectRef(PROFILES, "", name))


def _alerts(cluster: Cluster, source: Source, asked: tuple[str, Resolved], routes: Routes) -> Iterator[Finding]:
    """What the period selects and adds, as the operator would see it in mode Observe, and whom its pages reach."""
    namespace, resolved = asked
    try:
        rules = cluster.list(PROMETHEUS_RULES, namespace)
    except NotThere:
        yield source.warning(
            "spec.protection.alerts",
            "PrometheusRuleNotServed",
            "the cluster knows no PrometheusRule: no alert can be tightened",
            advice("PrometheusRuleNotServed"),
        )
        return
    observed = Resolved(replace(resolved.spec, mode=Mode.OBSERVE), resolved.profile)
    identity = Identity(namespace, name_of(source), "lint", 1)
    plan = plan_alerts(resolved.spec.alerts, rules, overlay_context(identity, observed, "lint", 0, INTERVAL_SECONDS))
    for problem in plan.problems:
        yield source.warning(problem.path, problem.reason, problem.message, advice(problem.reason))
    if not plan.problems:
        yield from routing_findings(source, identity, resolved, rules, routes)


def _namespace(cluster: Cluster, source: Source) -> str:
    return str(source.document.body["metadata"].get("namespace") or cluster.namespace)
