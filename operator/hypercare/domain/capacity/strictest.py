"""What all claims together ask of one autoscaler: per field, the strictest wins.

Floor at strength s, with original o and full value v: o + ceil((v - o) s). v is a count or a percentage of o, at most
the declared maximum (or the one that some claim raises it to) and the profile's limit, and never below o. A ceiling
moves by the same formula and never lowers the maximum.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hypercare.domain.capacity.hold import Claim
from hypercare.domain.capacity.quantity import at_strength, full_value


@dataclass(frozen=True)
class Range:
    """A floor and a ceiling, in replicas."""

    floor: int
    ceiling: int


def strictest(claims: Sequence[Claim], original: Range) -> Range:
    """Return the floor and ceiling that satisfy every claim; without claims, the original."""
    summit = max((_full_ceiling(claim, original.ceiling) for claim in claims), default=original.ceiling)
    floors = (_floor(claim, original.floor, summit) for claim in claims)
    ceilings = (
        at_strength(_full_ceiling(claim, original.ceiling), original.ceiling, claim.strength) for claim in claims
    )
    ceiling = max((original.ceiling, *ceilings))
    return Range(max(original.floor, min(max(floors, default=original.floor), ceiling)), ceiling)


def _full_ceiling(claim: Claim, original: int) -> int:
    return original if claim.ceiling is None else full_value(claim.ceiling, original)


def _floor(claim: Claim, original: int, summit: int) -> int:
    full = max(original, min(full_value(claim.floor, original), summit, claim.max_floor))
    return at_strength(full, original, claim.strength)
