"""What a person is told: copies and originals, evaluated by a real Prometheus, delivered by a real Alertmanager.

The routing is a usual one (critical pages, the rest informs), grouping and inhibition are what kube-prometheus-stack
installs.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from hypercare.domain.alerts.overlay_plan import Basis, plan_overlay
from tests.adapters.real_alertmanager import STOCK_INHIBITION, Alertmanager, Receivers, alertmanager, receivers
from tests.adapters.real_prometheus import Exporter, exporting, prometheus
from tests.unit.alert_rules import CONTEXT, alert, protection, rule_object

pytestmark = pytest.mark.cluster

PATIENCE_SECONDS = 30.0
ORIGINAL_FOR_SECONDS = 6
ROUTES: Mapping[str, Any] = {
    "group_by": ["namespace"],
    "group_wait": "0s",
    "group_interval": "200ms",
    "repeat_interval": "12h",
    "receiver": "chat",
    "routes": [
        {"receiver": "null", "matchers": ['alertname = "Watchdog"']},
        {"receiver": "pager", "matchers": ["severity = critical"]},
    ],
}
RULES = [
    rule_object(
        "checkout",
        *(
            alert(name, expr=f"sum by (namespace, pod) ({metric}) > 5", for_=f"{ORIGINAL_FOR_SECONDS}s")
            for name, metric in (("Errors", "errors"), ("Latency", "latency"), ("Unrelated", "unrelated"))
        ),
        alert("Slow", expr="sum by (namespace, pod) (slow) > 5", for_="6s", labels={"severity": "info"}),
        alert("InfoInhibitor", expr='ALERTS{severity="info"} == 1', for_="0s", labels={"severity": "none"}),
        alert("Watchdog", expr="vector(1)", for_="0s", labels={"severity": "none"}),
    )
]
PROTECTION = {
    "from": [{"rule": "checkout", "alerts": ["Errors", "Latency", "Slow"]}],
    "tighten": {"shortenFor": "80%", "minFor": "1s"},
    "overrides": [{"alert": "Latency", "deliver": "Page"}],
}


@dataclass(frozen=True)
class World:
    """A shop whose metrics a test sets, and the people who are told."""

    exporter: Exporter
    alertmanager: Alertmanager
    people: Receivers

    def measure(self, metric: str, pod: str, value: float) -> None:
        """What the shop's next scrape shows."""
        self.exporter.shown[f'{metric}{{pod="{pod}"}}'] = value


def until(what: str, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS:g} s: {what}"
        time.sleep(0.05)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    planned = plan_overlay(Basis(protection(**PROTECTION), replace(CONTEXT, default_interval_seconds=1), RULES, {}))
    rules = [body["spec"] for body in (*RULES, *planned.objects)]
    files = [tmp_path / f"rules-{index}.yaml" for index, _ in enumerate(rules)]
    for file, spec in zip(files, rules, strict=True):
        file.write_text(yaml.safe_dump(spec))
    with receivers() as people, exporting() as exporter:
        config = {
            "route": ROUTES,
            "receivers": [{"name": "null"}, *people.config("chat", "pager")],
            "inhibit_rules": list(STOCK_INHIBITION),
        }
        shop = {"targets": [exporter.address], "labels": {"namespace": "shop"}}
        with alertmanager(tmp_path / "alertmanager", config) as server:
            managers = [{"static_configs": [{"targets": [server.url.removeprefix("http://")]}]}]
            config = {
                "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                "alerting": {"alertmanagers": managers},
                "rule_files": [str(file) for file in files],
                "scrape_configs": [{"job_name": "checkout", "static_configs": [shop]}],
            }
            with prometheus(tmp_path / "prometheus", config):
                yield World(exporter, server, people)


def test_a_default_copy_informs_early_and_never_pages_and_no_page_of_anything_is_lost(world: World) -> None:
    people, server = world.people, world.alertmanager
    copy = {"alertname": "Errors", "hypercare": "shop/checkout"}
    original = {"alertname": "Errors", "hypercare": ""}

    world.measure("errors", "a", 10)
    until("the copy informs", lambda: people.heard("chat", **copy, pod="a", severity="warning"))
    assert not people.heard("pager", **original), "the copy was not early"

    world.measure("unrelated", "c", 10)
    until("the original pages", lambda: people.heard("pager", **original, pod="a", severity="critical"))
    until("the original mutes the copy", lambda: server.inhibited(**copy, pod="a") != [])
    assert server.inhibited(**copy, pod="a") == [server.alerts(**original, pod="a")[0]["fingerprint"]]

    # While the copy of one pod fires and is muted, another pod's failure is still paged, and so is anything else.
    world.measure("errors", "b", 10)
    until("another instance pages", lambda: people.heard("pager", **original, pod="b"))
    until("something else pages", lambda: people.heard("pager", alertname="Unrelated", pod="c"))
    assert not people.heard("pager", hypercare="shop/checkout")
    assert not people.heard("chat", alertname="Watchdog")


def test_the_copy_of_an_alert_that_only_informs_is_seen_all_the_same(world: World) -> None:
    """`InfoInhibitor` mutes severity info in a namespace where nothing else fires: a copy of its own is a warning."""
    people, server = world.people, world.alertmanager

    world.measure("slow", "a", 10)

    until("the copy informs", lambda: people.heard("chat", alertname="Slow", hypercare="shop/checkout"))
    until("the original fires", lambda: server.alerts(alertname="Slow", severity="info") != [])
    until("the original is muted", lambda: server.inhibited(alertname="Slow", severity="info") != [])
    assert people.heard("chat", alertname="Slow", severity="warning")
    assert not people.heard("chat", alertname="Slow", severity="info")
    assert not people.heard("pager", alertname="Slow")


def test_a_copy_that_is_asked_to_page_pages_early_and_mutes_nothing(world: World) -> None:
    people, server = world.people, world.alertmanager
    copy = {"alertname": "Latency", "hypercare": "shop/checkout"}
    original = {"alertname": "Latency", "hypercare": ""}

    world.measure("latency", "a", 10)

    until("the copy pages", lambda: people.heard("pager", **copy, pod="a", severity="critical"))
    assert not people.heard("pager", **original), "the copy was not early"
    until("the original pages as well", lambda: people.heard("pager", **original, pod="a"))
    assert server.inhibited(**copy) == []
    assert server.inhibited(**original) == []
