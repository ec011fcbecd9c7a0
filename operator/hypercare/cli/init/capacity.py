"""What a period could ask for more capacity, and what each rule would do, as the operator itself would judge it.

Nothing is offered that the operator would refuse, that would change nothing, or that could not come true today. What
a period has raised already counts as it was before.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hypercare.cli.init.survey import Capacity, Offer, Rule
from hypercare.cli.seen_capacity import SeenCapacity
from hypercare.domain.capacity.capacity_objects import CapacityObjects, controller_of
from hypercare.domain.capacity.disruption import parse_disruption, plan_disruption
from hypercare.domain.capacity.held_fields import change_text, weaker
from hypercare.domain.capacity.hold import Refusal
from hypercare.domain.capacity.kinds import POD_DISRUPTION_BUDGET, ScalerKind
from hypercare.domain.capacity.readiness import WAITING, readiness_of
from hypercare.domain.capacity.scalers import Scaler, scaler_of
from hypercare.domain.capacity.scaling import Claimant, ClaimRequest, ScalingPlan, parse_scaling, plan_scaling
from hypercare.domain.capacity.strictest import Range
from hypercare.domain.conditions import Problem
from hypercare.domain.fields import Field
from hypercare.domain.life.rollout import Target
from hypercare.domain.objects import AUTOSCALERS, DAEMONSETS, SCALED_OBJECTS, TARGETS

_MORE, _AWAKE, _ONE = "150%", 1, 1
_NO_BUDGET, _SEVERAL = "NoBudget", "SeveralBudgets"


@dataclass(frozen=True)
class Here:
    """A namespace: what decides about capacity, and the floor that the profile allows."""

    seen: SeenCapacity
    max_floor: int

    @property
    def objects(self) -> CapacityObjects:
        """The objects that could be seen."""
        return self.seen.objects

    @property
    def claimant(self) -> Claimant:
        """A run at full strength."""
        return Claimant("init", "init", "init", 100, self.max_floor)


@dataclass(frozen=True)
class _Not:
    """Nothing is offered, and why."""

    told: str


def capacity_offers(targets: Sequence[Target], here: Here) -> Capacity:
    """All that can be offered for some targets, each by itself."""
    scaling: list[Offer | _Not] = []
    disruption: list[Offer | _Not] = []
    bare: list[str] = []
    for target in targets:
        scaling += _if_seen(target, here.seen.hides_replicas([target.kind]), _more_replicas(target, here))
        found = list(_fewer_disruptions(target, here))
        bare += [target.name for each in found if isinstance(each, Problem) and target.kind != DAEMONSETS.kind]
        offered = (each for each in found if not isinstance(each, Problem))
        disruption += _if_seen(target, here.seen.hides_disruptions([target.kind]), offered)
    told = [each.told for each in (*scaling, *disruption) if isinstance(each, _Not)]
    if bare and not here.seen.hides_disruptions([]):
        told.append(f"No PodDisruptionBudget selects the pods of {', '.join(bare)}.")
    return Capacity(
        tuple(each for each in scaling if isinstance(each, Offer)),
        tuple(each for each in disruption if isinstance(each, Offer)),
        tuple(dict.fromkeys(told)),
    )


def _if_seen(target: Target, hidden: Sequence[str], found: Iterator[Offer | _Not]) -> Iterator[Offer | _Not]:
    if hidden:
        yield _Not(f"Nothing is offered for {target.kind}s: you may not list {', '.join(hidden)}.")
        return
    yield from found


def _more_replicas(target: Target, here: Here) -> Iterator[Offer | _Not]:
    match scaler_of(target, here.objects):
        case Scaler() as scaler:
            yield _floor(target, scaler, here)
        case Refusal() as refusal if target.kind != DAEMONSETS.kind:
            yield _Not(f"No replicas are offered for {target.name}: {_fact(refusal.message)}.")


def _floor(target: Target, scaler: Scaler, here: Here) -> Offer | _Not:
    readiness = readiness_of(target, scaler.body, scaler.object, here.objects)
    if readiness.reason != WAITING:
        said = " ".join(readiness.message.split()).rstrip(".")
        return _Not(f"No replicas are offered for {target.name}, they would not come: {readiness.reason}, {said}.")
    values = here.seen.originals(scaler.kind, scaler.object)
    before = scaler.kind.range(values)
    for rule in _rules(scaler.kind, before):
        field = Field("scaling", [{"target": target.name, **rule}])
        plan = plan_scaling(parse_scaling(field), [target], here.objects, here.claimant, {})
        for request in plan.requests:
            after = scaler.kind.range(scaler.kind.wanted((request.claim,), values))
            if after.floor > before.floor:
                told = f"{_scaled_by(target, scaler, before, here)}; {_effect(rule, after)}"
                return Offer(target.name, rule, told)
    said = f"{_scaled_by(target, scaler, before, here)}, and the profile allows {here.max_floor}"
    return _Not(f"No replicas are offered for {target.name}: {said}.")


def _rules(kind: ScalerKind, before: Range) -> Iterator[Rule]:
    """From the one that asks for least; a percentage of zero is zero, and only an autoscaler wakes a target up."""
    if before.floor == 0:
        yield {"floor": _AWAKE}
        return
    yield {"floor": _MORE}
    if kind.ceiling:
        yield {"floor": _MORE, "ceiling": _MORE}


def _effect(rule: Rule, after: Range) -> str:
    ceiling = f", and ceiling {rule['ceiling']} allow {after.ceiling}" if "ceiling" in rule else ""
    return f"floor {rule['floor']} would keep {after.floor}{ceiling}"


def _scaled_by(target: Target, scaler: Scaler, before: Range, here: Here) -> str:
    name = f"{scaler.object.kind} {scaler.object.name}"
    if not scaler.kind.ceiling:
        return f"{name}, which nothing else scales: runs {before.floor} today"
    made = [
        f"HorizontalPodAutoscaler {body['metadata']['name']}"
        for body in here.objects.all(AUTOSCALERS)
        if scaler.object.kind == SCALED_OBJECTS.kind and controller_of(body) == name
    ]
    maker = f" (KEDA makes {' and '.join(made)} of it, and would take a change there back)" if made else ""
    runs = here.objects.find(TARGETS[target.kind], target.name).get("spec", {}).get("replicas", 1)
    return f"{name}{maker}: at least {before.floor}, at most {before.ceiling}, runs {runs} today"


def _fewer_disruptions(target: Target, here: Here) -> Iterator[Offer | _Not | Problem]:
    """A problem says that no budget selects the target's pods."""
    rule: Rule = {"maxUnavailable": _ONE}
    plan = _disruption(target, rule, here)
    reasons = {problem.reason for problem in plan.problems}
    if _SEVERAL in reasons:
        named: list[Rule] = [{"budget": each, **rule} for each in _budgets(here)]
        found = [(each, request) for each in named for request in _disruption(target, each, here).requests]
        offers = [each for each in (_budget(target, *pair, here) for pair in found) if isinstance(each, Offer)]
        yield (
            offers[0] if offers else _Not(f"No budget is offered for {target.name}: {_fact(plan.problems[0].message)}.")
        )
        return
    yield from (_budget(target, rule, request, here) for request in plan.requests)
    for problem in plan.problems:
        yield (
            problem
            if problem.reason == _NO_BUDGET
            else _Not(f"No budget is offered for {target.name}: {_fact(problem.message)}.")
        )


def _budget(target: Target, rule: Rule, request: ClaimRequest, here: Here) -> Offer | _Not:
    kind = POD_DISRUPTION_BUDGET
    values = here.seen.originals(kind, request.object)
    wanted = kind.wanted((request.claim,), values)
    changed = [path for path in kind.paths if weaker(path, values[path], wanted[path])]
    name = f"PodDisruptionBudget {request.object.name}"
    if not changed:
        return _Not(f"{name} of {target.name} allows no more than one pod to be missing already.")
    return Offer(target.name, rule, f"{name}: {change_text(changed[0], values[changed[0]], wanted[changed[0]])}")


def _disruption(target: Target, rule: Rule, here: Here) -> ScalingPlan:
    field = Field("disruption", [{"target": target.name, **rule}])
    return plan_disruption(parse_disruption(field), [target], here.objects, here.claimant)


def _budgets(here: Here) -> list[str]:
    return sorted(body["metadata"]["name"] for body in here.objects.all(POD_DISRUPTION_BUDGET.resource))


def _fact(message: str) -> str:
    """What is the case; what to do about a rule that nobody has written yet is left out."""
    return message.partition(": ")[0]
