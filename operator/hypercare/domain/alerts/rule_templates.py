"""Whether the Go template of an annotation parses, and what becomes of one that does not.

prometheus-operator and Prometheus parse every template of a rule file, and refuse the whole file for one that fails. So
what is written must parse for certain. This reads the grammar of `text/template` (pkg.go.dev/text/template) as far as
rules use it, and calls everything else unsound: a template that would parse after all is then shown as it is written,
which loses its numbers and nothing else. Only parsing is judged; what fails later, fails for one notification.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hypercare.domain.alerts.template_tokens import Tokens, Unsound, actions

# Of text/template, and of Prometheus since 2.30 (template/template.go); newer ones are unknown to older servers.
_FUNCTIONS = frozenset(
    {
        "and",
        "call",
        "html",
        "index",
        "slice",
        "js",
        "len",
        "not",
        "or",
        "print",
        "printf",
        "println",
        "urlquery",
        "eq",
        "ge",
        "gt",
        "le",
        "lt",
        "ne",
        "query",
        "first",
        "label",
        "value",
        "sortByLabel",
        "strvalue",
        "safeHtml",
        "args",
        "reReplaceAll",
        "match",
        "title",
        "toUpper",
        "toLower",
        "graphLink",
        "tableLink",
        "stripPort",
        "stripDomain",
        "externalURL",
        "pathPrefix",
        "parseDuration",
        "toTime",
        "humanize",
        "humanize1024",
        "humanizeDuration",
        "humanizePercentage",
        "humanizeTimestamp",
    }
)
_CONSTANTS = frozenset({"true", "false", "nil"})
_VARIABLES = frozenset({"$", "$labels", "$externalLabels", "$externalURL", "$value"})
_DEEPEST = 50
_LONGEST = 16 * 1024


@dataclass
class _Scope:
    """The blocks that are open, each with how many variables are known outside of it, and whether it had an else."""

    variables: list[str] = field(default_factory=lambda: sorted(_VARIABLES))
    blocks: list[tuple[str, int, bool]] = field(default_factory=list)


def parses(template: str) -> bool:
    """Whether Prometheus is certain to accept this text as a template."""
    if "{{" not in template:
        return True
    if len(template) > _LONGEST:
        return False
    try:
        _read(template)
    except Unsound:
        return False
    return True


def as_text(template: str) -> str:
    """A template whose result is this text, braces and all."""
    return template.replace("{{", '{{"{{"}}')


def sound_annotations(annotations: Mapping[str, str]) -> dict[str, str]:
    """The annotations, with each that may not parse shown as it is written."""
    return {name: text if parses(text) else as_text(text) for name, text in annotations.items()}


def _read(template: str) -> None:
    scope = _Scope()
    for content in actions(template):
        _action(Tokens(content), scope)
    if scope.blocks:
        raise Unsound


def _action(tokens: Tokens, scope: _Scope) -> None:
    match tokens.ahead.text:
        case "if" | "with" | "range" as block:
            tokens.take()
            scope.blocks.append((block, len(scope.variables), False))
            _pipeline_of_block(tokens, scope)
        case "else":
            tokens.take()
            _else(tokens, scope)
        case "end":
            tokens.take()
            tokens.end()
            if not scope.blocks:
                raise Unsound
            _, known, _ = scope.blocks.pop()
            del scope.variables[known:]
        case _:
            _declared_pipeline(tokens, scope)
            tokens.end()


def _else(tokens: Tokens, scope: _Scope) -> None:
    if not scope.blocks or scope.blocks[-1][2]:
        raise Unsound
    block, known, _ = scope.blocks.pop()
    del scope.variables[known:]
    tokens.skip_space()
    if tokens.ahead.text == "if" and block == "if":
        tokens.take()
        scope.blocks.append((block, known, False))
        _pipeline_of_block(tokens, scope)
        return
    scope.blocks.append((block, known, True))
    tokens.end()


def _pipeline_of_block(tokens: Tokens, scope: _Scope) -> None:
    if tokens.take().kind != "space":
        raise Unsound
    _declared_pipeline(tokens, scope)
    tokens.end()


def _declared_pipeline(tokens: Tokens, scope: _Scope) -> None:
    declared = tokens.declared()
    _pipeline(tokens, scope, 0)
    if declared:
        scope.variables.append(declared)


def _pipeline(tokens: Tokens, scope: _Scope, depth: int) -> None:
    if depth > _DEEPEST:
        raise Unsound
    _command(tokens, scope, depth, first=True)
    tokens.skip_space()
    while tokens.ahead.text == "|":
        tokens.take()
        tokens.skip_space()
        _command(tokens, scope, depth, first=False)
        tokens.skip_space()


def _command(tokens: Tokens, scope: _Scope, depth: int, *, first: bool) -> None:
    """Operands that are set off by spaces. What is piped on must be taken by a function, a field or a variable."""
    executable = tokens.ahead.kind in {"word", "field"} and tokens.ahead.text not in _CONSTANTS
    if not (first or executable):
        raise Unsound
    _operand(tokens, scope, depth)
    while tokens.ahead.kind == "space":
        tokens.take()
        if tokens.ahead.kind in {"end", "symbol"} and tokens.ahead.text != "(":
            return
        if not executable:
            raise Unsound
        _operand(tokens, scope, depth)


def _operand(tokens: Tokens, scope: _Scope, depth: int) -> None:
    token = tokens.take()
    match token.kind, token.text:
        case "string" | "number", _:
            return
        case "word", text if text in _CONSTANTS or text in _FUNCTIONS:
            return
        case "dot", _:
            return
        case "field", _:
            _fields(tokens)
        case "variable", text if text in scope.variables:
            _fields(tokens)
        case "symbol", "(":
            tokens.skip_space()
            _pipeline(tokens, scope, depth + 1)
            tokens.skip_space()
            if tokens.take().text != ")":
                raise Unsound
            _fields(tokens)
        case _:
            raise Unsound


def _fields(tokens: Tokens) -> None:
    while tokens.ahead.kind == "field":
        tokens.take()
