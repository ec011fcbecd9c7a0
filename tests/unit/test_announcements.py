"""News is told when it becomes so, and once."""

from dataclasses import dataclass, replace

import pytest

from hypercare.domain.announcements import Announcement, announce
from hypercare.domain.conditions import Condition, ConditionType, Observed, false, true, unknown
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.evidence.verdict_history import VerdictChange
from hypercare.domain.life.facts import Life
from hypercare.domain.snapshot import Reading
from hypercare.domain.timestamps import timestamp
from tests.unit.lives import ACTIVE, COMPLETED, QUIET, RELAXING_MET
from tests.unit.snapshots import UNTOLD, findings, judgement, reading, snapshot

T = ConditionType
NOTHING = {
    kind: unknown(kind, "RunStarted")
    for kind in (T.ALERTS_TIGHTENED, T.SCALING_RAISED, T.REGRESSED, T.STALLED, T.EVIDENCE_FRESH)
}
LIVE = true(T.ALERTS_TIGHTENED, "Live", "1 of 1 alerts tightened")
NOT_ASKED = true(T.ALERTS_TIGHTENED, "NotRequested", "Nothing is requested")
RAISED = true(T.SCALING_RAISED, "Raised", "4 replicas are ready")
OBSERVED = true(T.SCALING_RAISED, "ObserveMode")
REGRESSED = true(T.REGRESSED, "PastRegressionBound", "Past the regression bound: errors")
STALLED = true(T.STALLED, "RuleNotFound", "there is no rule x")
FRESH = true(T.EVIDENCE_FRESH, "Fresh")
STALE = false(T.EVIDENCE_FRESH, "PrometheusUnreachable", "errors is 6m behind")


@dataclass(frozen=True)
class Case:
    """What is so now, after what was so before, and what is told."""

    sentence: str
    now: tuple[Condition, ...]
    expected: tuple[Announcement, ...]
    before: tuple[Condition, ...] = ()
    life: Life = ACTIVE
    readings: tuple[Reading, ...] = ()


MET, UNMET, UNKNOWN = Verdict


def changed(verdict: Verdict, *changes: tuple[int, Verdict], of: str = "errors") -> Reading:
    """A criterion whose verdict has changed at these points."""
    found = tuple(VerdictChange(time, judgement(each)) for time, each in changes)
    return replace(reading(verdict, of), changes=found)


CASES = (
    Case("Nothing new is nothing to tell.", (), ()),
    Case("Live alerts are told.", (LIVE,), (Announcement("AlertsTightened", LIVE.message),)),
    Case("Alerts that stay live are not told again.", (LIVE,), (), before=(LIVE,)),
    Case(
        "Alerts that are live again are told again.",
        (LIVE,),
        (Announcement("AlertsTightened", LIVE.message),),
        before=(false(T.ALERTS_TIGHTENED, "EvaluationStopped"),),
    ),
    Case("Raised scaling is told.", (RAISED,), (Announcement("ScalingRaised", RAISED.message),)),
    Case("That nothing is asked for is no news.", (NOT_ASKED,), ()),
    Case("That nothing is written is no news.", (OBSERVED,), ()),
    Case("What is applied on the way down is no news.", (LIVE, RAISED), (), life=RELAXING_MET),
    Case("A regression is a warning.", (REGRESSED,), (Announcement("Regressed", REGRESSED.message, warning=True),)),
    Case("A regression that lasts is told once.", (REGRESSED,), (), before=(REGRESSED,)),
    Case(
        "A regression on the way down is told, too.",
        (REGRESSED,),
        (Announcement("Regressed", REGRESSED.message, warning=True),),
        life=RELAXING_MET,
    ),
    Case(
        "What stalls is told by its reason.",
        (STALLED,),
        (Announcement("RuleNotFound", "there is no rule x", warning=True),),
    ),
    Case(
        "Evidence that goes stale is told.",
        (STALE,),
        (Announcement("EvidenceStale", STALE.message, warning=True),),
        before=(FRESH,),
    ),
    Case(
        "Evidence that waits for the rules to be loaded is not.",
        (replace(STALE, reason="OverlayNotLive"),),
        (),
        before=(FRESH,),
    ),
    Case("Evidence that was never fresh is not.", (STALE,), ()),
    Case("Evidence that stays stale is not told again.", (STALE,), (), before=(STALE,)),
    Case(
        "A criterion that is met for the first time is told, with the time from which on it was.",
        (),
        (Announcement("CriterionMet", "errors is Met: Values were below 5 for 1h", at=QUIET - 60),),
        readings=(changed(MET, (QUIET - 60, MET)),),
    ),
    Case(
        "One that is unmet is a warning.",
        (),
        (Announcement("CriterionUnmet", "errors is Unmet: 9 is not below 5", warning=True, at=QUIET),),
        readings=(changed(UNMET, (QUIET, UNMET)),),
    ),
    Case(
        "One that is advisory is told as such, and is no warning.",
        (),
        (Announcement("CriterionUnmet", "cost (advisory) is Unmet: 9 is not below 5", at=QUIET),),
        readings=(replace(reading(UNMET, "cost", advisory=True), changes=(VerdictChange(QUIET, judgement(UNMET)),)),),
    ),
    Case(
        "One that becomes unknown is told.",
        (),
        (Announcement("CriterionUnknown", "errors is Unknown: Good for 20m of 1h", at=QUIET - 30),),
        readings=(changed(UNKNOWN, (QUIET - 30, UNKNOWN)),),
    ),
    Case("A verdict that stands is not told.", (), (), readings=(reading(MET), reading(UNKNOWN, "latency"))),
    Case(
        "What nobody watched is told in its order, over all criteria, and that it was found later.",
        (),
        (
            Announcement(
                "CriterionUnmet",
                f"errors was Unmet from {timestamp(QUIET - 900)} on, found later: 9 is not below 5",
                warning=True,
                at=QUIET - 900,
            ),
            Announcement(
                "CriterionMet",
                f"latency is Met since {timestamp(QUIET - 600)}, found later: Values were below 5 for 1h",
                at=QUIET - 600,
            ),
            Announcement("CriterionMet", "errors is Met: Values were below 5 for 1h", at=QUIET - 60),
        ),
        readings=(
            changed(MET, (QUIET - 900, UNMET), (QUIET - 60, MET)),
            changed(MET, (QUIET - 600, MET), of="latency"),
        ),
    ),
    Case(
        "What was found while catching up is told as what was.",
        (),
        (
            Announcement(
                "CriterionMet",
                f"errors was Met from {timestamp(QUIET - 900)} on, found later: Values were below 5 for 1h",
                at=QUIET - 900,
            ),
        ),
        readings=(replace(changed(MET, (QUIET - 900, MET)), judgement=judgement(UNKNOWN, reason="CatchingUp")),),
    ),
    Case(
        "After the end nothing is told.",
        (LIVE, REGRESSED, STALLED),
        (),
        life=COMPLETED,
        readings=(changed(UNMET, (QUIET, UNMET)),),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.sentence)
def test_announce(case: Case) -> None:
    before = {each.type: Observed(each, QUIET - 60) for each in case.before}
    visit = snapshot(case.life, readings=case.readings, stored=replace(UNTOLD, conditions=before))
    conditions = {**NOTHING, **{each.type: each for each in case.now}}
    assert announce(visit, findings(case.life), tuple(conditions.values())) == case.expected
