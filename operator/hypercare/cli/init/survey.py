"""What a namespace has that a period could protect and watch, as values for the template."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hypercare.domain.indicators import Indicator

Rule = Mapping[str, int | str]


@dataclass(frozen=True)
class Workload:
    """A workload, the version it runs (empty where none can be read) and how many replicas it wants."""

    kind: str
    name: str
    version: str
    replicas: int


@dataclass(frozen=True)
class LeftOut:
    """A workload of the namespace that is no target, and why."""

    workload: Workload
    why: str


@dataclass(frozen=True)
class Found:
    """The workloads of a namespace: those to protect, and those that are left out."""

    targets: tuple[Workload, ...]
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True)
class Offer:
    """A rule for one target that a period could have, without the target, and what it would do."""

    target: str
    rule: Rule
    told: str


@dataclass(frozen=True)
class Capacity:
    """Rules that can be offered for more replicas and for fewer disruptions, and why there are not more."""

    scaling: tuple[Offer, ...] = ()
    disruption: tuple[Offer, ...] = ()
    told: tuple[str, ...] = ()


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
    left_out: tuple[LeftOut, ...]
    capacity: Capacity
    rules: tuple[Rules, ...]
    metrics: Metrics
    date: str
