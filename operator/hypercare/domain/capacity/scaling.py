"""Raising capacity: what a period's `protection.scaling` asks for, and which object it asks it of.

What another controller writes is left to that controller, and told with the field that asks for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from hypercare.domain.capacity.capacity_objects import CapacityObjects
from hypercare.domain.capacity.held_fields import number
from hypercare.domain.capacity.hold import Claim, HeldObject, Refusal, hold_name
from hypercare.domain.capacity.kinds import ScalerKind
from hypercare.domain.capacity.live_object import value_at
from hypercare.domain.capacity.quantity import UNCHANGED, Peak, Percent, Quantity, SeenPeak, parse_floor, parse_quantity
from hypercare.domain.capacity.scalers import NoTarget, Scaler, scaler_of
from hypercare.domain.capacity.wishes import ReplicaWish, ScaleDown, Wish
from hypercare.domain.conditions import Problem
from hypercare.domain.fields import Field
from hypercare.domain.life.rollout import Target
from hypercare.domain.objects import DAEMONSETS

EVERY_TARGET = "*"
_PEAK_UNREAD = Refusal("PeakUnread", "the replicas before the run are being read")


@dataclass(frozen=True)
class ScalingRule:
    """One element of `protection.scaling`; `target` is a name or `*`. No ceiling leaves the maximum alone."""

    path: str
    target: str
    floor: Quantity | Peak
    ceiling: Quantity | None = None
    scale_down: ScaleDown = ScaleDown.ENABLED


@dataclass(frozen=True)
class Claimant:
    """The run that asks: its period, its strength in percent, and the floor that its profile allows at most.

    `relaxing`: the first step down was taken, so what is only on or off is off.
    """

    period: str
    uid: str
    run: str
    strength: int
    max_floor: int
    relaxing: bool = False

    def claim(self, wish: Wish) -> Claim:
        """The claim with which this run makes a wish."""
        return Claim(self.period, self.uid, self.run, self.strength, wish)


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

    def __add__(self, other: "ScalingPlan") -> "ScalingPlan":
        """Both together."""
        return ScalingPlan(self.requests + other.requests, self.problems + other.problems)


def parse_scaling(field: Field) -> tuple[ScalingRule, ...]:
    """Read `spec.protection.scaling`; an element without a floor leaves the floor where it is."""
    return tuple(_parse_rule(item) for item in field.items())


def plan_scaling(
    rules: Sequence[ScalingRule],
    targets: Sequence[Target],
    objects: CapacityObjects,
    claimant: Claimant,
    peaks: Mapping[str, SeenPeak | Refusal],
) -> ScalingPlan:
    """Decide the claims for every target that a rule names; at strength 0 there are none.

    `objects` are those of the period's namespace; `peaks` are what is known of targets whose floor is that, by name.
    """
    requests: list[ClaimRequest] = []
    problems = list(unknown_targets(((rule.path, rule.target) for rule in rules), targets))
    for target in targets:
        rule = rule_for(rules, target.name)
        if rule is None or (rule.target == EVERY_TARGET and target.kind == DAEMONSETS.kind):
            continue
        floor = _floor_of(rule, target, peaks)
        found = floor if isinstance(floor, Problem) else _request(_Asked(rule, floor), target, objects, claimant)
        match found:
            case ClaimRequest() as request:
                requests.append(request)
            case Problem() as problem:
                problems.append(problem)
    return ScalingPlan(tuple(requests) if claimant.strength > 0 else (), tuple(problems))


def unknown_targets(rules: Iterator[tuple[str, str]], targets: Sequence[Target]) -> Iterator[Problem]:
    """Say which rules, given as path and target, name no target of the period."""
    known = {EVERY_TARGET, *(target.name for target in targets)}
    for path, target in rules:
        if target not in known:
            message = f"{target!r} is no element of spec.targets: name one, or write *"
            yield Problem(f"{path}.target", "UnknownTarget", message, stalls=True)


class Aimed(Protocol):
    """A rule for one target, or for every other one."""

    @property
    def target(self) -> str:
        """A name, or `*`."""
        ...


Rule = TypeVar("Rule", bound=Aimed)


def rule_for(rules: Sequence[Rule], name: str) -> Rule | None:
    """The rule of a target: the one that names it, else the one for all."""
    named = {rule.target: rule for rule in rules}
    return named.get(name, named.get(EVERY_TARGET))


def _parse_rule(field: Field) -> ScalingRule:
    ceiling = field.get("ceiling")
    return ScalingRule(
        path=field.path,
        target=field.get("target").text(),
        floor=parse_floor(field.get("floor"), UNCHANGED),
        ceiling=parse_quantity(ceiling) if ceiling.present else None,
        scale_down=field.get("scaleDown").choice(ScaleDown, ScaleDown.ENABLED),
    )


@dataclass(frozen=True)
class _Asked:
    """A rule with a floor that is known."""

    rule: ScalingRule
    floor: Quantity


def _floor_of(rule: ScalingRule, target: Target, peaks: Mapping[str, SeenPeak | Refusal]) -> Quantity | Problem:
    if not isinstance(rule.floor, Peak):
        return rule.floor
    match peaks.get(target.name, _PEAK_UNREAD):
        case SeenPeak() as peak:
            return peak
        case Refusal(reason, message):
            return Problem(f"{rule.path}.floor", reason, message, stalls=False)


def _request(
    asked: _Asked, target: Target, objects: CapacityObjects, claimant: Claimant
) -> ClaimRequest | Problem | NoTarget:
    match scaler_of(target, objects):
        case Scaler() as scaler if refusal := _unfit(asked, scaler):
            return _refused(asked.rule, refusal)
        case Scaler(kind) as scaler:
            return ClaimRequest(target, scaler.object, claimant.claim(_wish(asked, kind, claimant)))
        case NoTarget() as missing:
            return missing
        case Refusal() as refusal:
            return _refused(asked.rule, refusal)


def _wish(asked: _Asked, kind: ScalerKind, claimant: Claimant) -> ReplicaWish:
    return ReplicaWish(
        floor=asked.floor,
        max_floor=claimant.max_floor,
        ceiling=asked.rule.ceiling if kind.ceiling else None,
        scale_down=asked.rule.scale_down if kind.switches and not claimant.relaxing else ScaleDown.ENABLED,
    )


def _unfit(asked: _Asked, scaler: Scaler) -> Refusal | None:
    """What of a rule makes no sense for what scales the target."""
    kind, name = scaler.kind, f"{scaler.object.kind} {scaler.object.name}"
    if asked.rule.ceiling is not None and not kind.ceiling and asked.rule.target != EVERY_TARGET:
        return Refusal("NoAutoscaler", f"no autoscaler scales {name}, so it has no ceiling: remove `ceiling`")
    raised = isinstance(asked.floor, Percent) and asked.floor != UNCHANGED
    if raised and kind.wakes and number(kind.floor, value_at(scaler.body, kind.floor)) == 0:
        message = f"{name} scales to zero, and a percentage of zero is zero: write `floor` as a count"
        return Refusal("PercentOfZero", message)
    return None


def _refused(rule: ScalingRule, refusal: Refusal) -> Problem:
    return Problem(f"{rule.path}.target", refusal.reason, refusal.message, stalls=True)
