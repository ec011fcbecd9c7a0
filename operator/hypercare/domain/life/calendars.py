"""The hours of the week in which relaxing may act, as people write them: days, a time from and a time to, a time zone.

Times are Unix seconds outside and wall-clock time inside: `09:00` stays nine o'clock when the clocks change.
"""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hypercare.domain.fields import Field

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY_SECONDS = 86400
# Two weeks and the days at both ends: where one day of the week is open, a clock change can swallow one opening.
_LONGEST_WAIT_DAYS = 16


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

    def next_opening(self, now: int) -> int:
        """The first moment, from `now` on, that lies inside.

        An opening is either `since` on some day or the moment at which the clocks change: summer time may skip
        `since`, and winter time repeats the hour in which `until` has just passed.
        """
        if self.contains(now):
            return now
        today = datetime.fromtimestamp(now, self.zone).date()
        days = (today + timedelta(days=offset) for offset in range(_LONGEST_WAIT_DAYS))
        locals_ = (datetime.combine(day, self.since, self.zone) for day in days)
        regular = (int(local.replace(fold=fold).timestamp()) for local in locals_ for fold in (0, 1))
        openings = (*regular, *_clock_changes(self.zone, now))
        return min(moment for moment in openings if moment > now and self.contains(moment))


@dataclass(frozen=True)
class Always:
    """No restriction: relaxing may act at any hour."""

    def contains(self, _now: int) -> bool:
        """Every moment lies inside."""
        return True

    def next_opening(self, now: int) -> int:
        """Now."""
        return now


def parse_calendar(field: Field) -> Calendar:
    """Read `spec.relax.during` of a merged spec."""
    since, until = _parse_clock(field.get("from"), "00:00"), _parse_clock(field.get("to"), "23:59")
    if since == until:
        # It would never be open, so relaxing would never end.
        raise field.get("to").error("must differ from `from`")
    return Calendar(_parse_days(field.get("days")), since, until, _parse_zone(field.get("timeZone")))


def _parse_zone(field: Field) -> ZoneInfo:
    name = field.text("UTC")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        # OSError: `Europe` is a directory of the database.
        raise field.error(f"{name!r} is not a time zone of the IANA database") from error


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
        clock = time.fromisoformat(text)
    except ValueError as error:
        raise field.error(f"{text!r} is not a time of day such as 09:00") from error
    if clock.tzinfo:
        raise field.error(f"{text!r} has an offset: a time of day is meant in `timeZone`")
    return clock


def _clock_changes(zone: ZoneInfo, now: int) -> tuple[int, ...]:
    """The moments after `now`, as far as one waits, at which the zone's offset from UTC changes."""
    days = range(now, now + _LONGEST_WAIT_DAYS * _DAY_SECONDS, _DAY_SECONDS)
    return tuple(_clock_change(zone, day) for day in days if _offset(zone, day) != _offset(zone, day + _DAY_SECONDS))


def _clock_change(zone: ZoneInfo, day: int) -> int:
    def changed(moment: int) -> bool:
        return _offset(zone, moment) != _offset(zone, day)

    moments = range(day, day + _DAY_SECONDS + 1)
    return moments[bisect_left(moments, True, key=changed)]


def _offset(zone: ZoneInfo, moment: int) -> timedelta | None:
    return datetime.fromtimestamp(moment, zone).utcoffset()
