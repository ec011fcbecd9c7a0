"""The demo's plot: what is done when, and what must be seen before the story goes on.

Each chapter has words for the audience, an act, and a condition; a condition that does not come in time ends the demo
as failed, so the demo is a test as well.
"""

from collections.abc import Callable
from dataclasses import dataclass

from hypercare.domain.durations import parse_duration
from tests.cluster.cluster import Cluster
from tests.demo.scene import NAMESPACE, Scene

Act = Callable[[Cluster], None]


@dataclass(frozen=True)
class Chapter:
    """One step of the story; `patience` in seconds."""

    words: str
    act: Act
    until: Callable[[Scene], bool]
    patience: float = 60.0


def _watch(_: Cluster) -> None:
    """Only look on."""


def _release(cluster: Cluster) -> None:
    image = "registry.example/shop/checkout:2.4.0"
    cluster.kubectl("set", "image", "deployment/checkout", f"checkout={image}", "-n", NAMESPACE)
    label = '{"spec":{"template":{"metadata":{"labels":{"app.kubernetes.io/version":"2.4.0"}}}}}'
    cluster.kubectl("patch", "deployment", "checkout", "-n", NAMESPACE, "-p", label)


def _misbehave(cluster: Cluster) -> None:
    cluster.shop.misbehave(NAMESPACE, errors=0.12)


def _recover(cluster: Cluster) -> None:
    cluster.shop.behave(NAMESPACE)


def _min_replicas(scene: Scene) -> int:
    return int(scene.autoscaler.get("spec", {}).get("minReplicas", 1))


def _protected(scene: Scene) -> bool:
    return scene.condition("AlertsTightened") == "True" and scene.condition("ScalingRaised") == "True"


def _building(scene: Scene) -> bool:
    met_for = parse_duration(scene.criterion("errors").get("metFor", "0s"))
    return scene.phase == "Active" and met_for >= 8


CHAPTERS: tuple[Chapter, ...] = (
    Chapter("Version 2.4.0 rolls out; hypercare protects it from the first moment", _release, _protected),
    Chapter("The window is open: evidence builds up", _watch, _building),
    Chapter(
        "A bad spell: one request in eight fails",
        _misbehave,
        lambda scene: scene.criterion("errors").get("verdict") == "Unmet",
    ),
    Chapter(
        "The streak is broken; the tightened copy fires first",
        _watch,
        lambda scene: scene.fires("CheckoutErrorRate", copy=True),
    ),
    Chapter(
        "... and the original follows, much later",
        _watch,
        lambda scene: scene.fires("CheckoutErrorRate", copy=False),
    ),
    Chapter(
        "Fixed: the service recovers, and the streak starts anew",
        _recover,
        lambda scene: scene.criterion("errors").get("verdict") == "Met",
    ),
    Chapter(
        "The evidence is there: the second stage, half the strength",
        _watch,
        lambda scene: scene.status.get("stage") == "elevated" or scene.phase == "Relaxing",
    ),
    Chapter("Still stable: relaxing step by step", _watch, lambda scene: scene.phase == "Relaxing"),
    Chapter(
        "Every value comes back",
        _watch,
        lambda scene: scene.condition("Restored") == "True" and _min_replicas(scene) == 2,
    ),
    Chapter(
        "The report is written",
        _watch,
        lambda scene: scene.phase == "Completed" and bool(scene.status.get("report")),
    ),
)
