"""Every kind of criterion at once, on a real API server and a real Prometheus that asks for a password.

The period began five hours ago, and nobody has been there to read since: the operator comes back to more than it reads
in one visit. All is met; then a container restarts and a run fails, and the exit is blocked by exactly these two. What
was recorded is written by the test, once without and once with what breaks, and the profile goes from one server to the
other, over the same past.
"""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.lives.expectations import met, promised
from tests.cluster.lives.history import History, Version
from tests.cluster.lives.operating import operator_of
from tests.cluster.lives.place import PERIOD, Place, new_place
from tests.cluster.lives.recorded import HOUR, PASSWORD, USERNAME, Shop, guarded_prometheus
from tests.cluster.operator_process import OperatorProcess

pytestmark = pytest.mark.cluster
OWN_NAMESPACE = "hypercare-system"
# For writing a record and starting a server.
AHEAD_SECONDS = 20
EVALUATION = {"step": "5s", "interval": "1s", "delay": "1s", "freshness": "20s", "maxDelay": "10s"}
ERRORS = 'sum(rate(http_requests_total{code="500"}[1m]))'
TOTAL = "sum(rate(http_requests_total[1m]))"
LATENCY = "avg_over_time(checkout_latency_seconds[5m])"
CRITERIA: tuple[dict[str, Any], ...] = (
    {"name": "volume", "query": TOTAL, "above": 10, "sustainedFor": "1h"},
    {"name": "errors", "ratio": {"errors": ERRORS, "total": TOTAL}, "below": 0.01, "sustainedFor": "1h"},
    {"name": "budget", "slo": {"objective": 99.9, "errors": ERRORS, "total": TOTAL, "over": "1h", "maxBurn": 1}},
    {"name": "latency", "baseline": {"query": LATENCY, "against": "3d", "statistic": "p95"}, "sustainedFor": "4h10m"},
    {"name": "pods", "workload": {"available": True, "maxRestarts": 0}, "sustainedFor": "30m"},
    {"name": "loads", "runs": {"target": "ingest", "succeeded": 3, "failed": 0}},
)
NAMES = tuple(str(each["name"]) for each in CRITERIA)
BROKEN = ("pods", "loads")


@pytest.mark.usefixtures("alone")
def test_every_kind_at_once(cluster: Cluster, tmp_path: Path) -> None:
    with new_place(cluster, "kinds") as place, _secret(place) as secret:
        shop = Shop(place.namespace, int(time.time()))
        arguments = ("--namespace", place.namespace, "--own-namespace", OWN_NAMESPACE)
        operator = operator_of(cluster, tmp_path / "operator.log", arguments)
        with _recorded(shop, tmp_path / "well") as url, operator, place.watch("period") as period:
            _look_at(place, url, secret)
            place.period(mode="Observe", exitCriteria=list(CRITERIA), window=_window(), stages=_stages())
            _began_hours_ago(place, operator, period, shop.now - 5 * HOUR)
            _all_is_met(period)
            # What is final is read no more: it breaks when the other server is there.
            ahead = promised(AHEAD_SECONDS)
            broken = replace(shop, breaks=time.time() + ahead)
            with _recorded(broken, tmp_path / "broken") as elsewhere:
                _look_at(place, elsewhere, secret)
                _two_break(period, ahead)
                _is_told(period)


@contextmanager
def _recorded(shop: Shop, folder: Path) -> Iterator[str]:
    shop.write(folder)
    with guarded_prometheus(folder) as url:
        yield url


def _look_at(place: Place, url: str, secret: str) -> None:
    endpoint = {"url": url, "secretRef": {"name": secret}, "timeout": "30s"}
    place.profile({"prometheus": endpoint, "evaluation": EVALUATION})


@contextmanager
def _secret(place: Place) -> Iterator[str]:
    """The credentials, in the operator's own namespace."""
    path = f"/api/v1/namespaces/{OWN_NAMESPACE}/secrets"
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in _CREDENTIALS.items()}
    body = {"metadata": {"name": place.namespace}, "data": encoded}
    place.api.request("POST", path, json.dumps(body).encode())
    try:
        yield place.namespace
    finally:
        place.api.request("DELETE", f"{path}/{place.namespace}")


_CREDENTIALS = {"username": USERNAME, "password": PASSWORD}


def _window() -> dict[str, Any]:
    start = {"when": "At", "at": _written(int(time.time()) + HOUR)}
    return {"start": start, "duration": "2d", "extension": {"by": "1d", "limit": 1}, "atLimit": {"hold": "1h"}}


def _stages() -> list[dict[str, Any]]:
    return [{"name": "intensive", "strength": 100, "minDuration": "1d"}]


def _written(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _began_hours_ago(place: Place, operator: OperatorProcess, period: History, started: int) -> None:
    """While no operator runs, the status becomes that of a run which began long ago and was never read."""
    period.until("a run is open", lambda each: each.phase == "Pending" and "run" in each.status)
    operator.stop()
    change = {"status": {"phase": "Active", "strength": 100, "window": {"startedAt": _written(started)}}}
    path = place.path("period", PERIOD) + "/status"
    place.api.request("PATCH", path, json.dumps(change).encode(), "application/merge-patch+json")
    operator.start()
    operator.wait_ready()


def _all_is_met(period: History) -> None:
    period.until("all are met", lambda each: all(met(name, each) for name in NAMES), promised(60))
    period.until("the exit criteria are met", lambda each: each.holds("ExitCriteriaMet"), promised(10))
    assert period.latest.status["blocked"].startswith("stage intensive (")
    kinds = {each["name"]: each["kind"] for each in period.latest.status["criteria"]}
    assert list(kinds.values()) == ["query", "ratio", "slo", "baseline", "workload", "runs"]


def _two_break(period: History, ahead: float) -> None:
    found = period.until("two are unmet", _only_the_broken_are_unmet, ahead + 90)
    assert not found.holds("ExitCriteriaMet")
    assert not any(met(name, each) for each in period.since(found.at) for name in BROKEN)


def _only_the_broken_are_unmet(version: Version) -> bool:
    return {name for name in NAMES if version.verdict(name) == "Unmet"} == set(BROKEN)


def _is_told(period: History) -> None:
    found = period.until(
        "it says so", lambda each: all(name in each.status["summary"] for name in BROKEN), promised(10)
    )
    assert found.status["summary"].startswith("2 of 6 exit criteria block: ")
    for name in NAMES:
        changes = [each["reason"] for each in found.status["timeline"] if each["message"].startswith(f"{name} ")]
        assert changes[-1] == ("CriterionUnmet" if name in BROKEN else "CriterionMet")
