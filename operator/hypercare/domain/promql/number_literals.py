"""The number literals of an expression, where they stand in its text, and the safe exchange of some of them.

The parser gives no source positions. So the text is cut into tokens here, and the numbers found must agree one by one,
in order and in value, with those of the syntax tree. What is spliced in is parsed again, and the two trees must be
equal but for those literals. On any doubt nothing is changed. Comments and layout stay as they are.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import promql_parser as pp

from hypercare.domain.promql.syntax import PromQLError, children, nodes, parse

_STRING = r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`'
_DURATION = r"(?:[0-9]+(?:ms|[smhdwy]))+"
_TOKEN = re.compile(
    rf"""
      (?P<skipped> \#[^\n]* | {_STRING}
        | \[ [^\]\[]* \]
        | \{{ (?: {_STRING} | \#[^\n]*+ | [^}}"'`\#] )*+ \}}
        | (?i: \boffset\s* ) -?\s* {_DURATION}
        | @ \s* [-+]? \s* [0-9.]+ (?: [eE][-+]?[0-9]+ )?
      )
    | (?P<number> 0[xX][0-9a-fA-F]+ | {_DURATION}
        | (?: [0-9]+\.?[0-9]* | \.[0-9]+ ) (?: [eE][-+]?[0-9]+ )?
        | (?i: \b(?:inf|nan)\b (?! \s*[({{:] ) )
      )
    | (?P<word> [a-zA-Z_:][a-zA-Z0-9_:]* )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_DURATION_PART = re.compile(r"([0-9]+)(ms|[smhdwy])")
_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_MILLISECONDS |= {"w": 7 * _MILLISECONDS["d"], "y": 365 * _MILLISECONDS["d"]}
_MAX_EXPONENT = 400
"""More than any float has; an exponent of a billion would be a billion digits as an exact number."""


class TextNotUnderstood(Exception):
    """Text and syntax tree cannot be brought together for sure, so nothing may be spliced; the text says why."""


@dataclass(frozen=True)
class NumberLiteral:
    """One number of an expression: from `start` to `end` of its text, a minus sign included.

    `value` is what the digits say exactly; infinities and NaN have none and are `None`.
    """

    start: int
    end: int
    text: str
    value: Fraction | None


@dataclass(frozen=True)
class Placed:
    """A part of an expression, and how many number literals are written before it."""

    node: pp.Expr
    first: int = 0

    def parts(self) -> Iterator["Placed"]:
        """Its direct parts, from left to right."""
        first = self.first
        for child in children(self.node):
            yield Placed(child, first)
            first += sum(isinstance(node, pp.NumberLiteral) for node in nodes(child))


def number_literals(text: str, tree: pp.Expr) -> tuple[NumberLiteral, ...]:
    """Find the literals of `tree` in the text that it was parsed from, in order.

    Raises:
        TextNotUnderstood: the numbers in the text are not evidently those of the tree.
    """
    wanted = [node.val for node in nodes(tree) if isinstance(node, pp.NumberLiteral)]
    tokens = [token for token in _TOKEN.finditer(text) if token["number"]]
    if len(tokens) != len(wanted):
        raise TextNotUnderstood(f"{len(tokens)} numbers are written where {len(wanted)} are meant")
    return tuple(_literal(text, token, value) for token, value in zip(tokens, wanted, strict=True))


def spliced(text: str, tree: pp.Expr, literals: Sequence[NumberLiteral], changes: Mapping[int, str]) -> str:
    """Exchange some literals, by index, and make sure that nothing else has changed its meaning.

    Raises:
        TextNotUnderstood: the new text is read as anything but the old tree with those numbers.
    """
    new = text
    for index in sorted(changes, reverse=True):
        new = new[: literals[index].start] + changes[index] + new[literals[index].end :]
    try:
        found = list(_outline(parse(new)))
        expected = list(_expected(tree, changes))
    except (PromQLError, ValueError) as error:
        raise TextNotUnderstood(f"with the new number it does not parse: {error}") from error
    if found != expected:
        raise TextNotUnderstood("with the new number it would be read differently in other places too")
    return new


def _literal(text: str, token: re.Match[str], value: float) -> NumberLiteral:
    exact = _exact(token["number"])
    start = token.start()
    if value < 0:
        # The parser makes a number and the minus before it one literal.
        start = text.rfind("-", 0, start)
        if start < 0 or text[start + 1 : token.start()].strip():
            raise TextNotUnderstood(f"the sign of {token['number']} is not where it should be")
        exact = None if exact is None else -exact
    agrees = float(exact) == value if exact is not None else not math.isfinite(value)
    if not agrees:
        raise TextNotUnderstood(f"{token['number']} is written where {value} is meant")
    return NumberLiteral(start, token.end(), text[start : token.end()], exact)


def _exact(digits: str) -> Fraction | None:
    if digits.lower() in ("inf", "nan"):
        return None
    if digits.lower().startswith("0x"):
        return Fraction(int(digits, 16))
    if parts := _DURATION_PART.findall(digits):
        return Fraction(sum(int(amount) * _MILLISECONDS[unit] for amount, unit in parts), 1000)
    exponent = digits.lower().partition("e")[2]
    if exponent and abs(int(exponent)) > _MAX_EXPONENT:
        raise TextNotUnderstood(f"{digits} is beyond all measure")
    return Fraction(Decimal(digits))


def _expected(tree: pp.Expr, changes: Mapping[int, str]) -> Iterator[tuple[str, ...]]:
    index = 0
    for entry in _outline(tree):
        if entry[0] == "number":
            yield ("number", repr(float(changes[index]))) if index in changes else entry
            index += 1
        else:
            yield entry


def _outline(tree: pp.Expr) -> Iterator[tuple[str, ...]]:
    """All that is in a tree, as a flat list: each node with its attributes and its number of parts."""
    for node in nodes(tree):
        yield node_entry(node)


def node_entry(node: pp.Expr) -> tuple[str, ...]:
    """What a node is apart from its parts, as text to compare."""
    match node:
        case pp.NumberLiteral():
            return "number", repr(node.val)
        case pp.StringLiteral():
            return "string", node.val
        case pp.VectorSelector() | pp.MatrixSelector():
            return "selector", node.prettify()
        case pp.SubqueryExpr():
            return "subquery", node.prettify().removeprefix(node.expr.prettify())
        case pp.Call():
            return "call", node.func.name, str(len(node.args))
        case pp.AggregateExpr():
            grouping = (str(node.modifier.type), *node.modifier.labels) if node.modifier else ()
            return "aggregation", str(node.op), str(node.param is None), *grouping
        case pp.BinaryExpr():
            return "operator", str(node.op), *_matching(node.modifier)
    return (type(node).__name__,)


def _matching(modifier: pp.BinModifier | None) -> tuple[str, ...]:
    if modifier is None:
        return ()
    matching = modifier.matching
    labels = (str(matching.type), *matching.labels) if matching else ()
    return str(modifier.card), str(modifier.return_bool), *labels, "|", *(modifier.group_labels or ())
