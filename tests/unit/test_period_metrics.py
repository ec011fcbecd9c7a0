"""What is told of each open period: where it stands, its evidence against its bounds, and no more than is bounded."""

from collections.abc import Sequence
from typing import Any

import pytest
from prometheus_client import generate_latest

from hypercare.domain.evidence.bounds import Above, Between, Bound, Equals
from hypercare.domain.evidence.criteria import QueryKind
from hypercare.domain.evidence.fold import Measured
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.objects import PERIODS, ObjectRef, Resource
from hypercare.metrics.periods import MOST_PERIODS, PeriodMetrics
from hypercare.ports import Body
from tests.unit.snapshots import criterion, reading

CHECKOUT = ObjectRef(PERIODS, "shop", "checkout")
ROW = {"target": "checkout", "original": 2, "floor": 4, "ready": 3}
ACTIVE = {
    "phase": "Active",
    "strength": 50,
    "alerts": {"selected": 5, "tightened": 3, "untouched": 2},
    "scaling": [ROW],
}
LABELS = {"namespace": "shop", "period": "checkout"}


class Watches:
    def __init__(self, bodies: Sequence[Body]) -> None:
        self.bodies = bodies

    def select(self, resource: Resource) -> Sequence[Body]:
        return self.bodies if resource == PERIODS else ()


def period(name: str = "checkout", created: str = "2026-11-21T10:00:00Z", **status: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "creationTimestamp": created}
    return {"metadata": metadata, "status": {**ACTIVE, **status}}


def told(*bodies: Body) -> PeriodMetrics:
    metrics = PeriodMetrics()
    metrics.describe_periods(Watches(bodies))
    return metrics


def value(metrics: PeriodMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, {**LABELS, **labels})


def test_where_a_period_stands() -> None:
    metrics = told(period())
    assert value(metrics, "hypercare_period_phase", phase="Active") == 1
    assert value(metrics, "hypercare_period_strength_ratio") == 0.5
    assert value(metrics, "hypercare_period_alerts", outcome="tightened") == 3
    assert value(metrics, "hypercare_period_alerts", outcome="untouched") == 2
    replicas = [value(metrics, "hypercare_period_replicas", target="checkout", what=what) for what in ROW]
    assert replicas == [None, 2, 4, 3]


def test_a_target_with_rows_for_two_objects_is_one_series() -> None:
    rows = [{"target": "checkout", "floor": 4, "state": "Superseded"}, {"target": "checkout", "floor": 6}]
    metrics = told(period(scaling=rows))
    text = generate_latest(metrics.registry).decode()
    assert len([line for line in text.splitlines() if "period_replicas{" in line and 'what="floor"' in line]) == 1
    assert value(metrics, "hypercare_period_replicas", target="checkout", what="floor") == 6


def test_a_period_that_nobody_has_seen_yet_is_pending() -> None:
    metrics = told({"metadata": {"name": "checkout", "namespace": "shop"}, "status": {"observedGeneration": -1}})
    assert value(metrics, "hypercare_period_phase", phase="Pending") == 1
    assert value(metrics, "hypercare_period_strength_ratio") == 0


def test_evidence_is_told_beside_its_bound() -> None:
    metrics = told(period())
    metrics.judged(CHECKOUT, [reading(Verdict.UNMET, last=Measured(7.5, "", 0))])
    assert value(metrics, "hypercare_criterion_value", criterion="errors") == 7.5
    assert value(metrics, "hypercare_criterion_bound", criterion="errors", side="upper") == 5
    assert value(metrics, "hypercare_criterion_bound", criterion="errors", side="lower") is None
    assert value(metrics, "hypercare_criterion_verdict", criterion="errors", verdict="Unmet") == 1
    assert value(metrics, "hypercare_criterion_verdict", criterion="errors", verdict="Met") is None
    assert value(metrics, "hypercare_criterion_streak_ratio", criterion="errors") == pytest.approx(1200 / 3600)


def test_a_criterion_without_a_value_has_none() -> None:
    metrics = told(period())
    metrics.judged(CHECKOUT, [reading()])
    assert value(metrics, "hypercare_criterion_value", criterion="errors") is None
    assert value(metrics, "hypercare_criterion_streak_ratio", criterion="errors") == 1


@pytest.mark.parametrize(("bound", "lower", "upper"), [(Above(3), 3, None), (Between(1, 2), 1, 2), (Equals(4), 4, 4)])
def test_each_bound_has_its_sides(bound: Bound, lower: float | None, upper: float | None) -> None:
    metrics = told(period())
    read = reading()
    bounded = criterion(kind=QueryKind("errors", bound))
    metrics.judged(CHECKOUT, [type(read)(bounded, read.judgement, 0, 0, {})])
    sides = [value(metrics, "hypercare_criterion_bound", criterion="errors", side=side) for side in ("lower", "upper")]
    assert sides == [lower, upper]


@pytest.mark.parametrize("phase", ["Completed", "Ended"])
def test_nothing_is_told_of_a_period_that_is_over(phase: str) -> None:
    metrics = told(period(phase=phase))
    metrics.judged(CHECKOUT, [reading()])
    names = {sample.name for family in metrics.collect() for sample in family.samples}
    assert names == {"hypercare_periods_left_out"}


def test_the_evidence_of_a_deleted_period_is_forgotten() -> None:
    metrics = told()
    metrics.judged(CHECKOUT, [reading()])
    list(metrics.collect())
    metrics.describe_periods(Watches([period()]))
    assert value(metrics, "hypercare_criterion_verdict", criterion="errors", verdict="Met") is None


def test_of_too_many_periods_the_newest_are_told_and_how_many_are_not() -> None:
    many = [
        period(f"p{index}", f"2026-11-21T10:{index // 60:02}:{index % 60:02}Z") for index in range(MOST_PERIODS + 3)
    ]
    metrics = told(*many)
    assert metrics.registry.get_sample_value("hypercare_periods_left_out") == 3
    phases = next(each for each in metrics.collect() if each.name == "hypercare_period_phase")
    names = {sample.labels["period"] for sample in phases.samples}
    assert len(names) == MOST_PERIODS
    assert not names & {"p0", "p1", "p2"}
