"""Statuses as visits render them."""

from dataclasses import replace
from typing import Any

from hypercare.domain.assessment import Before, assess
from hypercare.domain.decide import decide
from hypercare.domain.findings import Findings
from hypercare.domain.rendering import render_status
from hypercare.domain.snapshot import Reading, Snapshot
from hypercare.domain.status import TimelineEntry
from hypercare.domain.timestamps import timestamp
from tests.unit.lives import T0
from tests.unit.schema import status_schema
from tests.unit.snapshots import reading, snapshot

SCHEMA = status_schema("hypercareperiods")
ENTRY = TimelineEntry(T0, "RunStarted", "Run r1 began")


def rendered(visit: Snapshot, found: Findings | None = None, timeline: tuple[TimelineEntry, ...] = (ENTRY,)) -> Any:
    """The status of a visit."""
    findings_of_it = found or decide(visit).findings
    conditions = assess(findings_of_it, Before({}, False, 60, visit.now))
    return render_status(visit, findings_of_it, conditions, timeline)


def stored(reading_of_it: Reading, **fields: Any) -> Reading:
    return replace(reading_of_it, stored={**reading_of_it.stored, **fields})


STATUS = rendered(snapshot(readings=(stored(reading(), since=timestamp(T0), definition="d", advisory=False),)))
