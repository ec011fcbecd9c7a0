"""The window of a run: how it starts, when it should end, when it must, and when relaxing may act.

Times are Unix seconds. The rules are those of the life table (docs/concepts.md): the planned end is the latest regular
start of relaxing, extensions push it, the hard end bounds everything.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hypercare.domain.fields import Field

DEFAULT_START_TIMEOUT_SECONDS = 3600
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


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
class Calendar:
    """The hours of the week in which relaxing may act, in a named time zone.

    `until` earlier than `since` spans midnight and belongs to the day on which it begins.
    """

    days: frozenset[int]
    since: time
    until: time
    zone: ZoneInfo

    def contains(self, now: int) -> bool:
        """Whether the moment lies inside."""
        local = datetime.fromtimestamp(now, self.zone)
        clock = local.time()
        if self.since <= self.until:
            return local.weekday() in self.days and self.since <= clock < self.until
        yesterday = (local - timedelta(days=1)).weekday()
        return (local.weekday() in self.days and clock >= self.since) or (yesterday in self.days and clock < self.until)


@dataclass(frozen=True)
class Always:
    """No restriction: relaxing may act at any hour."""

    def contains(self, _now: int) -> bool:
        """Every moment lies inside."""
        return True


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
        extension_limit=extension.get("limit").integer(0),
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
        during=_parse_calendar(during) if during.present else Always(),
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
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise field.error(f"{text!r} is not an RFC 3339 time such as 2026-11-20T22:00:00Z") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


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


def _parse_calendar(field: Field) -> Calendar:
    zone = field.get("timeZone")
    try:
        info = ZoneInfo(zone.text("UTC"))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise zone.error(f"{zone.text()!r} is not a time zone of the IANA database") from error
    return Calendar(
        days=_parse_days(field.get("days")),
        since=_parse_clock(field.get("from"), "00:00"),
        until=_parse_clock(field.get("to"), "23:59"),
        zone=info,
    )


def _parse_days(field: Field) -> frozenset[int]:
    days: set[int] = set()
    for part in field.text("Mon-Sun").split(","):
        first, _, last = part.strip().partition("-")
        if first not in _DAYS or (last and last not in _DAYS):
            raise field.error(f"{part!r} is not a day or a range of days such as Mon-Fri")
        begin, end = _DAYS.index(first), _DAYS.index(last or first)
        days.update((begin + offset) % 7 for offset in range((end - begin) % 7 + 1))
    return frozenset(days)


def _parse_clock(field: Field, default: str) -> time:
    text = field.text(default)
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise field.error(f"{text!r} is not a time of day such as 09:00") from error
