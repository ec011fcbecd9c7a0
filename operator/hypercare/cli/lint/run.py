"""The work of `kubectl hypercare lint`: read, check, show."""

from collections.abc import Sequence

import typer

from hypercare.cli.cluster_access import Cluster
from hypercare.cli.documents import documents_in, read_text, shown_as
from hypercare.cli.failures import NEGATIVE, OK, UnusableInput
from hypercare.cli.lint.against_cluster import check_in_cluster
from hypercare.cli.lint.checks import check, check_routing
from hypercare.cli.lint.command import LintArguments, LintOutput
from hypercare.cli.lint.findings import Finding, Severity, Source, ordered
from hypercare.cli.lint.positions import positions_in
from hypercare.cli.lint.routing import routes_in
from hypercare.cli.lint.server_rules import CHECKED, is_meant
from hypercare.cli.lint.text import finding_object, print_findings
from hypercare.cli.options import Output
from hypercare.cli.printing import object_text
from hypercare.cli.rule_files import files_in
from hypercare.cli.terminal import console


def run(asked: LintArguments) -> int:
    """Do it; returns the exit code.

    Raises:
        UnusableInput: a file cannot be read, or none has anything to check.
    """
    sources = [source for path in files_in(asked.files, recursive=asked.recursive) for source in _read(path)]
    checked = [each for each in sources if is_meant(each)]
    if not checked:
        raise UnusableInput(
            f"{', '.join(map(shown_as, asked.files))}: holds nothing to check ({', '.join(sorted(CHECKED))})"
        )
    found = ordered(_findings(sources, asked))
    if asked.output is LintOutput.JSON:
        typer.echo(object_text([finding_object(each) for each in found], Output.JSON))
    else:
        print_findings(found, len(checked), console(asked.color))
    return NEGATIVE if any(_counts(each, asked) for each in found) else OK


def _read(path: str) -> list[Source]:
    shown, text = shown_as(path), read_text(path)
    documents = documents_in(text, shown)
    return [Source(shown, *each) for each in zip(documents, positions_in(text), strict=True)]


def _findings(sources: Sequence[Source], asked: LintArguments) -> list[Finding]:
    routes = routes_in(asked.alertmanager_config)
    found = list(check(sources))
    broken = {(each.file, each.subject) for each in found if each.severity is Severity.ERROR}
    usable = [each for each in sources if (each.file, each.subject) not in broken]
    if not asked.server:
        found.extend(check_routing(usable, routes))
    else:
        with Cluster.connect(asked) as cluster:
            # Nothing else tells whether there is a cluster to ask at all.
            cluster.raw("/version")
            found.extend(check_in_cluster(cluster, usable, routes))
    return found


def _counts(each: Finding, asked: LintArguments) -> bool:
    return each.severity is Severity.ERROR or asked.strict
