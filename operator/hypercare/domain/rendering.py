"""The status of a period, rendered from a decision; bounded, and for people as well as machines.

Only `status.read_life`, the conditions, the evidence and the scaling rows are read back. The rest is written anew on
each visit. What changes with every point of evidence is `progress`: it alone is no reason to write at once.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hypercare.domain.alert_status import ROWS_LIMIT, render_alerts
from hypercare.domain.alerts.overlay import OVERLAY_PREFIX, revision_of
from hypercare.domain.assessment import decision_needed, unusable
from hypercare.domain.capacity.scaling_rows import render_rows
from hypercare.domain.conditions import Condition, Problem, read_conditions, stamp
from hypercare.domain.durations import format_duration
from hypercare.domain.exit_criteria import NONE
from hypercare.domain.findings import Findings
from hypercare.domain.life.facts import CLOSED, Exit, Life, Outcome, Phase
from hypercare.domain.outlook import ahead, outlook, stage_word
from hypercare.domain.snapshot import Inhibition, Overlay, Snapshot
from hypercare.domain.status import TimelineEntry, render_life, render_timeline
from hypercare.domain.status_size import bounded
from hypercare.domain.timestamps import timestamp

_SUMMARY_LIMIT = 1024
_PROGRESS_OF_CRITERIA = frozenset(
    {
        "metFor",
        "remaining",
        "last",
        "worst",
        "worstAt",
        "worstSeries",
        "coverage",
        "finalThrough",
        "gaps",
        "lastBad",
        "streakFloor",
        "regression",
        "budget",
        "baseline",
        "runs",
        "message",
        "reason",
    }
)
_PROGRESS_OF_SCALING = frozenset({"ready", "message"})
# Their messages tell ages, counts and remaining times.
_PROGRESSING_CONDITIONS = frozenset(
    {"Ready", "Reconciling", "Stalled", "AlertsTightened", "ScalingRaised", "EvidenceFresh", "ExitCriteriaMet"}
)


def render_status(
    snapshot: Snapshot, findings: Findings, conditions: Sequence[Condition], timeline: tuple[TimelineEntry, ...]
) -> dict[str, Any]:
    """Render the whole status of a visit."""
    life, identity, stored = findings.life, snapshot.identity, snapshot.stored
    outcomes = snapshot.overlay.plan.outcomes
    status = {
        "observedGeneration": identity.generation,
        "acceptedGeneration": snapshot.resolved.accepted_generation,
        **_life_and_window(life, snapshot),
        "overlay": _overlay(snapshot.overlay, identity.name),
        "criteria": [dict(reading.stored) for reading in snapshot.readings],
        # Without strength nothing is tightened, and what was stays worth knowing.
        "alerts": {
            **(_without_inhibition(stored.alerts) if stored.alerts and not life.strength else render_alerts(outcomes)),
            **_inhibition(snapshot.inhibition),
        },
        "scaling": render_rows(snapshot.capacity.rows),
        "blocked": _blocked(findings, snapshot.now),
        "summary": _clipped(_summary(findings, snapshot.now), _SUMMARY_LIMIT),
        "ends": _ends(snapshot, life),
        "timeline": render_timeline(timeline),
        "conditions": stamp(conditions, stored.conditions, identity.generation, snapshot.now),
    }
    if stored.report:
        status["report"] = stored.report
    if stored.reports:
        # Those of earlier runs too: what is not listed here is never taken away.
        status["reports"] = list(stored.reports)
    return bounded(status)


def render_begun(life: Life, conditions: list[dict[str, Any]], generation: int, entry: TimelineEntry) -> dict[str, Any]:
    """Render the status of a run that has just begun: nothing of an earlier run is left in it."""
    return {
        "observedGeneration": generation,
        **render_life(life),
        "blocked": "start",
        "summary": entry.message,
        "timeline": render_timeline((entry,)),
        "conditions": conditions,
    }


def render_refused(stored: Mapping[str, Any], problem: Problem, generation: int, now: int) -> dict[str, Any]:
    """Render the status of a period that cannot be worked for: its life stands still, and the status says why.

    What a run that is over has achieved stays true, whatever becomes of its spec.
    """
    before = read_conditions(stored)
    closed = stored.get("phase") in CLOSED
    conditions = [seen.condition for seen in before.values()] if closed else unusable(problem)
    kept = {key: value for key, value in stored.items() if key not in {"observedGeneration", "conditions"}}
    return {
        "phase": Phase.PENDING.value,
        **kept,
        "observedGeneration": generation,
        "blocked": NONE if closed else problem.reason,
        "summary": _clipped(str(problem), _SUMMARY_LIMIT),
        "conditions": stamp(conditions, before, generation, now),
    }


def significant(status: Mapping[str, Any]) -> str:
    """The part of a status whose change is written at once, as text to compare."""
    kept = {key: value for key, value in status.items() if key not in {"summary", "blocked"}}
    kept["criteria"] = [_without(each, _PROGRESS_OF_CRITERIA) for each in status.get("criteria", ())]
    kept["scaling"] = [_without(each, _PROGRESS_OF_SCALING) for each in status.get("scaling", ())]
    kept["alerts"] = _without(status.get("alerts", {}), {"refusals"})
    kept["conditions"] = [
        _without(each, {"message"}) if each.get("type") in _PROGRESSING_CONDITIONS else each
        for each in status.get("conditions", ())
    ]
    return json.dumps(kept, sort_keys=True)


def _without(body: Mapping[str, Any], keys: frozenset[str] | set[str]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in keys}


def _life_and_window(life: Life, snapshot: Snapshot) -> dict[str, Any]:
    body = render_life(life)
    if life.started_at is not None:
        window = snapshot.resolved.spec.plan.window
        body["window"] |= {
            "plannedEnd": timestamp(window.planned_end(life.started_at, life.extensions_used)),
            "hardEnd": timestamp(window.hard_end(life.started_at)),
        }
    return body


def _overlay(overlay: Overlay, period: str) -> dict[str, Any]:
    body = overlay.plan.overlay
    live = {"liveSince": timestamp(overlay.live_since)} if overlay.live_since else {}
    if body is None:
        return live
    groups = len(body["spec"]["groups"])
    return {"name": OVERLAY_PREFIX + period, "revision": revision_of(body), "groups": groups, **live}


def _without_inhibition(alerts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in alerts.items() if key != "inhibition"}


def _inhibition(inhibition: Inhibition) -> dict[str, Any]:
    """What is seen of copies that mute their originals; it is always of now."""
    if not inhibition.requested:
        return {}
    muting = inhibition.muting
    refused = muting.refused[:ROWS_LIMIT]
    return {
        "inhibition": {
            "rules": len(muting.rules),
            "muted": muting.effect.muted,
            "message": _clipped(str(muting), 512),
            "refusals": [
                {"alert": each.alertname[:128], "reason": each.reason.value, "message": each.message[:512]}
                for each in refused
            ],
        }
    }


def _blocked(findings: Findings, now: int) -> str:
    """What stands between now and the exit; where no criterion does, the stage that is not over yet."""
    if findings.life.closed or findings.evidence.blocked != NONE:
        return NONE if findings.life.closed else findings.evidence.blocked
    if findings.life.phase is Phase.DECISION_NEEDED:
        return "decision"
    found = outlook(findings.life, findings.plan, findings.evidence.needed_seconds, now)
    return stage_word(found) if found is not None and found.stage else NONE


def _summary(findings: Findings, now: int) -> str:
    life, evidence = findings.life, findings.evidence
    match life.phase:
        case Phase.PENDING:
            return f"Waiting for the start: {findings.rollout.message}"
        case Phase.COMPLETED:
            return "Completed: the exit criteria were met and everything is restored"
        case Phase.ENDED:
            return f"Ended without success ({life.outcome}); everything is restored"
        case Phase.RELAXING:
            return f"Relaxing ({life.outcome}) at {life.strength}%: {_on_the_way_down(findings)}"
        case Phase.SUSPENDED:
            return f"{evidence.message}; the clock goes on, {_hard_end(findings)}"
        case Phase.DECISION_NEEDED:
            return decision_needed(findings)
        case _:
            return f"{evidence.message}; {_ahead(findings, now)}"


def _ahead(findings: Findings, now: int) -> str:
    """What the clock asks for beside the criteria, and when relaxing can begin."""
    evidence = findings.evidence
    found = outlook(findings.life, findings.plan, evidence.needed_seconds, now)
    if evidence.unreadable or found is None or findings.life.started_at is None:
        return "relaxing begins when the criteria are met"
    waits = f"stage {found.stage} lasts {format_duration(found.stage_seconds)} more, " if found.stage else ""
    return waits + ahead(found, findings.plan.window.hard_end(findings.life.started_at))


def _on_the_way_down(findings: Findings) -> str:
    life, evidence, relax = findings.life, findings.evidence, findings.plan.relax
    if not life.strength:
        return findings.unrestored or "everything is restored"
    if life.outcome is Outcome.MET and relax.guard and evidence.exit is not Exit.MET:
        return f"no step down until the criteria are met again; {evidence.message}"
    if life.last_step_at is None:
        return f"{evidence.message}; the first step down is due"
    return f"{evidence.message}; the next step down is due at {timestamp(life.last_step_at + relax.every_seconds)}"


def _hard_end(findings: Findings) -> str:
    started = findings.life.started_at
    return f"the hard end is {timestamp(findings.plan.window.hard_end(started))}" if started else "also while suspended"


def _clipped(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _ends(snapshot: Snapshot, life: Life) -> str:
    if life.closed or life.started_at is None:
        return NONE
    window = snapshot.resolved.spec.plan.window
    if life.phase is Phase.DECISION_NEEDED:
        return f"held until {_minute(life.phase_since + window.hold_seconds)}"
    planned = _minute(window.planned_end(life.started_at, life.extensions_used))
    return f"{planned} (extended {life.extensions_used}x)" if life.extensions_used else planned


def _minute(seconds: int) -> str:
    return timestamp(seconds)[:16] + "Z"
