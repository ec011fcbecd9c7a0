"""The chart's own files agree with each other and with the code; what Helm makes of them is tested with Helm."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs import generate_chart
from docs.generate_metrics import ENDPOINTS
from hypercare.domain.promql.syntax import parse

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "hypercare-operator"
VALUES: Mapping[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA: Mapping[str, Any] = json.loads((CHART / "values.schema.json").read_text())
ALERTS: list[dict[str, Any]] = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())["rules"]
METRICS = {each.name for endpoint in ENDPOINTS for each in endpoint.metrics}
LABELS = {"hypercare_rule"}


def test_the_readme_is_what_the_values_say() -> None:
    written = generate_chart.PAGE.read_text(encoding="utf-8")
    assert generate_chart.rendered(written) == written, "run make docs"


def test_the_schema_has_the_values_and_no_others() -> None:
    """`global` is Helm's own, set for a chart that is part of another."""
    assert set(SCHEMA["properties"]) - {"global"} == set(VALUES)
    for name, schema in SCHEMA["properties"].items():
        if "properties" in schema and "$ref" not in schema:
            assert set(schema["properties"]) == set(VALUES[name]), name


def objects(schema: Any, path: str = "") -> list[tuple[str, Mapping[str, Any]]]:
    if isinstance(schema, list):
        return [found for item in schema for found in objects(item, path)]
    if not isinstance(schema, dict):
        return []
    below = [found for key, item in schema.items() for found in objects(item, f"{path}/{key}")]
    return [(path, schema), *below] if schema.get("type") == "object" and "properties" in schema else below


def test_no_object_takes_what_it_does_not_know() -> None:
    """What follows `if` narrows an object that was closed before."""
    loose = [path for path, schema in objects(SCHEMA) if schema.get("additionalProperties") is not False]
    assert [path for path in loose if "/then/" not in path] == []


def test_a_value_without_a_comment_is_named() -> None:
    assert generate_chart.comments("# One.\none: 1\ntwo:\n  # Three,\n  # and more.\n  three: 3\nfour: 4\n") == {
        "one": "One.",
        "two.three": "Three, and more.",
    }


def test_every_value_is_told() -> None:
    paths = [value.path for value in generate_chart.values()]
    assert len(paths) == len(set(paths)) > 60


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_asks_for_metrics_that_there_are(alert: Mapping[str, Any]) -> None:
    named = set(re.findall(r"\bhypercare_[a-z_]+", alert["expr"]))
    assert {name.removesuffix("_bucket") for name in named} <= METRICS
    assert named or "up{" in alert["expr"]
    assert "JOB" in alert["expr"]
    parse(alert["expr"].replace("JOB", 'job="a"'))


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_how_bad_it_is_and_what_it_means(alert: Mapping[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert set(alert["annotations"]) == {"summary", "description"}
    assert re.fullmatch(r"\d+[mh]", alert["for"])


def test_every_alert_is_told_with_nothing_more() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = page.partition("\n## Alerts about the operator\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([A-Za-z]+)`", section, re.MULTILINE) == [alert["alert"] for alert in ALERTS]


def panels() -> list[tuple[str, str, str]]:
    dashboards = [json.loads(path.read_text()) for path in sorted((CHART / "dashboards").glob("*.json"))]
    return [
        (dashboard["title"], panel["title"], target["expr"])
        for dashboard in dashboards
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    ]


@pytest.mark.parametrize(("dashboard", "panel", "expression"), panels(), ids=lambda text: str(text)[:40])
def test_a_panel_asks_for_metrics_that_there_are(dashboard: str, panel: str, expression: str) -> None:
    named = set(re.findall(r"\bhypercare_[a-z_]+", expression)) - LABELS
    assert {re.sub(r"_(?:bucket|count|sum)$", "", name) for name in named} <= METRICS


def test_the_crds_of_the_chart_are_those_of_the_project() -> None:
    ours = {path.name: path.read_text() for path in (ROOT / "crds").glob("*.yaml")}
    assert {path.name: path.read_text() for path in (CHART / "files" / "crds").glob("*.yaml")} == ours, "run make docs"
