"""On which line of a file a field stands, so that findings can be clicked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

from hypercare.cli.documents import Loader


@dataclass(frozen=True)
class Place:
    """A line and a column, both from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Positions:
    """Where the fields of one object stand, by path (`spec.stages[0].name`; the object itself is the empty path)."""

    places: Mapping[str, Place]
    twice: tuple[str, ...] = ()

    def of(self, path: str) -> Place:
        """The place of a field; of the nearest one around it where it is not there itself."""
        while path and path not in self.places:
            cut = max(path.rfind("."), path.rfind("["))
            path = path[: max(0, cut)]
        return self.places.get(path, Place(1, 1))


def positions_in(text: str) -> tuple[Positions, ...]:
    """The positions of each object of a file that could be read, in the order of `documents.documents_in`."""
    return tuple(
        positions
        for node in yaml.compose_all(text, Loader)
        if isinstance(node, yaml.MappingNode)
        for positions in _objects(node)
    )


def _objects(node: yaml.MappingNode) -> Iterator[Positions]:
    fields = {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}
    kind, items = fields.get("kind"), fields.get("items")
    if isinstance(kind, yaml.ScalarNode) and kind.value == "List" and isinstance(items, yaml.SequenceNode):
        for item in items.value:
            if isinstance(item, yaml.MappingNode):
                yield from _objects(item)
        return
    places: dict[str, Place] = {}
    twice: list[str] = []
    for path, place in _walk(node, "", _place(node)):
        if path in places:
            twice.append(path)
        places[path] = place
    yield Positions(places, tuple(twice))


def _walk(node: yaml.Node, path: str, place: Place) -> Iterator[tuple[str, Place]]:
    yield path, place
    match node:
        case yaml.MappingNode():
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    yield from _walk(value, f"{path}.{key.value}" if path else key.value, _place(key))
        case yaml.SequenceNode():
            for index, element in enumerate(node.value):
                yield from _walk(element, f"{path}[{index}]", _place(element))


def _place(node: yaml.Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)
