"""What the pages list is what the code has: settings, metrics, conditions, reasons, phases."""

import argparse
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs import generate_metrics, generate_reasons
from docs.generate_reasons import FLOWS, flow_of, places
from docs.reasons_in_code import made
from hypercare.cli.periods.advice import OWN
from hypercare.config import add_options
from hypercare.domain.conditions import ConditionType
from hypercare.domain.life.facts import Outcome, Phase
from hypercare.domain.period import Resolved, resolve
from hypercare.domain.reasons.explained import SUBJECTS
from hypercare.metrics.form import Metric
from tests.gitops.recordings import RECORDED
from tests.unit.recorded_periods import NAMES, recorded

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
METRICS = [each for endpoint in generate_metrics.ENDPOINTS for each in endpoint.metrics]
CONCEPTS = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")


def first_column(page: str, heading: str) -> list[str]:
    """What the first column of the table under a heading holds, without the quotes of code."""
    section = page.partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)


def test_every_setting_is_told_with_nothing_more() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    add_options(parser)
    flags = re.findall(r"^ +(--[a-z-]+)", parser.format_help(), re.MULTILINE)
    assert first_column(OPERATIONS, "## Settings") == flags


def test_the_page_of_metrics_is_current() -> None:
    assert generate_metrics.PAGE.read_text(encoding="utf-8") == generate_metrics.rendered(), "run make docs"


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_told_in_a_sentence_that_fits_a_table(metric: Metric) -> None:
    assert metric.help.endswith(".")
    assert "|" not in "".join((metric.help, *(label.about for label in metric.labels)))
    assert (metric.type == "counter") is metric.name.endswith("_total")


def test_every_condition_is_told_in_the_order_of_the_status() -> None:
    assert first_column(OPERATIONS, "## Conditions") == list(ConditionType)


@pytest.mark.parametrize("word", [*Phase, *Outcome])
def test_every_phase_and_outcome_is_told(word: str) -> None:
    assert f"`{word}`" in CONCEPTS


EXPLAINED = [each for subject in (*SUBJECTS, OWN) for each in subject.explanations]


def test_every_reason_in_the_code_is_explained_once_with_nothing_more() -> None:
    told, explained = places(), [each.reason for each in EXPLAINED]
    assert len(explained) > 200
    assert sorted(told.keys() - set(explained)) == [], "explain them in operator/hypercare/domain/reasons"
    assert sorted(set(explained) - told.keys()) == [], "nothing in the code tells them"
    assert len(explained) == len(set(explained))


@pytest.mark.parametrize("kind", ConditionType)
def test_a_condition_has_reasons_of_its_own_for_being_so_and_for_not(kind: ConditionType) -> None:
    """Beside those that every condition has."""
    assert len([where for where in places().values() if kind in where and not where >= set(ConditionType)]) > 1


def test_the_page_of_reasons_is_current() -> None:
    assert generate_reasons.PAGE.read_text(encoding="utf-8") == generate_reasons.rendered(), "run make docs"


def test_every_place_that_says_where_reasons_are_told_is_needed() -> None:
    """Of a part of the operator that tells none any more, nothing is left."""
    used = {flow_of(each)[:2] for each in made() if each.reasons and not each.conditions}
    assert [flow[:2] for flow in FLOWS if flow[:2] not in used] == []


STATUSES = {
    **{name: recorded(name)["status"] for name in NAMES},
    **{
        path.stem: yaml.safe_load(path.read_text(encoding="utf-8")).get("status", {})
        for path in RECORDED.glob("*.yaml")
    },
}


@pytest.mark.parametrize("status", STATUSES.values(), ids=STATUSES)
def test_what_a_real_operator_told_is_told_where_the_page_says(status: dict[str, Any]) -> None:
    """Ready takes over what is wrong."""
    told = places()
    for condition in status.get("conditions", ()):
        kind, reason = condition["type"], condition["reason"]
        over = generate_reasons.TAKEN_OVER if kind == "Ready" else ()
        assert {kind, *over} & told[reason], (kind, reason)
    for criterion in status.get("criteria", ()):
        assert generate_reasons.CRITERIA in told[criterion["reason"]]
    for entry in status.get("timeline", ()):
        assert {generate_reasons.EVENTS, "Stalled"} & told[entry["reason"]], entry["reason"]
    for row in status.get("scaling", ()):
        assert "status.scaling" in told[row["state"]]
    alerts = status.get("alerts", {})
    for row in (*alerts.get("refusals", ()), *(each for each in alerts.get("changes", ()) if "reason" in each)):
        assert "status.alerts" in told[row["reason"]]


def test_explanations_are_short_and_end_as_they_should() -> None:
    """A meaning is part of a sentence, advice is sentences; what is in a cell of a table has no bar."""
    for each in EXPLAINED:
        assert each.means
        assert not each.means.endswith("."), each.reason
        assert not each.advice or each.advice.endswith((".", "?")), each.reason
        assert "|" not in each.means + each.advice, each.reason
        assert len(each.means + each.advice) < 500, each.reason


def objects(kind: str) -> list[dict[str, Any]]:
    """Objects of a kind in the YAML blocks of the README and the docs."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    blocks = [block for page in pages for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.M | re.S)]
    bodies = [body for block in blocks for body in yaml.safe_load_all(block) if isinstance(body, dict)]
    return [body for body in bodies if body.get("kind") == kind]


def test_the_objects_on_the_pages_can_be_used_as_they_are() -> None:
    periods, profiles = objects("HypercarePeriod"), objects("HypercareProfile")
    assert periods
    assert profiles
    for period in periods:
        for profile in profiles:
            # Whom a profile is for says nothing about what it can be used for.
            profile["spec"].get("limits", {}).pop("allowNamespaces", None)
            resolved = resolve(period, profile)
            assert isinstance(resolved, Resolved)
            assert resolved.spec.unreadable == ()
