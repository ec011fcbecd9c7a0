"""The work of `kubectl hypercare watch`: a live board on a terminal, lines elsewhere."""

import json
import sys
import time
from collections.abc import Iterator

import typer

from hypercare.cli.cluster_access import Cluster
from hypercare.cli.failures import OK, NotThere
from hypercare.cli.periods.changes import Told, told_of
from hypercare.cli.periods.objects import summary_object
from hypercare.cli.periods.reading import read_period
from hypercare.cli.periods.seen import Seen
from hypercare.cli.watch.command import WatchArguments, WatchOutput
from hypercare.cli.watch.following import Gone, Key, Lost, News, Now, Settled, follow
from hypercare.cli.watch.live import watch_live
from hypercare.domain.timestamps import timestamp


def run(asked: WatchArguments) -> int:
    """Watch until interrupted.

    Raises:
        NotThere: the period that is named does not exist.
    """
    with Cluster.connect(asked) as cluster:
        namespace = "" if asked.all_namespaces and not asked.name else cluster.namespace
        news = _existing(follow(cluster, namespace, asked.name), asked.name, namespace)
        if asked.output is WatchOutput.AUTO and sys.stdout.isatty():
            watch_live(cluster, news, asked)
        else:
            _watch_lines(news, asked.output)
    return OK


def _existing(news: Iterator[News], name: str, namespace: str) -> Iterator[News]:
    """The same, unless the one period that is asked for is not there."""
    found = False
    for each in news:
        found = found or isinstance(each, Now)
        if isinstance(each, Settled) and name and not found:
            raise NotThere(f"no HypercarePeriod {name} in namespace {namespace} (kubectl hypercare list -A shows all)")
        yield each


def _watch_lines(news: Iterator[News], output: WatchOutput) -> None:
    before: dict[Key, Seen] = {}
    for each in news:
        match each:
            case Now():
                seen = read_period(each.body)
                if output is WatchOutput.JSON:
                    _print_object(before.get(each.key), seen)
                else:
                    _print_changes(before.get(each.key), seen)
                before[each.key] = seen
            case Gone():
                before.pop(each.key, None)
                if output is not WatchOutput.JSON:
                    _print("/".join(each.key), Told(int(time.time()), "was deleted"))
            case Lost():
                typer.echo(f"{timestamp(int(time.time()))} {each.message}; asking again", err=True)
            case Settled():
                continue


def _print_object(before: Seen | None, seen: Seen) -> None:
    answer = summary_object(seen)
    if before is None or answer != summary_object(before):
        typer.echo(json.dumps(answer, ensure_ascii=False))
        sys.stdout.flush()


def _print_changes(before: Seen | None, seen: Seen) -> None:
    for told in told_of(before, seen, int(time.time())):
        _print(f"{seen.namespace}/{seen.name}", told)


def _print(name: str, told: Told) -> None:
    typer.echo(f"{timestamp(told.time)} {name} {told.text}")
    # Whoever reads a pipe wants the line when it is true, not when a buffer is full.
    sys.stdout.flush()
