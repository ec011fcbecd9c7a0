"""Every indicator of the catalog on the real promtool: it fires when it must, and for nobody else."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from hypercare.domain.alerts.indicator_alerts import alert_name
from hypercare.domain.alerts.plan import AlertPlan, plan_alerts
from hypercare.domain.alerts.protection import parse_alert_protection
from hypercare.domain.durations import format_duration
from hypercare.domain.fields import Field
from hypercare.domain.indicators import Indicator, Share, Value, indicators, measured
from hypercare.domain.promql.tenancy import Tenancy, confine
from tests.cluster.programs import find_programs
from tests.corpus.indicator_worlds import TARGETS, Scraped, World, ways, worlds
from tests.unit.alert_rules import CONTEXT

AFTER = "40m"
CASES = [
    pytest.param(indicator, way, id=f"{indicator.name}-{way.name}")
    for indicator in indicators().values()
    for way in ways(indicator)
]


def test_every_indicator_has_series_and_no_series_are_left_over() -> None:
    assert sorted(worlds()) == sorted(indicators())


@pytest.mark.parametrize(("indicator", "scraped"), CASES)
def test_an_indicator_has_its_value_fires_when_it_must_and_for_nobody_else(
    indicator: Indicator, scraped: Scraped, tmp_path: Path
) -> None:
    found = planned(indicator.name, scraped.tenancy)
    # How the labels come out makes no difference between kinds of workloads.
    worlds_of_targets = [World(indicator, target, scraped) for target in TARGETS[: None if scraped.honoured else 1]]
    tests = [test for world in worlds_of_targets for test in (*alert_tests(world), *value_tests(world))]

    assert found.problems == ()
    assert len(found.watched) == len(TARGETS)
    assert run(tmp_path, rules_of(found), tests) == ""


def test_promtool_would_say_so_if_an_alert_did_not_fire(tmp_path: Path) -> None:
    indicator = indicators()["istio/http-error-ratio"]
    world = World(indicator, TARGETS[0], next(ways(indicator)))
    found = planned(indicator.name, world.scraped.tenancy)
    wrong = case(world.series("healthy"), firing(world, AFTER, 1))

    assert "got:" in run(tmp_path, rules_of(found), [wrong])


@cache
def planned(indicator: str, tenancy: Tenancy) -> AlertPlan:
    """The overlay of a period that asks for the indicator for all of its targets, and nothing else."""
    add = [{"indicator": indicator, "target": "*", "runbook": "https://r.example.com", "owner": "team-shop"}]
    protection = parse_alert_protection(Field("spec.protection.alerts", {"add": add}), TARGETS)
    return plan_alerts(protection, [], replace(CONTEXT, tenancy=tenancy))


def rules_of(found: AlertPlan) -> Mapping[str, Any]:
    assert found.overlay is not None
    return dict(found.overlay["spec"])


def alert_tests(world: World) -> Iterator[dict[str, Any]]:
    """Sick: fires, and not before its time. Healthy: never, whatever others do. Without series: not proven quiet."""
    early = format_duration(world.indicator.default_for_seconds - 60)
    before = [firing(world, early, 0)] if world.indicator.default_for_seconds else []
    yield case(world.series("sick"), firing(world, AFTER, 1), *before)
    quiet = [firing(world, moment, 0) for moment in ("5m", "20m", AFTER, "59m")]
    yield case([*world.series("healthy"), *world.strangers()], *quiet, *has_inputs(world))
    yield case(world.strangers(), *quiet, inputs(world, 0))
    if world.errors_absent():
        yield case([*world.errors_absent(), *world.strangers()], *quiet, *has_inputs(world))


def value_tests(world: World) -> Iterator[dict[str, Any]]:
    """The value is what its unit says, and a share is told as one where nothing counts errors."""
    for state in ("healthy", "sick"):
        yield case([*world.series(state), *world.strangers()], shows(world, world.value(state)))
    if world.errors_absent():
        # Empty is what a ratio takes for no errors, given that there are requests.
        match measured(world.indicator, world.target).measure:
            case Share(errors, total, min_total):
                asked = f"absent({confined(world, errors)}) and on() ({confined(world, total)}) > {min_total}"
                yield case(world.errors_absent(), {"expr": asked, "eval_time": AFTER, "exp_samples": one(1)})


def case(series: list[dict[str, str]], *tests: Mapping[str, Any]) -> dict[str, Any]:
    return {"interval": "1m", "input_series": series, "promql_expr_test": list(tests)}


def one(value: float) -> list[dict[str, Any]]:
    return [{"labels": "{}", "value": value}]


def firing(world: World, moment: str, count: int) -> dict[str, Any]:
    name = alert_name(world.indicator.name, world.target.name)
    expr = f'count(ALERTS{{alertname="{name}",alertstate="firing"}})'
    return {"expr": expr, "eval_time": moment, "exp_samples": one(count) if count else []}


def has_inputs(world: World) -> Iterator[dict[str, Any]]:
    expr = f"sum(hypercare:alert:inputs{{{rule_label(world)}}} > bool 0)"
    yield {"expr": expr, "eval_time": AFTER, "exp_samples": one(1)}


def inputs(world: World, count: int) -> dict[str, Any]:
    expr = f"sum(hypercare:alert:inputs{{{rule_label(world)}}})"
    return {"expr": expr, "eval_time": AFTER, "exp_samples": one(count)}


def rule_label(world: World) -> str:
    name = alert_name(world.indicator.name, world.target.name)
    found = planned(world.indicator.name, world.scraped.tenancy).watched
    return f'hypercare_rule="{next(each.rule_id for each in found if each.alertname == name)}"'


def shows(world: World, value: float) -> dict[str, Any]:
    match measured(world.indicator, world.target).measure:
        case Value(query):
            expr = confined(world, query)
        case Share(errors, total, _):
            expr = f"({confined(world, errors)}) / ({confined(world, total)})"
    return {"expr": f"round({expr}, 0.001)", "eval_time": AFTER, "exp_samples": one(value)}


def confined(world: World, text: str) -> str:
    return confine(text, world.scraped.tenancy)


def run(folder: Path, rules: Mapping[str, Any], tests: list[dict[str, Any]]) -> str:
    """What promtool finds wrong; empty if nothing is."""
    (folder / "rules.json").write_text(json.dumps(rules), encoding="utf-8")
    wanted = {"rule_files": ["rules.json"], "evaluation_interval": "1m", "tests": tests}
    (folder / "tests.yaml").write_text(yaml.safe_dump(wanted), encoding="utf-8")
    command: list[str | Path] = [find_programs()["promtool"], "test", "rules", "tests.yaml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    told = done.stdout + done.stderr
    assert re.search("SUCCESS|FAILED", told), told
    return told if done.returncode else ""
