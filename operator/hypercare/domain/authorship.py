"""Whether a spec may be enforced, for all that is known of its author: promise 9, beside the API server's own check.

The operator cannot ask who wrote a spec. It knows that the API server has asked when it sees a generation for the first
time while the policy is in force. One that it sees while the policy is not, may come from anybody, and stays refused
until it is written again; what was accepted once stays so, and is restored as usual. What nobody looked at, because
neither an operator ran nor the policy was there, cannot be told from what was asked about.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hypercare.domain.author_policy import Check, InForce, NotInForce
from hypercare.domain.conditions import Problem
from hypercare.domain.period import Mode, Resolved

FLAG = "--allow-enforce-without-author-check"
_PROTECTIONS = frozenset({"alerts", "scaling", "disruption"})


@dataclass(frozen=True)
class Authorship:
    """`accepted` is the newest generation that may be enforced, 0 for none. `refused` says why this one may not be."""

    accepted: int = 0
    refused: tuple[Problem, ...] = ()


def authorship(period: Mapping[str, Any], check: Callable[[], Check]) -> Authorship:
    """Judge the spec of a period as it is now, by its status and, where that does not tell, by the check of now."""
    generation, status = int(period["metadata"]["generation"]), period.get("status", {})
    accepted = _accepted(status, generation)
    if accepted == generation:
        return Authorship(accepted)
    match check():
        case NotInForce(message):
            return Authorship(accepted, (_unchecked(message),))
        case InForce(asks_all) if _seen(status, generation) and (asks_all or _names_protection(period)):
            return Authorship(accepted, (_written_unchecked(),))
        case _:
            return Authorship(generation)


def bounded_by(resolved: Resolved, found: Authorship) -> Resolved:
    """What may be done for a period: one that would enforce and may not is only observed, and says why."""
    refused = found.refused if resolved.spec.mode is Mode.ENFORCE else ()
    spec = replace(resolved.spec, mode=Mode.OBSERVE) if refused else resolved.spec
    return replace(resolved, spec=spec, refused=refused, accepted_generation=found.accepted)


def _accepted(status: Mapping[str, Any], generation: int) -> int:
    """The stored generation. An earlier version stored none: what it has begun with this spec goes on."""
    if "acceptedGeneration" in status:
        return int(status["acceptedGeneration"])
    begun = status.get("run", {}).get("id") and status.get("observedGeneration") == generation
    return generation if begun else 0


def _seen(status: Mapping[str, Any], generation: int) -> bool:
    """Whether this generation was looked at before, and not accepted."""
    return "acceptedGeneration" in status and status.get("observedGeneration") == generation


def _names_protection(period: Mapping[str, Any]) -> bool:
    """Whether the policy asks its author anything; what a profile adds is the word of a cluster admin."""
    return not _PROTECTIONS.isdisjoint(period.get("spec", {}).get("protection") or ())


def _unchecked(why: str) -> Problem:
    message = (
        f"nothing is enforced, for nobody asks what authors of periods may do: {why}. Apply the policy of "
        f"manifests/install or of the chart, of this version; or run the operator with {FLAG}; or set mode: Observe"
    )
    return Problem("spec.mode", "AuthorsUnchecked", message, stalls=True)


def _written_unchecked() -> Problem:
    message = (
        "nothing is enforced, for this spec was written while nobody asked what its author may do: write it again, "
        "with any change of the spec, or delete the period and apply it anew"
    )
    return Problem("spec.mode", "WrittenUnchecked", message, stalls=True)
