"""Alerts in worlds of their own, for a Prometheus that evaluates many of them side by side."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from hypercare.domain.alerts.source_rules import SourceAlert, source_alerts
from hypercare.domain.alerts.thresholds import ThresholdRule, move_threshold
from hypercare.domain.alerts.tightening import MovedThreshold
from tests.adapters.real_prometheus import History
from tests.corpus.evaluation import Rule
from tests.corpus.rules import FILES, rule_objects
from tests.corpus.worlds import START, STEP, Sample, Series, names_of, with_own_metrics
from tests.unit.alert_rules import rule_object

WIDE = ThresholdRule(Fraction(1, 2))
"""A wide move is hit by more values than the default of a fifth."""

Rewriter = Callable[[str], str | None]
"""From an expression to that of its copy; None leaves it alone."""


@dataclass(frozen=True)
class Case:
    """An alert in a world of its own: `prefix` goes before the names of its metrics."""

    alert: SourceAlert
    prefix: str

    def own(self, expr: str) -> str:
        return with_own_metrics(expr, names_of(self.alert.expr), self.prefix)

    def rule(self, expr: str | None = None, for_seconds: int | None = None) -> Rule:
        seconds = self.alert.for_seconds if for_seconds is None else for_seconds
        return Rule(self.own(expr or self.alert.expr), seconds, self.alert.own_labels)

    def copy(self, rewriter: Rewriter) -> Rule | None:
        rewritten = rewriter(self.alert.expr)
        return None if rewritten is None else self.rule(rewritten)


def corpus_alerts() -> Iterator[SourceAlert]:
    for file in FILES:
        for body in rule_objects(file):
            yield from (alert for alert in source_alerts(body, 30) if isinstance(alert, SourceAlert))


def odd_alerts(exprs: Sequence[str]) -> Iterator[SourceAlert]:
    for number, expr in enumerate(exprs):
        body = rule_object("odd", {"alert": f"Odd{number}", "expr": expr, "for": "3m"})
        yield from (alert for alert in source_alerts(body, 30) if isinstance(alert, SourceAlert))


def bounds(expr: str) -> list[float]:
    result = move_threshold(expr, WIDE, 100)
    return [float(each.original) for each in result.bounds] if isinstance(result, MovedThreshold) else [5.0]


def histories(all_series: Sequence[Series]) -> Iterator[History]:
    for name, labels, samples in all_series:
        yield History(name, labels, sampled(samples), STEP)


def sampled(samples: Sequence[Sample]) -> Callable[[int], Sample]:
    return lambda time: samples[(time - START) // STEP]
