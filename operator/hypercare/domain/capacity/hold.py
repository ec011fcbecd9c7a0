"""The hold: one changed object, what its values were, who asks for a change, and what is being written.

A hold is written before the object is, so whatever interrupts the operator, the next one knows the originals and every
value that may be the operator's own. The claims are the periods' wishes; the hold carries no owner reference, because
it must outlive a deleted period until the object is restored.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from hypercare.domain.capacity.field_values import FieldValue
from hypercare.domain.capacity.wishes import Wish

_LONGEST_NAME = 63


@dataclass(frozen=True)
class Untouched:
    """No write of ours is in effect: the live value is the original."""


@dataclass(frozen=True)
class Idle:
    """Nothing is being written."""


@dataclass(frozen=True)
class Pending:
    """A write that was announced at `at` (Unix seconds) and has not been read back: it may still arrive."""

    value: FieldValue
    at: int


@dataclass(frozen=True)
class HeldField:
    """One field: what it gets back, what of ours is in effect, and what may be on its way."""

    path: str
    original: FieldValue
    confirmed: FieldValue | Untouched = field(default_factory=Untouched)
    pending: Pending | Idle = field(default_factory=Idle)

    @property
    def base(self) -> FieldValue:
        """What the object holds while no write has arrived that has not been read back, and nobody else wrote."""
        return self.original if isinstance(self.confirmed, Untouched) else self.confirmed

    @property
    def at_rest(self) -> bool:
        """Whether nothing of ours is in effect or on its way."""
        return isinstance(self.confirmed, Untouched) and isinstance(self.pending, Idle)


@dataclass(frozen=True)
class Claim:
    """What one run of one period asks for, and at which strength in percent."""

    period: str
    uid: str
    run: str
    strength: int
    wish: Wish


@dataclass(frozen=True)
class HeldObject:
    """The very object: the hold says nothing about another one of the same name."""

    api_version: str
    kind: str
    name: str
    uid: str


@dataclass(frozen=True)
class Contest:
    """Somebody reverts our values: who, how often, since when, and when the floor may return (Unix seconds)."""

    manager: str
    reverts: int
    since: int
    until: int


@dataclass(frozen=True)
class Uncontested:
    """Nobody has reverted anything."""


@dataclass(frozen=True)
class Hold:
    """The whole record. Without claims, everything is to be restored and the hold is to go."""

    object: HeldObject
    claims: tuple[Claim, ...]
    fields: tuple[HeldField, ...]
    contest: Contest | Uncontested = field(default_factory=Uncontested)

    def field(self, path: str) -> HeldField | None:
        """The record of one field, if it is held."""
        return next((held for held in self.fields if held.path == path), None)

    def claim_of(self, uid: str) -> Claim | None:
        """The claim of the period with this UID, if it has one."""
        return next((claim for claim in self.claims if claim.uid == uid), None)

    def with_claim(self, claim: Claim) -> "Hold":
        """The hold with the claim of this period added, or its earlier one replaced in place."""
        others = tuple(other for other in self.claims if other.uid != claim.uid)
        return replace(self, claims=tuple(sorted((*others, claim), key=lambda one: (one.period, one.uid))))

    def without_claim(self, uid: str) -> "Hold":
        """The hold without the claim of this period."""
        return self.keeping(lambda claim: claim.uid != uid)

    def keeping(self, wanted: Callable[[Claim], bool]) -> "Hold":
        """The hold with only those claims."""
        return replace(self, claims=tuple(claim for claim in self.claims if wanted(claim)))

    def with_fields(self, fields: Iterable[HeldField]) -> "Hold":
        """The hold with other records of its fields."""
        return replace(self, fields=tuple(fields))


def hold_name(kind: str, name: str) -> str:
    """Name of the hold of an object: one per object, so two periods meet in it; hashed when it would be too long."""
    plain = f"{kind.lower()}-{name}"
    if len(plain) <= _LONGEST_NAME:
        return plain
    digest = hashlib.sha256(plain.encode()).hexdigest()[:10]
    return f"{plain[: _LONGEST_NAME - 11].rstrip('.-')}-{digest}"


@dataclass(frozen=True)
class Refusal:
    """Something keeps a change from being made; reason for machines, message for people."""

    reason: str
    message: str
