"""Series for `promtool test rules`: a workload that is healthy or sick, its neighbours, and other namespaces."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from hypercare.domain.indicators import Indicator
from hypercare.domain.life.rollout import Target
from hypercare.domain.promql.tenancy import Tenancy

TARGETS = (Target("Deployment", "checkout"), Target("StatefulSet", "cart"), Target("DaemonSet", "agent.v2"))
NAMESPACE = "shop"
_PODS = {"Deployment": "-6f7c8d9b5-x2x4", "StatefulSet": "-", "DaemonSet": "-x2x4"}
_LAST = {"Deployment": "z", "StatefulSet": "0", "DaemonSet": "z"}
_OTHER = {"Deployment": "b", "StatefulSet": "1", "DaemonSet": "b"}


@dataclass(frozen=True)
class Scraped:
    """How labels that collide with those of the scraped target come out, and the tenancy that fits."""

    name: str
    honoured: bool
    tenancy: Tenancy

    def labels(self, namespace: str) -> str:
        """What says whose a series is."""
        label = self.tenancy.label if self.honoured else self.tenancy.exceptions[0].label
        return f'{label}="{namespace}"' + ("" if self.honoured else ',namespace="monitoring"')

    def service(self, name: str) -> str:
        """What says which Service an Ingress leads to."""
        return f'service="{name}"' if self.honoured else f'exported_service="{name}",service="ingress-controller"'


def ways(indicator: Indicator) -> Iterator[Scraped]:
    """The default label, and each exception that the catalog tells of."""
    yield Scraped("default", True, Tenancy("namespace", NAMESPACE))
    for hint in indicator.tenancy:
        tenancy = Tenancy("namespace", NAMESPACE, (hint.exception,))
        yield Scraped(hint.exception.label, False, tenancy)


@cache
def worlds() -> Mapping[str, Any]:
    """The file, by name of the indicator."""
    found: Mapping[str, Any] = yaml.safe_load((Path(__file__).parent / "indicators.yaml").read_text(encoding="utf-8"))
    return found


@dataclass(frozen=True)
class World:
    """What is known about one indicator, for one kind of workload."""

    indicator: Indicator
    target: Target
    scraped: Scraped

    def value(self, state: str) -> float:
        """What the indicator is, after 40 minutes."""
        return float(next(iter(self._states()[state])))

    def series(self, state: str, namespace: str = NAMESPACE) -> list[dict[str, str]]:
        """The series of the target."""
        written = next(iter(self._states()[state].values()))
        return [self._series(text, namespace) for text in written]

    def errors_absent(self) -> list[dict[str, str]]:
        """The healthy series without any that counts errors; none for an indicator that is no share."""
        mark = self._states().get("errors")
        return [each for each in self.series("healthy") if mark not in each["series"]] if mark else []

    def strangers(self) -> list[dict[str, str]]:
        """Sick series of a workload whose name begins alike, and of one of the same name in another namespace."""
        neighbour = replace(self, target=replace(self.target, name=f"{self.target.name}-api"))
        return [*neighbour.series("sick"), *self.series("sick", "pay")]

    def _states(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = worlds()[self.indicator.name]
        of_kind: Mapping[str, Any] = found.get(self.target.kind, found)
        return of_kind

    def _series(self, text: str, namespace: str) -> dict[str, str]:
        base = self.target.name + _PODS[self.target.kind]
        values = {
            "ns": self.scraped.labels(namespace),
            "name": self.target.name,
            "pod": base + _LAST[self.target.kind],
            "other": base + _OTHER[self.target.kind],
            "service": self.scraped.service(self.target.name),
        }
        for name, value in values.items():
            text = text.replace(f"$({name})", value)
        series, _, samples = text.partition("} ")
        return {"series": series + "}", "values": samples}
