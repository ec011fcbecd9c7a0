"""The bounds of a run, and how a spec says them."""

from collections.abc import Mapping

import pytest
from hypothesis import given

from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.life.calendars import Always, Calendar
from hypercare.domain.life.window import (
    Relaxation,
    Stage,
    StartAt,
    StartImmediately,
    StartOnRollout,
    Window,
    parse_relaxation,
    parse_stages,
    parse_time,
    parse_window,
)
from tests.unit.journeys import WINDOWS

HOUR, DAY = 3600, 86400
WINDOW = {
    "start": {"when": "RolloutComplete", "timeout": "30m"},
    "duration": "3d",
    "extension": {"by": "1d", "limit": 3},
    "atLimit": {"hold": "48h", "then": "Relax"},
}
RELAX = {"step": 25, "every": "1h"}


def _window(changes: Mapping[str, object]) -> Window:
    return parse_window(Field("spec.window", {**WINDOW, **changes}), 28 * DAY)


def test_a_window_is_read_whole() -> None:
    assert _window({}) == Window(StartOnRollout(1800), 3 * DAY, DAY, 3, 2 * DAY, 28 * DAY)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ({"when": "Immediately"}, StartImmediately()),
        ({"when": "RolloutComplete"}, StartOnRollout(HOUR)),
        ({"when": "At", "at": "2026-11-20T22:00:00Z"}, StartAt(1_795_212_000, 0)),
        ({"when": "At", "at": "2026-11-20T23:00:00+01:00", "protectBefore": "30m"}, StartAt(1_795_212_000, 1800)),
    ],
)
def test_how_a_window_starts(start: dict[str, str], expected: object) -> None:
    assert _window({"start": start}).start == expected


def test_protecting_begins_before_a_set_start() -> None:
    assert StartAt(1_795_212_000, 1800).protect_from == 1_795_210_200


def test_a_time_without_a_zone_is_utc() -> None:
    assert parse_time(Field("at", "2026-11-20T22:00:00")) == 1_795_212_000


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"duration": "0s"}, "spec.window.duration"),
        ({"duration": "3 days"}, "spec.window.duration"),
        ({"duration": None}, "spec.window.duration"),
        ({"start": {}}, "spec.window.start.when"),
        ({"start": {"when": "Soon"}}, "spec.window.start.when"),
        ({"start": {"when": "At"}}, "spec.window.start.at"),
        ({"start": {"when": "At", "at": "tomorrow"}}, "spec.window.start.at"),
        ({"extension": {"by": "1d", "limit": -1}}, "spec.window.extension.limit"),
        ({"atLimit": {}}, "spec.window.atLimit.hold"),
    ],
)
def test_a_refused_window_names_its_field(changes: dict[str, object], path: str) -> None:
    with pytest.raises(InvalidField) as refused:
        _window(changes)
    assert refused.value.path == path


def test_extensions_push_the_planned_end_up_to_the_hard_end() -> None:
    window = _window({})
    assert [window.planned_end(0, used) for used in range(5)] == [3 * DAY, 4 * DAY, 5 * DAY, 6 * DAY, 6 * DAY]
    assert window.hard_end(0) == 6 * DAY
    assert not window.limited


def test_the_profile_caps_everything_up_to_the_hard_end() -> None:
    window = parse_window(Field("spec.window", WINDOW), 4 * DAY)
    assert window.hard_end(100) == 100 + 4 * DAY
    assert window.planned_end(100, 2) == 100 + 4 * DAY
    assert window.limited


def test_a_window_without_extensions_ends_hard_where_it_is_planned() -> None:
    window = _window({"extension": None})
    assert window.planned_end(0, 0) == window.hard_end(0) == 3 * DAY


@given(WINDOWS)
def test_the_planned_end_never_lies_after_the_hard_end(window: Window) -> None:
    ends = [window.planned_end(0, used) for used in range(window.extension_limit + 2)]
    assert ends == sorted(ends)
    assert ends[-1] <= window.hard_end(0) <= window.max_seconds


def test_stages_are_read_in_their_order() -> None:
    spec = [{"name": "intensive", "strength": 100, "minDuration": "24h"}, {"name": "elevated", "strength": 50}]
    assert parse_stages(Field("spec.stages", spec), DAY) == (Stage("intensive", 100, DAY), Stage("elevated", 50, 0))


def _stage(name: str, strength: object, minimum: str = "0") -> dict[str, object]:
    return {"name": name, "strength": strength, "minDuration": minimum}


@pytest.mark.parametrize(
    ("sentence", "stages", "path"),
    [
        ("At least one.", [], "spec.stages"),
        ("No strength of zero.", [_stage("a", 0)], "spec.stages"),
        ("No strength above full.", [_stage("a", 101)], "spec.stages"),
        ("Strengths fall.", [_stage("a", 50), _stage("b", 100)], "spec.stages"),
        ("Strengths differ.", [_stage("a", 50), _stage("b", 50)], "spec.stages"),
        ("Names differ.", [_stage("a", 100), _stage("a", 50)], "spec.stages"),
        ("Together no longer than the window.", [_stage("a", 100, "2h"), _stage("b", 50, "2h")], "spec.stages"),
        ("A strength is a whole number.", [_stage("a", "100%")], "spec.stages[0].strength"),
        ("A stage has a name.", [{"strength": 100}], "spec.stages[0].name"),
    ],
)
def test_refused_stages_name_their_field(sentence: str, stages: list[object], path: str) -> None:
    with pytest.raises(InvalidField) as refused:
        parse_stages(Field("spec.stages", stages), 3 * HOUR)
    assert refused.value.path == path


def test_relaxing_is_guarded_and_unrestricted_by_default() -> None:
    assert parse_relaxation(Field("spec.relax", RELAX)) == Relaxation(25, HOUR, True, Always())


def test_relaxing_may_be_bound_to_hours() -> None:
    during = {"days": "Mon-Fri", "from": "09:00", "to": "16:00", "timeZone": "Europe/Lisbon"}
    relax = parse_relaxation(Field("spec.relax", {**RELAX, "guard": False, "during": during}))
    assert isinstance(relax.during, Calendar)
    assert not relax.guard


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"step": 0}, "spec.relax.step"),
        ({"step": 101}, "spec.relax.step"),
        ({"step": None}, "spec.relax.step"),
        ({"every": "often"}, "spec.relax.every"),
        ({"guard": "yes"}, "spec.relax.guard"),
        ({"during": {"days": "Someday"}}, "spec.relax.during.days"),
    ],
)
def test_refused_relaxing_names_its_field(changes: dict[str, object], path: str) -> None:
    with pytest.raises(InvalidField) as refused:
        parse_relaxation(Field("spec.relax", {**RELAX, **changes}))
    assert refused.value.path == path
