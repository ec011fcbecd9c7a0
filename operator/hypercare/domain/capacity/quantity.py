"""Amounts of replicas that are a count (`6`) or relative to what the team has set (`150%`).

Percentages are whole and at least 100: a window of hypercare only ever adds. All arithmetic is in whole numbers and
rounds up, so no floating point decides about a replica.
"""

from dataclasses import dataclass

from hypercare.domain.fields import Field

LARGEST = 10_000


@dataclass(frozen=True)
class Count:
    """So many replicas."""

    replicas: int


@dataclass(frozen=True)
class Percent:
    """So many percent of the original, at least 100."""

    percent: int


@dataclass(frozen=True)
class Peak:
    """The most replicas that were wanted in the days before the run; still to be read (`peak`)."""


@dataclass(frozen=True)
class SeenPeak:
    """That peak as it was read, in replicas; it does not change within a run."""

    replicas: int


Quantity = Count | Percent | SeenPeak
PEAK = "Peak"
UNCHANGED = Percent(100)


def parse_quantity(field: Field, default: Quantity | None = None) -> Quantity:
    """Read an int-or-string: a count of at least one, or a percentage of at least `100%`."""
    if not field.present and default is not None:
        return default
    if not isinstance(field.value, str):
        count = field.integer()
        if not 1 <= count <= LARGEST:
            raise field.error(f"must be from 1 to {LARGEST}, or a percentage such as 150%")
        return Count(count)
    digits = field.value.removesuffix("%")
    plain = digits.isascii() and digits.isdigit() and len(digits) <= 4
    if not field.value.endswith("%") or not plain or int(digits) < 100:
        raise field.error(f"{field.value!r} is neither a count nor a percentage from 100% to 9999%")
    return Percent(int(digits))


def parse_floor(field: Field, default: Quantity) -> Quantity | Peak:
    """Read a floor, which may also be `Peak`."""
    return Peak() if field.value == PEAK else parse_quantity(field, default)


def render_quantity(quantity: Quantity) -> int | str:
    """Write a quantity as it is written in a spec."""
    match quantity:
        case Count(replicas) | SeenPeak(replicas):
            return replicas
        case Percent(percent):
            return f"{percent}%"


def full_value(quantity: Quantity, original: int) -> int:
    """Replicas at full strength, never below `original`."""
    match quantity:
        case Count(replicas) | SeenPeak(replicas):
            return max(replicas, original)
        case Percent(percent):
            return max(_ceil_share(original, percent), original)


def at_strength(full: int, original: int, strength: int) -> int:
    """The step from `original` to `full` at `strength` percent, rounded up to whole replicas."""
    return original + _ceil_share(full - original, strength)


def _ceil_share(amount: int, percent: int) -> int:
    return -(-amount * percent // 100)
