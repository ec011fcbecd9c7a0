"""The state of a `baseline` criterion in the status: what was compared last, for people, and the floor."""

from math import inf, isfinite
from typing import Any

from hypercare.domain.evidence.baseline import Comparison
from hypercare.domain.evidence.baseline_judgement import NotCompared
from hypercare.domain.evidence.baseline_reading import BaselineState
from hypercare.domain.evidence.state_fields import read_time
from hypercare.domain.fields import Field
from hypercare.domain.life.window import parse_time
from hypercare.domain.timestamps import timestamp


def render_baseline(state: BaselineState) -> dict[str, Any]:
    """Render what `read_baseline` needs to go on, beside what every kind writes."""
    floor = {"streakFloor": timestamp(state.floor)} if state.floor else {}
    if isinstance(state.compared, NotCompared):
        return {**floor, "baseline": {"references": 0}}
    limits = {"lower": state.compared.lower, "upper": state.compared.upper}
    told = {name: limit for name, limit in limits.items() if isfinite(limit)}
    return {**floor, "baseline": {"references": state.compared.references, "median": state.compared.median, **told}}


def read_baseline(field: Field) -> BaselineState:
    """Read the state from an element of `status.criteria`.

    Raises:
        InvalidField: it is not one that `render_baseline` wrote.
    """
    return BaselineState(
        definition=field.get("definition").text(),
        final_through=parse_time(field.get("finalThrough")),
        floor=read_time(field.get("streakFloor")),
        compared=_read_comparison(field.get("baseline"), field.get("last")),
    )


def _read_comparison(baseline: Field, last: Field) -> Comparison | NotCompared:
    references = baseline.get("references").integer()
    if references == 0 or not last.present:
        return NotCompared()
    return Comparison(
        current=last.number(),
        median=baseline.get("median").number(),
        lower=baseline.get("lower").number(-inf),
        upper=baseline.get("upper").number(inf),
        references=references,
    )
