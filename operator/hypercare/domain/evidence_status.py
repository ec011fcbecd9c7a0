"""Evidence in the status of a period: what the next visit goes on from, and what people read.

The list of marks is one short string: `g700m3b1` is 700 good points, 3 missing ones and 1 bad one, the newest last. In
`g5r3g2`, `r3` is one point with three restarts.
"""

import re
from collections.abc import Mapping
from typing import Any

from hypercare.domain.conditions import timestamp
from hypercare.domain.criteria import Criterion
from hypercare.domain.durations import format_duration
from hypercare.domain.evidence import EvidenceState, Measured, NotMeasured, Shown
from hypercare.domain.evidence_context import NoEvidence
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.judgement import Judgement, Regressed
from hypercare.domain.reading import Evaluated
from hypercare.domain.streaks import MAX_SEGMENTS, Sort, Streak, Track
from hypercare.domain.window import parse_time

_RUN = re.compile(r"([gbmir])([1-9][0-9]{0,8})")
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


def render_state(state: EvidenceState) -> dict[str, Any]:
    """Render what `read_state` needs to go on."""
    regression = _render_streak(state.regression)
    return {
        "definition": state.definition,
        "finalThrough": timestamp(state.final_through),
        **_render_streak(state.main),
        **({"regression": regression} if regression else {}),
        **({"last": state.last.value} if isinstance(state.last, Measured) else {}),
        **_render_worst(state.worst),
    }


def read_state(field: Field) -> EvidenceState | NoEvidence:
    """Read the state from an element of `status.criteria`; what somebody else has damaged starts anew."""
    try:
        if not field.get("definition").present or not field.get("finalThrough").present:
            return NoEvidence()
        through = parse_time(field.get("finalThrough"))
        return EvidenceState(
            definition=field.get("definition").text(),
            final_through=through,
            main=_read_streak(field),
            regression=_read_streak(field.get("regression")),
            last=_read_shown(field.get("last"), "", through),
            worst=_read_worst(field, through),
        )
    except InvalidField:
        return NoEvidence()


def write_track(track: Track) -> str:
    """Write a list of marks."""
    return "".join(f"{sort.value}{count}" for sort, count in track)


def read_track(field: Field) -> Track:
    """Read a list of marks.

    Raises:
        InvalidField: it is not one that `write_track` wrote.
    """
    text = field.text("")
    runs = _RUN.findall(text)
    if "".join(sort + count for sort, count in runs) != text or len(runs) > MAX_SEGMENTS:
        raise field.error("is not a list of marks")
    return tuple((Sort(sort), int(count)) for sort, count in runs)


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


def _render_streak(streak: Streak) -> dict[str, Any]:
    return {
        **({"gaps": write_track(streak.track)} if streak.track else {}),
        **({"lastBad": timestamp(streak.last_bad)} if streak.last_bad else {}),
        **({"streakFloor": timestamp(streak.floor)} if streak.floor else {}),
    }


def _render_worst(worst: Shown) -> dict[str, Any]:
    if isinstance(worst, NotMeasured):
        return {}
    series = {"worstSeries": worst.series} if worst.series else {}
    return {"worst": worst.value, "worstAt": timestamp(worst.time), **series}


def _read_streak(field: Field) -> Streak:
    return Streak(
        track=read_track(field.get("gaps")),
        floor=_time(field.get("streakFloor")),
        last_bad=_time(field.get("lastBad")),
    )


def _read_worst(field: Field, through: int) -> Shown:
    at = field.get("worstAt")
    return _read_shown(field.get("worst"), field.get("worstSeries").text(""), parse_time(at) if at.present else through)


def _read_shown(field: Field, series: str, time: int) -> Shown:
    return Measured(field.number(), series, time) if field.present else NotMeasured()


def _time(field: Field) -> int:
    return parse_time(field) if field.present else 0
