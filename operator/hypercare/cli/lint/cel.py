"""The part of the Common Expression Language that validation rules of CRDs are written in.

An expression becomes a function of its variables. What is not known here is `Unsupported` when it is parsed, so that a
rule is either evaluated as the API server does or not at all. Source: cel-spec, "Language Definition", and the
extension libraries of Kubernetes for strings and lists. Regular expressions are Python's, where the server has RE2.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hypercare.cli.lint.cel_values import (
    FUNCTIONS,
    MACROS,
    METHODS,
    TYPES,
    CelError,
    binary,
    select,
    truth,
)

Environment = Mapping[str, Any]
Node = Callable[[Environment], Any]

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>\d+\.\d+|\d+)
    |(?P<raw>r'[^']*'|r"[^"]*")
    |(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    |(?P<name>[A-Za-z_]\w*)
    |(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]{}])
    )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})


class Unsupported(Exception):
    """The expression uses what is not known here."""


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


@dataclass(frozen=True)
class _Selected:
    """A field of an object, which `has` may ask for."""

    of: Node
    field: str

    def __call__(self, variables: Environment) -> Any:
        return select(self.of(variables), self.field)

    def present(self, variables: Environment) -> bool:
        """Whether the object has the field."""
        holder = self.of(variables)
        return isinstance(holder, Mapping) and self.field in holder


def compile_expression(text: str) -> Node:
    """Parse an expression.

    Raises:
        Unsupported: it is no CEL, or more of it than is known here.
    """
    parser = _Parser(_tokens(text))
    node = parser.ternary()
    parser.expect("")
    return node


def _tokens(text: str) -> list[_Token]:
    found, position = [], 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise Unsupported(text[position : position + 20])
        found.append(_Token(match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return [*found, _Token("end", "")]


class _Parser:
    """Recursive descent, one method for each level of precedence."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._position = 0

    def ternary(self) -> Node:
        """`a ? b : c`, which binds least."""
        condition = self._or()
        if not self._take("?"):
            return condition
        then = self.ternary()
        self.expect(":")
        otherwise = self.ternary()
        return lambda variables: then(variables) if truth(condition(variables)) else otherwise(variables)

    def expect(self, text: str) -> None:
        """The next token must be this one."""
        if not self._take(text):
            raise Unsupported(f"{text!r} is expected before {self._tokens[self._position].text!r}")

    def _or(self) -> Node:
        node = self._and()
        while self._take("||"):
            node = _either(node, self._and(), decisive=True)
        return node

    def _and(self) -> Node:
        node = self._relation()
        while self._take("&&"):
            node = _either(node, self._relation(), decisive=False)
        return node

    def _relation(self) -> Node:
        return self._binary(_COMPARISONS, self._sum)

    def _sum(self) -> Node:
        return self._binary(frozenset({"+", "-"}), self._product)

    def _product(self) -> Node:
        return self._binary(frozenset({"*", "/", "%"}), self._unary)

    def _binary(self, signs: frozenset[str], operand: Callable[[], Node]) -> Node:
        node = operand()
        while (sign := self._tokens[self._position].text) in signs and self._tokens[self._position].kind != "text":
            self._position += 1
            node = _operation(sign, node, operand())
        return node

    def _unary(self) -> Node:
        if self._take("!"):
            inner = self._unary()
            return lambda variables: not truth(inner(variables))
        if self._take("-"):
            number = self._unary()
            return lambda variables: -number(variables)
        return self._postfix()

    def _postfix(self) -> Node:
        node = self._primary()
        while True:
            if self._take("."):
                name = self._next("name").text
                node = self._call_of(node, name) if self._take("(") else _Selected(node, name)
            elif self._take("["):
                index = self.ternary()
                self.expect("]")
                node = _indexed(node, index)
            else:
                return node

    def _primary(self) -> Node:
        token = self._tokens[self._position]
        self._position += 1
        match token.kind, token.text:
            case "number", text:
                return _constant(float(text) if "." in text else int(text))
            case "raw", text:
                return _constant(text[2:-1])
            case "text", text:
                return _constant(re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text[1:-1]))
            case "sign", "(":
                node = self.ternary()
                self.expect(")")
                return node
            case "sign", "[":
                return _listed(self._arguments("]"))
            case "sign", "{":
                return self._map()
            case "name", name:
                return self._named(name)
        raise Unsupported(token.text)

    def _named(self, name: str) -> Node:
        if name in {"true", "false"}:
            return _constant(name == "true")
        if name in TYPES and self._tokens[self._position].text != "(":
            return _constant(TYPES[name])
        if not self._take("("):
            return lambda variables: select(variables, name)
        arguments = self._arguments(")")
        if name == "has" and len(arguments) == 1 and isinstance(arguments[0], _Selected):
            return arguments[0].present
        return _called(FUNCTIONS, name, arguments)

    def _call_of(self, node: Node, name: str) -> Node:
        if name in MACROS:
            variable = self._next("name").text
            self.expect(",")
            body = self.ternary()
            self.expect(")")
            return _macro(name, node, variable, body)
        return _called(METHODS, name, [node, *self._arguments(")")])

    def _map(self) -> Node:
        pairs: list[tuple[Node, Node]] = []
        while not self._take("}"):
            if pairs:
                self.expect(",")
            key = self.ternary()
            self.expect(":")
            pairs.append((key, self.ternary()))
        return lambda variables: {key(variables): value(variables) for key, value in pairs}

    def _arguments(self, end: str) -> list[Node]:
        found: list[Node] = []
        while not self._take(end):
            if found:
                self.expect(",")
            found.append(self.ternary())
        return found

    def _next(self, kind: str) -> _Token:
        token = self._tokens[self._position]
        if token.kind != kind:
            raise Unsupported(f"{kind} is expected before {token.text!r}")
        self._position += 1
        return token

    def _take(self, text: str) -> bool:
        token = self._tokens[self._position]
        if token.text != text or token.kind not in {"sign", "end"}:
            return False
        self._position += 1
        return True


def _constant(value: Any) -> Node:
    return lambda _: value


def _listed(elements: list[Node]) -> Node:
    return lambda variables: [each(variables) for each in elements]


def _indexed(node: Node, index: Node) -> Node:
    return lambda variables: select(node(variables), index(variables))


def _operation(sign: str, left: Node, right: Node) -> Node:
    return lambda variables: binary(sign, left(variables), right(variables))


def _called(known: Mapping[str, Callable[..., Any]], name: str, arguments: list[Node]) -> Node:
    if name not in known:
        raise Unsupported(f"{name}()")
    return lambda variables: known[name](*(each(variables) for each in arguments))


def _macro(name: str, node: Node, variable: str, body: Node) -> Node:
    def evaluate(variables: Environment) -> Any:
        elements = node(variables)
        results = [(each, body({**variables, variable: each})) for each in elements]
        return MACROS[name](results)

    return evaluate


def _either(left: Node, right: Node, *, decisive: bool) -> Node:
    """`||` and `&&`: either side may decide alone, whatever becomes of the other."""

    def evaluate(variables: Environment) -> bool:
        try:
            if truth(left(variables)) is decisive:
                return decisive
        except CelError:
            if truth(right(variables)) is decisive:
                return decisive
            raise
        return truth(right(variables))

    return evaluate
