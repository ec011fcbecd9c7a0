"""The window of a run: how it starts, when it should end, when it must, and when relaxing may act.

Times are Unix seconds. The rules are those of the life table (docs/concepts.md): the planned end is the latest regular
start of relaxing, extensions push it, the hard end bounds everything.
"""

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from hypercare.domain.fields import Field
from hypercare.domain.life.calendars import Always, Calendar, parse_calendar
from hypercare.domain.timestamps import parse_timestamp

DEFAULT_START_TIMEOUT_SECONDS = 3600


class StartWhen(StrEnum):
    """What opens the window."""

    ROLLOUT_COMPLETE = "RolloutComplete"
    IMMEDIATELY = "Immediately"
    AT = "At"


@dataclass(frozen=True)
class StartImmediately:
    """The window opens at the first visit."""


@dataclass(frozen=True)
class StartOnRollout:
    """The window opens when the targets run the release, or `timeout_seconds` after the run was seen first."""

    timeout_seconds: int


@dataclass(frozen=True)
class StartAt:
    """The window opens at `at`; protections are applied `protect_before_seconds` earlier."""

    at: int
    protect_before_seconds: int

    @property
    def protect_from(self) -> int:
        """The moment from which protections are applied."""
        return self.at - self.protect_before_seconds


Start = StartImmediately | StartOnRollout | StartAt


@dataclass(frozen=True)
class Window:
    """The bounds of a run. `max_seconds` is the profile's cap on everything up to the hard end."""

    start: Start
    duration_seconds: int
    extend_by_seconds: int
    extension_limit: int
    hold_seconds: int
    max_seconds: int

    def planned_end(self, started_at: int, extensions_used: int) -> int:
        """The latest regular start of relaxing."""
        planned = started_at + self.duration_seconds + extensions_used * self.extend_by_seconds
        return min(planned, self.hard_end(started_at))

    def hard_end(self, started_at: int) -> int:
        """When a period that still lacks evidence asks for a decision, whatever happens."""
        longest = self.duration_seconds + self.extend_by_seconds * self.extension_limit
        return started_at + min(longest, self.max_seconds)

    @property
    def limited(self) -> bool:
        """Whether the profile's `maxDuration` cuts what the period asks for."""
        return self.duration_seconds + self.extend_by_seconds * self.extension_limit > self.max_seconds


@dataclass(frozen=True)
class Relaxation:
    """How strength comes down: `step` points every `every_seconds`; with `guard` the criteria are watched meanwhile."""

    step: int
    every_seconds: int
    guard: bool
    during: Calendar | Always


@dataclass(frozen=True)
class Stage:
    """A stretch of the window at one strength (1..100), held at least `min_seconds`."""

    name: str
    strength: int
    min_seconds: int


def parse_window(field: Field, max_seconds: int) -> Window:
    """Read `spec.window` of a merged spec; `max_seconds` is the profile's `limits.maxDuration`."""
    extension, limit = field.get("extension"), field.get("atLimit")
    return Window(
        start=_parse_start(field.get("start")),
        duration_seconds=_positive(field.get("duration")),
        extend_by_seconds=extension.get("by").seconds(0),
        extension_limit=_not_negative(extension.get("limit"), 0),
        hold_seconds=limit.get("hold").seconds(),
        max_seconds=max_seconds,
    )


def parse_relaxation(field: Field) -> Relaxation:
    """Read `spec.relax` of a merged spec."""
    step = field.get("step")
    if not 1 <= step.integer() <= 100:
        raise step.error("must be between 1 and 100")
    during = field.get("during")
    return Relaxation(
        step=step.integer(),
        every_seconds=field.get("every").seconds(),
        guard=field.get("guard").flag(True),
        during=parse_calendar(during) if during.present else Always(),
    )


def parse_stages(field: Field, duration_seconds: int) -> tuple[Stage, ...]:
    """Read `spec.stages`: at least one, strengths falling, and together no longer than the window."""
    stages = tuple(
        Stage(item.get("name").text(), item.get("strength").integer(), item.get("minDuration").seconds(0))
        for item in field.items()
    )
    if not stages:
        raise field.error("needs at least one stage")
    strengths = [stage.strength for stage in stages]
    if not all(1 <= strength <= 100 for strength in strengths):
        raise field.error("strengths lie between 1 and 100")
    if any(later >= earlier for earlier, later in pairwise(strengths)):
        raise field.error("strengths must fall from stage to stage")
    if len({stage.name for stage in stages}) < len(stages):
        raise field.error("stage names must be unique")
    if sum(stage.min_seconds for stage in stages) > duration_seconds:
        raise field.error("the sum of minDuration must not exceed spec.window.duration")
    return stages


def parse_time(field: Field) -> int:
    """Read an RFC 3339 timestamp as Unix seconds."""
    text = field.text()
    try:
        return parse_timestamp(text)
    except ValueError as error:
        raise field.error(f"{text!r} is not an RFC 3339 time such as 2026-11-20T22:00:00Z") from error


def _parse_start(field: Field) -> Start:
    match field.get("when").choice(StartWhen):
        case StartWhen.IMMEDIATELY:
            return StartImmediately()
        case StartWhen.AT:
            return StartAt(parse_time(field.get("at")), field.get("protectBefore").seconds(0))
        case StartWhen.ROLLOUT_COMPLETE:
            return StartOnRollout(field.get("timeout").seconds(DEFAULT_START_TIMEOUT_SECONDS))


def _positive(field: Field) -> int:
    seconds = field.seconds()
    if seconds <= 0:
        raise field.error("must be longer than zero")
    return seconds


def _not_negative(field: Field, default: int) -> int:
    number = field.integer(default)
    if number < 0:
        raise field.error("must not be negative")
    return number
