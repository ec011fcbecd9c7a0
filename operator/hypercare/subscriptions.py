"""Which keys a change wakes: the dependencies between objects, and which changes matter to anybody.

Pure functions of a change and of what the cache holds. Too many keys would cost visits that change nothing; a missing
one delays a reaction until the next regular visit. So what only ticks (times of conditions, measured metrics) wakes
nobody, and everything else wakes all that may depend on it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from hypercare.adapters.cache import Change, reference
from hypercare.domain.author_policy import resembles
from hypercare.domain.life.facts import CLOSED
from hypercare.domain.objects import (
    ALERTMANAGER_CONFIGS,
    AUTOSCALERS,
    DAEMONSETS,
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    HOLDS,
    PERIODS,
    POLICIES,
    POLICY_BINDINGS,
    PROFILES,
    PROMETHEUS_RULES,
    PROMETHEUSES,
    ROLLOUTS,
    SCALED_OBJECTS,
    STATEFULSETS,
    TARGETS,
    ObjectRef,
    Resource,
)
from hypercare.domain.period import profile_name
from hypercare.ports import Body, ObjectCache
from hypercare.queue import Key
from hypercare.shipped import authors_policy

WATCHED = (
    PERIODS,
    PROFILES,
    HOLDS,
    DEPLOYMENTS,
    STATEFULSETS,
    DAEMONSETS,
    ROLLOUTS,
    AUTOSCALERS,
    SCALED_OBJECTS,
    DISRUPTION_BUDGETS,
    PROMETHEUS_RULES,
    PROMETHEUSES,
    ALERTMANAGER_CONFIGS,
    POLICIES,
    POLICY_BINDINGS,
)
_ABOUT_ALL = frozenset({PROMETHEUSES, POLICIES, POLICY_BINDINGS})
_AUTOSCALING = frozenset({AUTOSCALERS, SCALED_OBJECTS})
_TICKING_METADATA = frozenset({"resourceVersion", "managedFields"})
_TICKING_STATUS = frozenset(
    {"lastTransitionTime", "lastUpdateTime", "lastScaleTime", "lastProbeTime", "lastActiveTime", "currentMetrics"}
)
_OWN_STATUS = frozenset({PERIODS, PROFILES, PROMETHEUSES, DISRUPTION_BUDGETS, POLICIES})


def woken(change: Change, cache: ObjectCache) -> frozenset[Key]:
    """Return the keys to visit because of a change; empty if it matters to none."""
    if not matters(change):
        return frozenset()
    ref = change.ref
    match ref.resource:
        case resource if resource == PERIODS:
            return frozenset({ref, *_holds_of(change, cache)})
        case resource if resource == PROFILES:
            return frozenset(_keys(body for body in cache.select(PERIODS) if profile_name(body) == ref.name))
        case resource if resource == HOLDS:
            return frozenset({ref, *_keys(_open(cache, ref.namespace))})
        case resource if resource in _ABOUT_ALL:
            return frozenset(_keys(_open(cache)) if _about_periods(change, cache) else ())
        case resource if resource == ALERTMANAGER_CONFIGS:
            return frozenset(_owners(change))
        case resource if resource == PROMETHEUS_RULES:
            return frozenset({*_keys(_open(cache, ref.namespace)), *_owners(change), *_shared_with(ref, cache)})
        case resource if resource in _AUTOSCALING:
            names = {_scaled(change.before), _scaled(change.after)}
            holds = {*_holds_on(ref, cache), *_holds_on_workloads(names, ref.namespace, cache)}
            return frozenset({*_targeting(names, cache, ref.namespace), *holds})
        case resource if resource == DISRUPTION_BUDGETS:
            return frozenset({*_keys(_open(cache, ref.namespace)), *_holds_on(ref, cache)})
        case _:
            return frozenset({*_targeting({ref.name}, cache, ref.namespace), *_holds_on(ref, cache)})


def matters(change: Change) -> bool:
    """Whether anything changed besides what ticks by itself.

    The status of a period is the operator's own; that somebody else edits it is seen at the next regular visit.
    """
    return relevant(change.ref.resource, change.before) != relevant(change.ref.resource, change.after)


def relevant(resource: Resource, body: Body) -> Body:
    """Return the part of a body whose change is news."""
    if not body:
        return {}
    metadata = {key: value for key, value in body["metadata"].items() if key not in _TICKING_METADATA}
    kept = {key: value for key, value in body.items() if key != "status"} | {"metadata": metadata}
    if "status" in body and resource not in _OWN_STATUS:
        kept["status"] = _steady(body["status"])
    return kept


def open_periods(cache: ObjectCache) -> frozenset[Key]:
    """Return the keys of all periods that are not over."""
    return frozenset(_keys(_open(cache)))


def _steady(value: Any) -> Any:
    match value:
        case Mapping():
            return {key: _steady(item) for key, item in value.items() if key not in _TICKING_STATUS}
        case list():
            return [_steady(item) for item in value]
        case _:
            return value


def _open(cache: ObjectCache, namespace: str = "") -> Iterable[Body]:
    return (body for body in cache.select(PERIODS, namespace) if _phase(body) not in CLOSED)


def _about_periods(change: Change, cache: ObjectCache) -> bool:
    """Of policies and bindings only those about authors of periods: clusters have others by the hundred."""
    if change.ref.resource == PROMETHEUSES:
        return True
    bodies = [body for body in (change.before, change.after) if body]
    if change.ref.resource == POLICY_BINDINGS:
        names = {str(body.get("spec", {}).get("policyName", "")) for body in bodies}
        bodies = [body for name in names if (body := cache.find(ObjectRef(POLICIES, "", name)))]
    return any(resembles(body, authors_policy()) for body in bodies)


def _targeting(names: set[str], cache: ObjectCache, namespace: str) -> Iterable[Key]:
    return _keys(body for body in _open(cache, namespace) if names & _targets(body))


def _holds_of(change: Change, cache: ObjectCache) -> Iterable[Key]:
    """Holds that may lose a claim: those which name a period that is gone or going, or another of the same name."""
    if _identity(change.before) == _identity(change.after):
        return ()
    holds = cache.select(HOLDS, change.ref.namespace)
    return (reference(HOLDS, hold) for hold in holds if change.ref.name in _claimants(hold))


def _holds_on(ref: ObjectRef, cache: ObjectCache) -> Iterable[Key]:
    holds = cache.select(HOLDS, ref.namespace)
    return (reference(HOLDS, hold) for hold in holds if _held(hold) == (ref.resource.kind, ref.name))


def _shared_with(rules: ObjectRef, cache: ObjectCache) -> Iterable[Key]:
    """The open periods whose profile shares rules of this namespace."""
    profiles = {body["metadata"]["name"] for body in cache.select(PROFILES) if rules.namespace in _sharing(body)}
    return _keys(body for body in _open(cache) if profile_name(body) in profiles)


def _sharing(profile: Body) -> set[str]:
    shared = (profile.get("spec", {}).get("rules") or {}).get("shared") or ()
    return {str(each.get("namespace", "")) for each in shared}


def _holds_on_workloads(names: set[str], namespace: str, cache: ObjectCache) -> Iterable[Key]:
    """Holds on the replicas of workloads that an autoscaler has come to scale, or has ceased to."""
    for hold in cache.select(HOLDS, namespace):
        kind, name = _held(hold)
        if kind in TARGETS and name in names:
            yield reference(HOLDS, hold)


def _owners(change: Change) -> Iterable[Key]:
    """The period of an overlay, also when it is over: an overlay that was on its way may still appear."""
    owners = (change.after or change.before)["metadata"].get("ownerReferences") or ()
    return (ObjectRef(PERIODS, change.ref.namespace, each["name"]) for each in owners if each["kind"] == PERIODS.kind)


def _keys(periods: Iterable[Body]) -> Iterable[Key]:
    return (reference(PERIODS, body) for body in periods)


def _identity(body: Body) -> tuple[str, bool]:
    metadata = body.get("metadata", {})
    return str(metadata.get("uid", "")), "deletionTimestamp" in metadata


def _phase(body: Body) -> str:
    return str(body.get("status", {}).get("phase", ""))


def _targets(body: Body) -> set[str]:
    return {str(target.get("name", "")) for target in body.get("spec", {}).get("targets", ())}


def _claimants(hold: Body) -> set[str]:
    return {str(claim.get("period", "")) for claim in hold.get("spec", {}).get("claims", ())}


def _held(hold: Body) -> tuple[str, str]:
    held = hold.get("spec", {}).get("object", {})
    return str(held.get("kind", "")), str(held.get("name", ""))


def _scaled(autoscaler: Body) -> str:
    return str(autoscaler.get("spec", {}).get("scaleTargetRef", {}).get("name", ""))
