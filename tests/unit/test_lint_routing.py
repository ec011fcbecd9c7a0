"""`lint --alertmanager-config`: whether an early page would call whom its original calls, told before the window."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.kubectl_hypercare import Ran, run

PERIOD = """\
apiVersion: hypercare.dev/v1alpha1
kind: HypercarePeriod
metadata: {name: checkout, namespace: shop}
spec:
  release: {version: "2.4.0"}
  targets:
    - {kind: Deployment, name: checkout}
  protection:
    alerts:
      from: [{rule: checkout-alerts}]
      tighten: {shortenFor: 50%, deliver: Page}
"""
RULE = """\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: checkout-alerts}
spec:
  groups:
    - name: checkout
      rules:
        - alert: CheckoutErrorRate
          expr: sum by (service) (rate(errors_total{service="checkout"}[5m])) > 1
          for: 10m
          labels: {severity: critical}
"""
ALIKE = """\
route:
  receiver: chat
  group_by: [namespace]
  routes:
    - {receiver: pager, matchers: ['severity="critical"']}
receivers:
  - {name: chat}
  - {name: pager, pagerduty_configs: [{routing_key: <secret>}]}
"""
APART = ALIKE.replace(
    "    - {receiver: pager", "    - {receiver: war-room, matchers: ['hypercare=~\".+\"']}\n    - {receiver: pager"
)


def lint(tmp_path: Path, config: str, *texts: str) -> Ran:
    (tmp_path / "alertmanager.yaml").write_text(config)
    arguments = ("--alertmanager-config", str(tmp_path / "alertmanager.yaml"), "-o", "json")
    return run("lint", "-", *arguments, stdin="---\n".join(texts))


def findings(tmp_path: Path, config: str, *texts: str) -> list[dict[str, Any]]:
    ran = lint(tmp_path, config, *texts)
    assert ran.err == ""
    found: list[dict[str, Any]] = json.loads(ran.out)
    return found


def test_an_early_page_that_would_call_somebody_else_is_told_at_its_field(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, APART, PERIOD, RULE)
    assert (found["rule"], found["severity"], found["line"]) == ("PagesElsewhere", "warning", 11)
    assert found["path"] == "spec.protection.alerts.tighten.deliver"
    assert found["message"].endswith("of original and copy one goes to pager, the other to war-room")
    assert found["fix"].startswith("Route the copy to the receiver of its original")


@pytest.mark.parametrize(
    ("config", "period"),
    [
        pytest.param(ALIKE, PERIOD, id="both go to the pager"),
        pytest.param(APART, PERIOD.replace(", deliver: Page", ""), id="a copy that informs promises no page"),
    ],
)
def test_an_early_page_that_calls_the_same_people_is_not_complained_about(
    tmp_path: Path, config: str, period: str
) -> None:
    assert findings(tmp_path, config, period, RULE) == []


@pytest.mark.parametrize(
    "how", ["moveThreshold: 20%", "moveThreshold: Calibrated", "moveThreshold: 'Off', allowUnrestored: true"]
)
def test_a_copy_that_only_history_allows_is_judged_too(tmp_path: Path, how: str) -> None:
    text = PERIOD.replace("deliver: Page", f"deliver: Page, {how}")
    assert [each["rule"] for each in findings(tmp_path, APART, text, RULE)] == ["PagesElsewhere"]


def test_without_the_alerts_it_cannot_be_said_whom_their_pages_reach(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, APART, PERIOD)
    assert (found["rule"], found["severity"]) == ("NoAlertSelected", "warning")
    assert found["fix"] == "give its rules too, or --server"
    elsewhere = RULE.replace("{name: checkout-alerts}", "{name: checkout-alerts, namespace: pay}")
    assert [each["rule"] for each in findings(tmp_path, APART, PERIOD, elsewhere)] == ["NoAlertSelected"]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("receivers: []\n", "has no route, so it is no configuration of Alertmanager: `amtool config show` prints it"),
        ("kind: AlertmanagerConfig\nspec: {route: {}}\n", "AlertmanagerConfig is not the configuration that"),
        ("kind: Secret\ndata: {}\n", "Secret is not the configuration that"),
        ("route: {receiver: a, matchers: ['x=~\"[\"']}\n", "route.matchers[0]: "),
        ("route: [\n", "is not YAML"),
        ("", "holds no object"),
    ],
)
def test_what_is_no_configuration_of_alertmanager_is_unusable(tmp_path: Path, config: str, told: str) -> None:
    ran = lint(tmp_path, config, PERIOD, RULE)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: ")
    assert "alertmanager.yaml" in ran.err
    assert told in ran.err
