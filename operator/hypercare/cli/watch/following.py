"""All that happens to some periods, across lost connections: what is new, what is gone, when nobody answers."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from hypercare.cli.cluster_access import Body, Change, Cluster
from hypercare.cli.failures import ClusterFailed, NotAccepted, NotAllowed, NotThere
from hypercare.cli.periods.asking import not_there
from hypercare.domain.objects import PERIODS

_SHORTEST, _LONGEST = 1.0, 30.0
Key = tuple[str, str]


@dataclass(frozen=True)
class Now:
    """An object as it is."""

    key: Key
    body: Body


@dataclass(frozen=True)
class Gone:
    """An object was deleted."""

    key: Key


@dataclass(frozen=True)
class Settled:
    """Everything that is there has been told."""


@dataclass(frozen=True)
class Lost:
    """The API server does not answer; it is asked again."""

    message: str


News = Now | Gone | Settled | Lost


def follow(cluster: Cluster, namespace: str, name: str) -> Iterator[News]:
    """Follow the period of a name, or all periods if it is empty; without end.

    Raises:
        ClusterFailed: nothing could be read at first, or it may not be read.
    """
    known: set[Key] = set()
    pause, begun = 0.0, False
    while True:
        try:
            for news in _once(cluster, namespace, name, known):
                yield news
                pause, begun = 0.0, True
        except (NotAllowed, NotAccepted):
            raise
        except NotThere as error:
            raise not_there(error, "no HypercarePeriods") from error
        except ClusterFailed as error:
            if not begun:
                raise
            if not pause:
                yield Lost(error.format_message())
            pause = min(_LONGEST, max(_SHORTEST, pause * 2))
            time.sleep(pause)


def _once(cluster: Cluster, namespace: str, name: str, known: set[Key]) -> Iterator[News]:
    """One listing and the watch after it."""
    listed: set[Key] = set()
    fields = f"metadata.name={name}" if name else ""
    listing = True
    for change in cluster.follow(PERIODS, namespace, fields):
        if change is None:
            yield from (Gone(key) for key in sorted(known - listed))
            known &= listed
            listing = False
            yield Settled()
            continue
        yield _news(change, known)
        if listing:
            listed.add(_key(change.body))


def _news(change: Change, known: set[Key]) -> News:
    key = _key(change.body)
    if change.deleted:
        known.discard(key)
        return Gone(key)
    known.add(key)
    return Now(key, change.body)


def _key(body: Body) -> Key:
    metadata = body.get("metadata") or {}
    return str(metadata.get("namespace", "")), str(metadata.get("name", ""))
