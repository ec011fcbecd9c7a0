"""The live board: drawn anew with each change and each second, for times go on while nothing happens."""

import time
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from hypercare.cli.cluster_access import Body, Cluster
from hypercare.cli.list.text import list_view, ordered
from hypercare.cli.periods.asking import effective
from hypercare.cli.periods.found import find_out
from hypercare.cli.periods.reading import read_period
from hypercare.cli.terminal import console
from hypercare.cli.watch.board import board
from hypercare.cli.watch.command import WatchArguments
from hypercare.cli.watch.following import Gone, Key, Lost, News, Now
from hypercare.domain.conditions import Problem
from hypercare.domain.period import Resolved
from hypercare.domain.timestamps import timestamp

_A_SECOND = 1


def watch_live(cluster: Cluster, news: Iterator[News], asked: WatchArguments) -> None:
    """Show until interrupted; the last picture stays on the screen."""
    shown = console(asked.color)
    picture = _Picture(cluster, asked, shown)
    with Live(get_renderable=picture.render, console=shown, refresh_per_second=_A_SECOND, transient=False) as live:
        for each in news:
            picture.take(each)
            live.refresh()


class _Picture:
    """What is known, and how it looks now."""

    def __init__(self, cluster: Cluster, asked: WatchArguments, shown: Console) -> None:
        self._cluster, self._asked, self._shown = cluster, asked, shown
        self._bodies: dict[Key, Body] = {}
        self._resolved: dict[Key, tuple[int, Resolved | Problem]] = {}
        self._lost = ""

    def take(self, news: News) -> None:
        """Remember what is new."""
        match news:
            case Now():
                self._bodies[news.key] = news.body
                self._resolve(news)
            case Gone():
                self._bodies.pop(news.key, None)
            case Lost():
                self._lost = news.message
                return
        self._lost = ""

    def render(self) -> RenderableType:
        """The picture of this moment."""
        now = int(time.time())
        bodies = dict(self._bodies)
        parts: list[RenderableType] = []
        if self._asked.name:
            for key, body in bodies.items():
                found = find_out(body, self._resolved[key][1], now)
                parts.append(board(found, self._shown))
            if not bodies:
                parts.append(Text(f"{self._asked.name} was deleted", "yellow"))
        elif bodies:
            seen = ordered(map(read_period, bodies.values()))
            parts.append(list_view(seen, now, self._shown, with_namespace=self._asked.all_namespaces))
        else:
            parts.append(Text("No periods yet."))
        state = Text(f"{self._lost}; asking again", "red") if self._lost else Text(f"{timestamp(now)}, ^C ends", "dim")
        return Group(*parts, Text(), state)

    def _resolve(self, news: Now) -> None:
        """Merge one period with its profile, again only when its spec has changed."""
        generation = int((news.body.get("metadata") or {}).get("generation", 0))
        known = self._resolved.get(news.key)
        if self._asked.name and (known is None or known[0] != generation):
            self._resolved[news.key] = generation, effective(self._cluster, news.body)
