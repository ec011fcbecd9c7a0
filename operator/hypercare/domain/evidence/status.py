"""Evidence in the status of a period: what the next visit goes on from, and what people read.

Each kind writes its own state: streaks here, the others in `budget_status`, `baseline_status` and `runs_status`.
"""

from collections.abc import Mapping
from typing import Any

from hypercare.domain.durations import format_duration
from hypercare.domain.evidence.baseline_reading import BaselineState
from hypercare.domain.evidence.baseline_status import read_baseline, render_baseline
from hypercare.domain.evidence.budget import BudgetState
from hypercare.domain.evidence.budget_status import read_budget, render_budget
from hypercare.domain.evidence.context import NoEvidence
from hypercare.domain.evidence.criteria import Criterion
from hypercare.domain.evidence.fold import EvidenceState
from hypercare.domain.evidence.judgement import Judgement, Regressed
from hypercare.domain.evidence.reading import Evaluated, State
from hypercare.domain.evidence.run_record import RunsState
from hypercare.domain.evidence.runs_status import read_runs, render_runs
from hypercare.domain.evidence.state_fields import read_last, read_streak, read_worst, render_shown, render_streak
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.life.window import parse_time
from hypercare.domain.timestamps import timestamp

_MESSAGE_LENGTH = 256


def render_evidence(criterion: Criterion, outcome: Evaluated) -> dict[str, Any]:
    """Render one element of `status.criteria`, all but `since`, which depends on the status before."""
    return {
        "name": criterion.name,
        "kind": criterion.kind_name,
        "advisory": criterion.advisory,
        **_render_judgement(outcome.judgement),
        **render_state(outcome.state),
    }


def render_state(state: State) -> dict[str, Any]:
    """Render what `read_state` needs to go on."""
    return {
        "definition": state.definition,
        "finalThrough": timestamp(state.final_through),
        **_render_kept(state),
        **render_shown(state.last, state.worst),
    }


def read_state(field: Field) -> State | NoEvidence:
    """Read the state from an element of `status.criteria`; what somebody else has damaged starts anew."""
    try:
        if not field.get("definition").present or not field.get("finalThrough").present:
            return NoEvidence()
        if field.get("budget").present:
            return read_budget(field)
        if field.get("baseline").present:
            return read_baseline(field)
        return read_runs(field) if field.get("runs").present else _read_streaks(field)
    except InvalidField:
        return NoEvidence()


def _render_kept(state: State) -> Mapping[str, Any]:
    match state:
        case BudgetState():
            return render_budget(state)
        case BaselineState():
            return render_baseline(state)
        case RunsState():
            return render_runs(state)
        case EvidenceState():
            regression = render_streak(state.regression)
            return {**render_streak(state.main), **({"regression": regression} if regression else {})}


def _read_streaks(field: Field) -> EvidenceState:
    through = parse_time(field.get("finalThrough"))
    return EvidenceState(
        definition=field.get("definition").text(),
        final_through=through,
        main=read_streak(field),
        regression=read_streak(field.get("regression")),
        last=read_last(field, through),
        worst=read_worst(field, through),
    )


def _render_judgement(judgement: Judgement) -> Mapping[str, Any]:
    asked = judgement.regressed is not Regressed.NOT_ASKED
    return {
        "verdict": judgement.verdict.value,
        "reason": judgement.reason,
        "message": judgement.message[:_MESSAGE_LENGTH],
        "metFor": format_duration(judgement.met_for_seconds),
        "remaining": format_duration(judgement.remaining_seconds),
        "coverage": f"{judgement.coverage * 100:.1f}%",
        **({"regressed": judgement.regressed is Regressed.YES} if asked else {}),
    }
