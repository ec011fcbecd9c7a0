"""An object against the structural schema of its CRD, as the API server checks it under strict field validation."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from hypercare.cli.lint.cel import Node, Unsupported, compile_expression
from hypercare.cli.lint.cel_values import CelError, NoValue

Schema = Mapping[str, Any]
# The wheel packs them beside this module; a checkout has them where they are generated.
_CHECKOUT = Path(__file__).parents[4] / "crds"
_BODY = frozenset({"apiVersion", "kind", "metadata", "status"})
_TYPES = {"object": "an object with fields", "array": "a list", "string": "a text", "boolean": "true or false"}
_NUMBERS = {"integer": "a whole number", "number": "a number"}


@dataclass(frozen=True)
class Violation:
    """What the server would refuse. `path` as kubectl writes it; `fix` is empty where the message says it."""

    path: str
    reason: str
    message: str
    fix: str = ""


@cache
def schema_of(plural: str) -> Schema:
    """The schema of a kind of the project, as this version of it is installed."""
    packed = resources.files(__package__).joinpath("schemas", f"{plural}.yaml")
    found = packed if packed.is_file() else _CHECKOUT / f"{plural}.yaml"
    text = found.read_text(encoding="utf-8")
    # Ten times as quick, for a schema of thousands of lines.
    body = yaml.load(text, yaml.CSafeLoader) if yaml.__with_libyaml__ else yaml.safe_load(text)
    version = next(each for each in body["spec"]["versions"] if each["storage"])
    schema: Schema = version["schema"]["openAPIV3Schema"]
    return schema


def violations(body: Mapping[str, Any], schema: Schema) -> Iterator[Violation]:
    """Everything that is wrong with an object, in the order of the schema's levels."""
    known = {**schema.get("properties", {})}
    metadata = body.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    if isinstance(name, str):
        of_name = known["metadata"]["properties"]["name"]
        yield from _value(of_name, name, "metadata.name")
    for unknown in sorted(set(body) - set(known) - _BODY):
        yield _unknown(unknown, unknown, known)
    if "spec" not in body or body["spec"] is None:
        yield Violation("spec", "Required", "is required")
    else:
        yield from _value(known["spec"], body["spec"], "spec")


def _value(schema: Schema, value: Any, path: str) -> Iterator[Violation]:
    if schema.get("x-kubernetes-int-or-string"):
        if isinstance(value, bool) or not isinstance(value, int | str):
            yield Violation(path, "Type", "must be a whole number or a text")
            return
        if isinstance(value, str):
            yield from _string(schema, value, path)
        yield from _rules(schema, value, path)
        return
    if not _is_a(schema["type"], value):
        wanted = {**_TYPES, **_NUMBERS}[schema["type"]]
        quote = f'write "{value}" in quotes' if schema["type"] == "string" and isinstance(value, int | float) else ""
        yield Violation(path, "Type", f"must be {wanted}", quote)
        return
    if "enum" in schema and value not in schema["enum"]:
        yield _not_one_of(path, value, schema["enum"])
        return
    below = list(_inside(schema, value, path))
    yield from below
    if not below:
        # The server does not evaluate rules over what is not well formed.
        yield from _rules(schema, value, path)


def _is_a(kind: str, value: object) -> bool:
    match kind:
        case "object":
            return isinstance(value, Mapping)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case _:
            return isinstance(value, int | float) and not isinstance(value, bool)


def _inside(schema: Schema, value: Any, path: str) -> Iterator[Violation]:
    match value:
        case Mapping():
            yield from _object(schema, value, path)
        case list():
            yield from _array(schema, value, path)
        case str():
            yield from _string(schema, value, path)
        case bool():
            return
        case _:
            yield from _number(schema, value, path)


def _object(schema: Schema, value: Mapping[str, Any], path: str) -> Iterator[Violation]:
    known, free = schema.get("properties", {}), schema.get("additionalProperties")
    given = {str(key): each for key, each in value.items() if each is not None}
    for name in schema.get("required", ()):
        if name not in given:
            yield Violation(f"{path}.{name}", "Required", "is required")
    if not schema.get("minProperties", 0) <= len(given) <= schema.get("maxProperties", math.inf):
        most = schema.get("maxProperties")
        told = "must not be empty" if not given else f"has {len(given)} entries, at most {most} are allowed"
        yield Violation(path, "Size", told)
    for name, each in given.items():
        if name in known:
            yield from _value(known[name], each, f"{path}.{name}")
        elif isinstance(free, Mapping):
            yield from _value(free, each, f"{path}.{name}")
        else:
            yield _unknown(f"{path}.{name}", name, known)


def _array(schema: Schema, value: Sequence[Any], path: str) -> Iterator[Violation]:
    least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
    if not least <= len(value) <= most:
        bound = f"at least {least}" if len(value) < least else f"at most {most}"
        yield Violation(path, "Size", f"has {len(value)} elements, must have {bound}")
        return
    keys = schema.get("x-kubernetes-list-map-keys", ())
    seen: set[object] = set()
    for index, each in enumerate(value):
        yield from _value(schema["items"], each, f"{path}[{index}]")
        name = _identity(schema, each)
        if name is not None and name in seen:
            same = f"another element has the same {' and '.join(keys)}" if keys else f"{each} is there twice"
            yield Violation(f"{path}[{index}]", "Duplicate", same)
        seen.add(name)


def _identity(schema: Schema, element: Any) -> object:
    """What must be unique in its list; None where nothing must."""
    keys = schema.get("x-kubernetes-list-map-keys", ())
    if keys and isinstance(element, Mapping):
        return tuple(str(element.get(key)) for key in keys)
    return str(element) if schema.get("x-kubernetes-list-type") == "set" else None


def _string(schema: Schema, value: str, path: str) -> Iterator[Violation]:
    if len(value) < schema.get("minLength", 0):
        yield Violation(path, "Size", "must not be empty" if not value else f"needs {schema['minLength']} characters")
    elif len(value) > schema.get("maxLength", math.inf):
        yield Violation(path, "Size", f"has {len(value)} characters, at most {schema['maxLength']} are allowed")
    elif "pattern" in schema and not re.search(schema["pattern"], value):
        yield Violation(path, "Form", f"{value!r} does not have the form that is asked for", _in_words(schema))
    elif schema.get("format") == "date-time" and not _is_time(value):
        yield Violation(path, "Form", f"{value!r} is no RFC 3339 time", "write it as 2026-11-20T22:00:00Z")


def _number(schema: Schema, value: float, path: str) -> Iterator[Violation]:
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    outside = not low <= value <= high
    at_edge = (value == low and schema.get("exclusiveMinimum")) or (value == high and schema.get("exclusiveMaximum"))
    if outside or at_edge or not math.isfinite(value):
        bounds = [f"{word} {bound}" for word, bound in (("at least", low), ("at most", high)) if math.isfinite(bound)]
        yield Violation(path, "Range", f"{value} is out of range: {' and '.join(bounds) or 'it must be finite'}")


def _rules(schema: Schema, value: Any, path: str) -> Iterator[Violation]:
    for rule in schema.get("x-kubernetes-validations", ()):
        if _fails(rule, value):
            yield Violation(f"{path}{rule.get('fieldPath', '')}", "Rule", rule["message"])


def _fails(rule: Schema, value: Any) -> bool:
    node = _compiled(rule["rule"])
    transition = "oldSelf" in rule["rule"] and not rule.get("optionalOldSelf")
    if node is None or transition:
        return False
    try:
        return node({"self": _without_nulls(value), "oldSelf": NoValue()}) is not True
    except (CelError, TypeError, ValueError):
        # As the server: a rule that cannot be evaluated is not kept.
        return True


@cache
def _compiled(text: str) -> Node | None:
    try:
        return compile_expression(text)
    except Unsupported:
        return None


def supported(text: str) -> bool:
    """Whether a rule is evaluated here."""
    return _compiled(text) is not None


def _without_nulls(value: Any) -> Any:
    match value:
        case Mapping():
            return {key: _without_nulls(each) for key, each in value.items() if each is not None}
        case list():
            return [_without_nulls(each) for each in value]
        case _:
            return value


def _unknown(path: str, name: str, known: Mapping[str, Any]) -> Violation:
    near = get_close_matches(name, known, 1)
    fix = f"did you mean {near[0]}?" if near else f"known here: {', '.join(sorted(known)[:12])}"
    return Violation(path, "UnknownField", "is no field; the API server would drop or refuse it", fix)


def _not_one_of(path: str, value: object, options: Sequence[Any]) -> Violation:
    near = get_close_matches(str(value), [str(each) for each in options], 1, 0.5)
    fix = f"did you mean {near[0]}?" if near else ""
    return Violation(path, "Enum", f"{value!r} is not one of {', '.join(map(str, options))}", fix)


def _in_words(schema: Schema) -> str:
    told = str(schema.get("description", "")).partition(". ")[0]
    return told or f"it must match {schema['pattern']}"


def _is_time(value: str) -> bool:
    try:
        return datetime.fromisoformat(value.replace("Z", "+00:00")).tzinfo is not None
    except ValueError:
        return False
