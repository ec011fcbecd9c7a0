"""The work of `kubectl hypercare wait`: look again and again, tell changes, end with a code.

It asks for the one object again and again, rather than to watch: whoever may read a period may wait for it, and nothing
between here and the API server can cut what is not held open. The pauses grow with the time that has passed.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import typer

from hypercare.cli.cluster_access import Cluster
from hypercare.cli.endpoint_flags import duration_flag
from hypercare.cli.failures import ClusterFailed, NotAccepted, NotAllowed, NotThere
from hypercare.cli.options import Output
from hypercare.cli.periods.asking import period_body
from hypercare.cli.periods.changes import Told, told_of
from hypercare.cli.periods.reading import read_period
from hypercare.cli.periods.seen import Seen
from hypercare.cli.printing import object_text
from hypercare.cli.wait.command import Code, Goal, WaitArguments
from hypercare.cli.wait.result import Result, Waiting, judge
from hypercare.domain.durations import parse_duration
from hypercare.domain.timestamps import timestamp

_PROTECTED_TIMEOUT = "15m"
_SHORTEST, _LONGEST, _SHARE = 1.0, 15.0, 0.02


@dataclass(frozen=True)
class _Lost:
    """The API server did not answer; it is asked again."""

    message: str


def run(asked: WaitArguments) -> int:
    """Do it; returns the exit code."""
    limit = _limit(asked)
    with Cluster.connect(asked) as cluster:
        result = _wait(cluster, asked, limit)
        name = f"{cluster.namespace}/{asked.name}"
    if asked.output is Output.TABLE:
        typer.echo(f"{name}: {result.message}")
    else:
        answer = {"period": name, "for": asked.goal.value, "result": result.code.name, "message": result.message}
        typer.echo(object_text(answer, asked.output))
    return int(result.code)


def _limit(asked: WaitArguments) -> int:
    """In seconds; 0 for none."""
    text = asked.timeout or (_PROTECTED_TIMEOUT if asked.goal is Goal.PROTECTED else "0")
    return 0 if text in {"0", "0s"} else parse_duration(duration_flag("--timeout", text))


def _wait(cluster: Cluster, asked: WaitArguments, limit: int) -> Result:
    before: Seen | None = None
    waiting = Waiting("")
    for look in _looks(cluster, asked.name, limit):
        match look:
            case None:
                return Result(Code.OTHERWISE, "it was deleted")
            case _Lost():
                _tell(asked, Told(int(time.time()), f"{look.message}; asking again"))
            case Seen():
                _tell_changes(asked, before, look)
                before = look
                found = judge(look, asked.goal)
                if isinstance(found, Result):
                    return found
                waiting = found
    return Result(Code.TIMEOUT, f"not within {asked.timeout or _PROTECTED_TIMEOUT}: {waiting.message}")


def _looks(cluster: Cluster, name: str, limit: int) -> Iterator[Seen | _Lost | None]:
    """The period again and again until the limit; None when it is gone. What fails at first is an error."""
    began, lost = time.monotonic(), False
    yield read_period(period_body(cluster, name))
    while True:
        passed = time.monotonic() - began
        pause = min(_LONGEST, max(_SHORTEST, passed * _SHARE))
        if limit and passed >= limit:
            return
        time.sleep(min(pause, limit - passed) if limit else pause)
        try:
            yield read_period(period_body(cluster, name))
            lost = False
        except NotThere:
            yield None
        except (NotAllowed, NotAccepted):
            raise
        except ClusterFailed as error:
            if not lost:
                yield _Lost(error.format_message())
            lost = True


def _tell_changes(asked: WaitArguments, before: Seen | None, seen: Seen) -> None:
    for told in told_of(before, seen, int(time.time())):
        _tell(asked, told)


def _tell(asked: WaitArguments, told: Told) -> None:
    if not asked.quiet:
        typer.echo(f"{timestamp(told.time)} {told.text}", err=True)
