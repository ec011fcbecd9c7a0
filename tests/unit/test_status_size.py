"""The size of a status: under its limit whatever is in it, and what is cut first."""

import json
from dataclasses import replace
from typing import Any

import pytest

from hypercare.domain.alerts.plan import AlertOutcome
from hypercare.domain.alerts.protection import Deliver
from hypercare.domain.alerts.tightening import Untouched, UntouchedReason
from hypercare.domain.capacity.field_values import Absent, Present
from hypercare.domain.capacity.held_fields import BEHAVIOR, MAX_REPLICAS, MIN_REPLICAS, switched_on
from hypercare.domain.capacity.scaling import ScalingPlan
from hypercare.domain.capacity.scaling_rows import FieldChange, ScalingRow, ScalingState, read_rows
from hypercare.domain.conditions import Condition, ConditionStatus, ConditionType
from hypercare.domain.decide import decide
from hypercare.domain.evidence.bounds import Above
from hypercare.domain.evidence.context import Outcome
from hypercare.domain.evidence.criteria import Regression
from hypercare.domain.evidence.fold import EvidenceState, Measured
from hypercare.domain.evidence.judgement import Regressed, Verdict
from hypercare.domain.evidence.status import read_state, render_evidence
from hypercare.domain.evidence.streaks import MAX_SEGMENTS, Sort, Streak
from hypercare.domain.fields import Field
from hypercare.domain.rendering import render_status
from hypercare.domain.snapshot import Capacity, Identity, Reading, Snapshot
from hypercare.domain.status import TimelineEntry, read_life
from hypercare.domain.status_size import STATUS_LIMIT_BYTES, bounded, size_bytes
from hypercare.domain.timestamps import timestamp
from tests.unit.lives import EXTENDED, QUIET, RUN, T0, UID
from tests.unit.schema import violations
from tests.unit.snapshots import HPA, LIVE_OVERLAY, UNTOLD, criterion, judgement, reading, snapshot
from tests.unit.statuses import SCHEMA, STATUS, stored


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
