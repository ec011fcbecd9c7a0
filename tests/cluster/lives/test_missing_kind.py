"""A cluster without prometheus-operator: the period says so, does what it can, and heals when the CRD comes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster, start_owned, stop
from tests.cluster.layout import Options
from tests.cluster.lives.expectations import LASTING, await_protection, promised
from tests.cluster.lives.history import Version
from tests.cluster.lives.operating import PROJECT, install, operator_of
from tests.cluster.lives.place import QUEUE_STUCK, RULES, new_place
from tests.cluster.programs import find_programs

pytestmark = pytest.mark.cluster
NAME = "prometheusrules.monitoring.coreos.com"


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster of its own, whose CRDs may go."""
    started, owner = start_owned(tmp_path / "cluster", Options(crds=(PROJECT / "crds",)))
    try:
        install(started)
        yield started
    finally:
        stop(started)
        owner.release()


def test_a_cluster_that_does_not_serve_prometheus_rules(bare: Cluster, tmp_path: Path) -> None:
    with new_place(bare, "bare") as place:
        bare.kubectl("delete", "crd", NAME)
        with operator_of(bare, tmp_path / "operator.log") as operator, place.watch("period") as period:
            place.period(**LASTING)
            told = period.until("it says so", _says_so, promised(5))
            condition = told.condition("AlertsTightened")
            assert (condition["status"], condition["reason"]) == ("False", "PrometheusRuleNotServed")
            assert condition["message"].startswith("spec.protection.alerts")
            assert "install the CRDs of prometheus-operator" in condition["message"]
            assert told.holds("Stalled")
            period.until("capacity is raised all the same", lambda each: each.holds("ScalingRaised"))
            assert place.floor() == 4
            bare.apply(find_programs().share / "crds" / "prometheusrules.yaml")
            bare.kubectl("wait", "--for=condition=Established", f"crd/{NAME}", "--timeout=10s")
            place.rules(RULES, QUEUE_STUCK)
            await_protection(period)
            assert not period.latest.holds("Stalled")
            assert operator.running


def _says_so(version: Version) -> bool:
    return bool(version.condition("AlertsTightened")["reason"] == "PrometheusRuleNotServed")
