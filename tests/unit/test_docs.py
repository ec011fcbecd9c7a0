"""What the pages list is what the code has: settings, metrics, conditions, phases."""

import argparse
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from hypercare.config import add_options
from hypercare.domain.alerts.tightening import UntouchedReason
from hypercare.domain.capacity.scaling_rows import ScalingState
from hypercare.domain.conditions import ConditionType
from hypercare.domain.evidence.points import MissingReason
from hypercare.domain.life.facts import Outcome, Phase
from hypercare.domain.life.rollout import RolloutState
from hypercare.domain.period import Resolved, resolve
from hypercare.domain.samples import FailureKind

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
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


def test_every_metric_is_told_with_nothing_more() -> None:
    folder = ROOT / "operator" / "hypercare"
    source = "".join((folder / name).read_text(encoding="utf-8") for name in ("telemetry.py", "period_metrics.py"))
    assert sorted(first_column(OPERATIONS, "## Metrics")) == sorted(re.findall(r'"(hypercare_[a-z_]+)"', source))


def test_every_condition_is_told_in_the_order_of_the_status() -> None:
    assert first_column(OPERATIONS, "## Conditions") == list(ConditionType)


@pytest.mark.parametrize("word", [*Phase, *Outcome])
def test_every_phase_and_outcome_is_told(word: str) -> None:
    assert f"`{word}`" in CONCEPTS


NAMED_REASONS = {
    *MissingReason,
    *FailureKind,
    *ScalingState,
    *UntouchedReason,
    *RolloutState,
} - {RolloutState.COMPLETE}
# Where a reason is written as text: what keeps a part from working, what is not live, what was not accepted.
REASON_CALLS = re.compile(r'(?:Problem\([^,()]+,|_refused\(rule,|Refusal\(|NotLive\(|Waiting\()\s*"([A-Z][A-Za-z]+)"')


def written_reasons() -> set[str]:
    sources = (ROOT / "operator" / "hypercare").rglob("*.py")
    return {reason for path in sources for reason in REASON_CALLS.findall(path.read_text(encoding="utf-8"))}


def test_every_reason_that_needs_a_person_is_explained() -> None:
    reasons = written_reasons()
    assert len(reasons) > 15
    assert sorted(reason for reason in {*NAMED_REASONS, *reasons} if f"`{reason}`" not in OPERATIONS) == []


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
