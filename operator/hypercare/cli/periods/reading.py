"""From the object of a period to what can be shown of it.

Nothing is taken for granted: an operator of another version may have written the status, or none at all yet. What
cannot be read is left out, and never ends a command. Texts come from users and from metrics, so what could steer a
terminal is taken out of every one of them here.
"""

from datetime import datetime

from hypercare.cli.lenient import Body, list_of, map_of, maps_of, number_of, text_of
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


def read_period(body: Body) -> Seen:
    """Read whatever the object says."""
    metadata, spec, status = map_of(body, "metadata"), map_of(body, "spec"), map_of(body, "status")
    release, run = map_of(spec, "release"), map_of(status, "run")
    return Seen(
        namespace=text_of(metadata, "namespace"),
        name=text_of(metadata, "name"),
        generation=number_of(metadata, "generation") or 0,
        observed=_or(number_of(status, "observedGeneration"), UNSEEN),
        made_at=_time(metadata, "creationTimestamp"),
        written_at=_written_at(metadata),
        deleting=bool(metadata.get("deletionTimestamp")),
        profile=text_of(spec, "profile") or "default",
        mode=text_of(spec, "mode") or "Enforce",
        targets=tuple(f"{text_of(each, 'kind')} {text_of(each, 'name')}" for each in maps_of(spec, "targets")),
        release=" ".join(filter(None, (text_of(release, "name"), text_of(release, "version")))),
        wanted_run=text_of(release, "name") or text_of(release, "version"),
        run=text_of(run, "id"),
        run_identity=text_of(map_of(run, "release"), "identity"),
        phase=text_of(status, "phase") or NOT_STARTED,
        phase_since=_time(status, "phaseSince"),
        resume_phase=text_of(status, "resumePhase"),
        stage=text_of(status, "stage"),
        stage_since=_time(status, "stageSince"),
        strength=number_of(status, "strength") or 0,
        outcome=text_of(status, "outcome"),
        window=_window(map_of(status, "window"), run),
        conditions={each.type: each for each in map(_condition, maps_of(status, "conditions"))},
        criteria=tuple(map(_criterion, maps_of(status, "criteria"))),
        alerts=_alerts(map_of(status, "alerts"), map_of(status, "overlay")),
        scaling=tuple(map(_scaling, maps_of(status, "scaling"))),
        blocked=text_of(status, "blocked"),
        summary=text_of(status, "summary"),
        report=text_of(status, "report"),
        reports=tuple(printable(str(each)) for each in list_of(status, "reports")),
        timeline=tuple(
            SeenEvent(_time(each, "time"), text_of(each, "reason"), text_of(each, "message"))
            for each in maps_of(status, "timeline")
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
        extensions_used=number_of(window, "extensionsUsed") or 0,
        last_step_at=_time(window, "lastStepAt"),
    )


def _condition(body: Body) -> SeenCondition:
    return SeenCondition(
        type=text_of(body, "type"),
        status=text_of(body, "status"),
        reason=text_of(body, "reason"),
        message=text_of(body, "message"),
        since=_time(body, "lastTransitionTime"),
        generation=_or(number_of(body, "observedGeneration"), UNSEEN),
    )


def _criterion(body: Body) -> SeenCriterion:
    last = body.get("last")
    return SeenCriterion(
        name=text_of(body, "name"),
        kind=text_of(body, "kind"),
        advisory=body.get("advisory") is True,
        verdict=text_of(body, "verdict") or "Unknown",
        reason=text_of(body, "reason"),
        message=text_of(body, "message"),
        since=_time(body, "since"),
        met_for=_duration(body, "metFor"),
        remaining=_duration(body, "remaining"),
        coverage=text_of(body, "coverage"),
        last=f"{last:.6g}" if isinstance(last, int | float) and not isinstance(last, bool) else "",
        regressed=body.get("regressed") is True,
        final_through=_time(body, "finalThrough"),
    )


def _alerts(alerts: Body, overlay: Body) -> SeenAlerts:
    return SeenAlerts(
        selected=number_of(alerts, "selected") or 0,
        tightened=number_of(alerts, "tightened") or 0,
        untouched=number_of(alerts, "untouched") or 0,
        live_since=_time(overlay, "liveSince"),
        refusals=tuple(
            (text_of(each, "alert"), text_of(each, "reason"), text_of(each, "message"))
            for each in maps_of(alerts, "refusals")
        ),
    )


def _scaling(body: Body) -> SeenScaling:
    return SeenScaling(
        target=text_of(body, "target"),
        object_kind=text_of(body, "kind"),
        object_name=text_of(body, "name"),
        original=number_of(body, "original"),
        floor=number_of(body, "floor"),
        applied=number_of(body, "applied"),
        ready=number_of(body, "ready"),
        state=text_of(body, "state"),
        message=text_of(body, "message"),
    )


def _written_at(metadata: Body) -> int | None:
    """When the status was written last, as the API server remembers it."""
    fields = [each for each in maps_of(metadata, "managedFields") if each.get("subresource") == "status"]
    return max((moment for each in fields if (moment := _time(each, "time")) is not None), default=None)


def _or(value: int | None, other: int) -> int:
    return other if value is None else value


def _time(body: Body, key: str) -> int | None:
    return seconds_of(body.get(key))


def _duration(body: Body, key: str) -> int:
    try:
        return parse_duration(str(body.get(key) or "0s"))
    except InvalidDuration:
        return 0
