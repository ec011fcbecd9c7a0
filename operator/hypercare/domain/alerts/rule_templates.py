"""Whether the Go template of an annotation parses, and what becomes of one that does not.

prometheus-operator and Prometheus parse every template of a rule file, and refuse the whole file for one that fails. So
what is written must parse for certain. This reads the grammar of `text/template` (pkg.go.dev/text/template) as far as
rules use it, and calls everything else unsound: a template that would parse after all is then shown as it is written,
which loses its numbers and nothing else. Only parsing is judged; what fails later, fails for one notification.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

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
_COMMENT = re.compile(r"\{\{(?:-[ \t\r\n])?/\*(?:(?!\*/).)*\*/(?:[ \t\r\n]-)?\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<string>"(?:[^"\\\n]|\\[abfnrtv\\"])*"|`[^`]*`)
    |(?P<number>[0-9]+(?:\.[0-9]+)?(?![0-9A-Za-z_.]))
    |(?P<variable>\$[A-Za-z_]?[A-Za-z0-9_]*)
    |(?P<field>\.[A-Za-z_][A-Za-z0-9_]*)
    |(?P<dot>\.)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<declare>:=)
    |(?P<symbol>[|()])""",
    re.VERBOSE,
)
_OPENING = re.compile(r"\{\{")


class _Unsound(Exception):
    """The template is not one that is known to parse."""


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


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
    except _Unsound:
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
    for content in _actions(template):
        _action(_Tokens(content), scope)
    if scope.blocks:
        raise _Unsound


def _actions(template: str) -> Iterator[str]:
    """What stands between the braces of each action; comments are left out."""
    at = 0
    while opening := _OPENING.search(template, at):
        found = _COMMENT.match(template, opening.start())
        if found is None:
            end = _end_of_action(template, opening.end())
            yield _trimmed(template[opening.end() : end])
            at = end + 2
        else:
            at = found.end()


def _end_of_action(template: str, at: int) -> int:
    """Where the closing braces are; those inside of strings do not count."""
    while at < len(template):
        if template.startswith("}}", at):
            return at
        quote = template[at]
        if quote in '"`':
            found = _TOKEN.match(template, at)
            if found is None or found.lastgroup != "string":
                raise _Unsound
            at = found.end()
        else:
            at += 1
    raise _Unsound


def _trimmed(content: str) -> str:
    """Without the trim markers, which must be set off by a space."""
    if content.startswith("-"):
        if not content.startswith(("- ", "-\t", "-\n")):
            raise _Unsound
        content = content[1:]
    if content.endswith("-"):
        if not content.endswith((" -", "\t-", "\n-")):
            raise _Unsound
        content = content[:-1]
    return content


class _Tokens:
    """The tokens of one action, read from left to right; spaces are tokens, for arguments are set off by them."""

    def __init__(self, content: str) -> None:
        self._tokens = list(_tokens(content.strip(" \t\r\n")))
        self._at = 0

    @property
    def ahead(self) -> _Token:
        """The next token; of the kind `end` after the last."""
        return self._tokens[self._at] if self._at < len(self._tokens) else _Token("end", "")

    def take(self) -> _Token:
        token = self.ahead
        self._at += 1
        return token

    def skip_space(self) -> None:
        if self.ahead.kind == "space":
            self.take()

    def declared(self) -> str:
        """Take the name of a variable that is declared here; empty, and nothing is taken, where none is."""
        before = self._at
        name = self.take()
        self.skip_space()
        if name.kind == "variable" and len(name.text) > 1 and self.take().kind == "declare":
            self.skip_space()
            return name.text
        self._at = before
        return ""

    def end(self) -> None:
        self.skip_space()
        if self.ahead.kind != "end":
            raise _Unsound


def _tokens(content: str) -> Iterator[_Token]:
    at = 0
    while at < len(content):
        found = _TOKEN.match(content, at)
        if found is None or found.lastgroup is None:
            raise _Unsound
        yield _Token(found.lastgroup, found.group())
        at = found.end()


def _action(tokens: _Tokens, scope: _Scope) -> None:
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
                raise _Unsound
            _, known, _ = scope.blocks.pop()
            del scope.variables[known:]
        case _:
            _declared_pipeline(tokens, scope)
            tokens.end()


def _else(tokens: _Tokens, scope: _Scope) -> None:
    if not scope.blocks or scope.blocks[-1][2]:
        raise _Unsound
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


def _pipeline_of_block(tokens: _Tokens, scope: _Scope) -> None:
    if tokens.take().kind != "space":
        raise _Unsound
    _declared_pipeline(tokens, scope)
    tokens.end()


def _declared_pipeline(tokens: _Tokens, scope: _Scope) -> None:
    declared = tokens.declared()
    _pipeline(tokens, scope, 0)
    if declared:
        scope.variables.append(declared)


def _pipeline(tokens: _Tokens, scope: _Scope, depth: int) -> None:
    if depth > _DEEPEST:
        raise _Unsound
    _command(tokens, scope, depth, first=True)
    tokens.skip_space()
    while tokens.ahead.text == "|":
        tokens.take()
        tokens.skip_space()
        _command(tokens, scope, depth, first=False)
        tokens.skip_space()


def _command(tokens: _Tokens, scope: _Scope, depth: int, *, first: bool) -> None:
    """Operands that are set off by spaces. What is piped on must be taken by a function, a field or a variable."""
    executable = tokens.ahead.kind in {"word", "field"} and tokens.ahead.text not in _CONSTANTS
    if not (first or executable):
        raise _Unsound
    _operand(tokens, scope, depth)
    while tokens.ahead.kind == "space":
        tokens.take()
        if tokens.ahead.kind in {"end", "symbol"} and tokens.ahead.text != "(":
            return
        if not executable:
            raise _Unsound
        _operand(tokens, scope, depth)


def _operand(tokens: _Tokens, scope: _Scope, depth: int) -> None:
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
                raise _Unsound
            _fields(tokens)
        case _:
            raise _Unsound


def _fields(tokens: _Tokens) -> None:
    while tokens.ahead.kind == "field":
        tokens.take()
