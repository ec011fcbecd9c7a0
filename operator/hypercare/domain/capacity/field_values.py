"""Values of fields as the API server holds them: any JSON, or nothing at all.

They are compared, stored in holds and written back, so they must survive all three exactly. Objects and lists are kept
as canonical JSON text: it cannot be changed by accident, and equal documents are equal values.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Document:
    """A JSON object or list; `text` is canonical (sorted keys, no spaces)."""

    text: str

    @property
    def content(self) -> object:
        """The object or list itself, a fresh copy."""
        return json.loads(self.text)


Scalar = bool | int | float | str


@dataclass(frozen=True)
class Present:
    """The field is written in the object."""

    value: Scalar | Document


@dataclass(frozen=True)
class Absent:
    """The field is not written, and the API's default counts."""


FieldValue = Present | Absent


def field_value(found: object) -> FieldValue:
    """The value that a field of a body holds; null counts as absent, as in Kubernetes."""
    match found:
        case None:
            return Absent()
        case bool() | int() | float() | str():
            return Present(found)
        case _:
            return Present(Document(json.dumps(found, sort_keys=True, separators=(",", ":"))))


def json_of(value: Present) -> object:
    """What is to be written into a body."""
    return value.value.content if isinstance(value.value, Document) else value.value


def contains(whole: object, part: object) -> bool:
    """Whether a JSON value has everything that `part` has; the API server only ever adds to what it is given."""
    if isinstance(whole, Mapping) and isinstance(part, Mapping):
        return all(key in whole and contains(whole[key], part[key]) for key in part)
    return whole == part
