"""What the API server would refuse of an object, told at the place of the mistake."""

from collections.abc import Iterator

from hypercare.cli.lint.findings import Finding, Source
from hypercare.cli.lint.meant import near
from hypercare.cli.lint.metadata import metadata_findings
from hypercare.cli.lint.schema import Violation, schema_of, violations
from hypercare.domain.capacity.scaling import EVERY_TARGET
from hypercare.domain.fields import Field
from hypercare.domain.objects import HOLDS, PERIODS, PROFILES, PROMETHEUS_RULES, Resource

CHECKED = frozenset({PERIODS.kind, PROFILES.kind, PROMETHEUS_RULES.kind})
# Of the CRDs' messages: which element of the list it is about is not said there.
_AIMED = "the name of an element of targets"
_OURS = [PERIODS.kind, PROFILES.kind]


def is_meant(source: Source) -> bool:
    """Whether an object is to be checked: of a kind that is, or one that somebody took for such a kind."""
    document = source.document
    if document.kind in CHECKED:
        return True
    ours = str(document.body.get("apiVersion") or "").partition("/")[0] == PERIODS.group
    misspelt = document.kind.lower() in {kind.lower() for kind in _OURS}
    return misspelt or (ours and document.kind != HOLDS.kind)


def kind_findings(source: Source) -> Iterator[Finding]:
    """A kind that is none of the project's."""
    kind = source.document.kind
    if kind:
        yield source.error("kind", "Kind", f"{kind!r} is not one of {', '.join(_OURS)}", near(kind, _OURS))
    else:
        yield source.error("kind", "Required", "is required", f"write kind: {PERIODS.kind}")


def server_findings(source: Source, resource: Resource) -> Iterator[Finding]:
    """Whatever the API server would refuse of an object of this kind."""
    if source.document.body.get("apiVersion") != resource.api_version:
        fix = f"write apiVersion: {resource.api_version}"
        yield source.error("apiVersion", "ApiVersion", f"must be {resource.api_version}", fix)
    yield from metadata_findings(source, namespaced=resource.namespaced)
    for each in violations(source.document.body, schema_of(resource.plural)):
        yield from _aimed(source, each)


def _aimed(source: Source, violation: Violation) -> Iterator[Finding]:
    """A violation; where elements of a list name targets that are not there, these elements."""
    elements = list(_missing_targets(source, violation.path)) if _AIMED in violation.message else []
    for path, name, fix in elements:
        yield source.error(path, violation.reason, f"{name!r} is no element of spec.targets", fix)
    if not elements:
        yield source.error(violation.path, violation.reason, violation.message, violation.fix)


def _missing_targets(source: Source, path: str) -> Iterator[tuple[str, str, str]]:
    """The elements at a path that name no target, each with that name and what was meant; the schema is kept here."""
    field = Field("", {"spec": source.document.body["spec"]})
    known = [item.get("name").text() for item in field.get("spec").get("targets").items()]
    for part in path.split("."):
        field = field.get(part)
    for index, item in enumerate(field.items()):
        name = item.get("target").value
        if isinstance(name, str) and name not in {*known, EVERY_TARGET}:
            yield f"{path}[{index}].target", name, near(name, known) or f"targets are: {', '.join(known)}"
