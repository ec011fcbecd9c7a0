"""Reading the YAML files that people pass: as kubectl reads them, every document with the place it came from.

Numbers and times are taken as kubectl does: `1e-3` is a number, and `2026-11-20T22:00:00Z` a string. A `List`, such as
`kubectl get -o yaml` prints for several objects, counts as its items.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hypercare.cli.failures import UnusableInput

STDIN = "-"
_LIMIT_BYTES = 16 * 2**20
# Not any `{{`: alerts have templates too.
_HELM = re.compile(r"\{\{-|\{\{\s*(?:\.(?:Values|Release|Chart)\b|include\b|tpl\b|toYaml\b)")


@dataclass(frozen=True)
class Document:
    """One object. `source` says where it is, for messages: `period.yaml`, or `period.yaml[1]` in a file of several."""

    source: str
    body: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The `kind`, empty if there is none."""
        return str(self.body.get("kind") or "")


class Loader(yaml.SafeLoader):
    """Without dates and numbers of base 60, which kubectl does not know."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if not tag.endswith((":timestamp", ":int", ":float"))]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$|[-+]?\.(?:inf|Inf|INF)$|\.(?:nan|NaN|NAN)$"
    ),
    list("-+.0123456789"),
)


def read_documents(path: str) -> tuple[Document, ...]:
    """Read all objects of a file; `-` is the standard input.

    Raises:
        UnusableInput: the file cannot be read, is no YAML, or holds something that is not an object.
    """
    shown = shown_as(path)
    return documents_in(read_text(path), shown)


def shown_as(path: str) -> str:
    """What messages call a file."""
    return "standard input" if path == STDIN else path


def documents_in(text: str, shown: str) -> tuple[Document, ...]:
    """All objects in the text of a file that messages call `shown`; raises as `read_documents` does."""
    found = list(_objects(_parse(text, shown), shown))
    if not found:
        raise UnusableInput(f"{shown}: holds no object")
    single = len(found) == 1
    return tuple(Document(shown if single else f"{shown}[{index}]", body) for index, body in enumerate(found))


def read_text(path: str) -> str:
    """The text of a file; raises as `read_documents` does."""
    shown = shown_as(path)
    try:
        raw = sys.stdin.buffer.read(_LIMIT_BYTES + 1) if path == STDIN else _bytes(Path(path))
    except OSError as error:
        raise UnusableInput(f"{shown}: {error.strerror or error}") from error
    if len(raw) > _LIMIT_BYTES:
        raise UnusableInput(f"{shown}: is larger than {_LIMIT_BYTES // 2**20} MiB")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnusableInput(f"{shown}: is not UTF-8 text ({error.reason} at byte {error.start})") from error


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LIMIT_BYTES + 1)


def _parse(text: str, shown: str) -> list[object]:
    try:
        return list(yaml.load_all(text, Loader))
    except yaml.MarkedYAMLError as error:
        place = f":{error.problem_mark.line + 1}:{error.problem_mark.column + 1}" if error.problem_mark else ""
        told = f"{error.problem or error.context}{_hint(error, text)}"
        raise UnusableInput(f"{shown}{place}: is not YAML: {told}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UnusableInput(f"{shown}: is not YAML: {' '.join(str(error).split())}") from error


def _hint(error: yaml.MarkedYAMLError, text: str) -> str:
    """What is behind an error of the parser, in most cases."""
    if _HELM.search(text):
        return " (it holds a Helm template: give what `helm template` makes of it)"
    problem = error.problem or ""
    if r"\t" in problem:
        return " (indent with spaces, not with tabs)"
    if "<block mapping start>" in problem or "<block sequence start>" in problem or "mapping values" in problem:
        return " (is the line indented like those around it?)"
    return ""


def _objects(documents: list[object], shown: str) -> Iterator[Mapping[str, Any]]:
    for index, document in enumerate(documents):
        match document:
            case None:
                continue
            case {"kind": "List", "items": list(items)}:
                yield from _objects(items, f"{shown}[{index}].items")
            case dict():
                yield document
            case _:
                raise UnusableInput(f"{shown}[{index}]: is not an object with fields")
