"""Whether what is waited for has come: one decision for each look at a period."""

from dataclasses import dataclass

from hypercare.cli.periods.seen import Seen
from hypercare.cli.wait.command import Code, Goal

_LEVERS = ("AlertsTightened", "ScalingRaised")


@dataclass(frozen=True)
class Waiting:
    """Not yet, and why."""

    message: str


@dataclass(frozen=True)
class Result:
    """It is decided."""

    code: Code
    message: str


def judge(seen: Seen, goal: Goal) -> Waiting | Result:
    """Look at a period with what is waited for in mind."""
    if not seen.about_this_release:
        if seen.holds("Stalled") and seen.current and goal is Goal.PROTECTED:
            return _stalled(seen)
        return Waiting("the operator has not taken up this release yet")
    return _protected(seen) if goal is Goal.PROTECTED else _over(seen)


def _over(seen: Seen) -> Waiting | Result:
    match seen.phase:
        case "Completed":
            return Result(Code.REACHED, seen.summary or "Completed")
        case "Ended":
            return Result(Code.OTHERWISE, seen.summary or f"Ended ({seen.outcome})")
        case "DecisionNeeded":
            return Result(Code.DECISION, seen.summary or "a decision is needed")
        case _:
            return Waiting(seen.summary or seen.phase)


def _protected(seen: Seen) -> Waiting | Result:
    if seen.over or seen.phase == "Relaxing":
        return Result(Code.OTHERWISE, f"it is not protected any more: {seen.summary or seen.phase}")
    if seen.holds("Stalled"):
        return _stalled(seen)
    missing = [kind for kind in _LEVERS if not _in_force(seen, kind)]
    if missing or not seen.strength:
        told = [f"{kind}: {seen.conditions[kind].message}" for kind in missing if kind in seen.conditions]
        return Waiting("; ".join(told) or "protections are not due yet")
    if seen.mode == "Observe":
        return Result(Code.REACHED, "mode Observe: nothing is changed, there is nothing to wait for")
    proof = "; ".join(seen.conditions[kind].message for kind in _LEVERS if seen.conditions[kind].message)
    return Result(Code.REACHED, f"protected at {seen.strength}%: {proof}")


def _in_force(seen: Seen, kind: str) -> bool:
    """Whether the condition holds for the spec as it is now."""
    found = seen.conditions.get(kind)
    return found is not None and found.status == "True" and found.generation >= seen.generation


def _stalled(seen: Seen) -> Result:
    stalled = seen.conditions["Stalled"]
    return Result(Code.DECISION, f"a person must act ({stalled.reason}): {stalled.message}")
