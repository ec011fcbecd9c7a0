"""Progress is told where nobody else reads along: redrawn on a terminal, a line now and then elsewhere."""

import io
import sys

import pytest

from hypercare.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_on_a_terminal_one_line_is_redrawn_and_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, clock = Terminal(), Clock()
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = Progress(["a", "b"], 1000, 2000, clock)
    for now, name, moment in ((0.2, "a", 1500), (0.21, "a", 1600), (0.4, "b", 2500)):
        clock.now = now
        progress.through(name, moment)
    progress.done()
    assert terminal.getvalue().split("\r") == [
        "",
        "Reading history: 25%\x1b[K",
        "Reading history: 80%\x1b[K",
        "\x1b[K",
    ]


def test_elsewhere_quick_work_says_nothing_and_slow_work_a_line_at_times(monkeypatch: pytest.MonkeyPatch) -> None:
    log, clock = io.StringIO(), Clock()
    monkeypatch.setattr(sys, "stderr", log)
    progress = Progress(["a"], 0, 100, clock)
    for now, moment in ((1.0, 10), (4.9, 20), (5.0, 30), (6.0, 40), (11.0, 90)):
        clock.now = now
        progress.through("a", moment)
    progress.done()
    assert log.getvalue() == "Reading history: 30%\nReading history: 90%\n"
