"""How far a command has come, on stderr: a line that is redrawn on a terminal, elsewhere a line now and then."""

import sys
import time
from collections.abc import Callable, Iterable

_REDRAW_SECONDS = 0.1
_PLAIN_SECONDS = 5.0


class Progress:
    """How much of a stretch of time has been read, over all parts of the work. Times in Unix seconds."""

    def __init__(self, names: Iterable[str], start: int, end: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._start, self._end, self._clock = start, end, clock
        self._through = dict.fromkeys(names, start)
        self._terminal = sys.stderr.isatty()
        self._told = clock() if not self._terminal else 0.0
        self._drawn = False

    def through(self, name: str, moment: int) -> None:
        """One part of the work has been done through this moment."""
        self._through[name] = min(moment, self._end)
        pause = _REDRAW_SECONDS if self._terminal else _PLAIN_SECONDS
        if self._clock() - self._told >= pause:
            self._told = self._clock()
            self._tell()

    def done(self) -> None:
        """Leave nothing behind on a terminal."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _tell(self) -> None:
        whole = max(1, (self._end - self._start) * len(self._through))
        share = sum(moment - self._start for moment in self._through.values()) / whole
        text = f"Reading history: {share:.0%}"
        sys.stderr.write(f"\r{text}\x1b[K" if self._terminal else f"{text}\n")
        sys.stderr.flush()
        self._drawn = self._terminal
