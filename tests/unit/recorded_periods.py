"""Periods as a real operator left them: `recorded_periods.yaml`, and how the command line shows them."""

import copy
import io
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console, RenderableType

from hypercare.cli.periods.found import Found, find_out
from hypercare.domain.period import resolve

# Some seconds after they were recorded.
NOW = 1_795_286_400
PROFILE: dict[str, Any] = {"metadata": {"name": "web"}, "spec": {"prometheus": {"url": "http://prometheus:9090"}}}
NAMES = (
    "pending",
    "preparing",
    "active",
    "held-up",
    "extended",
    "decision-needed",
    "suspended",
    "relaxing",
    "completed",
    "ended",
    "stalled",
)


@cache
def _all() -> dict[str, Any]:
    text = Path(__file__).with_name("recorded_periods.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def recorded(name: str) -> dict[str, Any]:
    """One of them, to change as one likes."""
    found: dict[str, Any] = copy.deepcopy(_all()[name])
    return found


def found(body: dict[str, Any], now: int = NOW) -> Found:
    """What the command line makes of it, with the profile at hand that it names."""
    profile = None if body["spec"].get("profile") == "absent" else PROFILE
    return find_out(body, resolve(body, profile), now)


def page(width: int = 80, encoding: str = "utf-8", *, color: bool = False) -> Console:
    """A console of a width that writes nowhere."""
    return Console(
        file=io.TextIOWrapper(io.BytesIO(), encoding=encoding),
        width=width,
        height=40,
        color_system="standard" if color else None,
        force_terminal=color or None,
        highlight=False,
        markup=False,
        emoji=False,
    )


def lines(view: RenderableType, to: Console) -> list[str]:
    """What is shown, by lines."""
    with to.capture() as capture:
        to.print(view)
    return [line.rstrip() for line in capture.get().splitlines()]
