"""The demo on the terminal: a live board where there is a terminal, a line per change where there is none."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hypercare.domain.durations import parse_duration
from tests.demo.scene import Scene

_VERDICTS = {"Met": "green", "Unmet": "red", "Unknown": "yellow"}
_WIDTH = 100


class Stage:
    """Shows scenes. Use as a context manager around the story."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=4, transient=False) if console.is_terminal else None
        self._said: tuple[str, ...] = ()
        self._told = 0

    def __enter__(self) -> "Stage":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def chapter(self, words: str, elapsed: float) -> None:
        """Announce the next chapter."""
        line = f"[{elapsed:5.1f}s] {words}"
        self._said = (*self._said, line)[-4:]
        if self._live is None:
            self._console.print(line, markup=False, soft_wrap=True)

    def show(self, scene: Scene) -> None:
        """Show what is the case now; without a terminal, what is new in the timeline."""
        if self._live is not None:
            self._live.update(self._board(scene))
            return
        timeline = scene.status.get("timeline", ())
        for entry in timeline[self._told :]:
            self._console.print(f"          {entry['reason']}: {entry['message']}", markup=False, soft_wrap=True)
        self._told = len(timeline)

    def _board(self, scene: Scene) -> RenderableType:
        return Group(
            Panel(Text("\n".join(self._said)), title="hypercare demo", width=_WIDTH),
            Panel(_head(scene), title="kubectl get hypercareperiod checkout -n shop", width=_WIDTH),
            Panel(_criteria(scene), title="exit criteria", width=_WIDTH),
            Panel(_protection(scene), title="protection", width=_WIDTH),
            Panel(_timeline(scene), title="timeline", width=_WIDTH),
        )


def _head(scene: Scene) -> RenderableType:
    status = scene.status
    strength = int(status.get("strength", 0))
    table = Table.grid(padding=(0, 3))
    table.add_row("phase", Text(scene.phase, style="bold"), "stage", str(status.get("stage", "-")))
    table.add_row("strength", f"{_bar(strength / 100, 20)} {strength}%", "ends", str(status.get("ends", "-")))
    ready = f"Ready={scene.condition('Ready')} Stalled={scene.condition('Stalled')}"
    table.add_row("conditions", ready, "errors now", f"{scene.error_share:.1%}")
    return Group(table, Text(str(status.get("summary", "")), style="italic"))


def _criteria(scene: Scene) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for criterion in scene.status.get("criteria", ()):
        verdict = str(criterion.get("verdict", "Unknown"))
        table.add_row(
            str(criterion["name"]),
            Text(verdict, style=_VERDICTS[verdict]),
            _bar(_progress(criterion), 16),
            f"{criterion.get('metFor', '0s')} good",
            Text(str(criterion.get("message", "")), overflow="ellipsis", no_wrap=True),
        )
    return table


def _protection(scene: Scene) -> RenderableType:
    spec, status = scene.autoscaler.get("spec", {}), scene.deployment.get("status", {})
    firing = [
        Text(f"{alert.name} {'(tightened copy)' if alert.copy else '(original)'} {alert.state}", style="red")
        for alert in scene.alerts
    ]
    alerts = scene.status.get("alerts", {})
    table = Table.grid(padding=(0, 2))
    copies = f"{alerts.get('tightened', 0)} of {alerts.get('selected', 0)} copied"
    seen = f"seen live: {scene.condition('AlertsTightened')}" if scene.status.get("strength") else "copies removed"
    table.add_row("alerts", f"{copies}, {seen}")
    table.add_row("", Group(*firing) if firing else Text("nothing fires", style="green"))
    replicas = f"minReplicas {spec.get('minReplicas')}, maxReplicas {spec.get('maxReplicas')}"
    table.add_row("scaling", f"{replicas}, ready {status.get('readyReplicas', 0)}")
    return table


def _timeline(scene: Scene) -> RenderableType:
    entries = scene.status.get("timeline", ())[-6:]
    return Group(*(Text(f"{entry['time'][11:19]}  {entry['reason']}: {entry['message']}") for entry in entries))


def _progress(criterion: Mapping[str, Any]) -> float:
    done, left = _seconds(criterion.get("metFor")), _seconds(criterion.get("remaining"))
    return done / (done + left) if done + left else 0.0


def _seconds(text: object) -> int:
    return parse_duration(str(text)) if text else 0


def _bar(share: float, width: int) -> str:
    full = round(max(0.0, min(1.0, share)) * width)
    return "█" * full + "░" * (width - full)
