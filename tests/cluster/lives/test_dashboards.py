"""Every panel of the dashboards shows something: it is asked of a Prometheus that scrapes the operator."""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.api import Api
from tests.cluster.cluster import Cluster
from tests.cluster.lives.expectations import LASTING, await_protection
from tests.cluster.lives.place import PERIOD, Place
from tests.cluster.operator_process import OperatorProcess

pytestmark = pytest.mark.cluster
DASHBOARDS = Path(__file__).parents[3] / "charts" / "hypercare-operator" / "dashboards"
JOB = "hypercare-operator"
# Nothing has failed in this life, so nothing is shown; what they ask for is there by name (tests/unit/test_chart.py).
SHOW_FAILURES = {("hypercare-operator", "Failed visits a second")}


@pytest.fixture
def scraped(cluster: Cluster, operator: OperatorProcess) -> Iterator[None]:
    """Let the Prometheus of the tests scrape the operator too, as the chart's ServiceMonitor asks for."""
    path = cluster.directory / "prometheus.yml"
    before = path.read_text()
    config = yaml.safe_load(before)
    for scraped_path in ("/metrics", "/metrics/periods"):
        job = {
            "job_name": f"operator{scraped_path}",
            "metrics_path": scraped_path,
            "honor_labels": True,
            "scrape_interval": "1s",
            "static_configs": [{"targets": [operator.url.removeprefix("http://")], "labels": {"job": JOB}}],
        }
        config["scrape_configs"].append(job)
    path.write_text(yaml.safe_dump(config))
    _reload(cluster)
    yield
    path.write_text(before)
    _reload(cluster)


def _reload(cluster: Cluster) -> None:
    Api(cluster.prometheus_url).request("POST", "/-/reload")


def panels() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Each panel that asks something: dashboard, title, expressions."""
    for path in sorted(DASHBOARDS.glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            if expressions := tuple(each["expr"] for each in panel.get("targets", ())):
                yield path.stem, panel["title"], expressions


def shown(cluster: Cluster, expression: str, variables: Mapping[str, str]) -> list[Any]:
    """What a query of a panel shows, with the dashboard's variables filled in."""
    for name, value in variables.items():
        expression = expression.replace(f"${name}", value)
    assert "$" not in expression.replace("$)", ""), expression
    return cluster.query(expression)


def test_every_panel_shows_something(place: Place, scraped: None) -> None:
    variables = {"__rate_interval": "10s", "job": JOB, "namespace": place.namespace, "period": PERIOD}
    with place.watch("period") as period:
        place.period(**LASTING)
        await_protection(period)
        place.cluster.shop.misbehave(place.namespace, errors=0.5)
        period.until("a criterion is unmet", lambda each: each.verdict("errors") == "Unmet")
        empty = {(dashboard, title): expressions for dashboard, title, expressions in panels()}
        deadline = time.monotonic() + 30
        while empty.keys() - SHOW_FAILURES and time.monotonic() < deadline:
            for panel, expressions in list(empty.items()):
                if all(shown(place.cluster, each, {**variables, "criterion": "errors"}) for each in expressions):
                    del empty[panel]
        assert empty.keys() <= SHOW_FAILURES
