"""The status: what people and programs see of a visit, and within the schema whatever is in it."""

from dataclasses import replace
from typing import Any

import pytest

from hypercare.domain.alerts.plan import AlertOutcome
from hypercare.domain.alerts.protection import Deliver
from hypercare.domain.alerts.tightening import Tightened, Untouched, UntouchedReason
from hypercare.domain.conditions import (
    Condition,
    ConditionStatus,
    ConditionType,
    Problem,
    read_conditions,
    stamp,
    unknown,
)
from hypercare.domain.life.facts import Life
from hypercare.domain.rendering import render_begun, render_refused
from hypercare.domain.snapshot import NoneWanted, Overlay
from hypercare.domain.status import read_life, read_timeline
from hypercare.domain.timestamps import timestamp
from tests.unit.lives import (
    ACTIVE,
    COMPLETED,
    DECISION_NEEDED,
    ENDED,
    EXTENDED,
    HOUR,
    LAST_STAGE,
    MINUTE,
    PENDING,
    PLACES,
    QUIET,
    RELAXING_MET,
    RUN,
    T0,
    suspended,
)
from tests.unit.schema import violations
from tests.unit.snapshots import LIVE_OVERLAY, NO_OVERLAY_PLAN, UNTOLD, findings, snapshot
from tests.unit.statuses import ENTRY, SCHEMA, rendered

PROBLEM = Problem("spec.window.duration", "InvalidSpec", "must be longer than zero", stalls=True)


def test_a_status_as_people_see_it() -> None:
    life = replace(LAST_STAGE, extensions_used=1)
    status = rendered(snapshot(life))
    conditions = status.pop("conditions")
    assert status == {
        "observedGeneration": 3,
        "acceptedGeneration": 0,
        "phase": "Active",
        "phaseSince": timestamp(T0 + 5 * MINUTE),
        "run": {
            "id": RUN.id,
            "counter": 1,
            "release": {"identity": "autumn", "version": "2.4.0", "previous": "2.3.8", "statedPrevious": "2.3.9"},
            "createdAt": timestamp(T0),
            "versionSince": timestamp(T0),
        },
        "stage": "elevated",
        "stageSince": timestamp(T0 + 4 * HOUR),
        "strength": 50,
        "strengthSince": timestamp(T0 + 4 * HOUR),
        "window": {
            "extensionsUsed": 1,
            "startedAt": timestamp(T0),
            "plannedEnd": timestamp(T0 + 14 * HOUR),
            "hardEnd": timestamp(T0 + 16 * HOUR),
        },
        "overlay": {
            "name": "hypercare-checkout",
            "revision": status["overlay"]["revision"],
            "groups": 1,
            "liveSince": timestamp(T0),
        },
        "criteria": [{"name": "errors", "verdict": "Met", "message": "Values were below 5 for 1h"}],
        "alerts": {
            "selected": 1,
            "tightened": 0,
            "untouched": 1,
            "changes": [],
            "refusals": status["alerts"]["refusals"],
        },
        "scaling": status["scaling"],
        "blocked": "stage elevated (1h left)",
        "summary": "The exit criterion is met; stage elevated lasts 1h more, relaxing begins at "
        f"{timestamp(QUIET + HOUR)} at the earliest",
        "ends": timestamp(T0 + 14 * HOUR)[:16] + "Z (extended 1x)",
        "timeline": [{"time": timestamp(T0), "reason": "RunStarted", "message": "Run r1 began"}],
    }
    assert [each["type"] for each in conditions] == list(ConditionType)
    assert {each["observedGeneration"] for each in conditions} == {3}


@pytest.mark.parametrize("place", PLACES)
def test_every_life_fits_the_schema_and_comes_back(place: str) -> None:
    status = rendered(snapshot(PLACES[place]))
    assert list(violations(SCHEMA, status)) == []
    assert read_life(status) == PLACES[place]
    assert read_timeline(status) == (ENTRY,)
    assert len(read_conditions(status)) == len(ConditionType)


SUMMARIES: tuple[tuple[Life, str, str, str], ...] = (
    (PENDING, "Waiting for the start: Deployment checkout runs 2.4.0", "start", "-"),
    (
        ACTIVE,
        "The exit criterion is met; stage intensive lasts 1h more, "
        f"relaxing begins at {timestamp(QUIET + 3 * HOUR)} at the earliest",
        "stage intensive (1h left)",
        timestamp(T0 + 12 * HOUR)[:16] + "Z",
    ),
    (
        EXTENDED,
        f"The exit criterion is met; relaxing begins at {timestamp(QUIET)} at the earliest",
        "-",
        timestamp(T0 + 14 * HOUR)[:16] + "Z (extended 1x)",
    ),
    (
        RELAXING_MET,
        "Relaxing (Met) at 25%: The exit criterion is met; "
        f"the next step down is due at {timestamp(QUIET + 30 * MINUTE)}",
        "-",
        timestamp(T0 + 12 * HOUR)[:16] + "Z",
    ),
    (
        suspended(ACTIVE),
        f"Evaluation is suspended; the clock goes on, the hard end is {timestamp(T0 + 16 * HOUR)}",
        "suspended",
        timestamp(T0 + 12 * HOUR)[:16] + "Z",
    ),
    (
        DECISION_NEEDED,
        f"The hard end has come without the evidence, and protections are held until {timestamp(QUIET + 3 * HOUR)}: "
        "release a fix, roll back, or move the hard end (window.duration, window.extension). The exit criterion is met",
        "decision",
        f"held until {timestamp(QUIET + 3 * HOUR)[:16]}Z",
    ),
    (COMPLETED, "Completed: the exit criteria were met and everything is restored", "-", "-"),
    (ENDED, "Ended without success (RolledBack); everything is restored", "-", "-"),
)


@pytest.mark.parametrize(
    ("life", "summary", "blocked", "ends"), SUMMARIES, ids=[str(each[0].phase) for each in SUMMARIES]
)
def test_columns(life: Life, summary: str, blocked: str, ends: str) -> None:
    status = rendered(snapshot(life))
    assert (status["summary"], status["blocked"], status["ends"]) == (summary, blocked, ends)


class TestAlerts:
    """What became of the selected alerts."""

    def outcomes(self, count: int) -> tuple[AlertOutcome, ...]:
        refusal = Untouched(UntouchedReason.NO_FOR, "it has no for")
        refused = [AlertOutcome("i", "g", f"Alert{number:02}", Deliver.NOTIFY, refusal) for number in range(count)]
        return (AlertOutcome("i", "g", "Errors", Deliver.NOTIFY, Tightened(600, 300)), *refused)

    def overlay(self, count: int) -> Overlay:
        return replace(LIVE_OVERLAY, plan=replace(LIVE_OVERLAY.plan, outcomes=self.outcomes(count)))

    def test_refusals_are_counted_all_and_listed_up_to_twenty(self) -> None:
        alerts = rendered(snapshot(overlay=self.overlay(25)))["alerts"]
        assert (alerts["selected"], alerts["tightened"], alerts["untouched"]) == (26, 1, 25)
        assert [each["alert"] for each in alerts["refusals"]] == [f"Alert{number:02}" for number in range(20)]
        assert alerts["refusals"][0] == {"alert": "Alert00", "reason": "NoFor", "message": "it has no for"}

    def test_what_was_tightened_stays_known_at_strength_0(self) -> None:
        relaxed = replace(RELAXING_MET, strength=0)
        known = {"selected": 7, "tightened": 5, "untouched": 2, "refusals": []}
        gone = Overlay(NO_OVERLAY_PLAN, NoneWanted(), T0, 30)
        before = replace(UNTOLD, alerts=known)
        assert rendered(snapshot(relaxed, overlay=gone, stored=before))["alerts"] == known
        assert rendered(snapshot(relaxed, overlay=gone))["alerts"]["selected"] == 0

    def test_no_overlay_is_named_where_none_is_wanted(self) -> None:
        never = Overlay(NO_OVERLAY_PLAN, NoneWanted(), 0, 30)
        assert rendered(snapshot(overlay=never))["overlay"] == {}
        assert rendered(snapshot(overlay=replace(never, live_since=T0)))["overlay"] == {"liveSince": timestamp(T0)}


class TestReports:
    """Reports are listed for as long as they exist."""

    def test_a_run_without_a_report_lists_those_before_it(self) -> None:
        status = rendered(snapshot(stored=replace(UNTOLD, reports=("one", "two"))))
        assert "report" not in status
        assert status["reports"] == ["one", "two"]

    def test_a_run_with_a_report_names_it(self) -> None:
        status = rendered(snapshot(COMPLETED, stored=replace(UNTOLD, report="two", reports=("one", "two"))))
        assert status["report"] == "two"
        assert status["reports"] == ["one", "two"]


def test_a_run_that_begins_has_nothing_of_an_earlier_one() -> None:
    conditions = stamp([unknown(kind, "RunStarted") for kind in ConditionType], {}, 4, T0)
    status = render_begun(PENDING, conditions, 4, ENTRY)
    assert list(violations(SCHEMA, status)) == []
    assert set(status) & {"criteria", "overlay", "outcome", "report", "ends"} == set()
    assert read_life(status) == PENDING


class TestRefused:
    """A period that cannot be worked for says why; its life stands still."""

    def test_one_that_was_never_visited_is_pending(self) -> None:
        status = render_refused({"observedGeneration": -1}, PROBLEM, 1, T0)
        assert list(violations(SCHEMA, status)) == []
        assert (status["phase"], status["observedGeneration"], status["blocked"]) == ("Pending", 1, "InvalidSpec")
        assert status["summary"] == "spec.window.duration: must be longer than zero"
        assert [each["type"] for each in status["conditions"]] == list(ConditionType)

    def test_an_open_run_keeps_everything_but_its_conditions(self) -> None:
        before = rendered(snapshot())
        status = render_refused(before, PROBLEM, 4, QUIET + 5)
        told = {"observedGeneration", "blocked", "summary", "conditions"}
        assert {key: status[key] for key in set(status) - told} == {key: before[key] for key in set(before) - told}
        assert read_conditions(status)[ConditionType.STALLED].condition.reason == "InvalidSpec"

    def test_a_run_that_is_over_keeps_what_it_has_achieved(self) -> None:
        status = render_refused(rendered(snapshot(COMPLETED)), PROBLEM, 4, QUIET + 5)
        found = read_conditions(status)
        assert found[ConditionType.SUCCEEDED].condition.status is ConditionStatus.TRUE
        assert found[ConditionType.READY].condition.status is ConditionStatus.TRUE
        assert {each["observedGeneration"] for each in status["conditions"]} == {4}
        assert status["summary"] == str(PROBLEM)
        assert status["blocked"] == "-"

    def test_a_long_problem_is_cut(self) -> None:
        status = render_refused({}, replace(PROBLEM, message="x" * 5000), 1, T0)
        assert list(violations(SCHEMA, status)) == []

    def test_it_says_the_same_again_until_something_changes(self) -> None:
        once = render_refused(rendered(snapshot()), PROBLEM, 4, QUIET)
        assert render_refused(once, PROBLEM, 4, QUIET + 100) == once


def test_a_reason_that_the_server_would_refuse_is_replaced() -> None:
    """Reasons of workloads are passed on, where they are optional."""
    for reason in ("", "two words", "1st", "x" * 65, "ends-with-"):
        conditions = stamp([Condition(ConditionType.SCALING_RAISED, ConditionStatus.FALSE, reason, "")], {}, 1, T0)
        assert conditions[0]["reason"] == "Unspecified"
        assert list(violations(SCHEMA, {"conditions": conditions})) == []


def test_the_checker_of_these_tests_finds_what_the_server_would() -> None:
    """A test of the test: it must be able to fail."""
    wrong: dict[str, Any] = {
        "phase": 7,
        "strength": 101,
        "blocked": "x" * 300,
        "surprise": 1,
        "phaseSince": "yesterday",
        "criteria": [{"name": "A!"}, {"verdict": "Maybe", "last": float("nan")}] * 11,
    }
    found = "\n".join(violations(SCHEMA, wrong))
    for path in (
        "phase: 7 is no string",
        "strength: 101 is out",
        "blocked: has 300",
        "surprise: is not in",
        "phaseSince: 'yest",
        "criteria: 22 items",
        "criteria: name must be unique",
        "criteria[0].name: 'A!'",
        "criteria[1].name: is required",
        "criteria[1].verdict: 'Maybe'",
        "criteria[1].last: nan",
    ):
        assert f"status.{path}" in found


def test_the_findings_of_these_tests_are_sound() -> None:
    assert list(violations(SCHEMA, rendered(snapshot(), findings()))) == []
