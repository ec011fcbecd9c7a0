"""The hours in which relaxing may act: what lies inside, and when they open next, also where the clocks change."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.life.calendars import Always, Calendar, parse_calendar

DAY = 86400


def _calendar(spec: dict[str, str]) -> Calendar:
    return parse_calendar(Field("spec.relax.during", spec))


def _utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


OFFICE = _calendar({"days": "Mon-Fri", "from": "09:00", "to": "16:00", "timeZone": "Europe/Lisbon"})
NIGHT = _calendar({"days": "Fri", "from": "22:00", "to": "02:00", "timeZone": "UTC"})


@pytest.mark.parametrize(
    ("sentence", "calendar", "moment", "inside"),
    [
        ("The first minute belongs to it.", OFFICE, "2026-11-20T09:00", True),
        ("The minute before does not.", OFFICE, "2026-11-20T08:59", False),
        ("The end does not.", OFFICE, "2026-11-20T16:00", False),
        ("Saturday does not.", OFFICE, "2026-11-21T10:00", False),
        ("In summer, nine in Lisbon is eight in UTC.", OFFICE, "2026-07-03T08:00", True),
        ("A night begins on its day.", NIGHT, "2026-11-20T22:00", True),
        ("A night goes on after midnight.", NIGHT, "2026-11-21T01:59", True),
        ("A night ends.", NIGHT, "2026-11-21T02:00", False),
        ("The night before Friday is not Friday's.", NIGHT, "2026-11-20T01:00", False),
        ("Saturday evening is not Friday's night.", NIGHT, "2026-11-21T23:00", False),
    ],
)
def test_contains(sentence: str, calendar: Calendar, moment: str, inside: bool) -> None:
    assert calendar.contains(_utc(moment)) is inside


GAP = _calendar({"days": "Sun", "from": "02:30", "to": "04:00", "timeZone": "Europe/Berlin"})
SWALLOWED = _calendar({"days": "Sun", "from": "02:10", "to": "02:50", "timeZone": "Europe/Berlin"})
REPEATED = _calendar({"days": "Sun", "from": "01:00", "to": "02:30", "timeZone": "Europe/Berlin"})
TWICE = _calendar({"days": "Sun", "from": "02:30", "to": "02:45", "timeZone": "Europe/Berlin"})


@pytest.mark.parametrize(
    ("sentence", "calendar", "now", "opening"),
    [
        ("Inside is now.", OFFICE, "2026-11-20T10:00", "2026-11-20T10:00"),
        ("Later the same day.", OFFICE, "2026-11-20T03:00", "2026-11-20T09:00"),
        ("After the weekend.", OFFICE, "2026-11-20T16:00", "2026-11-23T09:00"),
        ("A week later.", NIGHT, "2026-11-21T02:00", "2026-11-27T22:00"),
        (
            "Half past two is skipped in spring: it opens as the clocks change.",
            GAP,
            "2026-03-29T00:00",
            "2026-03-29T01:00",
        ),
        ("An opening that spring swallows comes a week later.", SWALLOWED, "2026-03-28T12:00", "2026-04-05T00:10"),
        ("In autumn the clocks go back into the hours.", REPEATED, "2026-10-25T00:30", "2026-10-25T01:00"),
        ("In autumn the same hour comes twice: first.", TWICE, "2026-10-25T00:00", "2026-10-25T00:30"),
        ("In autumn the same hour comes twice: second.", TWICE, "2026-10-25T00:45", "2026-10-25T01:30"),
    ],
)
def test_next_opening(sentence: str, calendar: Calendar, now: str, opening: str) -> None:
    assert calendar.next_opening(_utc(now)) == _utc(opening)


def test_no_restriction_is_open_now() -> None:
    assert Always().contains(17)
    assert Always().next_opening(17) == 17


CALENDARS = st.builds(
    Calendar,
    days=st.frozensets(st.integers(0, 6), min_size=1),
    since=st.times().map(lambda clock: clock.replace(second=0, microsecond=0)),
    until=st.times().map(lambda clock: clock.replace(second=0, microsecond=0)),
    zone=st.sampled_from(("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")).map(
        ZoneInfo
    ),
)
MOMENTS = st.integers(_utc("2026-01-01T00:00"), _utc("2026-12-31T00:00"))


@given(CALENDARS, MOMENTS, st.lists(st.floats(0, 1, exclude_max=True), min_size=10))
def test_an_opening_is_inside_and_nothing_before_it_is(calendar: Calendar, now: int, shares: list[float]) -> None:
    assume(calendar.since != calendar.until)
    opening = calendar.next_opening(now)
    assert calendar.contains(opening)
    assert now <= opening <= now + 15 * DAY
    waited = range(now, opening)
    assert not any(calendar.contains(waited[int(len(waited) * share)]) for share in shares if waited)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("Mon-Fri", {0, 1, 2, 3, 4}),
        ("Sat", {5}),
        ("Sat-Mon", {5, 6, 0}),
        ("Mon, Wed-Thu", {0, 2, 3}),
        ("Mon-Sun", {0, 1, 2, 3, 4, 5, 6}),
    ],
)
def test_days(days: str, expected: set[int]) -> None:
    assert _calendar({"days": days}).days == expected


def test_what_is_left_out_is_every_day_in_utc() -> None:
    assert _calendar({}) == Calendar(frozenset(range(7)), time(0), time(23, 59), ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("sentence", "spec", "field"),
    [
        ("A day that does not exist.", {"days": "Mon-Foo"}, "days"),
        ("No day at all.", {"days": ""}, "days"),
        ("An hour that does not exist.", {"from": "25:00"}, "from"),
        ("An offset, where timeZone is meant.", {"to": "16:00+01:00"}, "to"),
        ("Hours that are never open would keep relaxing for ever.", {"from": "09:00", "to": "09:00"}, "to"),
        ("A zone that does not exist.", {"timeZone": "Europe/Nowhere"}, "timeZone"),
        ("A continent is not a zone.", {"timeZone": "Europe"}, "timeZone"),
        ("A path is not a zone.", {"timeZone": "../etc/passwd"}, "timeZone"),
        ("An empty zone.", {"timeZone": ""}, "timeZone"),
    ],
)
def test_refused_hours_name_their_field(sentence: str, spec: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidField) as refused:
        _calendar(spec)
    assert refused.value.path == f"spec.relax.during.{field}"
