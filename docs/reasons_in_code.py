"""Which reasons the code can tell, and where in the code each is made, found out by reading the code.

A reason is made where something is built that has a `reason`: a dataclass with such a field, or a condition. Its value
is followed back from there through names, choices, returned values and the callers of a function, within one module,
until it is text. What takes its reason from something else that has one (`problem.reason`) only passes it on.

Limit: reasons that come from outside, such as those of a workload's own conditions, are not in the code.
"""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from enum import StrEnum
from functools import cache
from itertools import product
from types import ModuleType

import hypercare
from hypercare.domain import conditions
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.life.facts import CLOSED, Outcome, Phase
from hypercare.domain.objects import ALERTMANAGER_CONFIGS, PROMETHEUS_RULES
from hypercare.domain.samples import SECRET_FAILURES, FailureKind

FIELD = "reason"
BUILDERS = (conditions.true, conditions.false, conditions.unknown)
_REASON = re.compile(r"[A-Z][A-Za-z]+")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_Function = ast.FunctionDef | ast.AsyncFunctionDef
# Of /healthz and /readyz these are sentences; the command line has its reasons in one place.
_WITHOUT_REASONS = ("hypercare.health", "hypercare.cli", "hypercare.domain.reasons", "hypercare.__main__")
_MEANT: Mapping[str, Sequence[str]] = {
    "part.failure.kind": tuple(FailureKind),
    "failure.kind": tuple(SECRET_FAILURES),
    "answer.kind": tuple(FailureKind),
    "change.verdict": tuple(Verdict),
    "life.outcome": tuple(Outcome),
    "self._written.resource.kind": (PROMETHEUS_RULES.kind, ALERTMANAGER_CONFIGS.kind),
}
"""What these expressions can be, wherever a reason is made of them."""
_TAKEN_OUT: Mapping[str, Sequence[str]] = {"kind": tuple(FailureKind)}
"""What these names can be where a pattern takes them out of something; a `reason` is passed on."""


class Unfollowed(ValueError):
    """Where a reason comes from cannot be told; the message names the place."""


@dataclass(frozen=True)
class Made:
    """A place in the code that makes one of these reasons.

    Attributes:
        module: Its name without `hypercare.`.
        function: The function that it is in.
        what: The class that has the reason; of a condition, the builder.
        reasons: All that it may be; empty where it only passes one on.
        conditions: Of a condition, its types; else empty.
        stalls: Whether it may need a person.
    """

    module: str
    function: str
    what: str
    reasons: frozenset[str]
    conditions: frozenset[str]
    stalls: bool


@cache
def made() -> tuple[Made, ...]:
    """Every place that makes a reason, in the order of the modules.

    Raises:
        Unfollowed: a reason comes from where it cannot be followed to.
    """
    return tuple(found for module in _modules() for found in made_in(module))


def made_in(module: ModuleType) -> Iterator[Made]:
    """Every place of one module that makes a reason."""
    return _Module(module).made()


def _modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(hypercare.__path__, "hypercare."):
        if not found.name.startswith(_WITHOUT_REASONS):
            yield importlib.import_module(found.name)


class _Module:
    """One module: its text, and what its names mean."""

    def __init__(self, module: ModuleType) -> None:
        self._names = vars(module)
        self._module = module.__name__.removeprefix("hypercare.")
        self._tree = ast.parse(inspect.getsource(module))
        self._parents = {id(below): node for node in ast.walk(self._tree) for below in ast.iter_child_nodes(node)}
        self._functions = {node.name: node for node in ast.walk(self._tree) if isinstance(node, _FUNCTIONS)}

    def made(self) -> Iterator[Made]:
        for call in self._calls():
            taken = self._taken(call)
            if taken is not None:
                yield self._made(call, taken)

    def _made(self, call: ast.Call, taken: ast.expr) -> Made:
        meant = self._meant(call.func)
        function = self._function(call)
        stalls = self._argument(call, "stalls")
        return Made(
            module=self._module,
            function=function.name if function else "",
            what=ast.unparse(call.func),
            reasons=frozenset(each for each in self._values(taken) if _REASON.fullmatch(each)),
            conditions=frozenset(self._values(call.args[0]) if meant in BUILDERS else ()),
            stalls=stalls is not None and not (isinstance(stalls, ast.Constant) and stalls.value is False),
        )

    def _calls(self) -> Iterator[ast.Call]:
        return (node for node in ast.walk(self._tree) if isinstance(node, ast.Call))

    def _taken(self, call: ast.Call) -> ast.expr | None:
        """What a call takes as its reason, if it makes something that has one."""
        if self._meant(call.func) in BUILDERS:
            return call.args[1]
        return self._argument(call, FIELD) or self._argument(call, f"stale_{FIELD}")

    def _argument(self, call: ast.Call, name: str) -> ast.expr | None:
        callee = self._meant(call.func)
        named = next((each.value for each in call.keywords if each.arg == name), None)
        if named is not None or not (isinstance(callee, type) and is_dataclass(callee)):
            return named
        fields = list(inspect.signature(callee).parameters)
        position = fields.index(name) if name in fields else len(call.args)
        return call.args[position] if position < len(call.args) else None

    def _meant(self, node: ast.expr) -> object:
        """What a name or a dotted name of the module means; None for a local one."""
        match node:
            case ast.Name(id=name):
                return self._names.get(name)
            case ast.Attribute(value=of, attr="value"):
                return self._meant(of)
            case ast.Attribute(value=of, attr=name):
                return getattr(self._meant(of), name, None)
            case _:
                return None

    def _values(self, node: ast.expr) -> Iterator[str]:
        """Every text that an expression may be; none where it passes on the reason of something else."""
        known = self._known(node)
        match node:
            case _ if known:
                yield from known
            case ast.Attribute(value=of, attr="value"):
                yield from self._values(of)
            case ast.Attribute(attr="phase"):
                yield from self._phases(node)
            case ast.Attribute(attr=name) if name == FIELD or name.endswith(f"_{FIELD}"):
                return
            case ast.Name(id=name):
                yield from self._bound(node, name)
            case ast.JoinedStr(values=pieces):
                yield from map("".join, product(*(list(self._values(piece)) for piece in pieces)))
            case _:
                for part in self._parts(node):
                    yield from self._values(part)

    def _known(self, node: ast.expr) -> Sequence[str]:
        """What can be told without following: text, a constant of the module, a member or all of an enumeration."""
        meant = self._meant(node.value if isinstance(node, ast.Subscript) else node)
        written = ast.unparse(node).removesuffix(".value")
        match node, meant:
            case ast.Constant(value=str(text)), _:
                return (text,)
            case _, str():
                return (str(meant),)
            case _, type() if issubclass(meant, StrEnum):
                return tuple(meant)
            case ast.Subscript(), Mapping():
                return tuple(map(str, meant.values()))
            case _:
                return next((values for text, values in _MEANT.items() if f".{written}".endswith(f".{text}")), ())

    def _parts(self, node: ast.expr) -> Sequence[ast.expr]:
        """What an expression chooses from or is made of."""
        match node:
            case ast.IfExp(body=one, orelse=other):
                return (one, other)
            case ast.BoolOp(values=parts) | ast.Tuple(elts=parts) | ast.Call(func=ast.Name(id="str"), args=parts):
                return parts
            case ast.FormattedValue(value=part) | ast.Subscript(value=ast.Name() as part) | ast.ListComp(elt=part):
                return (part,)
            case ast.Call(func=ast.Name(id=name)) if name in self._functions:
                return tuple(self._returned(name))
            case ast.Call() if ".get('" in ast.unparse(node):
                # Read from an object: it was made elsewhere.
                return ()
            case _:
                raise self._unfollowed(node)

    def _phases(self, node: ast.expr) -> Iterator[str]:
        """The phases that the test around an expression names."""
        above = self._parents[id(node)]
        while not isinstance(above, ast.If | ast.match_case):
            above = self._parents.get(id(above)) or self._missing(node)
        test = ast.unparse(above.test if isinstance(above, ast.If) else above.pattern)
        if test.endswith(".closed"):
            yield from CLOSED
        yield from (phase for phase in Phase if f"Phase.{phase.name}" in test)

    def _missing(self, node: ast.expr) -> ast.AST:
        raise self._unfollowed(node)

    def _function(self, node: ast.AST) -> _Function | None:
        above: ast.AST | None = node
        while above is not None and not isinstance(above, _FUNCTIONS):
            above = self._parents.get(id(above))
        return above

    def _bound(self, node: ast.expr, name: str) -> Iterator[str]:
        """What a local name is: what it is set to, taken from, or given as."""
        function = self._function(node)
        if function is None:
            raise self._unfollowed(node)
        sources = [found for each in ast.walk(function) for found in self._bindings(each, name)]
        if name in [each.arg for each in _parameters(function)]:
            sources += self._given(function, name)
        elif not sources and not _captured(function, name):
            raise self._unfollowed(node)
        for source in sources:
            yield from self._values(source)
        if _captured(function, name):
            yield from _TAKEN_OUT.get(name, ())

    def _bindings(self, node: ast.AST, name: str) -> Iterator[ast.expr]:
        match node:
            case ast.Assign(targets=[target], value=value):
                yield from self._unpacked(target, value, name)
            case ast.NamedExpr(target=target, value=value):
                yield from self._unpacked(target, value, name)
            case (
                ast.For(target=ast.Name(id=found), iter=value)
                | ast.comprehension(target=ast.Name(id=found), iter=value)
            ) if found == name:
                yield value

    def _unpacked(self, target: ast.expr, value: ast.expr, name: str) -> Iterator[ast.expr]:
        match target, value:
            case ast.Name(id=found), _ if found == name:
                yield value
            case ast.Tuple(elts=[ast.Name(id=found), *_]), ast.Call(func=ast.Name(id=function)) if found == name:
                yield from self._returned(function)
            case ast.Tuple(elts=targets), ast.Tuple(elts=values):
                for one, other in zip(targets, values, strict=True):
                    yield from self._unpacked(one, other, name)

    def _returned(self, name: str) -> Iterator[ast.expr]:
        """What a function of this module returns: of pairs the first, which is the reason."""
        for node in ast.walk(self._functions[name]):
            match node:
                case ast.Return(value=ast.Tuple(elts=[first, *_])):
                    yield first
                case ast.Return(value=ast.Call(func=ast.Name(id=other))) if other in self._functions:
                    yield from self._returned(other)
                case ast.Return(value=ast.expr() as value):
                    yield value

    def _given(self, function: _Function, name: str) -> list[ast.expr]:
        """What callers in this module give for a parameter."""
        names = [each.arg for each in _parameters(function) if each.arg != "self"]
        calls = [call for call in self._calls() if ast.unparse(call.func).removeprefix("self.") == function.name]
        named = [each.value for call in calls for each in call.keywords if each.arg == name]
        position = names.index(name)
        return named + [call.args[position] for call in calls if position < len(call.args)]

    def _unfollowed(self, node: ast.AST) -> Unfollowed:
        return Unfollowed(f"{self._module}:{getattr(node, 'lineno', 0)}: {ast.unparse(node)}")


def _parameters(function: _Function) -> list[ast.arg]:
    return [*function.args.args, *function.args.kwonlyargs]


def _captured(function: _Function, name: str) -> bool:
    """Whether a pattern takes it out of something: the reason of that is passed on."""
    return any(isinstance(node, ast.MatchAs) and node.name == name for node in ast.walk(function))
