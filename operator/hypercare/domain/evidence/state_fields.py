"""Parts of a criterion's state in the status that several kinds have: marks as text, times, values that were shown.

The list of marks is one short string: `g700m3b1` is 700 good points, 3 missing ones and 1 bad one, the newest last. In
`g5r3g2`, `r3` is one point with three restarts.
"""

import re
from typing import Any

from hypercare.domain.evidence.fold import Measured, NotMeasured, Shown
from hypercare.domain.evidence.streaks import MAX_SEGMENTS, Sort, Streak, Track
from hypercare.domain.fields import Field
from hypercare.domain.life.window import parse_time
from hypercare.domain.timestamps import timestamp

_RUN = re.compile(r"([gbmir])([1-9][0-9]{0,8})")


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


def render_streak(streak: Streak) -> dict[str, Any]:
    """Render a streak; what is empty is left out."""
    return {
        **({"gaps": write_track(streak.track)} if streak.track else {}),
        **({"lastBad": timestamp(streak.last_bad)} if streak.last_bad else {}),
        **({"streakFloor": timestamp(streak.floor)} if streak.floor else {}),
    }


def render_shown(last: Shown, worst: Shown) -> dict[str, Any]:
    """Render the newest and the worst value; what was not measured is left out."""
    newest = {"last": last.value} if isinstance(last, Measured) else {}
    if isinstance(worst, NotMeasured):
        return newest
    series = {"worstSeries": worst.series} if worst.series else {}
    return {**newest, "worst": worst.value, "worstAt": timestamp(worst.time), **series}


def read_streak(field: Field) -> Streak:
    """Read what `render_streak` wrote."""
    return Streak(
        track=read_track(field.get("gaps")),
        floor=read_time(field.get("streakFloor")),
        last_bad=read_time(field.get("lastBad")),
    )


def read_last(field: Field, through: int) -> Shown:
    """Read the newest value; its time is taken to be `through` (Unix seconds)."""
    return _read_shown(field.get("last"), "", through)


def read_worst(field: Field, through: int) -> Shown:
    """Read the worst value."""
    at = field.get("worstAt")
    time = parse_time(at) if at.present else through
    return _read_shown(field.get("worst"), field.get("worstSeries").text(""), time)


def _read_shown(field: Field, series: str, time: int) -> Shown:
    return Measured(field.number(), series, time) if field.present else NotMeasured()


def read_time(field: Field) -> int:
    """Unix seconds; 0 where the field is absent."""
    return parse_time(field) if field.present else 0
