"""The stored facts of a life, to and from the status of a period.

Only what the next visit needs is read back; everything else in status is for people and is written anew each time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypercare.domain.fields import Field
from hypercare.domain.life.facts import Life, Outcome, Phase
from hypercare.domain.life.release import Run
from hypercare.domain.life.window import parse_time
from hypercare.domain.timestamps import timestamp

TIMELINE_LIMIT = 50
_TIMELINE_MESSAGE_LIMIT = 256


@dataclass(frozen=True)
class Unvisited:
    """No operator has begun a run for this object yet."""


@dataclass(frozen=True)
class TimelineEntry:
    """Something that happened, in the report's words. `time` in Unix seconds."""

    time: int
    reason: str
    message: str


def read_life(status: Mapping[str, Any]) -> Life | Unvisited:
    """Read the life from a stored status.

    Raises:
        InvalidField: somebody else wrote the status, and it cannot be used.
    """
    field = Field("status", status)
    run = field.get("run")
    if not run.get("id").present:
        return Unvisited()
    window = field.get("window")
    return Life(
        run=_read_run(run),
        phase=field.get("phase").choice(Phase),
        phase_since=parse_time(field.get("phaseSince")),
        stage=field.get("stage").text(""),
        stage_since=parse_time(field.get("stageSince")),
        strength=field.get("strength").integer(),
        strength_since=parse_time(field.get("strengthSince")),
        started_at=_optional_time(window.get("startedAt")),
        extensions_used=window.get("extensionsUsed").integer(0),
        outcome=field.get("outcome").choice(Outcome) if field.get("outcome").present else None,
        resume=field.get("resumePhase").choice(Phase) if field.get("resumePhase").present else None,
        last_step_at=_optional_time(window.get("lastStepAt")),
        rollout_since=_optional_time(window.get("rolloutSince")),
        streak_floor=_optional_time(window.get("streakFloor")),
    )


def render_life(life: Life) -> dict[str, Any]:
    """Render the life as part of a status; absent facts are left out."""
    return {
        "phase": life.phase.value,
        "phaseSince": timestamp(life.phase_since),
        "run": {
            "id": life.run.id,
            "counter": life.run.counter,
            "release": {
                "identity": life.run.identity,
                "version": life.run.version,
                "previous": life.run.before,
                "statedPrevious": life.run.previous,
            },
            "createdAt": timestamp(life.run.created_at),
            "versionSince": timestamp(life.run.version_since),
        },
        "stage": life.stage,
        "stageSince": timestamp(life.stage_since),
        "strength": life.strength,
        "strengthSince": timestamp(life.strength_since),
        **({"outcome": life.outcome.value} if life.outcome else {}),
        **({"resumePhase": life.resume.value} if life.resume else {}),
        "window": {
            "extensionsUsed": life.extensions_used,
            **_times(
                {
                    "startedAt": life.started_at,
                    "lastStepAt": life.last_step_at,
                    "rolloutSince": life.rollout_since,
                    "streakFloor": life.streak_floor,
                }
            ),
        },
    }


def read_timeline(status: Mapping[str, Any]) -> tuple[TimelineEntry, ...]:
    """Read what has happened so far in this run, oldest first."""
    return tuple(
        TimelineEntry(parse_time(entry.get("time")), entry.get("reason").text(), entry.get("message").text(""))
        for entry in Field("status", status).get("timeline").items()
    )


def render_timeline(entries: tuple[TimelineEntry, ...]) -> list[dict[str, str]]:
    """Render the timeline in the order of time, bounded: the first entry stays, the oldest of the rest go.

    What is found later, as after an absence, takes its place among what was known.
    """
    entries = tuple(sorted(entries, key=lambda entry: entry.time))
    kept = entries if len(entries) <= TIMELINE_LIMIT else (entries[0], *entries[-(TIMELINE_LIMIT - 1) :])
    return [
        {
            "time": timestamp(entry.time),
            "reason": entry.reason,
            "message": entry.message[:_TIMELINE_MESSAGE_LIMIT],
        }
        for entry in kept
    ]


def _times(moments: Mapping[str, int | None]) -> dict[str, str]:
    return {name: timestamp(moment) for name, moment in moments.items() if moment is not None}


def _optional_time(field: Field) -> int | None:
    return parse_time(field) if field.present else None


def _read_run(field: Field) -> Run:
    release = field.get("release")
    return Run(
        counter=field.get("counter").integer(),
        id=field.get("id").text(),
        identity=release.get("identity").text(),
        version=release.get("version").text(),
        before=release.get("previous").text(""),
        created_at=parse_time(field.get("createdAt")),
        version_since=parse_time(field.get("versionSince")),
        previous=release.get("statedPrevious").text(""),
    )
