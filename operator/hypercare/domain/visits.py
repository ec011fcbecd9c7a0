"""When a period wants to be visited next, and how often its progress is worth a write. Seconds throughout."""

import zlib

from hypercare.domain.findings import Findings, Untold, Unverified
from hypercare.domain.life.due import next_change
from hypercare.domain.life.facts import Phase
from hypercare.domain.snapshot import Snapshot

PROGRESS_SECONDS = 300
"""At most one write of mere progress in this time, for windows of days."""
_WRITES_PER_WINDOW = 200
_REPORT_RETRY_SECONDS = 60.0
_TRYING_SECONDS = 1.0
_EAGER_SECONDS = 60
_PATIENT_SECONDS = 600


def progress_seconds(snapshot: Snapshot) -> int:
    """How long mere progress waits to be written: less for a short window, and not at one time for all periods."""
    evaluation = snapshot.resolved.profile.evaluation
    duration = snapshot.resolved.spec.plan.window.duration_seconds
    pause = max(evaluation.interval, min(PROGRESS_SECONDS, duration // _WRITES_PER_WINDOW))
    return pause + _spread(snapshot, pause // 5)


def next_visit(snapshot: Snapshot, findings: Findings) -> float | None:
    """In how many seconds the next visit is due; None when only a change can make one worth it."""
    waits = [*_clock(snapshot), *_verification(snapshot, findings), *_evidence(snapshot), *_report(snapshot)]
    return min((*waits, *_history(snapshot)), default=None)


def _clock(snapshot: Snapshot) -> list[float]:
    moment = next_change(snapshot.life, snapshot.resolved.spec.plan, snapshot.now)
    return [] if moment is None else [float(moment - snapshot.now)]


def _verification(snapshot: Snapshot, findings: Findings) -> list[float]:
    """While something is being applied or restored, look often at first."""
    if snapshot.life.phase is Phase.SUSPENDED:
        return []
    levers = any(isinstance(lever, Unverified | Untold) for lever in (findings.alerts, findings.scaling))
    passing = any(not problem.stalls for problem in findings.alert_problems + findings.scaling_problems)
    applying = levers or passing
    restoring = snapshot.life.strength == 0 and bool(findings.unrestored)
    if not (applying or restoring):
        return []
    age = snapshot.now - max(snapshot.life.strength_since, snapshot.life.phase_since)
    interval = float(snapshot.resolved.profile.evaluation.interval)
    if age < _EAGER_SECONDS:
        return [min(1.0, interval)]
    return [min(5.0, interval) if age < _PATIENT_SECONDS else interval]


def _evidence(snapshot: Snapshot) -> list[float]:
    """The next tick of the evaluation interval; periods tick together, so that they share requests.

    After an absence it is at once, for as long as there is more to read: who is due already comes first.
    """
    life = snapshot.life
    interval = snapshot.resolved.profile.evaluation.interval
    if life.closed:
        return []
    if life.started_at is None or life.phase is Phase.SUSPENDED:
        return [float(max(interval, 30))]
    if any(reading.unfinished for reading in snapshot.readings):
        return [0.0]
    return [float(interval - snapshot.now % interval) + _spread(snapshot, interval // 10)]


def _history(snapshot: Snapshot) -> list[float]:
    """Copies are being tried on history: what comes out is used soon."""
    return [_TRYING_SECONDS] if snapshot.overlay.trying else []


def _report(snapshot: Snapshot) -> list[float]:
    """A report that could not be written is tried again."""
    return [_REPORT_RETRY_SECONDS] if snapshot.life.closed and not snapshot.stored.report else []


def _spread(snapshot: Snapshot, over: int) -> int:
    """A number of seconds below `over`, always the same for one period."""
    return zlib.crc32(snapshot.identity.uid.encode()) % over if over else 0
