"""What the syntax tree of a PromQL expression says about reading it as evidence.

Limits of the parser (promql-parser 0.12, Rust), each found by trying: `str()` writes strings unescaped, so only
`prettify()` is used; there are no source positions; nodes are made by parsing text, never by hand; `repr` and `walk`
take cubic time on deep trees, and deep brackets overflow the stack of the process, so brackets and operators are
counted before parsing and depth after it; reading `.at` ends in a panic on `a @ -5`. What it refuses may still be valid
for a newer Prometheus, and that cannot be told from an error for sure; the known cases are named `UnsupportedPromQL`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

import promql_parser as pp

_MAX_LENGTH = 8192
_MAX_DEPTH = 64
_MAX_BRACKETS = 256
_MAX_OPERATORS = 512
_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SELECTOR = re.compile(
    r'(?P<name>[a-zA-Z0-9_:]*)(?:\{(?P<body>(?:"(?:[^"\\]|\\.)*"|[^"}])*)\})?(?P<time>[^{}]*)', re.DOTALL
)
_OPERATOR = re.compile(r"[-+*/%^]|[=!<>]=?|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)
_KNOWN_REFUSALS = (
    (re.compile(r"`[^`]*\\[^`]*`"), "a backslash in backquotes: write it in double quotes, each backslash twice"),
    (re.compile(r"\[[^]{}]*[-+*/%^][^]{}]*\]"), "arithmetic in a duration: write the result"),
    (re.compile(r"\bholt_winters\s*\("), "holt_winters: its name is double_exponential_smoothing since Prometheus 3"),
    (re.compile(r"\b(anchored|smoothed)\b"), "the modifiers anchored and smoothed"),
)
_REQUEST_FUNCTIONS = frozenset({"start", "end", "range", "step"})
ABSENCE_FUNCTIONS = frozenset({"absent", "absent_over_time"})
"""Functions that have a result where there is no series."""
RELABELLING_FUNCTIONS = frozenset({"label_replace", "label_join"})
"""Functions whose results carry a label that an argument names."""
KEEPING_AGGREGATIONS = frozenset({"topk", "bottomk"})
"""Aggregations whose results are some of the series, with all their labels."""


class PromQLError(Exception):
    """The expression cannot be used; the text is for the person who wrote it."""


class InvalidPromQL(PromQLError):
    """The parser refuses it, and no known limit of the parser explains why."""


class UnsupportedPromQL(PromQLError):
    """It may be valid, but it is not read: the parser's limits, or evidence that would depend on the request."""


def parse(text: str) -> pp.Expr:
    """Parse an expression.

    Raises:
        InvalidPromQL: it does not parse.
        UnsupportedPromQL: it is too long or too deep, or in a form that the parser is known not to read.
    """
    if len(text) > _MAX_LENGTH:
        raise UnsupportedPromQL(f"longer than {_MAX_LENGTH} characters")
    # Counted in the raw text, strings and comments included: what is cut out by a guess could hide what overflows.
    if sum(text.count(bracket) for bracket in "([{") > _MAX_BRACKETS:
        raise UnsupportedPromQL(f"more than {_MAX_BRACKETS} opening brackets")
    if len(_OPERATOR.findall(text)) > _MAX_OPERATORS:
        raise UnsupportedPromQL(f"more than {_MAX_OPERATORS} operators")
    try:
        tree = pp.parse(text)
    except ValueError as error:
        raise _refusal(text, str(error)) from error
    if _deeper_than(tree, _MAX_DEPTH):
        raise UnsupportedPromQL(f"operators and functions nested deeper than {_MAX_DEPTH}")
    if any(selector.matchers.or_matchers for selector in selectors(tree)):
        raise UnsupportedPromQL("`or` between label matchers is not PromQL")
    return tree


def nodes(tree: pp.Expr) -> Iterator[pp.Expr]:
    """All nodes, parents first, from left to right."""
    yield tree
    for child in children(tree):
        yield from nodes(child)


def children(node: pp.Expr) -> tuple[pp.Expr, ...]:
    """The direct parts of a node."""
    match node:
        case pp.BinaryExpr():
            return node.lhs, node.rhs
        case pp.AggregateExpr():
            return (node.expr,) if node.param is None else (node.param, node.expr)
        case pp.Call():
            return tuple(node.args)
        case pp.ParenExpr() | pp.UnaryExpr() | pp.SubqueryExpr():
            return (node.expr,)
        case pp.MatrixSelector():
            return (node.vector_selector,)
    return ()


def selectors(tree: pp.Expr) -> tuple[pp.VectorSelector, ...]:
    """Every selector, those inside of range selectors and subqueries included."""
    return tuple(node for node in nodes(tree) if isinstance(node, pp.VectorSelector))


def metric_name(selector: pp.VectorSelector) -> str:
    """The one name that all series of the selector have; empty if it does not fix one."""
    equal = {m.value for m in selector.matchers.matchers if m.name == "__name__" and m.op == pp.MatchOp.Equal}
    names = equal | ({selector.name} if selector.name else set())
    return names.pop() if len(names) == 1 else ""


@dataclass(frozen=True)
class SelectorText:
    """A selector in canonical form, cut into pieces: `name{body} time`, where `time` is `@` and `offset`."""

    name: str
    body: str
    time: str

    def matching(self, *matchers: str) -> str:
        """The selector without `time`, with further matchers."""
        inside = ",".join(part for part in (self.body, *matchers) if part)
        return f"{self.name}{{{inside}}}"


def selector_text(selector: pp.VectorSelector) -> SelectorText:
    """Cut the canonical text of a selector."""
    found = _SELECTOR.fullmatch(selector.prettify())
    if found is None:
        raise UnsupportedPromQL(f"the selector {selector.prettify()} cannot be written down safely")
    return SelectorText(found["name"], found["body"] or "", found["time"])


def look_behind(tree: pp.Expr) -> int:
    """How many seconds before its evaluation time the expression reads: ranges and offsets, nested ones added up.

    The lookback of instant selectors (five minutes, set on the server) does not count: it bridges gaps, it does not
    reach behind what is there.
    """
    match tree:
        case pp.VectorSelector():
            return _seconds(tree.offset)
        case pp.MatrixSelector():
            return _seconds(tree.range) + _seconds(tree.vector_selector.offset)
        case pp.SubqueryExpr():
            return _seconds(tree.range) + _seconds(tree.offset) + look_behind(tree.expr)
    return max((look_behind(child) for child in children(tree)), default=0)


def check_replayable(tree: pp.Expr) -> None:
    """Refuse what cannot be judged on a grid: the verdict must not depend on how requests are cut.

    Raises:
        UnsupportedPromQL: strings and bare ranges; `@`; functions of the request's bounds; offsets into the future.
    """
    if not has_value(tree):
        raise UnsupportedPromQL(
            "a string or a range of samples is no value: use a function such as rate() or max_over_time()"
        )
    if "@" in _STRINGS.sub("", tree.prettify()):
        raise UnsupportedPromQL("the @ modifier: evidence is read at many times, and must mean the same at each")
    for node in nodes(tree):
        match node:
            case pp.Call() if node.func.name in _REQUEST_FUNCTIONS:
                raise UnsupportedPromQL(f"{node.func.name}() depends on how the request is cut")
            case pp.VectorSelector() | pp.SubqueryExpr() if node.offset is not None and node.offset < timedelta(0):
                raise UnsupportedPromQL("a negative offset looks into the future")


def has_value(tree: pp.Expr) -> bool:
    """Whether it evaluates to numbers (a vector or a scalar), not to a string or a range of samples."""
    match tree:
        case pp.StringLiteral() | pp.MatrixSelector() | pp.SubqueryExpr():
            return False
        case pp.Call():
            return bool(tree.func.return_type in (pp.ValueType.Vector, pp.ValueType.Scalar))
        case pp.ParenExpr() | pp.UnaryExpr():
            return has_value(tree.expr)
    return True


def coverage_expr(tree: pp.Expr, window_seconds: int) -> str:
    """PromQL that has a value exactly where the expression is backed by samples not older than the window.

    Instant selectors look back five minutes and ranges bridge gaps, so a scrape gap is invisible in the value itself.
    A selector is covered when a sample of any of its series lies in the window; `or` by either side; `unless` by its
    left; `absent` always; everything else by all of its parts. Empty text: covered always.
    """
    return _coverage(tree, window_seconds, 0)


def _coverage(node: pp.Expr, window: int, offset: int) -> str:
    match node:
        case pp.VectorSelector():
            behind = offset + _seconds(node.offset)
            shifted = f" offset {behind}s" if behind else ""
            return f"count(count_over_time({selector_text(node).matching()}[{window}s]{shifted}))"
        case pp.SubqueryExpr():
            return _coverage(node.expr, window, offset + _seconds(node.offset))
        case pp.Call() if node.func.name in ABSENCE_FUNCTIONS:
            return ""
        case pp.BinaryExpr() if str(node.op) == "unless":
            return _coverage(node.lhs, window, offset)
        case pp.BinaryExpr() if str(node.op) == "or":
            return _either(_coverage(node.lhs, window, offset), _coverage(node.rhs, window, offset))
    parts = (_coverage(child, window, offset) for child in children(node))
    return _all([part for part in dict.fromkeys(parts) if part])


def _either(left: str, right: str) -> str:
    if not left or not right or left == right:
        return left if left == right else ""
    return f"({left} or {right})"


def _all(parts: list[str]) -> str:
    return f"({' and '.join(parts)})" if len(parts) > 1 else "".join(parts)


def _seconds(duration: timedelta | None) -> int:
    return 0 if duration is None else ceil(duration.total_seconds())


def _deeper_than(tree: pp.Expr, limit: int) -> bool:
    level: list[pp.Expr] = [tree]
    for _ in range(limit):
        level = [child for node in level for child in children(node)]
        if not level:
            return False
    return True


def _refusal(text: str, message: str) -> PromQLError:
    for pattern, what in _KNOWN_REFUSALS:
        if pattern.search(text):
            return UnsupportedPromQL(f"not read by hypercare: {what} ({message})")
    return InvalidPromQL(message)
