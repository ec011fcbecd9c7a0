"""What the doctor says: each thing that was looked at, how it is, and what to do."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How something is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    UNCHECKED = "not checked"


@dataclass(frozen=True)
class Diagnosis:
    """One thing. `fix` is what to do, empty where nothing is to be done."""

    area: str
    state: State
    message: str
    fix: str = ""


def ok(area: str, message: str) -> Diagnosis:
    """It is as it should be."""
    return Diagnosis(area, State.OK, message)


def warning(area: str, message: str, fix: str) -> Diagnosis:
    """It works, and may not be meant so."""
    return Diagnosis(area, State.WARNING, message, fix)


def problem(area: str, message: str, fix: str) -> Diagnosis:
    """It keeps something from working."""
    return Diagnosis(area, State.PROBLEM, message, fix)


def unchecked(area: str, message: str, fix: str = "") -> Diagnosis:
    """It could not be looked at."""
    return Diagnosis(area, State.UNCHECKED, message, fix)
