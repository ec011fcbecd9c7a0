"""A period as `-o json` and `-o yaml` print it: names as in the CRD where it has them, durations in seconds."""

from typing import Any

from hypercare.cli.periods.blockers import Blocker
from hypercare.cli.periods.course import Course
from hypercare.cli.periods.found import Found
from hypercare.cli.periods.seen import Seen, SeenCondition, SeenCriterion, SeenScaling, SeenWindow
from hypercare.domain.exit_criteria import NONE
from hypercare.domain.timestamps import timestamp


def found_object(found: Found) -> dict[str, Any]:
    """Everything that `status` shows."""
    seen = found.seen
    return {
        **summary_object(seen),
        "profile": seen.profile,
        "mode": seen.mode,
        "targets": list(seen.targets),
        "current": seen.current,
        "summary": seen.summary,
        "window": _window_object(seen.window),
        "criteria": [criterion_object(each) for each in seen.criteria],
        "blockers": [blocker_object(each) for each in found.blockers],
        "alerts": {
            "selected": seen.alerts.selected,
            "tightened": seen.alerts.tightened,
            "liveSince": _time(seen.alerts.live_since),
        },
        "scaling": [_scaling_object(each) for each in seen.scaling],
        **_course_object(found.course),
        "conditions": {each.type: _condition_object(each) for each in seen.conditions.values()},
        "report": seen.report,
    }


def summary_object(seen: Seen) -> dict[str, Any]:
    """What `list` shows of one."""
    return {
        "namespace": seen.namespace,
        "name": seen.name,
        "release": seen.release,
        "run": seen.run,
        "phase": seen.phase if seen.visited else "",
        "phaseSince": _time(seen.phase_since),
        "stage": seen.stage,
        "strength": seen.strength,
        "outcome": seen.outcome,
        "ready": ready_of(seen),
        "blocked": "" if seen.blocked == NONE else seen.blocked,
        "ends": _time(seen.window.planned_end),
    }


def ready_of(seen: Seen) -> str:
    """Status of the condition Ready."""
    ready = seen.conditions.get("Ready")
    return ready.status if ready is not None else "Unknown"


def criterion_object(each: SeenCriterion) -> dict[str, Any]:
    """One exit criterion."""
    return {
        "name": each.name,
        "kind": each.kind,
        "advisory": each.advisory,
        "verdict": each.verdict,
        "reason": each.reason,
        "message": each.message,
        "since": _time(each.since),
        "metForSeconds": each.met_for,
        "remainingSeconds": each.remaining,
        "coverage": each.coverage,
        "regressed": each.regressed,
    }


def blocker_object(each: Blocker) -> dict[str, Any]:
    """One thing that is in the way."""
    return {
        "what": each.what,
        "weight": each.weight.value,
        "blocksExit": each.weight.blocks,
        "reason": each.reason,
        "detail": each.detail,
        "asked": each.asked,
        "advice": each.advice,
        "since": _time(each.since),
        "remainingSeconds": each.remaining,
    }


def _window_object(window: SeenWindow) -> dict[str, Any]:
    return {
        "startedAt": _time(window.started_at),
        "plannedEnd": _time(window.planned_end),
        "hardEnd": _time(window.hard_end),
        "extensionsUsed": window.extensions_used,
    }


def _scaling_object(each: SeenScaling) -> dict[str, Any]:
    return {
        "target": each.target,
        "object": f"{each.object_kind}/{each.object_name}".strip("/"),
        "original": each.original,
        "applied": each.applied,
        "ready": each.ready,
        "state": each.state,
        "message": each.message,
    }


def _condition_object(each: SeenCondition) -> dict[str, Any]:
    return {
        "status": each.status,
        "reason": each.reason,
        "message": each.message,
        "since": _time(each.since),
    }


def _course_object(course: Course) -> dict[str, Any]:
    return {
        "strengthCurve": [
            {"stage": each.name, "strength": each.strength, "from": timestamp(each.start), "to": timestamp(each.end)}
            for each in course.stretches
        ],
        "ahead": [{"what": each.what, "at": timestamp(each.at), "note": each.note} for each in course.moments],
    }


def _time(moment: int | None) -> str | None:
    return None if moment is None else timestamp(moment)
