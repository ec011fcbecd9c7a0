"""docs/dashboards.md: every panel is told, in the order in which it stands, with nothing more."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "dashboards.md").read_text(encoding="utf-8")
DASHBOARDS = ROOT / "charts" / "hypercare-operator" / "dashboards"


def told(heading: str) -> list[str]:
    """The first column of the table under a heading."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ")[0].removeprefix("| ") for line in section.splitlines() if line.startswith("| ")]
    return [row for row in rows if row not in {"panel", "---"}]


@pytest.mark.parametrize(
    ("heading", "name"), [("A period", "hypercare-period"), ("The operator", "hypercare-operator")]
)
def test_every_panel_is_told_in_its_order(heading: str, name: str) -> None:
    panels = json.loads((DASHBOARDS / f"{name}.json").read_text(encoding="utf-8"))["panels"]
    assert told(heading) == [panel["title"] for panel in panels if panel.get("targets")]
