"""Reports of runs: one of everything that a report tells, and any that could be."""

import json
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from hypercare.domain.alerts.episodes import Episode
from hypercare.domain.alerts.tightening import BoundChange
from hypercare.domain.capacity.hold import HeldObject
from hypercare.domain.capacity.scaling_rows import ScalingRow, ScalingState
from hypercare.domain.evidence.fold import Measured, NotMeasured
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.life.facts import Outcome
from hypercare.domain.life.release import Release
from hypercare.domain.report.facts import (
    AlertReport,
    CriterionReport,
    Detection,
    RunReport,
    ScalingReport,
    TightenedAlert,
    TriedBefore,
    UntouchedAlert,
)
from hypercare.domain.report.json_report import render_json
from hypercare.domain.status import TimelineEntry
from tests.unit.lives import T0
from tests.unit.snapshots import HPA

CRITERION = CriterionReport(
    name="errors",
    kind="query",
    expression="sum(rate(http_requests_total[5m]))",
    bound="below 0.01",
    sustained_seconds=3600,
    advisory=False,
    verdict=Verdict.MET,
    reason="Sustained",
    message="Always below 0.01",
    met_for_seconds=3600,
    last=Measured(0.001, '{pod="a"}', T0),
    worst=NotMeasured(),
)
REPORT = RunReport(
    namespace="shop",
    name="checkout",
    run_id="r1-5f0c2a7e",
    release=Release("2.4.0", name="autumn"),
    outcome=Outcome.MET,
    observe=False,
    started_at=T0,
    ended_at=T0 + 90000,
    extensions_used=1,
    timeline=(TimelineEntry(T0, "WindowStarted", "The rollout is complete"),),
    criteria=(CRITERION,),
    alerts=AlertReport(
        step_seconds=30,
        detections=(
            Detection("ErrorsHigh", "critical", Episode(T0, T0 + 600), Episode(T0 + 300, T0 + 600)),
            Detection("ErrorsHigh", "critical", Episode(T0 + 900, T0 + 930), None),
            Detection("QueueStuck", "", None, Episode(T0 + 950, T0 + 980)),
        ),
        tightened=(TightenedAlert("ErrorsHigh", 600, 300),),
        untouched=(UntouchedAlert("Watchdog", "AlwaysFires", "It fires by design"),),
    ),
    scaling=(
        ScalingReport(ScalingRow("checkout", HPA, ScalingState.RESTORED, message="3 again", original=3, applied=3), 5),
    ),
    unrestored="",
    notes=("Alerts of the last hour could not be read: timeout",),
)
TEXTS = st.one_of(st.text(max_size=40), st.text("|`\\\n\r<>&*_[]~#-\x1b\u2028\u202ea ", max_size=40))
TIMES = st.integers(0, 4_000_000_000)
EPISODES = st.builds(Episode, TIMES, TIMES)
SHOWN = st.one_of(st.builds(Measured, st.floats(), TEXTS, TIMES), st.just(NotMeasured()))
ROWS = st.builds(
    ScalingRow,
    target=TEXTS,
    object=st.builds(HeldObject, TEXTS, TEXTS, TEXTS, TEXTS),
    state=st.sampled_from(ScalingState),
    message=TEXTS,
)
REPORTS = st.builds(
    RunReport,
    namespace=TEXTS,
    name=TEXTS,
    run_id=TEXTS,
    release=st.builds(Release, TEXTS, TEXTS, url=TEXTS),
    outcome=st.sampled_from(Outcome),
    observe=st.booleans(),
    started_at=st.one_of(st.none(), TIMES),
    ended_at=TIMES,
    extensions_used=st.integers(0, 9),
    timeline=st.lists(st.builds(TimelineEntry, TIMES, TEXTS, TEXTS), max_size=2).map(tuple),
    criteria=st.lists(
        st.builds(
            CriterionReport,
            name=TEXTS,
            kind=TEXTS,
            expression=TEXTS,
            bound=TEXTS,
            sustained_seconds=TIMES,
            advisory=st.booleans(),
            verdict=st.sampled_from(Verdict),
            reason=TEXTS,
            message=TEXTS,
            met_for_seconds=TIMES,
            last=SHOWN,
            worst=SHOWN,
        ),
        max_size=2,
    ).map(tuple),
    alerts=st.builds(
        AlertReport,
        step_seconds=st.integers(1, 600),
        detections=st.lists(
            st.builds(Detection, TEXTS, TEXTS, st.one_of(st.none(), EPISODES), st.one_of(st.none(), EPISODES)),
            max_size=2,
        ).map(tuple),
        tightened=st.lists(
            st.builds(
                TightenedAlert,
                TEXTS,
                TIMES,
                TIMES,
                st.lists(st.builds(BoundChange, st.sampled_from(["<", ">="]), TEXTS, TEXTS), max_size=2).map(tuple),
                st.none() | st.builds(TriedBefore, TIMES, st.integers(0, 9), TEXTS),
                st.lists(st.builds(UntouchedAlert, TEXTS, TEXTS, TEXTS), max_size=2).map(tuple),
            ),
            max_size=2,
        ).map(tuple),
        untouched=st.lists(st.builds(UntouchedAlert, TEXTS, TEXTS, TEXTS), max_size=2).map(tuple),
        unread=TEXTS,
    ),
    scaling=st.lists(st.builds(ScalingReport, ROWS, st.integers(0, 99)), max_size=2).map(tuple),
    unrestored=TEXTS,
    notes=st.lists(TEXTS, max_size=2).map(tuple),
)
SLOW_TO_BUILD = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def document_of(report: RunReport) -> Any:
    """Its JSON form."""
    return json.loads(render_json(report))
