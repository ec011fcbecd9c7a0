"""What the operator would say of a period's capacity in a cluster, before it raises anything.

The judgement is the operator's own planning over the same objects, so the reasons are those of its conditions.
"""

from collections.abc import Iterator

from hypercare.cli.lint.findings import Finding, Source
from hypercare.cli.periods.advice import REVERT_EXPECTED, advice
from hypercare.cli.seen_capacity import SeenCapacity
from hypercare.domain.capacity.disruption import DisruptionRule, plan_disruption
from hypercare.domain.capacity.kinds import ScalerKind, kind_of_object
from hypercare.domain.capacity.quantity import SeenPeak, full_value
from hypercare.domain.capacity.readiness import DISABLED, WAITING, readiness_of
from hypercare.domain.capacity.revert_forecast import expected_reverts
from hypercare.domain.capacity.scaling import Claimant, ClaimRequest, ScalingPlan, ScalingRule, plan_scaling, rule_for
from hypercare.domain.capacity.wishes import ReplicaWish
from hypercare.domain.period import Resolved

UNREADABLE = "NotReadable"
_RUN = "lint"


def capacity_findings(source: Source, name: str, resolved: Resolved, seen: SeenCapacity) -> Iterator[Finding]:
    """What keeps capacity from being raised; the peak of days that Prometheus knows is taken for granted."""
    spec = resolved.spec
    kinds = [target.kind for target in spec.targets]
    scaling, disruption = spec.scaling, spec.disruption
    if scaling and (hidden := seen.hides_replicas(kinds)):
        yield _unseen(source, "spec.protection.scaling", hidden)
        scaling = ()
    if disruption and (hidden := seen.hides_disruptions(kinds)):
        yield _unseen(source, "spec.protection.disruption", hidden)
        disruption = ()
    plan = _plan(name, resolved, seen, scaling, disruption)
    for problem in plan.problems:
        yield source.warning(problem.path, problem.reason, problem.message, advice(problem.reason))
    for request in plan.requests:
        if isinstance(request.claim.wish, ReplicaWish):
            yield from _replicas(source, request, scaling, seen)
        kind = kind_of_object(request.object)
        body = seen.objects.find(kind.resource, request.object.name)
        for told in expected_reverts(kind, body, (request.claim,)):
            yield source.warning("spec.protection", REVERT_EXPECTED, told, advice(REVERT_EXPECTED))


def _plan(
    name: str,
    resolved: Resolved,
    seen: SeenCapacity,
    scaling: tuple[ScalingRule, ...],
    disruption: tuple[DisruptionRule, ...],
) -> ScalingPlan:
    """The claims at full strength, in whatever mode."""
    claimant = Claimant(name, _RUN, _RUN, 100, resolved.profile.limits.max_floor)
    targets = resolved.spec.targets
    peaks = {target.name: SeenPeak(1) for target in targets}
    plan = plan_scaling(scaling, targets, seen.objects, claimant, peaks)
    return plan + plan_disruption(disruption, targets, seen.objects, claimant)


def _replicas(
    source: Source, request: ClaimRequest, rules: tuple[ScalingRule, ...], seen: SeenCapacity
) -> Iterator[Finding]:
    """A floor that would not be what is asked for, or whose replicas would not come."""
    kind, wish, rule = kind_of_object(request.object), request.claim.wish, rule_for(rules, request.target.name)
    if not isinstance(kind, ScalerKind) or not isinstance(wish, ReplicaWish) or rule is None:
        return
    originals = seen.originals(kind, request.object)
    before, after = kind.range(originals), kind.range(kind.wanted((request.claim,), originals))
    name = f"{request.object.kind} {request.object.name}"
    body = seen.objects.find(kind.resource, request.object.name)
    readiness = readiness_of(request.target, body, request.object, seen.objects)
    told = " ".join(readiness.message.split())
    if readiness.reason == DISABLED or (readiness.reason != WAITING and readiness.ready < after.floor):
        yield source.warning(f"{rule.path}.target", readiness.reason, told, advice(readiness.reason))
    elif (asked := full_value(wish.floor, before.floor)) > after.floor:
        limit, fix = (
            (f"the profile allows {wish.max_floor}", "ask for less, or ask the platform team (limits.maxFloor)")
            if after.floor >= wish.max_floor
            else (f"its maximum is {after.ceiling}", "ask for less, or for a ceiling too")
        )
        message = f"{name} would get a floor of {after.floor}: {asked} is asked for, and {limit}"
        yield source.warning(f"{rule.path}.floor", "FloorLimited", message, fix)


def _unseen(source: Source, path: str, kinds: tuple[str, ...]) -> Finding:
    message = f"cannot be checked: you may not list {', '.join(kinds)} in this namespace"
    return source.warning(path, UNREADABLE, message, "ask for the right to read them, or let the pipeline check it")
