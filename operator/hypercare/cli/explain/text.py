"""An effective spec as YAML whose comments tell origins, and as a list of paths."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from rich.text import Text

from hypercare.cli.periods.printable import printable
from hypercare.domain.origins import Origin, Sourced, Tree

_STYLES = {Origin.PERIOD: "bold", Origin.PROFILE: "cyan", Origin.BUILT_IN: "dim"}
# What says what something is comes first; everything else stays in the order of the merge.
_FIRST = ("profile", "mode", "suspend", "release", "targets", "kind", "name", "alert", "target")
_WIDEST_COMMENT_COLUMN = 60


@dataclass(frozen=True)
class Line:
    """A line of YAML; `origin` where it ends with a value."""

    text: str
    origin: Origin | None = None


def commented(tree: Mapping[str, Tree], profile: str) -> Iterator[Text]:
    """The YAML with a comment behind each value; comments stand in one column as far as lines are short."""
    found = list(_fields(tree, 0))
    column = min(_WIDEST_COMMENT_COLUMN, max((len(each.text) for each in found if each.origin), default=0))
    for each in found:
        if each.origin is None:
            yield Text(each.text)
            continue
        told = f"profile {profile}" if each.origin is Origin.PROFILE else each.origin.value
        yield Text.assemble(f"{each.text:<{column}}", (f"  # {told}", _STYLES[each.origin]))


def plain(tree: Tree) -> Any:
    """The values alone."""
    match tree:
        case Sourced():
            return tree.value
        case Mapping():
            return {key: plain(each) for key, each in tree.items()}
        case _:
            return [plain(each) for each in tree]


def listed(tree: Tree, path: str = "spec") -> Iterator[dict[str, Any]]:
    """Each value with its path and origin."""
    match tree:
        case Sourced():
            yield {"path": path, "value": tree.value, "origin": tree.origin.value}
        case Mapping():
            for key, each in tree.items():
                yield from listed(each, f"{path}.{key}")
        case _:
            for index, each in enumerate(tree):
                yield from listed(each, f"{path}[{index}]")


def _fields(tree: Mapping[str, Tree], indent: int) -> Iterator[Line]:
    for key in sorted(tree, key=_rank):
        value = tree[key]
        head = f"{' ' * indent}{_scalar(key)}:"
        match value:
            case Sourced():
                yield Line(f"{head} {_scalar(value.value)}", value.origin)
            case Mapping():
                yield Line(head)
                yield from _fields(value, indent + 2)
            case _:
                yield Line(head)
                yield from _elements(value, indent + 2)


def _elements(elements: Sequence[Tree], indent: int) -> Iterator[Line]:
    for each in elements:
        match each:
            case Sourced():
                yield Line(f"{' ' * indent}- {_scalar(each.value)}", each.origin)
            case Mapping():
                lines = _fields(each, indent + 2)
            case _:
                lines = _elements(each, indent + 2)
        if not isinstance(each, Sourced):
            first = next(lines)
            yield Line(f"{' ' * indent}- {first.text[indent + 2 :]}", first.origin)
            yield from lines


def _rank(key: str) -> int:
    return _FIRST.index(key) if key in _FIRST else len(_FIRST)


def _scalar(value: object) -> str:
    """A value as YAML on one line, however long; without what could steer a terminal."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10**9, allow_unicode=True)
    return printable(" ".join(text.removesuffix("\n").removesuffix("\n...").splitlines()))
