"""What the pages list is what the code has: settings, metrics, conditions, phases."""

import argparse
import re
from pathlib import Path

import pytest

from hypercare.config import add_options
from hypercare.domain.conditions import ConditionType
from hypercare.domain.life import Outcome, Phase

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
    source = (ROOT / "operator" / "hypercare" / "telemetry.py").read_text(encoding="utf-8")
    assert sorted(first_column(OPERATIONS, "## Metrics")) == sorted(re.findall(r'"(hypercare_[a-z_]+)"', source))


def test_every_condition_is_told_in_the_order_of_the_status() -> None:
    assert first_column(OPERATIONS, "## Conditions") == list(ConditionType)


@pytest.mark.parametrize("word", [*Phase, *Outcome])
def test_every_phase_and_outcome_is_told(word: str) -> None:
    assert f"`{word}`" in CONCEPTS
