"""The metadata of an object, as every API server checks it: known fields, names, texts in labels and annotations.

Source: Kubernetes, "Object Names and IDs" (RFC 1123) and ObjectMeta of meta/v1.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hypercare.cli.lint.findings import Finding, Source
from hypercare.cli.lint.misplaced import advice_on

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_FORM = "small letters, digits and -, with a letter or a digit at both ends"
_WRITTEN = ("name", "generateName", "namespace", "labels", "annotations", "finalizers", "ownerReferences")
_READ = ("creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields")
_KNOWN = frozenset({*_WRITTEN, *_READ, "resourceVersion", "selfLink", "uid"})


def metadata_findings(source: Source, *, namespaced: bool) -> Iterator[Finding]:
    """What the API server would refuse, and a namespace of an object that has none."""
    metadata = source.document.body.get("metadata")
    if metadata is None:
        yield source.error("metadata.name", "Required", "is required")
        return
    if not isinstance(metadata, Mapping):
        yield source.error("metadata", "Type", "must be an object with fields", "write metadata: {name: checkout}")
        return
    for unknown in sorted(set(map(str, metadata)) - _KNOWN):
        fix = advice_on(f"metadata.{unknown}", unknown, _WRITTEN, {})
        message = "is no field; the API server would drop or refuse it"
        yield source.error(f"metadata.{unknown}", "UnknownField", message, fix)
    yield from _name(source, metadata.get("name"))
    yield from _namespace(source, metadata.get("namespace"), namespaced=namespaced)
    for field in ("labels", "annotations"):
        yield from _texts(source, field, metadata.get(field))


def _name(source: Source, name: object) -> Iterator[Finding]:
    match name:
        case None | "":
            yield source.error("metadata.name", "Required", "is required")
        case str() if not _SUBDOMAIN.fullmatch(name):
            yield source.error("metadata.name", "Form", f"{name!r} is no name: {_FORM}", _better(name, _SUBDOMAIN))
        case str():
            return
        case _:
            yield source.error("metadata.name", "Type", "must be a text", f'write "{name}" in quotes')


def _namespace(source: Source, namespace: object, *, namespaced: bool) -> Iterator[Finding]:
    path, kind = "metadata.namespace", source.document.kind
    match namespace:
        case None | "":
            return
        case _ if not namespaced:
            message = f"a {kind} is for the whole cluster and is in no namespace"
            yield source.warning(path, "Namespaced", message, "leave it out")
        case str() if not _LABEL.fullmatch(namespace):
            yield source.error(path, "Form", f"{namespace!r} is no namespace: {_FORM}", _better(namespace, _LABEL))
        case str():
            return
        case _:
            yield source.error(path, "Type", "must be a text", f'write "{namespace}" in quotes')


def _texts(source: Source, field: str, texts: object) -> Iterator[Finding]:
    path = f"metadata.{field}"
    if not isinstance(texts, Mapping | None):
        yield source.error(path, "Type", "must be an object of texts", f"write {field}: {{team: shop}}")
        return
    for name, value in (texts or {}).items():
        if not isinstance(value, str):
            plain = str(value).lower() if isinstance(value, bool) else value
            fix = f'write "{plain}" in quotes' if isinstance(value, bool | int | float) else ""
            yield source.error(f"{path}.{name}", "Type", "must be a text", fix)


def _better(name: str, form: re.Pattern[str]) -> str:
    plain: Any = re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.")
    return f"write {plain}" if form.fullmatch(plain) else ""
