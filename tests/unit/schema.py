"""Checking an object against a structural schema, as the API server does: what it would refuse, and what it would drop.

A field that the schema does not know is pruned by the server without a word, so it counts as a violation here: a status
that never comes back as it was written is written for ever.
"""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

CRDS = Path(__file__).resolve().parents[2] / "crds"
Schema = Mapping[str, Any]


@cache
def status_schema(plural: str) -> Schema:
    """The schema of `status` in the stored version of a CRD."""
    body = yaml.load((CRDS / f"{plural}.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    version = next(each for each in body["spec"]["versions"] if each["storage"])
    schema: Schema = version["schema"]["openAPIV3Schema"]["properties"]["status"]
    return schema


def violations(schema: Schema, value: Any, path: str = "status") -> Iterator[str]:
    """Everything that is wrong with a value, each with its path."""
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is not one of {schema['enum']}"
    match schema.get("type"), value:
        case None, _:
            # Of whatever type (x-kubernetes-preserve-unknown-fields).
            return
        case "object", Mapping():
            yield from _object(schema, value, path)
        case "array", list():
            yield from _array(schema, value, path)
        case "string", str():
            yield from _string(schema, value, path)
        case "boolean", bool():
            return
        case "integer" | "number", bool():
            yield f"{path}: {value!r} is a bool"
        case ("integer", int()) | ("number", int() | float()):
            yield from _number(schema, value, path)
        case kind, _:
            yield f"{path}: {value!r} is no {kind}"


def _object(schema: Schema, value: Mapping[str, Any], path: str) -> Iterator[str]:
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{path}.{name}: is required"
    for name, each in value.items():
        if name in known:
            yield from violations(known[name], each, f"{path}.{name}")
        else:
            yield f"{path}.{name}: is not in the schema"


def _array(schema: Schema, value: list[Any], path: str) -> Iterator[str]:
    if len(value) > schema.get("maxItems", math.inf):
        yield f"{path}: {len(value)} items are more than {schema['maxItems']}"
    keys = schema.get("x-kubernetes-list-map-keys", ())
    names = [tuple(each.get(key) for key in keys) for each in value] if keys else []
    if len(set(names)) < len(names):
        yield f"{path}: {', '.join(keys)} must be unique"
    for index, each in enumerate(value):
        yield from violations(schema["items"], each, f"{path}[{index}]")


def _string(schema: Schema, value: str, path: str) -> Iterator[str]:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", math.inf):
        yield f"{path}: has {len(value)} characters"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: {value!r} does not match {schema['pattern']}"
    if schema.get("format") == "date-time" and not _is_time(value):
        yield f"{path}: {value!r} is no RFC 3339 time"


def _is_time(value: str) -> bool:
    try:
        return datetime.fromisoformat(value.replace("Z", "+00:00")).tzinfo is not None
    except ValueError:
        return False


def _number(schema: Schema, value: float, path: str) -> Iterator[str]:
    if not math.isfinite(value) or not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{path}: {value} is out of range"
