"""An object against the structural schema of its CRD, as the API server checks it under strict field validation."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from hypercare.cli.lint.cel import Node, Unsupported, compile_expression
from hypercare.cli.lint.cel_values import CelError, NoValue
from hypercare.cli.lint.meant import Scalar, is_duration, near, variants, written
from hypercare.cli.lint.misplaced import advice_on, homes_in

Schema = Mapping[str, Any]
# The wheel packs them beside this module; a checkout has them where they are generated.
_CHECKOUT = Path(__file__).parents[4] / "crds"
_BODY = frozenset({"apiVersion", "kind", "metadata", "status"})
_TYPES = {"object": "an object with fields", "array": "a list", "string": "a text", "boolean": "true or false"}
_UNKNOWN, _FORM = "UnknownField", "Form"
_NUMBERS = {"integer": "a whole number", "number": "a number"}


@dataclass(frozen=True)
class Violation:
    """What the server would refuse. `path` as kubectl writes it; `fix` is empty where the message says it.

    `known` are the fields that are known where one is not.
    """

    path: str
    reason: str
    message: str
    fix: str = ""
    known: tuple[str, ...] = ()


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
    homes = homes_in(schema)
    for unknown in sorted(set(map(str, body)) - set(known) - _BODY):
        yield _placed(_unknown(unknown, ("spec", "metadata")), homes)
    if "spec" not in body or body["spec"] is None:
        yield Violation("spec", "Required", "is required")
    else:
        for each in _value(known["spec"], body["spec"], "spec"):
            yield _placed(each, homes)


def _value(schema: Schema, value: Any, path: str) -> Iterator[Violation]:
    if not _allowed(schema, value):
        yield Violation(path, "Type", f"must be {_wanted(schema)}", _instead(schema, value))
        return
    if "enum" in schema and value not in schema["enum"]:
        options = [str(each) for each in schema["enum"]]
        yield Violation(path, "Enum", f"{value!r} is not one of {', '.join(options)}", near(value, options))
        return
    below = list(_inside(schema, value, path))
    if isinstance(value, Mapping | list):
        yield from below
    else:
        yield from (replace(each, fix=_instead(schema, value)) if each.reason == _FORM else each for each in below)
    if not below:
        # The server does not evaluate rules over what is not well formed.
        yield from _rules(schema, value, path)


def _allowed(schema: Schema, value: object) -> bool:
    """Whether a value is of the type that is asked for."""
    if schema.get("x-kubernetes-int-or-string"):
        return isinstance(value, int | str) and not isinstance(value, bool)
    return _is_a(schema["type"], value)


def _wanted(schema: Schema) -> str:
    if schema.get("x-kubernetes-int-or-string"):
        return "a whole number or a text"
    return {**_TYPES, **_NUMBERS}[schema["type"]]


def _instead(schema: Schema, value: object) -> str:
    """What to write instead of a value that is refused; where that cannot be guessed, what is asked for."""
    match value:
        case Mapping() if schema.get("type") == "array":
            return "begin each element with '- '"
        case list() if schema.get("type") == "object":
            return "leave out the '- ' (or the [ and ])"
        case bool() | int() | float() | str():
            return _other_scalar(schema, value)
        case _:
            return ""


def _other_scalar(schema: Schema, value: Scalar) -> str:
    kind = schema.get("type")
    if kind == "array":
        return f"write a list: [{value}]"
    if kind == "object":
        fields = schema.get("required") or sorted(schema.get("properties", {}))[:6]
        return f"write its fields: {{{', '.join(f'{each}: …' for each in fields)}}}" if fields else ""
    if isinstance(value, int) and is_duration(schema.get("pattern", "")):
        return f"write it with its unit: {value}m, {value}h or {value}d"
    found = (each for each in variants(value) if each != value and _takes(schema, each))
    return next((written(each, value) for each in found), _in_words(schema))


def _takes(schema: Schema, value: Scalar) -> bool:
    """Whether a scalar has nothing against it."""
    known = _allowed(schema, value) and value in schema.get("enum", (value,))
    return known and not any(_inside(schema, value, "")) and not any(_rules(schema, value, ""))


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
            yield _unknown(f"{path}.{name}", tuple(known))


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
            told = ", ".join(str(each[key]) for key in keys)
            same = f"another element has the same {' and '.join(keys)} ({told})" if keys else f"{each} is there twice"
            fix = "rename one, or leave one out" if keys else "leave one out"
            yield Violation(f"{path}[{index}]", "Duplicate", same, fix)
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
        yield Violation(path, _FORM, f"{value!r} does not have the form that is asked for")
    elif schema.get("format") == "date-time" and not _is_time(value):
        yield Violation(path, _FORM, f"{value!r} is no RFC 3339 time such as 2026-11-20T22:00:00Z")


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


def _unknown(path: str, known: Sequence[str]) -> Violation:
    return Violation(path, _UNKNOWN, "is no field; the API server would drop or refuse it", known=tuple(known))


def _placed(violation: Violation, homes: Mapping[str, Sequence[str]]) -> Violation:
    """An unknown field with what to do about it."""
    if violation.reason != _UNKNOWN:
        return violation
    # A key may have dots itself; no field has.
    name = violation.path.rpartition(".")[2]
    return replace(violation, fix=advice_on(violation.path, name, violation.known, homes))


def _in_words(schema: Schema) -> str:
    told = str(schema.get("description", "")).partition(". ")[0]
    pattern = schema.get("pattern")
    return told or (f"it must match {pattern}" if pattern else "")


def _is_time(value: str) -> bool:
    try:
        return datetime.fromisoformat(value.replace("Z", "+00:00")).tzinfo is not None
    except ValueError:
        return False
