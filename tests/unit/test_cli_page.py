"""docs/cli.md: every command is there, and each example is what the command shows."""

import re

import pytest

from tests.unit.cli_examples import BLOCK, EXAMPLES, PAGE
from tests.unit.kubectl_hypercare import run

TEXT = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
BLOCKS = {block["name"]: block["text"] for block in BLOCK.finditer(TEXT)}


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_is_what_the_command_shows(name: str) -> None:
    assert BLOCKS[name] == EXAMPLES[name](), "python -m tests.unit.cli_examples writes the page anew"


def test_every_command_has_its_part() -> None:
    commands = re.findall(r"^  ([a-z]+) {2,}", run("--help").out.partition("Commands:")[2], re.MULTILINE)
    assert len(commands) > 10
    assert [name for name in commands if f"\n## {name}\n" not in TEXT] == []


def test_the_exit_codes_of_waiting_are_those_of_the_help() -> None:
    assert "\n## wait\n" in TEXT
    for code, meaning in ((0, "it succeeded"), (1, "it ended otherwise"), (3, "`--timeout`"), (4, "a person")):
        assert re.search(rf"^\| {code} \| .*{re.escape(meaning)}", TEXT, re.MULTILINE)
