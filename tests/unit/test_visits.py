"""When the next visit is due, and how long mere progress waits to be written."""

import zlib
from dataclasses import dataclass, replace
from typing import Any

import pytest

from hypercare.domain.findings import Findings, Off, Untold, Unverified
from hypercare.domain.snapshot import Snapshot
from hypercare.domain.visits import PROGRESS_SECONDS, next_visit, progress_seconds
from tests.unit.lives import (
    ACTIVE,
    COMPLETED,
    DOWN_MET,
    ENDED,
    HOUR,
    LAST_STAGE,
    MINUTE,
    PENDING,
    PREPARING,
    QUIET,
    suspended,
)
from tests.unit.snapshots import IDENTITY, PASSING, PROBLEM, UNTOLD, findings, reading, resolved, snapshot

WRITING = Unverified("Writing", "being written")
OFF = Off("Relaxed", "down")
REPORTED = replace(UNTOLD, report="hypercare-report-checkout-r1", reports=("hypercare-report-checkout-r1",))
# The UID of this one spreads nothing: the numbers of seconds that are spread over divide its checksum.
EVEN = next(uid for uid in map(str, range(100_000)) if zlib.crc32(uid.encode()) % (60 * 43) == 0)


def visit(life: Any = ACTIVE, now: int = QUIET, **others: Any) -> Snapshot:
    return snapshot(life, now=now, identity=replace(IDENTITY, uid=EVEN), **others)


@dataclass(frozen=True)
class Case:
    """In how many seconds the next visit is due."""

    sentence: str
    snapshot: Snapshot
    findings: Findings
    expected: float | None


JUST_PREPARING = replace(PREPARING, phase_since=QUIET - 10, strength_since=QUIET - 10)
CASES = (
    Case("Evidence is read once per interval, all periods at the same time.", visit(), findings(), 60.0),
    Case("A visit between two ticks comes back at the next one.", visit(now=QUIET + 25), findings(), 35.0),
    Case(
        "While there is more of an absence to read, the next visit comes at once.",
        visit(readings=(reading(), replace(reading(), unfinished=True))),
        findings(),
        0.0,
    ),
    Case("A clock that is nearer comes first.", visit(now=QUIET + HOUR - 10), findings(), 10.0),
    Case("Whatever is being applied is looked at every second.", visit(JUST_PREPARING), findings(alerts=WRITING), 1.0),
    Case(
        "After a minute, every five.",
        visit(replace(PREPARING, phase_since=QUIET - MINUTE)),
        findings(scaling=Untold("PrometheusUnreachable", "no connection")),
        5.0,
    ),
    Case("After ten minutes, at the interval.", visit(LAST_STAGE), findings(LAST_STAGE, alerts=WRITING), 60.0),
    Case(
        "A step that has just been taken counts, too.",
        visit(replace(ACTIVE, strength_since=QUIET - 1)),
        findings(alerts=WRITING),
        1.0,
    ),
    Case(
        "A write that failed is tried again soon.",
        visit(JUST_PREPARING),
        findings(JUST_PREPARING, scaling_problems=(PASSING,)),
        1.0,
    ),
    Case(
        "What needs a person waits for one.",
        visit(replace(PREPARING, phase_since=QUIET - 10)),
        findings(alert_problems=(PROBLEM,)),
        60.0,
    ),
    Case(
        "What is being restored is looked at every second.",
        visit(replace(DOWN_MET, strength_since=QUIET)),
        findings(DOWN_MET, alerts=OFF),
        1.0,
    ),
    Case("Before the start there is nothing to read.", visit(PENDING), findings(PENDING), 60.0),
    Case("Suspended there is nothing to read.", visit(suspended(ACTIVE)), findings(suspended(ACTIVE)), 60.0),
    Case(
        "Nothing is applied while suspended.",
        visit(replace(suspended(ACTIVE), phase_since=QUIET)),
        findings(suspended(ACTIVE), alerts=WRITING),
        60.0,
    ),
    Case("A report that is missing is tried again.", visit(COMPLETED), findings(COMPLETED, unrestored=""), 60.0),
    Case(
        "What is over and reported waits for a change.",
        visit(ENDED, stored=REPORTED),
        findings(ENDED, alerts=OFF, unrestored=""),
        None,
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.sentence)
def test_next_visit(case: Case) -> None:
    assert next_visit(case.snapshot, case.findings) == case.expected


def test_a_short_interval_is_never_waited_beyond() -> None:
    quick = resolved({"evaluation": {"step": "1s", "interval": "1s"}})
    for now in range(QUIET, QUIET + 10):
        due = next_visit(visit(now=now, resolved=quick), findings(alerts=WRITING))
        assert due is not None
        assert 0 < due <= 1


def test_periods_are_spread_within_a_tenth_of_the_interval() -> None:
    due = [next_visit(snapshot(identity=replace(IDENTITY, uid=f"uid-{number}")), findings()) for number in range(50)]
    assert all(each is not None and 60 <= each < 66 for each in due)
    assert len(set(due)) > 3


class TestProgress:
    """A write of mere progress per five minutes at most, and at least some in a short window."""

    def pause(self, duration: str, uid: str = EVEN, **evaluation: str) -> int:
        stages = [{"name": "only", "strength": 100}]
        spec = resolved({"evaluation": evaluation}, window={"duration": duration}, stages=stages)
        return progress_seconds(snapshot(resolved=spec, identity=replace(IDENTITY, uid=uid)))

    def test_a_long_window_writes_every_five_minutes(self) -> None:
        assert PROGRESS_SECONDS <= self.pause("3d") < PROGRESS_SECONDS * 1.2

    def test_a_short_window_writes_more_often_but_not_faster_than_it_reads(self) -> None:
        assert self.pause("90m") == 60
        assert self.pause("10m", interval="2s", step="2s") == 3

    def test_periods_do_not_write_all_at_once(self) -> None:
        pauses = {self.pause("3d", f"uid-{number}") for number in range(30)}
        assert len(pauses) > 10
        assert all(PROGRESS_SECONDS <= each < PROGRESS_SECONDS * 1.2 for each in pauses)
