"""What all claims together ask of a floor and a ceiling: of each, the strictest wins.

Floor at strength s, with original o and full value v: o + ceil((v - o) s). v is a count or a percentage of o, at most
the declared maximum (or the one that some claim raises it to) and the profile's limit, and never below o. A ceiling
moves by the same formula and never lowers the maximum.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hypercare.domain.capacity.hold import Claim
from hypercare.domain.capacity.quantity import at_strength, full_value
from hypercare.domain.capacity.wishes import ReplicaWish


@dataclass(frozen=True)
class Range:
    """A floor and a ceiling, in replicas."""

    floor: int
    ceiling: int


def strictest(claims: Sequence[Claim], original: Range) -> Range:
    """Return the floor and ceiling that satisfy every claim; without claims, the original."""
    asked = [(claim.wish, claim.strength) for claim in claims if isinstance(claim.wish, ReplicaWish)]
    full = [_full_ceiling(wish, original.ceiling) for wish, _ in asked]
    summit = max(full, default=original.ceiling)
    floors = (_floor(wish, strength, original.floor, summit) for wish, strength in asked)
    ceilings = (at_strength(most, original.ceiling, strength) for most, (_, strength) in zip(full, asked, strict=True))
    ceiling = max((original.ceiling, *ceilings))
    return Range(max(original.floor, min(max(floors, default=original.floor), ceiling)), ceiling)


def _full_ceiling(wish: ReplicaWish, original: int) -> int:
    return original if wish.ceiling is None else full_value(wish.ceiling, original)


def _floor(wish: ReplicaWish, strength: int, original: int, summit: int) -> int:
    full = max(original, min(full_value(wish.floor, original), summit, wish.max_floor))
    return at_strength(full, original, strength)
