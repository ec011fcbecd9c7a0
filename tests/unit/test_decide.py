"""What follows from a snapshot: levers from what was observed, the evidence, and one transition or none."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from hypercare.domain.alerts.liveness import NotLive
from hypercare.domain.alerts.plan import AlertPlan
from hypercare.domain.capacity.scaling import ScalingPlan
from hypercare.domain.capacity.scaling_rows import ScalingState
from hypercare.domain.conditions import Problem
from hypercare.domain.decide import decide, works
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.findings import Lever, NotRequested, ObserveOnly, Off, Untold, Unverified, Verified
from hypercare.domain.life.facts import Exit, Phase
from hypercare.domain.life.rollout import Rollout, RolloutState
from hypercare.domain.samples import SECRET_FAILURES, FailureKind
from hypercare.domain.snapshot import Capacity, Leftover, NoneWanted, NotWritten, Overlay, Snapshot
from tests.unit.lives import (
    ACTIVE,
    COMPLETED,
    DOWN_MET,
    LAST_STAGE,
    PENDING,
    PLACES,
    PREPARING,
    QUIET,
    RELAXING_MET,
    suspended,
)
from tests.unit.snapshots import (
    LIVE_OVERLAY,
    NO_OVERLAY_PLAN,
    PASSING,
    PROBLEM,
    RAISED,
    reading,
    resolved,
    snapshot,
    tightened,
)

GONE = Overlay(NO_OVERLAY_PLAN, NoneWanted(), 0, 30)
AHEAD = replace(PENDING, strength=0)
BROKEN = {"name": "broken", "query": "sum(", "below": 1, "sustainedFor": "1h"}
SOUND = {"name": "errors", "query": "errors", "below": 5, "sustainedFor": "1h"}
RESTORED = {"overlay": GONE, "capacity": Capacity(ScalingPlan(), ())}


def overlay(state: Any, plan: AlertPlan = LIVE_OVERLAY.plan) -> Overlay:
    return replace(LIVE_OVERLAY, state=state, plan=plan)


def raised(**others: Any) -> Capacity:
    return Capacity(ScalingPlan(), (replace(RAISED, **others),))


@dataclass(frozen=True)
class Case:
    """What was read, and what it says about one lever."""

    sentence: str
    snapshot: Snapshot
    expected: Lever


WAITING = "Deployment checkout waits"
ALERTS = (
    Case(
        "Live says how many alerts are tightened, and how strongly.",
        snapshot(overlay=overlay(LIVE_OVERLAY.state, replace(LIVE_OVERLAY.plan, outcomes=(tightened(),)))),
        Verified("Live", "1 of 1 alerts tightened, 0 added; Prometheus evaluates exactly this version, at 100%"),
    ),
    Case(
        "An overlay that is not there as wanted is being written.",
        snapshot(overlay=overlay(NotWritten())),
        Unverified("Writing", "The tightened alerts are being written"),
    ),
    Case(
        "One that is not evaluated says why.",
        snapshot(overlay=overlay(NotLive("OverlayNotLoaded", "not yet"))),
        Unverified("OverlayNotLoaded", "not yet"),
    ),
    Case(
        "Where nothing is selected nothing is asked for.",
        snapshot(overlay=GONE),
        NotRequested("No alert of the namespace is selected"),
    ),
    Case(
        "So it is when the last selected alert has gone.",
        snapshot(overlay=overlay(Leftover(), NO_OVERLAY_PLAN)),
        NotRequested("No alert of the namespace is selected"),
    ),
    Case(
        "A period that asks for no alerts has nothing to verify.",
        snapshot(resolved=resolved(protection={"alerts": {"from": []}}), overlay=GONE),
        NotRequested(),
    ),
    Case("Observe writes nothing.", snapshot(resolved=resolved(mode="Observe"), overlay=GONE), ObserveOnly()),
    Case(
        "Before a set start nothing is protected.",
        snapshot(AHEAD, overlay=GONE),
        Off("NotYet", "Protections are applied from their set time on"),
    ),
    Case("At strength 0 nothing is.", snapshot(DOWN_MET, overlay=GONE), Off("Relaxed", "Strength is down to 0%")),
    Case(
        "Nor after the end, at whatever strength it came.",
        snapshot(replace(COMPLETED, strength=25), overlay=GONE),
        Off("Completed", "The run is over"),
    ),
)
SCALING = (
    Case("Raised and ready is verified.", snapshot(), Verified("Raised", f"checkout: {RAISED.message}")),
    Case(
        "A floor that is not ready is not.",
        snapshot(capacity=raised(state=ScalingState.RAISING, reason="WaitingForReplicas", message=WAITING)),
        Unverified("WaitingForReplicas", f"checkout: {WAITING}"),
    ),
    Case(
        "Nothing asked for is nothing to verify.",
        snapshot(resolved=resolved(protection={}), capacity=raised()),
        NotRequested(),
    ),
    Case("Observe writes nothing.", snapshot(resolved=resolved(mode="Observe")), ObserveOnly()),
    Case("At strength 0 nothing is raised.", snapshot(DOWN_MET), Off("Relaxed", "Strength is down to 0%")),
)


@pytest.mark.parametrize("case", ALERTS, ids=lambda case: case.sentence)
def test_alerts(case: Case) -> None:
    assert decide(case.snapshot).findings.alerts == case.expected


@pytest.mark.parametrize("kind", FailureKind)
def test_a_prometheus_that_does_not_answer_tells_nothing_about_the_overlay(kind: FailureKind) -> None:
    lever = decide(snapshot(overlay=overlay(NotLive(kind.value, "no answer")))).findings.alerts
    assert isinstance(lever, Untold)
    assert lever.reason == kind.value
    assert "no answer" in lever.message
    asked = {FailureKind.UNREACHABLE, FailureKind.TIMEOUT, FailureKind.REFUSED, FailureKind.INVALID_ANSWER}
    assert lever.message.startswith("HypercareProfile/default: spec.prometheus.url: ") is (kind in asked)
    opened = SECRET_FAILURES | {FailureKind.UNAUTHORIZED}
    assert lever.message.startswith("HypercareProfile/default: spec.prometheus.secretRef: ") is (kind in opened)


@pytest.mark.parametrize("case", SCALING, ids=lambda case: case.sentence)
def test_scaling(case: Case) -> None:
    assert decide(case.snapshot).findings.scaling == case.expected


class TestProtected:
    """Protected is observed, never assumed."""

    @pytest.mark.parametrize(
        ("sentence", "others", "expected"),
        [
            ("Everything is verified.", {}, True),
            ("The overlay is not live.", {"overlay": overlay(NotLive("OverlayNotLoaded", "not yet"))}, False),
            ("It cannot be told.", {"overlay": overlay(NotLive("PrometheusTimeout", "no answer"))}, False),
            ("Replicas are not ready.", {"capacity": raised(state=ScalingState.RAISING)}, False),
            (
                "One alert was left out because of a problem.",
                {"overlay": overlay(LIVE_OVERLAY.state, replace(LIVE_OVERLAY.plan, problems=(PROBLEM,)))},
                False,
            ),
            (
                "All alerts were left out because of a problem.",
                {"overlay": replace(GONE, plan=AlertPlan(None, (), (), (PROBLEM,)))},
                False,
            ),
            (
                "A target was left out because of a problem.",
                {"capacity": Capacity(ScalingPlan((), (PASSING,)), (RAISED,))},
                False,
            ),
            (
                "Observe has nothing to wait for.",
                {
                    "resolved": resolved(mode="Observe"),
                    "overlay": replace(GONE, plan=AlertPlan(None, (), (), (PROBLEM,))),
                },
                True,
            ),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_preparing_ends_when_everything_requested_is_verified(
        self, sentence: str, others: dict[str, Any], expected: bool
    ) -> None:
        decision = decide(snapshot(replace(PREPARING, phase_since=QUIET), readings=(), **others))
        assert decision.findings.protected is expected
        assert (decision.transition is not None) is expected


class TestEvidence:
    """What counts, and from when on."""

    def test_before_the_start_there_is_none(self) -> None:
        assert decide(snapshot(PENDING)).findings.evidence.exit is Exit.UNKNOWN
        assert decide(snapshot(PENDING)).findings.evidence.blocked == "start"

    def test_suspended_there_is_none(self) -> None:
        assert decide(snapshot(suspended(ACTIVE))).findings.evidence.exit is Exit.UNKNOWN

    def test_met_criteria_are_met(self) -> None:
        assert decide(snapshot()).findings.evidence.exit is Exit.MET

    def test_a_criterion_that_cannot_be_read_blocks_and_is_told(self) -> None:
        found = decide(snapshot(resolved=resolved(exitCriteria=[SOUND, BROKEN]))).findings
        assert found.evidence.exit is Exit.UNKNOWN
        assert [(each.path, each.reason) for each in found.evidence_problems] == [
            ("spec.exitCriteria[1].query", "InvalidPromQL")
        ]

    def test_an_advisory_one_that_cannot_be_read_is_told_and_does_not_block(self) -> None:
        found = decide(snapshot(resolved=resolved(exitCriteria=[SOUND, {**BROKEN, "advisory": True}]))).findings
        assert found.evidence.exit is Exit.MET
        assert [each.path for each in found.evidence_problems] == ["spec.exitCriteria[1].query"]

    def test_stale_evidence_names_the_endpoint_where_that_is_the_cause(self) -> None:
        down = reading(Verdict.UNKNOWN, reason="PrometheusUnreachable", message="no answer")
        gap = reading(Verdict.UNKNOWN, late=999, reason="ScrapeGap", message="no fresh samples")
        told = [decide(snapshot(readings=(each,))).findings.evidence.stale for each in (down, gap)]
        assert told[0].startswith("HypercareProfile/default: spec.prometheus.url: errors: no answer; check")
        assert told[1].startswith("errors: no fresh samples (read through ")

    def test_evidence_may_lag_one_interval_and_two_steps(self) -> None:
        assert decide(snapshot(readings=(reading(late=120),))).findings.evidence.stale == ""
        gap, longer = (reading(Verdict.UNKNOWN, late=late, reason="ScrapeGap") for late in (120, 121))
        assert decide(snapshot(readings=(gap,))).findings.evidence.stale == ""
        assert decide(snapshot(readings=(longer,))).findings.evidence.stale != ""

    def test_evidence_may_lag_longer_while_a_hole_may_fill(self) -> None:
        assert decide(snapshot(readings=(reading(late=720),))).findings.evidence.stale == ""
        assert decide(snapshot(readings=(reading(late=721),))).findings.evidence.stale_reason == "EvidenceLate"


class TestRestored:
    """Everything that is not as it was is named."""

    def test_nothing_held_is_restored(self) -> None:
        assert decide(snapshot(DOWN_MET, **RESTORED)).findings.unrestored == ""

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            (LIVE_OVERLAY.state, "Copies that fire stay until their originals have had the time to fire"),
            (NotLive("x", "y"), "Copies that fire stay until their originals have had the time to fire"),
            (NotWritten(), "Tightened alerts are in place"),
            (Leftover(), "Tightened alerts are in place"),
        ],
    )
    def test_an_overlay_is_not_restored_until_it_is_gone(self, state: Any, words: str) -> None:
        found = decide(snapshot(DOWN_MET, overlay=overlay(state), capacity=Capacity(ScalingPlan(), ())))
        assert found.findings.unrestored == words
        assert found.findings.held_copies == words.startswith("Copies")
        assert found.transition is None

    def test_with_strength_an_overlay_is_a_protection_and_nothing_that_is_held_back(self) -> None:
        found = decide(snapshot(overlay=overlay(LIVE_OVERLAY.state), capacity=Capacity(ScalingPlan(), ())))
        assert found.findings.unrestored == "Tightened alerts are in place"
        assert not found.findings.held_copies

    def test_a_held_object_is_named_with_its_original(self) -> None:
        found = decide(snapshot(DOWN_MET, overlay=GONE))
        assert "HorizontalPodAutoscaler checkout is held (minReplicas 2 -> 4)" in found.findings.unrestored
        assert found.transition is None

    def test_what_is_restored_at_strength_0_completes(self) -> None:
        transition = decide(snapshot(DOWN_MET, **RESTORED)).transition
        assert transition is not None
        assert transition.life.phase is Phase.COMPLETED

    def test_values_left_for_another_writer_are_told(self) -> None:
        drifted = raised(state=ScalingState.DRIFTED, message="it keeps 7", held=False)
        assert decide(snapshot(DOWN_MET, overlay=GONE, capacity=drifted)).findings.drift == "it keeps 7"


class TestTransition:
    """Facts become at most one transition; the table has its own tests."""

    def test_facts_reach_the_table(self) -> None:
        moved = decide(snapshot(LAST_STAGE, now=QUIET + 3 * 3600)).transition
        assert moved is not None
        assert (moved.reason, moved.life.phase) == ("RelaxingStarted", Phase.RELAXING)

    def test_unknown_evidence_moves_nothing(self) -> None:
        visit = snapshot(LAST_STAGE, now=QUIET + 3 * 3600, readings=(reading(Verdict.UNKNOWN),))
        assert decide(visit).transition is None

    @pytest.mark.parametrize(("reason", "expected"), [("CatchingUp", None), ("ScrapeGap", "DecisionNeeded")])
    def test_what_follows_from_missing_evidence_waits_until_all_is_read(
        self, reason: str, expected: str | None
    ) -> None:
        """Also where another criterion is read already."""
        readings = (reading(Verdict.UNMET), reading(Verdict.UNKNOWN, "latency", reason=reason))
        moved = decide(snapshot(LAST_STAGE, now=QUIET + 30 * 3600, readings=readings)).transition
        assert (moved.reason if moved else None) == expected

    def test_an_advisory_criterion_that_catches_up_is_not_waited_for(self) -> None:
        readings = (reading(Verdict.UNMET), reading(Verdict.UNKNOWN, "latency", advisory=True, reason="CatchingUp"))
        assert decide(snapshot(LAST_STAGE, now=QUIET + 30 * 3600, readings=readings)).transition is not None

    def test_the_rollout_reaches_the_table(self) -> None:
        other = Rollout(RolloutState.OTHER_VERSION, "runs 2.3.9")
        assert decide(snapshot(PENDING, rollout=other)).transition is None
        assert decide(snapshot(PENDING)).transition is not None

    def test_a_new_release_supersedes_an_open_run(self) -> None:
        decision = decide(snapshot(resolved=resolved(release={"version": "3.0.0", "name": "winter"})))
        assert decision.supersedes
        assert decision.transition is not None
        assert decision.transition.life.run.counter == 2

    def test_a_new_release_after_the_end_supersedes_nothing(self) -> None:
        decision = decide(snapshot(COMPLETED, resolved=resolved(release={"version": "3.0.0", "name": "winter"})))
        assert not decision.supersedes
        assert decision.transition is not None


@pytest.mark.parametrize("place", PLACES)
def test_nothing_is_written_while_suspended_or_after_the_end(place: str) -> None:
    assert works(snapshot(PLACES[place])) is not (place.startswith("Suspended") or place in {"Completed", "Ended"})


def test_all_problems_are_told_in_their_order() -> None:
    target = Problem("spec.targets[0]", "TargetNotFound", "does not exist", stalls=False)
    visit = snapshot(
        target_problems=(target,),
        overlay=overlay(LIVE_OVERLAY.state, replace(LIVE_OVERLAY.plan, problems=(PROBLEM,))),
        capacity=Capacity(ScalingPlan((), (PASSING,)), (RAISED,)),
        resolved=resolved(exitCriteria=[SOUND, BROKEN]),
    )
    reasons = [each.reason for each in decide(visit).findings.problems]
    assert reasons == ["TargetNotFound", "RuleNotFound", "AutoscalerGone", "InvalidPromQL"]


def test_a_window_that_the_profile_caps_is_told() -> None:
    assert decide(snapshot()).findings.notes == ()
    capped = snapshot(resolved=resolved({"limits": {"maxDuration": "13h"}}))
    assert decide(capped).findings.notes[0].startswith("LimitedByProfile")


def test_relaxing_has_the_strength_in_its_words() -> None:
    lever = decide(snapshot(RELAXING_MET)).findings.alerts
    assert isinstance(lever, Verified)
    assert "at 25%" in lever.message
