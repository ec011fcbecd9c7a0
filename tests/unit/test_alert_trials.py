"""A threshold moves only after the copy was tried on history, and no further than it was quiet there."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest

from hypercare.domain.alerts.plan import AlertOutcome, AlertPlan
from hypercare.domain.alerts.preflight import NOT_ASKED, Candidate, NoHistory, Preflight, Tried, WouldFire
from hypercare.domain.alerts.protection import Calibrated
from hypercare.domain.alerts.thresholds import KEEP_THRESHOLDS, ThresholdRule
from hypercare.domain.alerts.tightening import AS_WRITTEN, MovedThreshold, Tightened, Untouched, UntouchedReason
from hypercare.domain.alerts.trials import Verdict, digest
from tests.unit.alert_rules import alert, copies_of, plan, rule_object

FIFTH = ThresholdRule(Fraction(1, 5))
QUIET = Tried(FIFTH, 100, 0, 86400, "never in 24h")
RATIO = alert("Errors", expr="error_ratio > 0.05", for_="5m")


def planned(found: Preflight | None, rule: Mapping[str, Any] = RATIO, strength: int = 100, **wish: Any) -> AlertPlan:
    """The plan for one alert, after this verdict about it."""
    rules = [rule_object("a", rule)]
    verdicts = {}
    if found is not None:
        verdicts = {each.rule_id: Verdict(digest(each), found) for each in plan(rules, **wish).candidates}
    return plan(rules, {"verdicts": verdicts, "strength": strength}, **wish)


def outcome(*arguments: Any, **wish: Any) -> AlertOutcome:
    (found,) = planned(*arguments, **wish).outcomes
    return found


def candidate(rule: Mapping[str, Any] = RATIO, **wish: Any) -> Candidate:
    (found,) = plan([rule_object("a", rule)], **wish).candidates
    return found


class TestLevers:
    """What each verdict allows."""

    def test_a_quiet_copy_gets_both(self) -> None:
        copy = copies_of(planned(QUIET).overlay)["Errors"]

        assert (copy["expr"], copy["for"]) == ("error_ratio > 0.04", "2m30s")
        assert copy["annotations"]["hypercare_change"] == "> 0.05 for 5m, now > 0.04 for 2m30s"
        assert outcome(QUIET).preflight == QUIET

    @pytest.mark.parametrize(
        ("found", "reason", "words"),
        [
            pytest.param(None, "NotTried", "waits until", id="it is not known yet"),
            pytest.param(NoHistory("nothing before noon"), "NoHistory", "nothing before noon", id="nothing is known"),
            pytest.param(Tried(FIFTH, 0, 3, 9, "5 times"), "WouldAlreadyFire", "5 times", id="it would be noise"),
        ],
    )
    def test_without_a_good_verdict_only_the_for_is_shorter(
        self, found: Preflight | None, reason: str, words: str
    ) -> None:
        result = outcome(found).result

        assert isinstance(result, Tightened)
        assert (result.copy_for_seconds, result.threshold) == (150, AS_WRITTEN)
        assert [each.reason for each in result.left] == [reason]
        assert words in result.left[0].message

    def test_noise_without_any_threshold_is_no_copy_at_all(self) -> None:
        found = planned(WouldFire(7, 86400, "it would have fired 7 times in 24h"))

        assert copies_of(found.overlay) == {}
        reason = UntouchedReason.WOULD_ALREADY_FIRE
        assert found.outcomes[0].result == Untouched(reason, "it would have fired 7 times in 24h")

    @pytest.mark.parametrize(
        ("strength", "strongest", "expr"),
        [
            (100, 100, "error_ratio > 0.04"),
            (100, 50, "error_ratio > 0.045"),
            (50, 50, "error_ratio > 0.045"),
            (50, 100, "error_ratio > 0.045"),
            (20, 50, "error_ratio > 0.048"),
        ],
    )
    def test_a_threshold_moves_no_further_than_it_was_quiet(self, strength: int, strongest: int, expr: str) -> None:
        found = planned(Tried(FIFTH, strongest, 0, 86400), strength=strength)

        copy = copies_of(found.overlay)["Errors"]
        assert copy["expr"] == expr
        assert copy["for"] == {100: "2m30s", 50: "3m45s", 20: "4m30s"}[strength]

    def test_a_bound_from_history_is_reached_at_full_strength(self) -> None:
        read = Tried(ThresholdRule(override=Fraction(1, 100)), 100, 0, 86400, "0.009 at most")
        wish: dict[str, Any] = {"tighten": {"moveThreshold": "Calibrated"}}

        assert copies_of(planned(read, **wish).overlay)["Errors"]["expr"] == "error_ratio > 0.01"
        assert copies_of(planned(read, strength=50, **wish).overlay)["Errors"]["expr"] == "error_ratio > 0.03"

    def test_a_bound_that_history_does_not_tell_stays(self) -> None:
        result = outcome(Tried(KEEP_THRESHOLDS, 0, 0, 9, "it fired"), tighten={"moveThreshold": "Calibrated"}).result

        assert isinstance(result, Tightened)
        assert [(each.reason, each.message) for each in result.left] == [("NotCalibrated", "it fired")]

    def test_an_override_names_the_bound(self) -> None:
        wish: dict[str, Any] = {"overrides": [{"alert": "Errors", "bound": 0.01}], "tighten": {"moveThreshold": "Off"}}
        named = Tried(ThresholdRule(override=Fraction(1, 100)), 100, 0, 86400)

        assert copies_of(planned(named, **wish).overlay)["Errors"]["expr"] == "error_ratio > 0.01"
        assert copies_of(planned(None, **wish).overlay)["Errors"]["expr"] == "error_ratio > 0.05"

    def test_why_a_bound_can_not_move_goes_before_that_it_is_not_tried(self) -> None:
        result = outcome(None, alert("Errors", expr="errors > 0", for_="5m")).result

        assert isinstance(result, Tightened)
        assert [each.reason for each in result.left] == ["ComparedWithZero"]

    def test_a_threshold_that_is_not_asked_for_is_not_mentioned(self) -> None:
        result = outcome(None, tighten={"moveThreshold": "Off"}).result

        assert result == Tightened(300, 150)

    def test_an_alert_without_a_for_waits_as_a_whole(self) -> None:
        waiting = outcome(None, alert("Errors", expr="error_ratio > 0.05", for_="0s")).result
        assert isinstance(waiting, Untouched)
        assert waiting.reason == "NotTried"

        moved = outcome(QUIET, alert("Errors", expr="error_ratio > 0.05", for_="0s")).result
        assert isinstance(moved, Tightened)
        assert isinstance(moved.threshold, MovedThreshold)


class TestQuestion:
    """What history is asked, and when anew."""

    def test_it_is_the_alert_and_what_becomes_of_it_at_full_strength(self) -> None:
        found = candidate()

        assert (found.expr, found.original_for_seconds, found.interval_seconds) == ("error_ratio > 0.05", 300, 30)
        assert found.threshold == FIFTH
        assert found.inputs_expr == "(count(error_ratio) or vector(0))"

    @pytest.mark.parametrize(
        ("rule", "wish", "expected"),
        [
            (RATIO, {"tighten": {"moveThreshold": "Calibrated", "headroom": "5%"}}, Calibrated(Fraction(1, 20))),
            (RATIO, {"overrides": [{"alert": "Errors", "bound": 0.03}]}, ThresholdRule(override=Fraction(3, 100))),
            (RATIO, {"tighten": {"moveThreshold": "Off"}}, KEEP_THRESHOLDS),
            (alert("Errors", expr="errors > 0", for_="5m"), {}, KEEP_THRESHOLDS),
            (alert("Errors", expr="sum by (severity) (x) > 5.5", for_="5m"), {}, KEEP_THRESHOLDS),
        ],
    )
    def test_thresholds_that_can_not_move_are_not_asked_about(
        self, rule: dict[str, Any], wish: dict[str, Any], expected: ThresholdRule | Calibrated
    ) -> None:
        assert candidate(rule, **wish).threshold == expected

    def test_an_alert_that_gets_no_copy_anyway_is_not_asked_about(self) -> None:
        rules = [alert("A", expr="vector(1)"), alert("B", expr="x > 0", for_="0s"), alert("C", expr="sum(")]

        assert plan([rule_object("a", *rules)]).candidates == ()

    def test_a_copy_that_there_is_at_full_strength_alone_is_asked_about(self) -> None:
        assert candidate(alert("Errors", expr="errors > 0", for_="1m")).original_for_seconds == 60

    @pytest.mark.parametrize("strength", [1, 50])
    def test_strength_changes_no_question(self, strength: int) -> None:
        rules = [rule_object("a", RATIO)]

        assert plan(rules, {"strength": strength}).candidates == plan(rules).candidates

    @pytest.mark.parametrize(
        ("rule", "wish"),
        [
            pytest.param({**RATIO, "expr": "error_ratio > 0.06"}, {}, id="the expression"),
            pytest.param({**RATIO, "for": "6m"}, {}, id="the for"),
            pytest.param(RATIO, {"tighten": {"shortenFor": "60%"}}, id="how much shorter"),
            pytest.param(RATIO, {"tighten": {"moveThreshold": "10%"}}, id="how much nearer"),
            pytest.param(RATIO, {"tighten": {"moveThreshold": "Calibrated"}}, id="where the bound is from"),
            pytest.param(RATIO, {"overrides": [{"alert": "Errors", "bound": 0.03}]}, id="the bound"),
            pytest.param(RATIO, {"overrides": [{"alert": "Errors", "for": "1m"}]}, id="the for of this alert"),
        ],
    )
    def test_what_was_changed_is_judged_anew(self, rule: dict[str, Any], wish: dict[str, Any]) -> None:
        before = candidate()
        known = {before.rule_id: Verdict(digest(before), QUIET)}

        (changed,) = plan([rule_object("a", rule)], {"verdicts": known}, **wish).outcomes

        assert isinstance(changed.result, Tightened)
        assert changed.result.threshold == AS_WRITTEN
        assert changed.preflight == NOT_ASKED

    @pytest.mark.parametrize(
        "rule",
        [
            pytest.param({**RATIO, "annotations": {"summary": "other words"}}, id="words"),
            pytest.param({**RATIO, "labels": {"severity": "warning"}}, id="a label"),
        ],
    )
    def test_what_history_does_not_depend_on_changes_no_verdict(self, rule: dict[str, Any]) -> None:
        before = candidate()
        known = {before.rule_id: Verdict(digest(before), QUIET)}

        (found,) = plan([rule_object("a", rule)], {"verdicts": known}, tighten={"deliver": "Page"}).outcomes

        assert found.preflight == QUIET
