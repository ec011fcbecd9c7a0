"""The state of a `runs` criterion in the status: the runs that are remembered, as one short string.

`1763716200/0;s1763715600.1a2b3c,a1763716140.4d5e6f` was last seen at the first number (Unix seconds), was never blind,
and knows a run that succeeded and one that is active, each by when its Job was created and a hash of its name.
"""

import re
from typing import Any

from hypercare.domain.evidence.run_record import MAX_ENTRIES, Ending, Entry, RunsState
from hypercare.domain.evidence.state_fields import read_time, read_worst
from hypercare.domain.fields import Field
from hypercare.domain.life.window import parse_time
from hypercare.domain.timestamps import timestamp

_ENTRY = r"[sfau][0-9]{1,12}\.[0-9a-f]{6}"
_RECORD = re.compile(rf"([0-9]{{1,12}})/([0-9]{{1,12}});((?:{_ENTRY}(?:,{_ENTRY})*)?)")


def render_runs(state: RunsState) -> dict[str, Any]:
    """Render what `read_runs` needs to go on, beside what every kind writes."""
    entries = ",".join(f"{each.ending.value}{each.created}.{each.tag}" for each in state.entries)
    floor = {"streakFloor": timestamp(state.floor)} if state.floor else {}
    return {**floor, "runs": f"{state.last_seen}/{state.blind_until};{entries}"}


def read_runs(field: Field) -> RunsState:
    """Read the state from an element of `status.criteria`.

    Raises:
        InvalidField: it is not one that `render_runs` wrote.
    """
    record = _RECORD.fullmatch(field.get("runs").text())
    if record is None:
        raise field.get("runs").error("is not a record of runs")
    last_seen, blind_until, entries = record.groups()
    through = parse_time(field.get("finalThrough"))
    return RunsState(
        definition=field.get("definition").text(),
        final_through=through,
        floor=read_time(field.get("streakFloor")),
        last_seen=int(last_seen),
        blind_until=int(blind_until),
        entries=tuple(_entry(text) for text in entries.split(",")[:MAX_ENTRIES] if text),
        worst=read_worst(field, through),
    )


def _entry(text: str) -> Entry:
    created, tag = text[1:].split(".")
    return Entry(int(created), tag, Ending(text[0]))
