"""Raising capacity: what a period's `protection.scaling` asks for, and which autoscaler it asks it of.

Only horizontal pod autoscalers are changed. One that another controller writes is left to that controller, and a
target without one has nothing whose floor could be raised; both are told with the field that asks for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypercare.domain.capacity.autoscaler import Found, NoAutoscaler, OwnedAutoscaler, SeveralAutoscalers, autoscaler_of
from hypercare.domain.capacity.hold import Claim, HeldObject, hold_name
from hypercare.domain.capacity.quantity import UNCHANGED, Quantity, parse_quantity
from hypercare.domain.conditions import Problem
from hypercare.domain.fields import Field
from hypercare.domain.life.rollout import Target
from hypercare.domain.objects import AUTOSCALERS, DAEMONSETS

EVERY_TARGET = "*"


@dataclass(frozen=True)
class ScalingRule:
    """One element of `protection.scaling`; `target` is a name or `*`. No ceiling leaves the maximum alone."""

    path: str
    target: str
    floor: Quantity
    ceiling: Quantity | None = None


@dataclass(frozen=True)
class Claimant:
    """The run that asks: its period, its strength in percent, and the floor that its profile allows at most."""

    period: str
    uid: str
    run: str
    strength: int
    max_floor: int


@dataclass(frozen=True)
class ClaimRequest:
    """A claim that a period wants to have in the hold of one object, for one of its targets."""

    target: Target
    object: HeldObject
    claim: Claim

    @property
    def hold(self) -> str:
        """Name of the hold that the claim belongs into."""
        return hold_name(self.object.kind, self.object.name)


@dataclass(frozen=True)
class ScalingPlan:
    """All claims a period should have now, and what keeps others from being made."""

    requests: tuple[ClaimRequest, ...] = ()
    problems: tuple[Problem, ...] = ()


def parse_scaling(field: Field) -> tuple[ScalingRule, ...]:
    """Read `spec.protection.scaling`; an element without a floor leaves the floor where it is."""
    return tuple(_parse_rule(item) for item in field.items())


def plan_scaling(
    rules: Sequence[ScalingRule],
    targets: Sequence[Target],
    autoscalers: Sequence[Mapping[str, Any]],
    claimant: Claimant,
) -> ScalingPlan:
    """Decide the claims for every target that a rule names; at strength 0 there are none.

    `autoscalers` are those of the period's namespace.
    """
    requests: list[ClaimRequest] = []
    problems = list(_unknown_targets(rules, targets))
    for target in targets:
        rule = _rule_for(rules, target)
        if rule is None:
            continue
        match _request(rule, target, autoscalers, claimant):
            case ClaimRequest() as request:
                requests.append(request)
            case Problem() as problem:
                problems.append(problem)
    return ScalingPlan(tuple(requests) if claimant.strength > 0 else (), tuple(problems))


def _parse_rule(field: Field) -> ScalingRule:
    ceiling = field.get("ceiling")
    return ScalingRule(
        path=field.path,
        target=field.get("target").text(),
        floor=parse_quantity(field.get("floor"), UNCHANGED),
        ceiling=parse_quantity(ceiling) if ceiling.present else None,
    )


def _rule_for(rules: Sequence[ScalingRule], target: Target) -> ScalingRule | None:
    named = next((rule for rule in rules if rule.target == target.name), None)
    if named is not None or target.kind == DAEMONSETS.kind:
        return named
    return next((rule for rule in rules if rule.target == EVERY_TARGET), None)


def _unknown_targets(rules: Sequence[ScalingRule], targets: Sequence[Target]) -> Iterator[Problem]:
    known = {EVERY_TARGET, *(target.name for target in targets)}
    for rule in rules:
        if rule.target not in known:
            message = f"{rule.target!r} is no element of spec.targets: name one, or write *"
            yield Problem(f"{rule.path}.target", "UnknownTarget", message, stalls=True)


def _request(
    rule: ScalingRule, target: Target, autoscalers: Sequence[Mapping[str, Any]], claimant: Claimant
) -> ClaimRequest | Problem:
    if target.kind == DAEMONSETS.kind:
        return _refused(rule, "NotScalable", f"DaemonSet {target.name} runs once per node: remove this rule")
    match autoscaler_of(target.kind, target.name, autoscalers):
        case Found(body):
            metadata = body["metadata"]
            held = HeldObject(AUTOSCALERS.api_version, AUTOSCALERS.kind, metadata["name"], metadata["uid"])
            return ClaimRequest(target, held, _claim(rule, claimant))
        case NoAutoscaler():
            message = f"no HorizontalPodAutoscaler scales {target.kind} {target.name}: add one, or remove this rule"
            return _refused(rule, "NoAutoscaler", message)
        case SeveralAutoscalers(names):
            message = f"{target.kind} {target.name} is scaled by {' and '.join(names)}: keep one of them"
            return _refused(rule, "SeveralAutoscalers", message)
        case OwnedAutoscaler(name, owner):
            message = (
                f"HorizontalPodAutoscaler {name} is written by {owner}: set its replicas there, or remove this rule"
            )
            return _refused(rule, "OwnedAutoscaler", message)


def _claim(rule: ScalingRule, claimant: Claimant) -> Claim:
    return Claim(
        period=claimant.period,
        uid=claimant.uid,
        run=claimant.run,
        strength=claimant.strength,
        floor=rule.floor,
        max_floor=claimant.max_floor,
        ceiling=rule.ceiling,
    )


def _refused(rule: ScalingRule, reason: str, message: str) -> Problem:
    return Problem(f"{rule.path}.target", reason, message, stalls=True)
