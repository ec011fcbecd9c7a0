"""Reading objects of which nothing is taken for granted: what is not there or of another type is empty.

Texts come out fit for a terminal.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hypercare.cli.periods.printable import printable

Body = Mapping[str, Any]


def map_of(body: Body, key: str) -> Body:
    """An object."""
    value = body.get(key)
    return value if isinstance(value, Mapping) else {}


def list_of(body: Body, key: str) -> Sequence[Any]:
    """A list."""
    value = body.get(key)
    return value if isinstance(value, list) else ()


def maps_of(body: Body, key: str) -> Iterator[Body]:
    """The objects in a list."""
    return (each for each in list_of(body, key) if isinstance(each, Mapping))


def text_of(body: Body, key: str) -> str:
    """A text on one line."""
    value = body.get(key)
    return printable(value) if isinstance(value, str) else ""


def number_of(body: Body, key: str) -> int | None:
    """A whole number; None where there is none."""
    value = body.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
