"""The report for machines: stable keys, documented in docs/report.md; a change of their meaning changes the version.

Times are RFC 3339 in UTC, durations whole seconds. What is not known or did not happen is null, never left out.
"""

import json
from math import isfinite, isnan
from typing import Any

from hypercare.domain.alerts.episodes import Episode
from hypercare.domain.evidence.fold import Measured, Shown
from hypercare.domain.report.facts import (
    AlertReport,
    CriterionReport,
    Detection,
    RunReport,
    ScalingReport,
    TightenedAlert,
)
from hypercare.domain.timestamps import timestamp

SCHEMA_VERSION = "1"


def render_json(report: RunReport) -> str:
    """Write the report as a JSON document in ASCII, so that any text survives any reader."""
    return json.dumps(_document(report), indent=1, allow_nan=False) + "\n"


def _document(report: RunReport) -> dict[str, Any]:
    release = report.release
    return {
        "schemaVersion": SCHEMA_VERSION,
        "period": {"namespace": report.namespace, "name": report.name},
        "run": report.run_id,
        "release": {
            "name": release.name,
            "version": release.version,
            "previous": release.previous,
            "revision": release.revision,
            "url": release.url,
        },
        "outcome": report.outcome.value,
        "succeeded": report.succeeded,
        "mode": "Observe" if report.observe else "Enforce",
        "startedAt": None if report.started_at is None else timestamp(report.started_at),
        "endedAt": timestamp(report.ended_at),
        "extensionsUsed": report.extensions_used,
        "criteria": [_criterion(each) for each in report.criteria],
        "alerts": _alerts(report.alerts),
        "scaling": [_scaling(each) for each in report.scaling],
        "unrestored": report.unrestored,
        "timeline": [
            {"time": timestamp(entry.time), "reason": entry.reason, "message": entry.message}
            for entry in report.timeline
        ],
        "notes": list(report.notes),
        "leftOut": {
            "timeline": report.left_out.timeline,
            "criteria": report.left_out.criteria,
            "detections": report.left_out.detections,
            "alerts": report.left_out.alerts,
            "scaling": report.left_out.scaling,
            "notes": report.left_out.notes,
            "texts": report.left_out.texts,
        },
    }


def _criterion(criterion: CriterionReport) -> dict[str, Any]:
    return {
        "name": criterion.name,
        "kind": criterion.kind,
        "expression": criterion.expression,
        "bound": criterion.bound,
        "sustainedForSeconds": criterion.sustained_seconds,
        "advisory": criterion.advisory,
        "verdict": criterion.verdict.value,
        "reason": criterion.reason,
        "message": criterion.message,
        "metForSeconds": criterion.met_for_seconds,
        "last": _shown(criterion.last),
        "worst": _shown(criterion.worst),
    }


def _alerts(alerts: AlertReport) -> dict[str, Any]:
    return {
        "stepSeconds": alerts.step_seconds,
        "unread": alerts.unread or None,
        "detections": [_detection(each) for each in alerts.detections],
        "tightened": [_tightened(each) for each in alerts.tightened],
        "untouched": [
            {"alert": each.alertname, "reason": each.reason, "message": each.message} for each in alerts.untouched
        ],
    }


def _tightened(alert: TightenedAlert) -> dict[str, Any]:
    history = alert.history
    return {
        "alert": alert.alertname,
        "originalForSeconds": alert.original_for_seconds,
        "copyForSeconds": alert.copy_for_seconds,
        "bounds": [{"operator": each.operator, "original": each.original, "copy": each.copy} for each in alert.bounds],
        "history": history
        and {"spanSeconds": history.span_seconds, "firedBefore": history.fires, "message": history.told},
        "kept": [{"reason": each.reason, "message": each.message} for each in alert.kept],
    }


def _detection(detection: Detection) -> dict[str, Any]:
    return {
        "alert": detection.alertname,
        "severity": detection.severity,
        "copy": _episode(detection.copy),
        "original": _episode(detection.original),
        "gainSeconds": detection.gain_seconds,
    }


def _episode(episode: Episode | None) -> dict[str, str] | None:
    return {"from": timestamp(episode.start), "to": timestamp(episode.end)} if episode else None


def _scaling(scaling: ScalingReport) -> dict[str, Any]:
    row = scaling.row
    return {
        "target": row.target,
        "kind": row.object.kind,
        "name": row.object.name,
        "uid": row.object.uid,
        **(
            {"original": row.original, "raisedTo": scaling.raised_to, "now": row.applied} if row.counts_replicas else {}
        ),
        "state": row.state.value,
        "message": row.message,
    }


def _shown(shown: Shown) -> dict[str, Any] | None:
    if not isinstance(shown, Measured):
        return None
    return {"value": _number(shown.value), "series": shown.series, "time": timestamp(shown.time)}


def _number(value: float) -> float | str:
    """JSON has no infinities: they are written as Prometheus writes them."""
    if isfinite(value):
        return value
    return "NaN" if isnan(value) else "+Inf" if value > 0 else "-Inf"
