"""The form of a metric: defined once, as Prometheus is told it and as docs/reference/metrics.md shows it."""

from abc import ABC
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily

Sample = tuple[tuple[str, ...], float]
"""The values of the labels, in the order of the definition, and the value."""
_UNITS = {"_seconds": "seconds", "_ratio": "0 to 1", "_total": "count"}


@dataclass(frozen=True)
class Label:
    """One label of a metric.

    Attributes:
        name: Its name.
        values: All values that there are; empty where they are not known beforehand.
        about: What a value means, where its name does not say it.
    """

    name: str
    values: tuple[str, ...] = ()
    about: str = ""


@dataclass(frozen=True)
class Metric(ABC):
    """What all types of metrics have. `help` is a sentence, for Prometheus and the reference."""

    type: ClassVar[str]
    name: str
    help: str
    labels: tuple[Label, ...] = ()

    @property
    def unit(self) -> str:
        """What its value is counted in, by its name; empty for things that are merely counted."""
        return next((unit for suffix, unit in _UNITS.items() if self.name.endswith(suffix)), "")

    @property
    def label_names(self) -> Sequence[str]:
        """The names of its labels, in their order."""
        return [label.name for label in self.labels]


@dataclass(frozen=True)
class GaugeMetric(Metric):
    """The present state, computed when it is scraped."""

    type = "gauge"

    def family(self, samples: Iterable[Sample]) -> GaugeMetricFamily:
        """What a scrape is told; of samples with the same labels the last."""
        family = GaugeMetricFamily(self.name, self.help, labels=self.label_names)
        for labels, value in dict(samples).items():
            family.add_metric(labels, value)
        return family

    def single(self, value: float) -> GaugeMetricFamily:
        """What a scrape is told of a metric without labels."""
        return self.family([((), value)])


@dataclass(frozen=True)
class CounterMetric(Metric):
    """What is only ever counted up."""

    type = "counter"

    def counter(self, registry: CollectorRegistry) -> Counter:
        """The counter, in this registry."""
        return Counter(self.name, self.help, self.label_names, registry=registry)


@dataclass(frozen=True)
class HistogramMetric(Metric):
    """How long something took. `buckets` are their upper bounds, in seconds."""

    type = "histogram"
    buckets: tuple[float, ...] = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

    def histogram(self, registry: CollectorRegistry) -> Histogram:
        """The histogram, in this registry."""
        return Histogram(self.name, self.help, self.label_names, buckets=self.buckets, registry=registry)
