"""Where each value of an effective spec comes from: the period, its profile, or the built-in defaults.

The values are marked, and `effective_spec` merges them as it merges any others; so whatever its rules are, what comes
out still says where it came from. Values that it makes itself, such as built-in stages that fit a short window, are
built-in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from hypercare.domain.effective import effective_spec


class Origin(StrEnum):
    """Who asked for a value."""

    PERIOD = "period"
    PROFILE = "profile"
    BUILT_IN = "built-in"


@dataclass(frozen=True)
class Sourced:
    """A value with its origin: a scalar, or an object or list without elements."""

    value: object
    origin: Origin


Tree = Mapping[str, "Tree"] | Sequence["Tree"] | Sourced


class _Text(str):
    """A marked string: names of list elements must stay comparable."""

    __slots__ = ("origin",)
    origin: Origin

    @classmethod
    def of(cls, text: str, origin: Origin) -> Self:
        marked = cls(text)
        marked.origin = origin
        return marked


class _Nothing(dict[str, Any]):
    """A marked object without fields."""

    def __init__(self, origin: Origin) -> None:
        super().__init__()
        self.origin = origin


class _NoElements(list[Any]):
    """A marked list without elements."""

    def __init__(self, origin: Origin) -> None:
        super().__init__()
        self.origin = origin


def effective_with_origins(period: Mapping[str, Any], profile_defaults: Mapping[str, Any]) -> Mapping[str, Tree]:
    """Merge as `effective_spec` does; every leaf is `Sourced`."""
    merged = effective_spec(_marked_fields(period, Origin.PERIOD), _marked_fields(profile_defaults, Origin.PROFILE))
    return {key: _read(value) for key, value in merged.items()}


def _marked_fields(fields: Mapping[str, Any], origin: Origin) -> dict[str, Any]:
    return {key: _marked(value, origin) for key, value in fields.items()}


def _marked(value: object, origin: Origin) -> object:
    match value:
        case None:
            # An explicit null is no value: the merge looks at it.
            return None
        case Mapping():
            return _marked_fields(value, origin) if value else _Nothing(origin)
        case str():
            return _Text.of(value, origin)
        case Sequence():
            return [_marked(each, origin) for each in value] if value else _NoElements(origin)
        case _:
            return Sourced(value, origin)


def _read(value: object) -> Tree:
    match value:
        case Sourced():
            return value
        case _Nothing() if not value:
            return Sourced({}, value.origin)
        case _NoElements() if not value:
            return Sourced([], value.origin)
        case _Text():
            return Sourced(str(value), value.origin)
        case Mapping() if value:
            return {str(key): _read(each) for key, each in value.items()}
        case str():
            return Sourced(value, Origin.BUILT_IN)
        case Sequence() if value:
            return [_read(each) for each in value]
        case _:
            return Sourced(value, Origin.BUILT_IN)
