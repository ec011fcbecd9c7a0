"""The page on evidence names the test that proves each of its rows, and its reasons are explained."""

import ast
import re
from pathlib import Path

from hypercare.domain.reasons.explained import explanations

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
MODULES = (
    "test_data_situations.py",
    "test_live_situations.py",
    "test_baseline_situations.py",
    "test_workload_situations.py",
)
"""Each test of these has its row."""
MORE_MODULES = ("test_slo_situations.py", "test_runs_situations.py")
SITUATIONS = PAGE.partition("\n## Data situations\n")[2].partition("\n## ")[0]


def rows() -> list[list[str]]:
    """The cells of every row of the tables of situations."""
    lines = (line for line in SITUATIONS.splitlines() if line.startswith("| ") and "---" not in line)
    cells = ([cell.strip() for cell in line.strip("|").split(" |")] for line in lines)
    return [row for row in cells if row[0] != "situation"]


def proofs(modules: tuple[str, ...]) -> set[str]:
    """The names of all tests of these modules."""
    trees = (ast.parse((ROOT / "tests" / "adapters" / module).read_text(encoding="utf-8")) for module in modules)
    functions = {node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}
    return {name for name in functions if name.startswith("test_")}


def test_every_situation_names_the_test_that_proves_it_and_every_test_its_situation() -> None:
    assert all(len(row) == 5 for row in rows())
    named = {row[4].strip("`") for row in rows()}
    assert proofs(MODULES) <= named <= proofs(MODULES + MORE_MODULES)
    assert len(rows()) > 40


def test_every_reason_of_a_situation_is_explained() -> None:
    reasons = {reason for row in rows() for reason in re.findall(r"`([A-Za-z]+)`", row[2])}
    assert len(reasons) > 15
    assert sorted(reasons - explanations().keys()) == []


def test_the_modules_are_named_on_the_page() -> None:
    assert all(module in SITUATIONS for module in MODULES + MORE_MODULES)
