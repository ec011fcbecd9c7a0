"""What `status.alerts` tells: each copy with what history said, and each alert that is left alone with the reason."""

from fractions import Fraction
from typing import Any

from hypercare.domain.alert_status import ROWS_LIMIT, render_alerts
from hypercare.domain.alerts.plan import AlertOutcome
from hypercare.domain.alerts.preflight import NOT_ASKED, NoHistory, Tried, WouldFire
from hypercare.domain.alerts.protection import Deliver
from hypercare.domain.alerts.thresholds import ThresholdRule
from hypercare.domain.alerts.tightening import (
    BoundChange,
    MovedThreshold,
    Outcome,
    Tightened,
    Untouched,
    UntouchedReason,
)

MOVED = Tightened(600, 600, threshold=MovedThreshold("x > 4", (BoundChange(">", "5", "4"),)))
SHORTER = Tightened(300, 150)
NO_FOR = Untouched(UntouchedReason.NO_FOR, "it has no for that could be shortened")


def outcome(result: Outcome, preflight: Any = NOT_ASKED, name: str = "Errors") -> AlertOutcome:
    return AlertOutcome("id", "a/b", name, Deliver.NOTIFY, result, preflight)


def test_a_copy_that_was_tried_tells_what_history_showed() -> None:
    tried = Tried(ThresholdRule(Fraction(1, 5)), 100, 1, 86400, "once, from 04:12 to 04:20")

    found = render_alerts([outcome(MOVED, tried)])

    assert (found["selected"], found["tightened"], found["untouched"]) == (1, 1, 0)
    assert found["changes"] == [
        {
            "alert": "Errors",
            "change": "> 5 for 10m, now > 4 for 10m",
            "history": "1d",
            "firedBefore": 1,
            "data": "once, from 04:12 to 04:20",
        }
    ]


def test_a_copy_that_was_not_tried_tells_no_history() -> None:
    kept = Tightened(300, 150, left=(Untouched(UntouchedReason.NO_HISTORY, "Prometheus does not answer"),))

    assert render_alerts([outcome(kept, NoHistory("Prometheus does not answer"))])["changes"] == [
        {
            "alert": "Errors",
            "change": "for 5m, now for 2m30s",
            "reason": "NoHistory",
            "message": "Prometheus does not answer",
        }
    ]
    assert render_alerts([outcome(SHORTER)])["changes"] == [{"alert": "Errors", "change": "for 5m, now for 2m30s"}]


def test_what_is_left_alone_has_its_reason() -> None:
    noise = Untouched(UntouchedReason.WOULD_ALREADY_FIRE, "7 times in 24h")

    found = render_alerts([outcome(noise, WouldFire(7, 86400, "7 times in 24h")), outcome(NO_FOR, name="Down")])

    assert found["changes"] == []
    assert found["refusals"] == [
        {"alert": "Errors", "reason": "WouldAlreadyFire", "message": "7 times in 24h"},
        {"alert": "Down", "reason": "NoFor", "message": "it has no for that could be shortened"},
    ]


def test_of_too_many_copies_those_with_moved_thresholds_are_shown() -> None:
    shorter = [outcome(SHORTER, name=f"S{number:02}") for number in range(ROWS_LIMIT)]
    moved = [outcome(MOVED, name=f"M{number}") for number in range(3)]

    shown = [each["alert"] for each in render_alerts([*shorter, *moved])["changes"]]

    assert shown == ["M0", "M1", "M2", *(f"S{number:02}" for number in range(ROWS_LIMIT - 3))]


def test_long_texts_are_cut_to_what_the_schema_allows() -> None:
    long = outcome(Untouched(UntouchedReason.NO_FOR, "m" * 600), name="n" * 200)
    told = outcome(MOVED, Tried(ThresholdRule(), 100, 0, 60, "d" * 600), name="n" * 200)

    found = render_alerts([long, told])

    assert {key: len(value) for key, value in found["refusals"][0].items()} == {
        "alert": 128,
        "reason": 5,
        "message": 512,
    }
    assert (len(found["changes"][0]["alert"]), len(found["changes"][0]["data"])) == (128, 512)
