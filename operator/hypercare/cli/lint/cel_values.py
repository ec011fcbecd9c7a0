"""What CEL's operators, functions and macros do with values of JSON.

Whole numbers and fractions are compared by value, as Kubernetes does. What an expression must not do (a field that is
not there, an operation on the wrong type) is a `CelError`.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

_FLAGS = re.compile(r"\(\?([ims]+)\)")
Results = Sequence[tuple[Any, Any]]


class CelError(Exception):
    """The expression has no value for these variables."""


class NoValue:
    """An optional without a value, such as the object before an update when there is none."""


def truth(value: object) -> bool:
    """The value of a condition."""
    if not isinstance(value, bool):
        raise CelError(f"{value!r} is not true or false")
    return value


def select(holder: Any, key: Any) -> Any:
    """A field of an object, a key of a map, an element of a list."""
    try:
        return holder[key]
    except (KeyError, IndexError, TypeError) as error:
        raise CelError(f"no such field or element: {key}") from error


def binary(sign: str, left: Any, right: Any) -> Any:
    """One operator with two operands."""
    try:
        return _OPERATORS[sign](left, right)
    except (TypeError, ZeroDivisionError) as error:
        raise CelError(f"{left!r} {sign} {right!r}") from error


def _sum(elements: Iterable[Any]) -> Any:
    return sum(elements)


def _find_all(text: str, pattern: str) -> list[str]:
    return [match[0] for match in _expression(pattern).finditer(text)]


def _matches(text: str, pattern: str) -> bool:
    return _expression(pattern).search(text) is not None


def _expression(pattern: str) -> re.Pattern[str]:
    """RE2 has flags anywhere, and they count from there on; Python has them at the beginning only."""
    flags = "".join(_FLAGS.findall(pattern))
    try:
        return re.compile((f"(?{flags})" if flags else "") + _FLAGS.sub("", pattern))
    except (re.error, TypeError) as error:
        raise CelError(f"{pattern!r} is no regular expression") from error


def _substring(text: str, start: int, end: int | None = None) -> str:
    return text[start:end]


def _sorted(elements: Sequence[Any]) -> bool:
    return all(before <= after for before, after in pairwise(elements))


def _type_of(value: object) -> object:
    return type(value)


TYPES: Mapping[str, object] = {"string": str, "int": int, "double": float, "bool": bool}
FUNCTIONS: Mapping[str, Callable[..., Any]] = {"size": len, "int": int, "type": _type_of, "string": str}
METHODS: Mapping[str, Callable[..., Any]] = {
    "size": len,
    "sum": _sum,
    "min": min,
    "max": max,
    "isSorted": _sorted,
    "findAll": _find_all,
    "matches": _matches,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": lambda text, part: part in text,
    "substring": _substring,
    "lowerAscii": str.lower,
    "split": str.split,
    "hasValue": lambda optional: not isinstance(optional, NoValue),
}
MACROS: Mapping[str, Callable[[Results], Any]] = {
    "all": lambda results: all(truth(told) for _, told in results),
    "exists": lambda results: any(truth(told) for _, told in results),
    "exists_one": lambda results: sum(truth(told) for _, told in results) == 1,
    "filter": lambda results: [each for each, told in results if truth(told)],
    "map": lambda results: [told for _, told in results],
}
_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "in": lambda left, right: left in right,
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left // right if isinstance(left, int) else left / right,
    "%": lambda left, right: left % right,
}
