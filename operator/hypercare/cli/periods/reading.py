"""From the object of a period to what can be shown of it.

Nothing is taken for granted: an operator of another version may have written the status, or none at all yet. What
cannot be read is left out, and never ends a command. Texts come from users and from metrics, so what could steer a
terminal is taken out of every one of them here.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from hypercare.cli.periods.printable import printable
from hypercare.cli.periods.seen import (
    NOT_STARTED,
    UNSEEN,
    Seen,
    SeenAlerts,
    SeenCondition,
    SeenCriterion,
    SeenEvent,
    SeenScaling,
    SeenWindow,
)
from hypercare.domain.durations import InvalidDuration, parse_duration

Body = Mapping[str, Any]


def read_period(body: Body) -> Seen:
    """Read whatever the object says."""
    metadata, spec, status = _map(body, "metadata"), _map(body, "spec"), _map(body, "status")
    release, run = _map(spec, "release"), _map(status, "run")
    return Seen(
        namespace=_text(metadata, "namespace"),
        name=_text(metadata, "name"),
        generation=_number(metadata, "generation") or 0,
        observed=_or(_number(status, "observedGeneration"), UNSEEN),
        made_at=_time(metadata, "creationTimestamp"),
        written_at=_written_at(metadata),
        deleting=bool(metadata.get("deletionTimestamp")),
        profile=_text(spec, "profile") or "default",
        mode=_text(spec, "mode") or "Enforce",
        targets=tuple(f"{_text(each, 'kind')} {_text(each, 'name')}" for each in _maps(spec, "targets")),
        release=" ".join(filter(None, (_text(release, "name"), _text(release, "version")))),
        wanted_run=_text(release, "name") or _text(release, "version"),
        run=_text(run, "id"),
        run_identity=_text(_map(run, "release"), "identity"),
        phase=_text(status, "phase") or NOT_STARTED,
        phase_since=_time(status, "phaseSince"),
        resume_phase=_text(status, "resumePhase"),
        stage=_text(status, "stage"),
        stage_since=_time(status, "stageSince"),
        strength=_number(status, "strength") or 0,
        outcome=_text(status, "outcome"),
        window=_window(_map(status, "window"), run),
        conditions={each.type: each for each in map(_condition, _maps(status, "conditions"))},
        criteria=tuple(map(_criterion, _maps(status, "criteria"))),
        alerts=_alerts(_map(status, "alerts"), _map(status, "overlay")),
        scaling=tuple(map(_scaling, _maps(status, "scaling"))),
        blocked=_text(status, "blocked"),
        summary=_text(status, "summary"),
        report=_text(status, "report"),
        reports=tuple(printable(str(each)) for each in _list(status, "reports")),
        timeline=tuple(
            SeenEvent(_time(each, "time"), _text(each, "reason"), _text(each, "message"))
            for each in _maps(status, "timeline")
        ),
    )


def seconds_of(text: object) -> int | None:
    """An RFC 3339 time as Unix seconds, None where it is none."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return int(moment.timestamp()) if moment.tzinfo else None


def _window(window: Body, run: Body) -> SeenWindow:
    return SeenWindow(
        created_at=_time(run, "createdAt"),
        started_at=_time(window, "startedAt"),
        planned_end=_time(window, "plannedEnd"),
        hard_end=_time(window, "hardEnd"),
        extensions_used=_number(window, "extensionsUsed") or 0,
        last_step_at=_time(window, "lastStepAt"),
    )


def _condition(body: Body) -> SeenCondition:
    return SeenCondition(
        type=_text(body, "type"),
        status=_text(body, "status"),
        reason=_text(body, "reason"),
        message=_text(body, "message"),
        since=_time(body, "lastTransitionTime"),
        generation=_or(_number(body, "observedGeneration"), UNSEEN),
    )


def _criterion(body: Body) -> SeenCriterion:
    last = body.get("last")
    return SeenCriterion(
        name=_text(body, "name"),
        kind=_text(body, "kind"),
        advisory=body.get("advisory") is True,
        verdict=_text(body, "verdict") or "Unknown",
        reason=_text(body, "reason"),
        message=_text(body, "message"),
        since=_time(body, "since"),
        met_for=_duration(body, "metFor"),
        remaining=_duration(body, "remaining"),
        coverage=_text(body, "coverage"),
        last=f"{last:.6g}" if isinstance(last, int | float) and not isinstance(last, bool) else "",
        regressed=body.get("regressed") is True,
        final_through=_time(body, "finalThrough"),
    )


def _alerts(alerts: Body, overlay: Body) -> SeenAlerts:
    return SeenAlerts(
        selected=_number(alerts, "selected") or 0,
        tightened=_number(alerts, "tightened") or 0,
        untouched=_number(alerts, "untouched") or 0,
        live_since=_time(overlay, "liveSince"),
        refusals=tuple(
            (_text(each, "alert"), _text(each, "reason"), _text(each, "message")) for each in _maps(alerts, "refusals")
        ),
    )


def _scaling(body: Body) -> SeenScaling:
    return SeenScaling(
        target=_text(body, "target"),
        object_kind=_text(body, "kind"),
        object_name=_text(body, "name"),
        original=_number(body, "original"),
        floor=_number(body, "floor"),
        applied=_number(body, "applied"),
        ready=_number(body, "ready"),
        state=_text(body, "state"),
        message=_text(body, "message"),
    )


def _written_at(metadata: Body) -> int | None:
    """When the status was written last, as the API server remembers it."""
    fields = [each for each in _maps(metadata, "managedFields") if each.get("subresource") == "status"]
    return max((moment for each in fields if (moment := _time(each, "time")) is not None), default=None)


def _map(body: Body, key: str) -> Body:
    value = body.get(key)
    return value if isinstance(value, Mapping) else {}


def _list(body: Body, key: str) -> Sequence[Any]:
    value = body.get(key)
    return value if isinstance(value, list) else ()


def _maps(body: Body, key: str) -> Iterator[Body]:
    return (each for each in _list(body, key) if isinstance(each, Mapping))


def _text(body: Body, key: str) -> str:
    value = body.get(key)
    return printable(value) if isinstance(value, str) else ""


def _number(body: Body, key: str) -> int | None:
    value = body.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _or(value: int | None, other: int) -> int:
    return other if value is None else value


def _time(body: Body, key: str) -> int | None:
    return seconds_of(body.get(key))


def _duration(body: Body, key: str) -> int:
    try:
        return parse_duration(str(body.get(key) or "0s"))
    except InvalidDuration:
        return 0
