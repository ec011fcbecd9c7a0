"""Prometheus durations: what is read, what is refused, and that what is written is read back."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hypercare.domain.durations import InvalidDuration, format_duration, parse_duration

UNITS = {"y": 31_536_000, "w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}

READ = [
    ("a unit alone", "90s", 90),
    ("minutes", "30m", 1800),
    ("hours", "12h", 43_200),
    ("days have 24 hours", "7d", 604_800),
    ("a week has seven days", "1w", 604_800),
    ("a year has 365 days", "1y", 31_536_000),
    ("units add up", "1h30m", 5400),
    ("units may be skipped between two others", "1d5s", 86_405),
    ("all units at once", "1y1w1d1h1m1s", 31_536_000 + 604_800 + 86_400 + 3600 + 60 + 1),
    ("an amount may exceed its unit", "36h", 129_600),
    ("leading zeros count for nothing", "05m", 300),
    ("zero needs no unit", "0", 0),
    ("zero with a unit", "0s", 0),
]

REFUSED = [
    ("nothing at all", ""),
    ("a number without a unit", "90"),
    ("a unit without a number", "h"),
    ("milliseconds: nothing here is shorter than a second", "500ms"),
    ("an unknown unit", "3q"),
    ("a capital unit", "3H"),
    ("a unit twice", "1h2h"),
    ("units out of order", "30m1h"),
    ("a sign", "-5m"),
    ("a fraction", "1.5h"),
    ("more digits than any time has", "9" * 5000 + "h"),
    ("blanks around it", " 5m"),
    ("blanks inside", "1h 30m"),
    ("a line end behind it", "5m\n"),
    ("digits of another script", "٣m"),
]


@pytest.mark.parametrize(("text", "seconds"), [case[1:] for case in READ], ids=[case[0] for case in READ])
def test_durations_are_read_as_whole_seconds(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", [case[1] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_is_no_duration_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(InvalidDuration) as refusal:
        parse_duration(text)
    assert repr(text) in str(refusal.value)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (-5, "0s"), (59, "59s"), (60, "1m"), (5400, "1h30m"), (129_600, "1d12h"), (31_536_000, "365d")],
)
def test_durations_are_written_as_people_write_them(seconds: int, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(min_value=0, max_value=10**10))
@example(0)
@example(86_399)
def test_what_is_written_is_read_back(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.dictionaries(st.sampled_from(sorted(UNITS)), st.integers(0, 10_000), min_size=1))
def test_any_combination_of_units_in_falling_order_adds_up(amounts: dict[str, int]) -> None:
    text = "".join(f"{amounts[unit]}{unit}" for unit in UNITS if unit in amounts)
    assert parse_duration(text) == sum(amount * UNITS[unit] for unit, amount in amounts.items())


@given(st.text(alphabet="0123456789ywdhms -.", max_size=12))
def test_any_other_text_is_read_or_refused_but_never_crashes(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except InvalidDuration:
        return
    assert seconds >= 0
    assert text[-1] in UNITS or text == "0"
