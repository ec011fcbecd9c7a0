"""The actions of a Go template, and the tokens of each: the lexical part of `text/template`, as far as rules use it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

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


class Unsound(Exception):
    """The template is not one that is known to parse."""


@dataclass(frozen=True)
class Token:
    """A piece of an action: `kind` is the group of the pattern that found it, or `end`."""

    kind: str
    text: str


def actions(template: str) -> Iterator[str]:
    """What stands between the braces of each action; comments are left out.

    Raises:
        Unsound: an action does not end, or has trim markers that are none.
    """
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
                raise Unsound
            at = found.end()
        else:
            at += 1
    raise Unsound


def _trimmed(content: str) -> str:
    """Without the trim markers, which must be set off by a space."""
    if content.startswith("-"):
        if not content.startswith(("- ", "-\t", "-\n")):
            raise Unsound
        content = content[1:]
    if content.endswith("-"):
        if not content.endswith((" -", "\t-", "\n-")):
            raise Unsound
        content = content[:-1]
    return content


class Tokens:
    """The tokens of one action, read from left to right; spaces are tokens, for arguments are set off by them.

    Raises:
        Unsound: the content has something else than tokens.
    """

    def __init__(self, content: str) -> None:
        self._tokens = list(_tokens(content.strip(" \t\r\n")))
        self._at = 0

    @property
    def ahead(self) -> Token:
        """The next token; of the kind `end` after the last."""
        return self._tokens[self._at] if self._at < len(self._tokens) else Token("end", "")

    def take(self) -> Token:
        """The next token, and go on."""
        token = self.ahead
        self._at += 1
        return token

    def skip_space(self) -> None:
        """Go on behind a space, if there is one."""
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
        """Nothing but a space is left; anything else raises `Unsound`."""
        self.skip_space()
        if self.ahead.kind != "end":
            raise Unsound


def _tokens(content: str) -> Iterator[Token]:
    at = 0
    while at < len(content):
        found = _TOKEN.match(content, at)
        if found is None or found.lastgroup is None:
            raise Unsound
        yield Token(found.lastgroup, found.group())
        at = found.end()
