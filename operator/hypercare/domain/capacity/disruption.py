"""Fewer disruptions: what a period's `protection.disruption` asks for, and of which PodDisruptionBudget.

Only a budget that exists is changed, and of it only the field that is set: the API server allows only one, and an
author's manifest with the other one would be refused. So a wish is translated into that field and its unit, with the
number of pods that the target has at least. At least one disruption stays allowed, or no node could be drained.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hypercare.domain.capacity.capacity_objects import Body, CapacityObjects, controller_of
from hypercare.domain.capacity.field_values import field_value
from hypercare.domain.capacity.held_fields import MAX_UNAVAILABLE, MIN_AVAILABLE, amount, number
from hypercare.domain.capacity.hold import HeldObject, Refusal
from hypercare.domain.capacity.kinds import POD_DISRUPTION_BUDGET
from hypercare.domain.capacity.live_object import value_at
from hypercare.domain.capacity.scalers import Scaler, scaler_of
from hypercare.domain.capacity.scaling import (
    EVERY_TARGET,
    Claimant,
    ClaimRequest,
    ScalingPlan,
    rule_for,
    unknown_targets,
)
from hypercare.domain.capacity.wishes import DisruptionWish
from hypercare.domain.conditions import Problem
from hypercare.domain.fields import Field
from hypercare.domain.label_selectors import selects
from hypercare.domain.life.rollout import Target
from hypercare.domain.objects import DEPLOYMENTS, TARGETS

_NONE = "NoBudget"
_NAMES = {"minAvailable": MIN_AVAILABLE, "maxUnavailable": MAX_UNAVAILABLE}


@dataclass(frozen=True)
class DisruptionRule:
    """One element of `protection.disruption`. `budget` names one where several select the target's pods."""

    path: str
    target: str
    wish: DisruptionWish
    budget: str = ""


def parse_disruption(field: Field) -> tuple[DisruptionRule, ...]:
    """Read `spec.protection.disruption`."""
    return tuple(_parse_rule(item) for item in field.items())


def plan_disruption(
    rules: Sequence[DisruptionRule], targets: Sequence[Target], objects: CapacityObjects, claimant: Claimant
) -> ScalingPlan:
    """Decide the claims on disruption budgets; from the first step down on there are none."""
    requests: list[ClaimRequest] = []
    problems = list(unknown_targets(((rule.path, rule.target) for rule in rules), targets))
    for target in targets:
        rule = rule_for(rules, target.name)
        match _request(rule, target, objects, claimant) if rule is not None else None:
            case ClaimRequest() as request:
                requests.append(request)
            case Refusal() as refusal if rule is not None and not _passed_over(rule, refusal):
                problems.append(Problem(f"{rule.path}.target", refusal.reason, refusal.message, stalls=True))
    asking = claimant.strength > 0 and not claimant.relaxing
    return ScalingPlan(tuple(requests) if asking else (), tuple(problems))


def translated(wish: DisruptionWish, path: str, unit: str, pods: int) -> DisruptionWish:
    """A wish as the field at `path` says it in its unit, for a target of at least so many pods, more than none."""
    same_field = wish.path == path
    if wish.unit == unit and (same_field or unit == "%"):
        found = wish.amount if same_field else 100 - wish.amount
    else:
        found = _written(path, unit, _available(wish, pods), pods)
    return DisruptionWish(path, _with_one_allowed(path, unit, found, pods), unit)


def _parse_rule(field: Field) -> DisruptionRule:
    asked = [name for name in _NAMES if field.get(name).present]
    if len(asked) != 1:
        raise field.error("needs exactly one of minAvailable and maxUnavailable")
    own = field.get(asked[0])
    found = amount(field_value(own.value))
    if found is None or (found[1] and found[0] > 100):
        raise own.error("must be a number of pods or a percentage from 0% to 100%")
    return DisruptionRule(
        path=field.path,
        target=field.get("target").text(),
        wish=DisruptionWish(_NAMES[asked[0]], *found),
        budget=field.get("budget").text(""),
    )


def _passed_over(rule: DisruptionRule, refusal: Refusal) -> bool:
    return rule.target == EVERY_TARGET and refusal.reason == _NONE


def _request(
    rule: DisruptionRule, target: Target, objects: CapacityObjects, claimant: Claimant
) -> ClaimRequest | Refusal | None:
    workload = objects.find(TARGETS[target.kind], target.name)
    if not workload:
        return None
    budget = _budget(rule, target, _labels(workload, objects), objects)
    if isinstance(budget, Refusal):
        return budget
    metadata = budget["metadata"]
    for path in POD_DISRUPTION_BUDGET.paths:
        own, pods = amount(value_at(budget, path)), _pods(target, workload, objects)
        if own is not None and pods > 0:
            resource = POD_DISRUPTION_BUDGET.resource
            held = HeldObject(resource.api_version, resource.kind, metadata["name"], metadata["uid"])
            return ClaimRequest(target, held, claimant.claim(translated(rule.wish, path, own[1], pods)))
        if own is not None:
            return None
    message = f"PodDisruptionBudget {metadata['name']} sets neither minAvailable nor maxUnavailable: set one"
    return Refusal("BudgetUnset", message)


def _budget(rule: DisruptionRule, target: Target, labels: dict[str, str], objects: CapacityObjects) -> Body | Refusal:
    name = f"{target.kind} {target.name}"
    found = [
        body
        for body in objects.all(POD_DISRUPTION_BUDGET.resource)
        if selects(body.get("spec", {}).get("selector"), labels) and rule.budget in {"", body["metadata"]["name"]}
    ]
    match found:
        case []:
            wanted = (
                f"PodDisruptionBudget {rule.budget} does not select"
                if rule.budget
                else "no PodDisruptionBudget selects"
            )
            return Refusal(_NONE, f"{wanted} the pods of {name}: add one, or remove this rule")
        case [body] if owner := controller_of(body):
            message = f"PodDisruptionBudget {body['metadata']['name']} is written by {owner}: set it there"
            return Refusal("OwnedBudget", message)
        case [body]:
            return body
        case _:
            names = " and ".join(body["metadata"]["name"] for body in found)
            return Refusal("SeveralBudgets", f"{names} select the pods of {name}: name one of them in `budget`")


def _labels(workload: Body, objects: CapacityObjects) -> dict[str, str]:
    """The labels of a workload's pods; an Argo Rollout may take its pod template from a Deployment."""
    spec = workload.get("spec", {})
    if reference := spec.get("workloadRef"):
        spec = objects.find(DEPLOYMENTS, str(reference.get("name", ""))).get("spec", {})
    return dict(spec.get("template", {}).get("metadata", {}).get("labels") or {})


def _pods(target: Target, workload: Body, objects: CapacityObjects) -> int:
    """How many pods the target has at least, as long as nobody changes what scales it."""
    scaler = scaler_of(target, objects)
    if isinstance(scaler, Scaler):
        return number(scaler.kind.floor, value_at(scaler.body, scaler.kind.floor))
    status = workload.get("status", {})
    return int(workload.get("spec", {}).get("replicas") or status.get("desiredNumberScheduled") or 0)


def _available(wish: DisruptionWish, pods: int) -> int:
    """How many of so many pods a wish keeps; percentages round up, as in the disruption controller."""
    asked = _share_up(wish.amount, pods) if wish.unit else wish.amount
    return asked if wish.path == MIN_AVAILABLE else pods - asked


def _with_one_allowed(path: str, unit: str, found: int, pods: int) -> int:
    if path == MAX_UNAVAILABLE:
        return max(found, 1)
    return max(0, min(found, 100 * (pods - 1) // pods if unit else pods - 1))


def _written(path: str, unit: str, available: int, pods: int) -> int:
    """So many available pods as an amount of this field, rounded to the stricter side."""
    kept = max(0, min(available, pods))
    if path == MIN_AVAILABLE:
        return -(-100 * kept // pods) if unit else kept
    return 100 * (pods - kept) // pods if unit else pods - kept


def _share_up(percent: int, pods: int) -> int:
    return -(-percent * pods // 100)
