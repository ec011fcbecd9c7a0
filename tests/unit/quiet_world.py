"""Alerts whose quiet is to be proven, and what a Prometheus has recorded of them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hypercare.domain.alerts.watched import Making, WatchedAlert
from hypercare.domain.evidence.context import Context, NoEvidence, Outcome
from hypercare.domain.evidence.criteria import Criterion
from hypercare.domain.evidence.fold import EvidenceState
from hypercare.domain.evidence.points import Point
from hypercare.domain.evidence.quiet import OverlayLive, Recording, Watch
from hypercare.domain.evidence.streak_reading import evaluate_streak, plan_streak
from hypercare.domain.samples import FailureKind, QueryFailed, RangeQuery, Result
from tests.unit.criteria import parse
from tests.unit.evidence_contexts import NOW, context
from tests.unit.prometheus_answers import answer

LIVE = NOW - 36_000
ERRORS = WatchedAlert(
    rule_id="r1",
    group_id="g1",
    alertname="Errors",
    severity="critical",
    making=Making.TIGHTENED,
    original_for_seconds=600,
    copy_for_seconds=300,
    interval_seconds=30,
    depends_on_input=True,
    expr="rate(errors[5m]) > 1",
    inputs_expr="(count(errors) or vector(0))",
    labels=frozenset({("severity", "critical"), ("team", "shop")}),
)
GONE = replace(
    ERRORS,
    rule_id="r2",
    alertname="Gone",
    making=Making.UNTOUCHED,
    depends_on_input=False,
    expr="absent(up)",
    inputs_expr="",
    labels=frozenset({("severity", "critical"), ("team", "{{ $labels.team }}")}),
)
ADDED = replace(
    ERRORS, rule_id="r3", alertname="Stuck", severity="warning", making=Making.ADDED, labels=frozenset({("tier", "1")})
)

Row = Mapping[tuple[str, ...], float]
Recorded = Callable[[int], Row]


class World:
    """What Prometheus has recorded; each attribute is a function of time."""

    def __init__(self) -> None:
        self.beats: Recorded = lambda time: {("g1",): time}
        self.copy_condition: Recorded = lambda _: {("r1",): 0, ("r3",): 0}
        self.original_condition: Recorded = lambda _: {("r1",): 0, ("r2",): 0}
        self.inputs: Recorded = lambda _: {("r1",): 3, ("r3",): 1}
        self.copies: Recorded = lambda _: {}
        self.originals: Recorded = lambda _: {}
        self.observed: Recorded = lambda _: {("active",): 0, ("inputs",): 1}
        self.failing = ""

    def result(self, query: RangeQuery) -> Result:
        tables: dict[str, tuple[Recorded, tuple[str, ...]]] = {
            "max_over_time(hypercare:overlay:live{": (self.beats, ("hypercare_group",)),
            "max_over_time(hypercare:alert:active{": (self.copy_condition, ("hypercare_rule",)),
            "max_over_time(hypercare:original:active{": (self.original_condition, ("hypercare_rule",)),
            "max_over_time(hypercare:alert:inputs{": (self.inputs, ("hypercare_rule",)),
            'max_over_time(ALERTS{hypercare="shop/checkout"}': (self.copies, ("hypercare_rule", "alertstate")),
            'ALERTS{alertname=~"': (self.originals, ("alertname", "severity", "alertstate", "namespace")),
            "label_replace(": (self.observed, ("hypercare_part",)),
        }
        found = [(part, table) for part, table in tables.items() if part in query.expr]
        assert len(found) == 1, query.expr
        part, (source, labels) = found[0]
        if self.failing and self.failing in part:
            return QueryFailed(FailureKind.TIMEOUT, "too slow")
        return answer(query, source, labels)


def quiet(**kind: Any) -> Criterion:
    found = parse(query=None, above=None, sustainedFor="1h", alerts=kind)
    assert isinstance(found, Criterion)
    return found


def watching(*alerts: WatchedAlert, recording: Recording | None = None, **changes: Any) -> Context:
    return context(watch=Watch(alerts, recording or OverlayLive(LIVE), frozenset({"Errors"})), **changes)


def visit(what: Criterion, at: Context, world: World) -> Outcome[EvidenceState, Point]:
    reading = plan_streak(what, NoEvidence(), at)
    return evaluate_streak(reading, {query: world.result(query) for query in reading.queries})
