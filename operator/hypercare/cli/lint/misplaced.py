"""Fields that are at a place where nobody knows them: where they belong, or what they should be called."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

Schema = Mapping[str, Any]
_SHOWN = 12


def advice_on(path: str, name: str, known: Sequence[str], homes: Mapping[str, Sequence[str]]) -> str:
    """What to do about an unknown field; `homes` are the objects that have a field of that name."""
    here = _generic(path.removesuffix(f".{name}"))
    places = [home for home in homes.get(name, ()) if home != here]
    around = [home for home in places if _within(home, here) or _within(here, home)]
    if around:
        nearest = max(around, key=lambda home: _shared(home, here))
        return f"it is a field of {nearest}: look at the indentation"
    # Of ten letters two may be wrong: less would call unrelated names alike.
    nearby = get_close_matches(name, known, 1) or _in_other_case(name, known)
    if nearby:
        return f"did you mean {nearby[0]}?"
    if 0 < len(places) <= 2:
        return f"it is a field of {' and of '.join(places)}"
    return f"known here: {', '.join(sorted(known)[:_SHOWN])}" if known else ""


def homes_in(schema: Schema) -> Mapping[str, Sequence[str]]:
    """Of each field of a spec, the objects that have it (`spec.exitCriteria[]`)."""
    found: dict[str, list[str]] = {}
    for home, name in _fields(schema["properties"]["spec"], "spec"):
        found.setdefault(name, []).append(home)
    return found


def _fields(schema: Schema, path: str) -> Iterator[tuple[str, str]]:
    for name, child in schema.get("properties", {}).items():
        yield path, name
        yield from _fields(child, f"{path}.{name}")
    if isinstance(items := schema.get("items"), Mapping):
        yield from _fields(items, f"{path}[]")


def _generic(path: str) -> str:
    """`spec.targets[2]` as `spec.targets[]`."""
    return "".join(f"[]{part.partition(']')[2]}" if index else part for index, part in enumerate(path.split("[")))


def _within(inner: str, outer: str) -> bool:
    return inner.startswith((f"{outer}.", f"{outer}["))


def _shared(one: str, other: str) -> int:
    return -abs(one.count(".") - other.count("."))


def _in_other_case(name: str, known: Sequence[str]) -> list[str]:
    plain = name.replace("-", "").replace("_", "").lower()
    return [each for each in known if each.lower() == plain]
