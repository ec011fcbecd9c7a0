"""The state of a `slo` criterion in the status: marks of presence, and the ledger as one short string.

`7;0.25/1.5,0/0.75` is two parts, the newest last, each with its sum of errors and of allowed errors per second; the
newest has 7 active points so far. Numbers are written so that reading them gives the very same ones.
"""

from math import isfinite
from typing import Any

from hypercare.domain.evidence.budget import MAX_PARTS, BudgetState, Ledger, Sums
from hypercare.domain.evidence.state_fields import read_last, read_streak, read_worst, render_streak
from hypercare.domain.fields import Field
from hypercare.domain.life.window import parse_time


def render_budget(state: BudgetState) -> dict[str, Any]:
    """Render what `read_budget` needs to go on, beside what every kind writes."""
    parts = ",".join(f"{_written(each.errors)}/{_written(each.allowed)}" for each in state.ledger)
    return {**render_streak(state.presence), "budget": f"{state.filled};{parts}"}


def read_budget(field: Field) -> BudgetState:
    """Read the state from an element of `status.criteria`.

    Raises:
        InvalidField: it is not one that `render_budget` wrote.
    """
    through = parse_time(field.get("finalThrough"))
    filled, ledger = _read_ledger(field.get("budget"))
    return BudgetState(
        definition=field.get("definition").text(),
        final_through=through,
        presence=read_streak(field),
        ledger=ledger,
        filled=filled,
        last=read_last(field, through),
        worst=read_worst(field, through),
    )


def _written(number: float) -> str:
    return repr(number).removesuffix(".0")


def _read_ledger(field: Field) -> tuple[int, Ledger]:
    filled, separator, text = field.text().partition(";")
    try:
        parts = tuple(_sums(part) for part in text.split(",") if part)
        count = int(filled)
    except ValueError as error:
        raise field.error("is not a ledger") from error
    if not separator or len(parts) > MAX_PARTS or count < 0:
        raise field.error("is not a ledger")
    return count, parts


def _sums(text: str) -> Sums:
    errors, allowed = (float(number) for number in text.split("/"))
    if not (isfinite(errors) and isfinite(allowed)) or min(errors, allowed) < 0:
        raise ValueError(text)
    return Sums(errors, allowed)
