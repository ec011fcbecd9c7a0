"""The work of `kubectl hypercare explain`: read, merge, show; or look a reason up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from hypercare.cli.cluster_access import Cluster
from hypercare.cli.documents import Document, read_documents
from hypercare.cli.explain.command import ExplainArguments
from hypercare.cli.explain.reason import explained
from hypercare.cli.explain.text import commented, listed, plain
from hypercare.cli.failures import NEGATIVE, OK, UnusableInput
from hypercare.cli.options import Output
from hypercare.cli.periods.asking import period_body
from hypercare.cli.printing import object_text
from hypercare.cli.terminal import console
from hypercare.domain.conditions import Problem
from hypercare.domain.durations import format_duration
from hypercare.domain.objects import PERIODS, PROFILES, ObjectRef
from hypercare.domain.origins import Tree, effective_with_origins
from hypercare.domain.period import Resolved, profile_name, resolve


@dataclass(frozen=True)
class _Given:
    """A period and the profile that it names, None if there is none."""

    period: Mapping[str, Any]
    profile: Mapping[str, Any] | None


def run(asked: ExplainArguments) -> int:
    """Do it; returns the exit code.

    Raises:
        UnusableInput: not exactly one of a name, a file and a reason is given, or there is no such reason.
    """
    if [bool(each) for each in (asked.name, asked.file, asked.reason)].count(True) != 1:
        raise UnusableInput("explain: give either the NAME of a period, a file with -f, or a --reason")
    if asked.reason:
        typer.echo(explained(asked.reason, asked.output))
        return OK
    given = _from_files(asked) if asked.file else _from_cluster(asked)
    spec, profile = given.period.get("spec") or {}, (given.profile or {}).get("spec") or {}
    tree = effective_with_origins(spec, profile.get("defaults") or {})
    resolved = resolve(given.period, given.profile)
    _show(tree, asked, profile_name(given.period))
    for note in _notes(resolved):
        typer.echo(f"note: {note}", err=True)
    if isinstance(resolved, Problem):
        typer.echo(f"error: {resolved.path}: {resolved.message}", err=True)
        return NEGATIVE
    return OK


def _show(tree: Mapping[str, Tree], asked: ExplainArguments, profile: str) -> None:
    match asked.output:
        case Output.TABLE:
            shown = console(asked.color)
            for line in commented(tree, profile):
                shown.print(line, soft_wrap=True)
        case Output.YAML:
            typer.echo(object_text(plain(tree), asked.output))
        case Output.JSON:
            typer.echo(object_text(list(listed(tree)), asked.output))


def _notes(resolved: Resolved | Problem) -> Iterable[str]:
    if isinstance(resolved, Problem):
        return
    window = resolved.spec.plan.window
    if window.limited:
        longest = format_duration(window.max_seconds)
        yield f"the profile's limits.maxDuration cuts the window with its extensions to {longest}"
    yield from (
        f"{each.path}: {each.message}" for each in (*resolved.spec.unreadable, *resolved.spec.unreadable_advice)
    )


def _from_cluster(asked: ExplainArguments) -> _Given:
    with Cluster.connect(asked) as cluster:
        body = period_body(cluster, asked.name)
        return _Given(body, cluster.find(ObjectRef(PROFILES, "", profile_name(body))))


def _from_files(asked: ExplainArguments) -> _Given:
    documents = read_documents(asked.file)
    periods = [each for each in documents if each.kind == PERIODS.kind]
    if len(periods) != 1:
        raise UnusableInput(f"{asked.file}: holds {len(periods)} objects of kind {PERIODS.kind}, and one is needed")
    body = _with_metadata(periods[0], asked.namespace or "default")
    profiles = [each for each in (*documents, *_profiles_in(asked.profile)) if each.kind == PROFILES.kind]
    return _Given(body, _named(profiles, profile_name(body)))


def _profiles_in(path: str) -> Sequence[Document]:
    return read_documents(path) if path else ()


def _named(profiles: Sequence[Document], name: str) -> Mapping[str, Any]:
    """The profile of this name; the only one there is; or one that settles nothing but its endpoint."""
    for each in profiles:
        if (each.body.get("metadata") or {}).get("name") == name:
            return each.body
    if len(profiles) == 1:
        return profiles[0].body
    return {"metadata": {"name": name}, "spec": {"prometheus": {"url": "http://prometheus:9090"}}}


def _with_metadata(document: Document, namespace: str) -> Mapping[str, Any]:
    metadata = document.body.get("metadata")
    if not isinstance(metadata, Mapping) or not isinstance(document.body.get("spec"), Mapping):
        raise UnusableInput(f"{document.source}: metadata and spec are required")
    return {**document.body, "metadata": {"namespace": namespace, **metadata}}
