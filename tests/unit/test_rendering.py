"""The status: within the schema and under its limit whatever is in it, and written only for what is news."""

import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from hypercare.domain.alerts.plan import AlertOutcome
from hypercare.domain.alerts.protection import Deliver
from hypercare.domain.alerts.tightening import Tightened, Untouched, UntouchedReason
from hypercare.domain.assessment import Before, assess
from hypercare.domain.capacity.field_values import Absent, Present
from hypercare.domain.capacity.held_fields import BEHAVIOR, MAX_REPLICAS, MIN_REPLICAS, switched_on
from hypercare.domain.capacity.scaling import ScalingPlan
from hypercare.domain.capacity.scaling_rows import FieldChange, ScalingRow, ScalingState, read_rows
from hypercare.domain.conditions import (
    Condition,
    ConditionStatus,
    ConditionType,
    Problem,
    read_conditions,
    stamp,
    timestamp,
    unknown,
)
from hypercare.domain.decide import decide
from hypercare.domain.evidence.bounds import Above
from hypercare.domain.evidence.context import Outcome
from hypercare.domain.evidence.criteria import Regression
from hypercare.domain.evidence.fold import EvidenceState, Measured
from hypercare.domain.evidence.judgement import Regressed, Verdict
from hypercare.domain.evidence.status import read_state, render_evidence
from hypercare.domain.evidence.streaks import MAX_SEGMENTS, Sort, Streak
from hypercare.domain.fields import Field
from hypercare.domain.findings import Findings
from hypercare.domain.life.facts import Life
from hypercare.domain.rendering import render_begun, render_refused, render_status, significant
from hypercare.domain.snapshot import Capacity, Identity, NoneWanted, Overlay, Reading, Snapshot
from hypercare.domain.status import TimelineEntry, read_life, read_timeline
from hypercare.domain.status_size import STATUS_LIMIT_BYTES, bounded, size_bytes
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
    UID,
    suspended,
)
from tests.unit.schema import status_schema, violations
from tests.unit.snapshots import (
    HPA,
    LIVE_OVERLAY,
    NO_OVERLAY_PLAN,
    UNTOLD,
    criterion,
    findings,
    judgement,
    reading,
    snapshot,
)

SCHEMA = status_schema("hypercareperiods")
ENTRY = TimelineEntry(T0, "RunStarted", "Run r1 began")
PROBLEM = Problem("spec.window.duration", "InvalidSpec", "must be longer than zero", stalls=True)


def rendered(visit: Snapshot, found: Findings | None = None, timeline: tuple[TimelineEntry, ...] = (ENTRY,)) -> Any:
    """The status of a visit."""
    findings_of_it = found or decide(visit).findings
    conditions = assess(findings_of_it, Before({}, False, 60, visit.now))
    return render_status(visit, findings_of_it, conditions, timeline)


def stored(reading_of_it: Reading, **fields: Any) -> Reading:
    return replace(reading_of_it, stored={**reading_of_it.stored, **fields})


def test_a_status_as_people_see_it() -> None:
    life = replace(LAST_STAGE, extensions_used=1)
    status = rendered(snapshot(life))
    conditions = status.pop("conditions")
    assert status == {
        "observedGeneration": 3,
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


def with_(status: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The status with another value somewhere."""
    changed: Any = copy.deepcopy(status)
    *parents, last = path.split("/")
    place = changed
    for parent in parents:
        place = place[int(parent)] if parent.isdecimal() else place[parent]
    place[int(last) if last.isdecimal() else last] = value
    return dict(changed)


CONDITION = {kind: f"conditions/{index}" for index, kind in enumerate(ConditionType)}
PROGRESS: dict[str, Any] = {
    "summary": "x",
    "blocked": "errors (20m left)",
    "criteria/0/metFor": "30m",
    "criteria/0/remaining": "30m",
    "criteria/0/last": 4,
    "criteria/0/worst": 4.5,
    "criteria/0/worstAt": timestamp(QUIET),
    "criteria/0/worstSeries": '{pod="b"}',
    "criteria/0/coverage": "99.1%",
    "criteria/0/finalThrough": timestamp(QUIET),
    "criteria/0/gaps": "g12",
    "criteria/0/lastBad": timestamp(QUIET),
    "criteria/0/streakFloor": timestamp(QUIET),
    "criteria/0/regression": {"gaps": "b12"},
    "criteria/0/budget": "7;0/0.5",
    "criteria/0/baseline": {"references": 7, "median": 1, "upper": 1.1},
    "criteria/0/runs": "1763716200/0;s1763715600.1a2b3c",
    "criteria/0/message": "Good for 30m of 1h",
    "criteria/0/reason": "Collecting",
    "scaling/0/ready": 3,
    "scaling/0/message": "3 replicas are ready",
    "alerts/refusals": [],
    f"{CONDITION[ConditionType.READY]}/message": "x",
    f"{CONDITION[ConditionType.RECONCILING]}/message": "x",
    f"{CONDITION[ConditionType.STALLED]}/message": "x",
    f"{CONDITION[ConditionType.ALERTS_TIGHTENED]}/message": "written 17s ago",
    f"{CONDITION[ConditionType.SCALING_RAISED]}/message": "x",
    f"{CONDITION[ConditionType.EVIDENCE_FRESH]}/message": "x",
    f"{CONDITION[ConditionType.EXIT_CRITERIA_MET]}/message": "x",
}
NEWS: dict[str, Any] = {
    "observedGeneration": 4,
    "phase": "Extended",
    "phaseSince": timestamp(QUIET),
    "strength": 75,
    "stage": "elevated",
    "outcome": "Met",
    "ends": "later",
    "report": "hypercare-report",
    "run/versionSince": timestamp(QUIET),
    "window/extensionsUsed": 2,
    "window/streakFloor": timestamp(QUIET),
    "overlay/revision": "other",
    "overlay/liveSince": timestamp(QUIET),
    "criteria/0/verdict": "Unmet",
    "criteria/0/since": timestamp(QUIET),
    "criteria/0/definition": "other",
    "criteria/0/regressed": True,
    "criteria/0/advisory": True,
    "criteria/0/name": "latency",
    "alerts/tightened": 3,
    "scaling/0/state": "Contested",
    "scaling/0/applied": 3,
    "scaling/0/floor": 3,
    "timeline": [],
    **{f"{place}/status": "Other" for place in CONDITION.values()},
    **{f"{place}/reason": "Other" for place in CONDITION.values()},
    f"{CONDITION[ConditionType.TARGETS_FOUND]}/message": "x",
    f"{CONDITION[ConditionType.REGRESSED]}/message": "latency",
    f"{CONDITION[ConditionType.RESTORED]}/message": "x",
    f"{CONDITION[ConditionType.SUCCEEDED]}/message": "x",
}
STATUS = rendered(snapshot(readings=(stored(reading(), since=timestamp(T0), definition="d", advisory=False),)))


@pytest.mark.parametrize("path", PROGRESS)
def test_progress_alone_is_no_news(path: str) -> None:
    changed = with_(STATUS, path, PROGRESS[path])
    assert changed != STATUS
    assert significant(changed) == significant(STATUS)


@pytest.mark.parametrize("path", NEWS)
def test_everything_else_is_news(path: str) -> None:
    assert significant(with_(STATUS, path, NEWS[path])) != significant(STATUS)


def test_every_field_of_a_criterion_was_sorted_into_progress_and_news() -> None:
    """A field that is added later must be thought about: a write for each period at each tick is at stake."""
    known = SCHEMA["properties"]["criteria"]["items"]["properties"]
    sorted_out = {path.rpartition("/")[2] for path in (*PROGRESS, *NEWS) if path.startswith("criteria/0/")}
    assert known.keys() - sorted_out == {"kind"}


class TestLimit:
    """Every list at its maximum, every text longer than it may be."""

    FLAPPING = tuple((Sort.GOOD if index % 2 else Sort.MISSING, 1260) for index in range(MAX_SEGMENTS))
    REGRESSING = tuple((Sort.GOOD if index % 2 else Sort.BAD, 1) for index in range(10))

    def criterion(self, number: int, text: str) -> Reading:
        asked = criterion(f"c{number:02}-" + "n" * 36, regression=Regression(Above(9), 300))
        told = judgement(
            Verdict.UNMET,
            reason="ErrorsWithoutTotal",
            message=text,
            met_for_seconds=27 * 86400 - 1,
            remaining_seconds=27 * 86400 - 1,
            coverage=1.0,
            regressed=Regressed.YES,
        )
        shown = Measured(-1.7976931348623157e308, text[:200], QUIET)
        streaks = Streak(self.FLAPPING, QUIET, QUIET), Streak(self.REGRESSING, QUIET, QUIET)
        state = EvidenceState("0123456789ab", QUIET, *streaks, shown, shown)
        rendered_one = {**render_evidence(asked, Outcome(state, told, ())), "since": timestamp(QUIET)}
        return Reading(asked, told, QUIET, 0, rendered_one)

    CHANGES = (
        FieldChange(MIN_REPLICAS, Present(10), Present(1000)),
        FieldChange(MAX_REPLICAS, Present(2000), Present(3000)),
        FieldChange(BEHAVIOR, Absent(), switched_on(BEHAVIOR)),
    )

    def row(self, number: int, text: str) -> ScalingRow:
        name = f"{number:02}".ljust(63, "x")
        held = replace(HPA, name=name, uid="0d6c2a7e-1111-2222-3333-444444444444")
        return ScalingRow(name, held, ScalingState.CONTESTED, "", text, 10, 1000, 1000, 1000, self.CHANGES, True)

    def worst(self, text: str) -> tuple[Snapshot, list[Condition], tuple[TimelineEntry, ...]]:
        refusal = Untouched(UntouchedReason.WITHIN_ONE_EVALUATION, text)
        outcomes = (AlertOutcome("i", "g", text[:300], Deliver.NOTIFY, refusal),) * 30
        visit = snapshot(
            replace(EXTENDED, run=replace(RUN, identity="i" * 128, version="v" * 128, before="b" * 128)),
            identity=Identity("n" * 63, "p" * 52, UID, 2**40),
            overlay=replace(LIVE_OVERLAY, plan=replace(LIVE_OVERLAY.plan, outcomes=outcomes)),
            capacity=Capacity(ScalingPlan(), tuple(self.row(number, text) for number in range(40))),
            readings=tuple(self.criterion(number, text) for number in range(20)),
            stored=replace(UNTOLD, report="r" * 90, reports=("r" * 90,) * 10),
        )
        conditions = [Condition(kind, ConditionStatus.UNKNOWN, "R" * 64, text) for kind in ConditionType]
        return visit, conditions, (TimelineEntry(T0, "RunStarted", text),) * 70

    def status(self, text: str) -> dict[str, Any]:
        visit, conditions, timeline = self.worst(text)
        return render_status(visit, decide(visit).findings, conditions, timeline)

    @pytest.mark.parametrize("text", ["x" * 3000, "ü" * 3000, "日" * 3000, '"' * 3000], ids=["x", "ü", "日", "quotes"])
    def test_the_largest_status_stays_under_its_limit_and_within_the_schema(self, text: str) -> None:
        status = self.status(text)
        assert size_bytes(status) <= STATUS_LIMIT_BYTES
        assert list(violations(SCHEMA, status)) == []

    def test_what_the_next_visit_goes_on_from_is_whole(self) -> None:
        visit, _, _ = self.worst("x" * 3000)
        status = self.status("x" * 3000)
        assert read_life(status) == visit.life
        assert len(read_rows(status)) == 32
        assert {row.changes for row in read_rows(status)} == {self.CHANGES}
        for body, before in zip(status["criteria"], visit.readings, strict=True):
            state, whole = (read_state(Field("status", each)) for each in (body, before.stored))
            assert isinstance(state, EvidenceState)
            assert isinstance(whole, EvidenceState)
            assert (state.main, state.regression) == (whole.main, whole.regression)
            assert (state.definition, state.final_through) == (whole.definition, whole.final_through)
            assert body["verdict"] == "Unmet"
        assert {each["reason"] for each in status["conditions"]} == {"R" * 64}
        assert status["timeline"][0]["time"] == timestamp(T0)

    def test_lists_at_their_maximum_with_usual_texts_lose_only_the_oldest_of_the_timeline(self) -> None:
        text = "Deployment checkout: 1 of 3 updated, 3 available"
        visit, conditions, timeline = self.worst(text)
        one = stored(reading(), since=timestamp(T0), definition="0123456789ab", gaps="g120")
        calm = replace(visit, readings=(one,) * 10, capacity=Capacity(ScalingPlan(), visit.capacity.rows[:10]))
        status = render_status(calm, decide(calm).findings, conditions, timeline)
        assert {each["message"] for each in status["conditions"]} == {text}
        assert {each["message"] for each in status["scaling"]} == {text}
        assert len(status["timeline"]) == 50

    def test_a_status_that_fits_is_left_alone(self) -> None:
        assert bounded(STATUS) is STATUS

    def test_texts_that_are_told_again_go_before_the_timeline_and_that_before_conditions(self) -> None:
        """One text after the other is made too long, and always the least missed one is cut."""
        long = "x" * 500
        many = [{"time": timestamp(T0), "reason": f"R{number}", "message": "m" * 300} for number in range(50)]
        refusals = [{"alert": "a", "reason": "NoFor", "message": long}] * 20
        changes = [{"alert": "a", "change": "> 5, now > 4", "data": long}] * 20
        status = {**STATUS, "timeline": many, "alerts": {"selected": 40, "refusals": refusals, "changes": changes}}
        status["conditions"] = [{**each, "message": "c" * 900} for each in STATUS["conditions"]]
        cut = bounded(status)
        assert size_bytes(cut) <= STATUS_LIMIT_BYTES
        assert all(len(each["message"].encode()) <= 160 for each in cut["alerts"]["refusals"])
        assert len(cut["alerts"]["refusals"]) == 20
        assert all(len(each["data"].encode()) <= 160 for each in cut["alerts"]["changes"])
        assert cut["conditions"] == status["conditions"]
        assert 5 < len(cut["timeline"]) < 50
        assert cut["timeline"][0]["reason"] == "R0"
        assert cut["timeline"][-1]["reason"] == "R49"

    def test_what_is_cut_says_so(self) -> None:
        status = self.status("x" * 3000)
        assert {each["message"][-1] for each in status["conditions"]} == {"…"}

    def test_a_status_is_json(self) -> None:
        json.dumps(self.status("x"), allow_nan=False)


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
