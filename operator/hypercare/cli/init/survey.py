"""What a namespace has that a period could protect and watch, as values for the template."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hypercare.domain.indicators import Indicator


@dataclass(frozen=True)
class Workload:
    """A workload, the version it runs (empty where none can be read) and how many replicas it wants."""

    kind: str
    name: str
    version: str
    replicas: int


@dataclass(frozen=True)
class Autoscaler:
    """A HorizontalPodAutoscaler. `owned` tells that another controller, such as KEDA, writes it."""

    name: str
    target: tuple[str, str]
    low: int
    high: int
    owned: bool


@dataclass(frozen=True)
class Rules:
    """A PrometheusRule with alerts, by their severities (empty for those without)."""

    name: str
    severities: tuple[str, ...]


@dataclass(frozen=True)
class Metrics:
    """Which indicators have data, by the name of the workload; or why that is not known."""

    indicators: Mapping[str, tuple[Indicator, ...]] = field(default_factory=dict)
    asked: str = ""
    unknown: str = ""


@dataclass(frozen=True)
class Survey:
    """A namespace. `profile_there` is None where it may not be read."""

    namespace: str
    name: str
    profile: str
    profile_there: bool | None
    workloads: tuple[Workload, ...]
    autoscalers: tuple[Autoscaler, ...]
    rules: tuple[Rules, ...]
    metrics: Metrics
    date: str
