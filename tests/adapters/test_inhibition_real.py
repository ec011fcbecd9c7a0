"""Copies that mute their originals, in a real Alertmanager: exactly the twin, and never what a silence would hide."""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from hypercare.adapters.alertmanager import look
from hypercare.adapters.credentials import ANONYMOUS
from hypercare.domain.alerts.alertmanager_config import alertmanager_config
from hypercare.domain.alerts.alertmanager_view import AlertmanagerView, View, ViewFailed
from hypercare.domain.alerts.inhibition import Alerts, InhibitRule, inhibit_rules
from hypercare.domain.alerts.muting import Effect, Muting, mute
from hypercare.domain.alerts.overlay_plan import Basis, plan_overlay
from hypercare.domain.alerts.routing import deliveries, read_routes, told_apart
from hypercare.domain.alerts.source_rules import SourceAlert, source_alerts
from hypercare.domain.endpoint import Endpoint
from hypercare.domain.fields import Field
from tests.adapters.real_alertmanager import STOCK_INHIBITION, Alertmanager, Receivers, alertmanager, receivers
from tests.cluster.programs import ALERTMANAGER, find_programs
from tests.unit.alert_rules import CONTEXT, IDENTITY, alert, protection, rule_object

pytestmark = pytest.mark.cluster

PATIENCE_SECONDS = 20.0
RULES = [
    rule_object(
        "checkout",
        alert("Errors", expr="sum by (namespace, pod) (errors) > 5", for_="10m"),
        alert("Saturated", expr="sum by (pod) (load) > 5", for_="10m", labels={"severity": "critical", "team": "shop"}),
    )
]
COPY = {"hypercare": "shop/checkout"}


def looked(url: str) -> View:
    """What the server at this address shows of the namespace of the tests."""
    return look(Endpoint(url), ANONYMOUS, "shop", lambda _request, _outcome, _seconds: None)


def planned() -> Sequence[InhibitRule]:
    """The rules of a period whose copies page."""
    wanted = protection(**{"from": [{"selector": {}}], "tighten": {"deliver": "Page", "allowUnrestored": True}})
    overlay = plan_overlay(Basis(wanted, CONTEXT, RULES, {})).objects
    sources = [each for body in RULES for each in source_alerts(body, 30) if isinstance(each, SourceAlert)]
    made = inhibit_rules(overlay, Alerts({each.rule_id: each for each in sources}), "shop")
    rules = [each for each in made if isinstance(each, InhibitRule)]
    assert [each.alertname for each in rules] == ["Errors", "Saturated"]
    return rules


def written(rules: Sequence[InhibitRule]) -> list[dict[str, Any]]:
    """What prometheus-operator makes of the object, with its matcher for the namespace at the end of both sides."""
    spec = alertmanager_config(IDENTITY, {}, rules)["spec"]
    return [
        {
            "source_matchers": [*map(_text, rule["sourceMatch"]), 'namespace="shop"'],
            "target_matchers": [*map(_text, rule["targetMatch"]), 'namespace="shop"'],
            "equal": rule["equal"],
        }
        for rule in spec["inhibitRules"]
    ]


def _text(matcher: Mapping[str, str]) -> str:
    return f'{matcher["name"]}{matcher["matchType"]}"{matcher["value"]}"'


def config(people: Receivers, rules: Sequence[InhibitRule]) -> dict[str, Any]:
    routes = [{"receiver": "pager", "matchers": ["severity = critical"]}]
    return {
        "route": {
            "receiver": "chat",
            "group_by": ["namespace"],
            # An alert is told once Alertmanager knows what else was sent with it.
            "group_wait": "1s",
            "group_interval": "200ms",
            "routes": routes,
        },
        "receivers": people.config("chat", "pager"),
        "inhibit_rules": [*STOCK_INHIBITION, *written(rules)],
    }


@pytest.fixture
def people() -> Iterator[Receivers]:
    with receivers() as found:
        yield found


@pytest.fixture
def server(people: Receivers, tmp_path: Path) -> Iterator[Alertmanager]:
    with alertmanager(tmp_path / "alertmanager", config(people, planned())) as found:
        yield found


def until(what: str, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS:g} s: {what}"
        time.sleep(0.05)


def copy(rule: InhibitRule, **labels: str) -> dict[str, str]:
    """An alert of the copy; an instance has labels of its own."""
    return {**rule.copy_labels, **labels}


def original(rule: InhibitRule, **labels: str) -> dict[str, str]:
    """An alert of the original: without the label `hypercare`, as Prometheus sends it."""
    return {name: value for name, value in {**rule.original_labels, **labels}.items() if value}


def seen(server: Alertmanager) -> Muting:
    """What the operator makes of the Alertmanager as it is."""
    view = looked(server.url)
    assert isinstance(view, AlertmanagerView), view
    return mute(planned(), view)


def test_exactly_the_twin_is_muted(server: Alertmanager, people: Receivers) -> None:
    errors, saturated = planned()
    server.send(copy(errors, pod="a"), original(errors, pod="a"), original(errors, pod="b"), original(saturated))
    # A copy of another period, and an alert of this name from another namespace or with another severity.
    others = [
        original(errors, pod="a", hypercare="shop/basket"),
        original(errors, pod="a", namespace="basket"),
        original(errors, pod="a", severity="page"),
    ]
    server.send(*others)

    until("the copy pages", lambda: people.heard("pager", **COPY, pod="a"))
    until("another instance pages", lambda: people.heard("pager", alertname="Errors", hypercare="", pod="b"))
    until("another alert pages", lambda: people.heard("pager", alertname="Saturated", hypercare=""))
    twin = server.alerts(alertname="Errors", hypercare="", namespace="shop", severity="critical", pod="a")
    (early,) = server.alerts(**COPY, alertname="Errors")
    assert [each["status"]["inhibitedBy"] for each in twin] == [[early["fingerprint"]]]
    assert not people.heard("pager", alertname="Errors", hypercare="", namespace="shop", severity="critical", pod="a")
    for other in others:
        assert server.inhibited(**other) == [], other
    assert seen(server).effect == Effect(muted=1)


def test_a_silence_on_the_copy_does_not_hide_the_original(server: Alertmanager, people: Receivers) -> None:
    errors, _ = planned()
    quiet = server.silence(hypercare="shop/checkout")
    server.send(copy(errors, pod="a"), original(errors, pod="a"))

    # Alertmanager by itself: the copy is silenced, mutes its original all the same, and nobody hears of either.
    until("the original is muted by a silenced copy", lambda: server.inhibited(alertname="Errors", hypercare="") != [])
    assert not people.told.get("pager")

    withdrawn = seen(server)
    assert withdrawn.rules == ()
    assert quiet in str(withdrawn)
    server.configure(config(people, withdrawn.rules))
    until("the original pages", lambda: people.heard("pager", alertname="Errors", hypercare="", pod="a"))
    assert not people.heard("pager", **COPY)

    server.expire(quiet)
    assert [each.alertname for each in seen(server).rules] == ["Errors", "Saturated"]


def test_a_copy_that_informs_and_its_critical_original_would_mute_each_other(
    server: Alertmanager, people: Receivers
) -> None:
    """Why such a rule is never made: the rule of this server asks nothing of the copy's severity."""
    errors, _ = planned()
    server.send(copy(errors, pod="a", severity="warning"), original(errors, pod="a"), {"alertname": "Bystander"})

    until("another alert is told", lambda: people.heard("chat", alertname="Bystander"))
    assert server.inhibited(alertname="Errors", severity="warning") != []
    assert server.inhibited(alertname="Errors", severity="critical") != []
    assert not any(people.heard(receiver, alertname="Errors") for receiver in ("chat", "pager"))


@pytest.mark.parametrize(
    ("matchers", "withdrawn"),
    [
        pytest.param({"alertname": "Errors"}, True, id="of the alert, with its copy"),
        pytest.param({"pod": "a"}, True, id="of an instance: which labels instances have is not known"),
        pytest.param({"alertname": "Errors", "hypercare": ""}, False, id="of originals only"),
        pytest.param({"namespace": "basket"}, False, id="of another namespace"),
    ],
)
def test_a_silence_counts_if_it_may_hide_a_copy(
    server: Alertmanager, matchers: Mapping[str, str], withdrawn: bool
) -> None:
    server.silence(alertname="SomethingElse")
    server.silence(**matchers)
    assert (seen(server).rules == ()) == withdrawn


def test_rules_that_are_not_loaded_are_seen(server: Alertmanager, people: Receivers) -> None:
    errors, _ = planned()
    server.configure(config(people, ()))
    server.send(copy(errors, pod="a"), original(errors, pod="a"))

    until("both page", lambda: people.heard("pager", **COPY) and people.heard("pager", hypercare=""))
    found = seen(server)
    assert found.effect == Effect(audible=("Errors",))
    assert str(found) == "Alertmanager does not mute the original of Errors, which fires beside its copy"


def test_the_running_configuration_is_read_as_it_was_written(server: Alertmanager, people: Receivers) -> None:
    view = looked(server.url)
    assert isinstance(view, AlertmanagerView)
    assert view.routes == read_routes(Field("config", config(people, ())))


def test_an_alertmanager_under_a_path_and_one_that_is_gone(people: Receivers, tmp_path: Path) -> None:
    with alertmanager(tmp_path / "a", config(people, ()), "/am") as server:
        assert isinstance(looked(server.url), AlertmanagerView)
        elsewhere = looked(server.url.removesuffix("/am"))
        assert elsewhere == ViewFailed("Alertmanager at 127.0.0.1 answered with status 404")
    gone = looked(server.url)
    assert gone == ViewFailed("Alertmanager at 127.0.0.1 cannot be reached (ConnectionError)")


TREE: Mapping[str, Any] = {
    "receiver": "root",
    "group_by": ["alertname"],
    "routes": [
        {"receiver": "hypercare", "matchers": ['hypercare=~".+"'], "continue": True},
        {
            "receiver": "shop",
            "matchers": ["namespace = shop"],
            "group_by": ["..."],
            "routes": [
                {"receiver": "room", "match": {"route": "war-room"}},
                {"receiver": "pager", "match_re": {"severity": "critical|page"}, "continue": True},
                {"matchers": ['team!~"(shop|basket).*"', 'severity!="info"']},
            ],
        },
        {"receiver": "rest", "matchers": ['"team" = ""']},
    ],
}
ALERTS: Sequence[Mapping[str, str]] = [
    {"namespace": namespace, **severity, **team, **mark}
    for namespace in ("shop", "basket")
    for severity in ({"severity": "critical"}, {"severity": "info"}, {})
    for team in ({"team": "shop"}, {"team": "x-shop"}, {})
    for mark in ({"hypercare": "shop/checkout"}, {"route": "war-room"}, {})
]


def test_routes_are_walked_as_alertmanager_does(tmp_path: Path) -> None:
    names = ("root", "hypercare", "shop", "room", "pager", "rest")
    file = tmp_path / "alertmanager.yml"
    file.write_text(yaml.safe_dump({"route": TREE, "receivers": [{"name": name} for name in names]}))
    amtool = find_programs(ALERTMANAGER)["amtool"]
    tree = read_routes(Field("config", {"route": TREE}))
    for labels in ALERTS:
        command: list[str | Path] = [amtool, "config", "routes", "test", f"--config.file={file}"]
        told = subprocess.run(
            [*command, *(f"{name}={value}" for name, value in labels.items())],
            check=True,
            capture_output=True,
            text=True,
        )
        assert [each.receiver for each in deliveries(tree, labels)] == told.stdout.strip().split(","), labels


def test_two_alerts_are_told_apart_where_amtool_sends_them_elsewhere() -> None:
    tree = read_routes(Field("config", {"route": TREE}))
    one = {"namespace": "shop", "severity": "critical"}
    assert "hypercare" in str(told_apart(tree, {**one, "hypercare": ""}, {**one, "hypercare": "shop/checkout"}))
