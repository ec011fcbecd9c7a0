"""Reasons are found wherever code can put them, and what cannot be followed is an error and no gap."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.reasons_in_code import Made, Unfollowed, made_in

HEAD = """\
from dataclasses import dataclass, replace
from enum import StrEnum
from hypercare.domain.conditions import ConditionType, Problem, false, true, unknown

FIXED = "OfAConstant"
TABLE = {1: "OfATable", 2: "OfTheSameTable"}


class Kind(StrEnum):
    ONE = "OneOfKind"
    TWO = "TwoOfKind"


@dataclass(frozen=True)
class Told:
    message: str
    reason: str


"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("telling", None)


def read(folder: Path, code: str) -> list[Made]:
    (folder / "telling.py").write_text(HEAD + code, encoding="utf-8")
    importlib.invalidate_caches()
    return list(made_in(importlib.import_module("telling")))


@pytest.mark.parametrize(
    ("case", "code", "reasons"),
    [
        ("text, by position", 'def f():\n    return Told("m", "Plain")', {"Plain"}),
        ("text, by name", 'def f():\n    return Told(reason="Named", message="m")', {"Named"}),
        ("a constant", 'def f():\n    return Told("m", FIXED)', {"OfAConstant"}),
        ("at the top of the module", 'HERE = Told("m", "AtTheTop")', {"AtTheTop"}),
        ("a member", 'def f():\n    return Told("m", Kind.ONE.value)', {"OneOfKind"}),
        ("a row of a table", 'def f(n):\n    return Told("m", TABLE[n])', {"OfATable", "OfTheSameTable"}),
        ("a choice", 'def f(n):\n    return Told("m", "Yes" if n else FIXED)', {"Yes", "OfAConstant"}),
        ("a fallback", 'def f(told):\n    return Told("m", told.reason or "Else")', {"Else"}),
        (
            "a local name",
            'def f(n):\n    why = "Local" if n else "Other"\n    return Told("m", why)',
            {"Local", "Other"},
        ),
        (
            "a parameter",
            'def f():\n    return (g("One"), g(why="Two"))\n\n\ndef g(why):\n    return Told("m", why)',
            {"One", "Two"},
        ),
        (
            "a returned pair",
            "def f(n):\n    why, message = g(n)\n    return Told(message, why)\n\n\ndef g(n):\n"
            '    if n:\n        return "First", "m"\n    return h()\n\n\ndef h():\n    return "Second", "m"',
            {"First", "Second"},
        ),
        (
            "text with a gap",
            'def f():\n    for kind in Kind:\n        yield Told("m", f"Now{kind}")',
            {"NowOneOfKind", "NowTwoOfKind"},
        ),
        ("replaced", 'def f(told):\n    return replace(told, reason="Replaced")', {"Replaced"}),
        ("passed on", 'def f(told):\n    return Told("m", told.reason)', set()),
        (
            "passed on by a pattern",
            'def f(told):\n    match told:\n        case Told(_, why):\n            return Told("m", why)',
            set(),
        ),
        ("read back", 'def f(body):\n    return Told("m", str(body.get("reason", "")))', set()),
    ],
)
def test_reasons_are_followed_to_their_text(folder: Path, case: str, code: str, reasons: set[str]) -> None:
    found = read(folder, code)
    assert {reason for each in found for reason in each.reasons} == reasons, case
    assert found


@pytest.mark.parametrize(
    "code",
    [
        'def f(n):\n    return Told("m", n.upper())',
        'def f(n):\n    return Told("m", n + "Failed")',
        'def f():\n    return Told("m", somewhere)',
        'def f(n):\n    return Told("m", f"{n.thing}Failed")',
    ],
)
def test_what_cannot_be_followed_is_named(folder: Path, code: str) -> None:
    with pytest.raises(Unfollowed, match=r"telling:2\d: "):
        read(folder, code)


def test_a_condition_is_told_with_its_type_and_a_problem_with_whether_it_stalls(folder: Path) -> None:
    code = (
        'def f(kind):\n    return true(kind, "Well")\n\n\ndef g():\n    return f(ConditionType.READY)\n\n\n'
        'def h(n):\n    return Problem("p", "Always", "m", True), Problem("p", "Never", "m", stalls=False), '
        'Problem("p", "Perhaps", "m", stalls=not n)'
    )
    found = {reason: each for each in read(folder, code) for reason in each.reasons}
    assert found["Well"].conditions == {"Ready"}
    assert {reason for reason, each in found.items() if each.stalls} == {"Always", "Perhaps"}
    assert (found["Always"].module, found["Always"].function, found["Always"].what) == ("telling", "h", "Problem")
