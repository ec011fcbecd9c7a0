"""A `runs` criterion through the seam: what is asked of kube-state-metrics, and how it goes on after anything."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from math import nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypercare.domain.evidence.context import MAX_POINTS, Context, NoEvidence, Outcome
from hypercare.domain.evidence.criteria import Criterion
from hypercare.domain.evidence.judgement import Judgement, Verdict
from hypercare.domain.evidence.points import Missing, MissingReason
from hypercare.domain.evidence.reading import evaluate, plan, replay
from hypercare.domain.evidence.run_marks import ask_runs
from hypercare.domain.evidence.run_record import Ending, Run, RunsPoint, RunsState, Seen
from hypercare.domain.evidence.runs import RunsKind
from hypercare.domain.evidence.runs_reading import RunsReading
from hypercare.domain.evidence.status import read_state, render_evidence, render_state
from hypercare.domain.fields import Field
from hypercare.domain.promql.syntax import parse as parse_promql
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.domain.samples import FailureKind, RangeQuery, Result
from tests.unit.courses import misjudged, says
from tests.unit.criteria import parse, parse_runs
from tests.unit.cronjob import NAME, CronJob, Job
from tests.unit.evidence_contexts import EVALUATION, NOW, context
from tests.unit.prometheus_answers import DOWN, Source, answer, constant

STARTED = NOW - 3600
LOADS = parse_runs({"target": NAME})
CREATED, COMPLETE, FAILED, SCHEDULED, COVERAGE = ask_runs(
    RunsKind(NAME, 3, 0), Tenancy("namespace", "shop"), 120
).expressions()


def shown(cronjob: CronJob) -> Mapping[str, Source]:
    """What a Prometheus answers that scrapes kube-state-metrics."""

    def ended(how: Ending) -> Source:
        return lambda time: {(run.name,): 1 for run in cronjob.seen(time).runs if run.ending is how}

    def present(source: Source) -> Source:
        return lambda time: None if time in cronjob.holes else source(time)

    sources: dict[str, Source] = {
        CREATED: lambda time: {(run.name,): run.created for run in cronjob.seen(time).runs},
        COMPLETE: ended(Ending.SUCCEEDED),
        FAILED: ended(Ending.FAILED),
        SCHEDULED: lambda time: cronjob.seen(time).scheduled or None,
        COVERAGE: constant(1),
    }
    return {expr: present(source) for expr, source in sources.items()}


def answers(queries: tuple[RangeQuery, ...], sources: Mapping[str, Source | Result]) -> dict[RangeQuery, Result]:
    found: dict[RangeQuery, Result] = {}
    for query in queries:
        source = sources[query.expr]
        found[query] = answer(query, source, ("job_name",)) if callable(source) else source
    return found


def at(now: int = NOW, floor: int = 0) -> Context:
    return context(now, started_at=STARTED, floor=floor)


def visit(
    sources: Mapping[str, Source | Result], when: Context, stored: object = None, what: Criterion = LOADS
) -> Outcome[RunsState, RunsPoint]:
    reading = plan(what, stored if isinstance(stored, RunsState) else NoEvidence(), when)
    assert isinstance(reading, RunsReading)
    found = evaluate(reading, answers(reading.queries, sources))
    assert isinstance(found.state, RunsState)
    points = tuple(point for point in found.points if isinstance(point, RunsPoint))
    return Outcome(found.state, found.judgement, points, found.changes)


def good_runs(count: int = 3) -> CronJob:
    return CronJob([Job(STARTED + 60 + 300 * index) for index in range(count)])


def test_what_is_asked_is_kept_in_the_namespace() -> None:
    """Names and labels as in kubernetes/kube-state-metrics, docs/metrics/workload/{job,cronjob}-metrics.md."""
    owner = 'kube_job_owner{namespace="shop",owner_kind="CronJob",owner_name="ingest"}'
    expected = [
        f'max by (job_name) (kube_job_created{{namespace="shop"}}) and on (job_name) {owner}',
        'max by (job_name) (kube_job_complete{condition="true",namespace="shop"} == 1) and on (job_name) ' + owner,
        'max by (job_name) (kube_job_failed{condition="true",namespace="shop"} == 1) and on (job_name) ' + owner,
        'max(kube_cronjob_status_last_schedule_time{cronjob="ingest",namespace="shop"})',
        'count(count_over_time(kube_cronjob_info{cronjob="ingest",namespace="shop"}[120s]))',
    ]
    reading = plan(LOADS, NoEvidence(), at(NOW + 7))
    canonical = [parse_promql(text).prettify() for text in expected]
    assert [parse_promql(query.expr).prettify() for query in reading.queries] == canonical
    assert {(query.start, query.end, query.step) for query in reading.queries} == {(STARTED, NOW, 30)}


def test_three_good_runs_are_met() -> None:
    found = visit(shown(good_runs()), at())
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.MET, "RunsSucceeded")
    assert (found.state.final_through, found.points[-1].time) == (NOW - 30, NOW)


def test_the_next_visit_reads_on_after_the_last_final_point() -> None:
    state = visit(shown(good_runs()), at()).state
    reading = plan(LOADS, state, at(NOW + 60))
    assert isinstance(reading, RunsReading)
    assert (reading.start, reading.end) == (NOW, NOW + 60)
    idle = plan(LOADS, state, at(NOW - 20))
    assert idle.queries == ()
    assert evaluate(idle, {}).judgement.verdict is Verdict.MET


def test_what_was_not_answered_is_never_final_so_an_outage_costs_nothing() -> None:
    state = visit(shown(good_runs(2)), at()).state
    down = dict.fromkeys((CREATED, COMPLETE, FAILED, SCHEDULED, COVERAGE), DOWN)
    during = visit(down, at(NOW + 7200), state)
    assert (during.judgement.verdict, during.judgement.reason) == (Verdict.UNKNOWN, FailureKind.UNREACHABLE.value)
    assert during.state == state
    after = CronJob([*good_runs(2).jobs, Job(NOW + 3600, shown_for=120)])
    assert visit(shown(after), at(NOW + 7260), during.state).judgement.verdict is Verdict.MET


def test_a_long_absence_is_caught_up_in_pieces_and_nothing_is_met_until_then() -> None:
    long_ago = NOW - 2 * MAX_POINTS * 30
    when = context(started_at=long_ago)
    sources = shown(CronJob([Job(long_ago + 60 + 300 * index) for index in range(3)]))
    found = visit(sources, when)
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNKNOWN, "CatchingUp")
    for _ in range(2):
        found = visit(sources, when, found.state)
    assert (found.judgement.verdict, found.state.final_through) == (Verdict.MET, NOW - 30)


def test_a_hotfix_starts_the_count_anew() -> None:
    cronjob = good_runs()
    state = visit(shown(cronjob), at()).state
    assert visit(shown(cronjob), at(floor=NOW), state).judgement.reason == "Collecting"
    later = CronJob([*cronjob.jobs, *(Job(NOW + 1 + 60 * index) for index in range(3))])
    assert visit(shown(later), at(NOW + 300, floor=NOW), state).judgement.verdict is Verdict.MET


def test_a_criterion_that_asks_for_something_else_starts_anew() -> None:
    state = visit(shown(good_runs()), at()).state
    found = visit(shown(good_runs()), at(NOW + 60), state, parse_runs({"target": NAME, "succeeded": 2}))
    assert (found.judgement.reason, found.state.floor) == ("Collecting", NOW + 30)


def test_what_another_kind_has_stored_under_the_name_starts_anew() -> None:
    reading = plan(parse(sustainedFor="1h"), NoEvidence(), at())
    streak = evaluate(reading, dict.fromkeys(reading.queries, DOWN))
    anew = plan(LOADS, streak.state, at(NOW + 60))
    assert evaluate(anew, answers(anew.queries, shown(good_runs()))).judgement.reason == "Collecting"


# --- what a point is -------------------------------------------------------------------------------------------------

RUNNING = shown(CronJob([Job(NOW - 90, takes=600), Job(NOW - 600), Job(NOW - 900, fails=True)]))


def newest(change: Mapping[str, Source | Result]) -> object:
    mark = visit({**RUNNING, **change}, at()).points[-1].mark
    return mark.reason if isinstance(mark, Missing) else mark


def test_a_point_is_all_jobs_and_how_they_ended() -> None:
    found = newest({})
    assert isinstance(found, Seen)
    assert found.scheduled == (NOW - 90) // 60 * 60
    assert set(found.runs) == {
        Run(f"ingest-{(NOW - 90) // 60}", NOW - 90, Ending.ACTIVE),
        Run(f"ingest-{(NOW - 600) // 60}", NOW - 600, Ending.SUCCEEDED),
        Run(f"ingest-{(NOW - 900) // 60}", NOW - 900, Ending.FAILED),
    }


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({COVERAGE: constant(None)}, MissingReason.NO_KUBE_STATE_METRICS),
        ({COVERAGE: DOWN}, FailureKind.UNREACHABLE),
        ({CREATED: DOWN}, FailureKind.UNREACHABLE),
        ({COMPLETE: DOWN}, FailureKind.UNREACHABLE),
        ({FAILED: DOWN}, FailureKind.UNREACHABLE),
        ({SCHEDULED: DOWN}, FailureKind.UNREACHABLE),
        ({CREATED: constant(nan)}, MissingReason.NOT_A_NUMBER),
        ({SCHEDULED: constant(nan)}, MissingReason.NOT_A_NUMBER),
        ({CREATED: constant(None), SCHEDULED: constant(None)}, Seen(())),
    ],
)
def test_what_is_not_known_is_missing(change: Mapping[str, Source | Result], expected: object) -> None:
    assert newest(change) == expected


def test_a_job_that_is_said_to_be_both_has_failed() -> None:
    name = f"ingest-{(NOW - 600) // 60}"
    both = newest({FAILED: lambda _: {(name,): 1}})
    assert isinstance(both, Seen)
    assert [run.ending for run in both.runs if run.name == name] == [Ending.FAILED]


# --- promise 8, the course of the verdict, and status ----------------------------------------------------------------

JOBS = st.lists(
    st.builds(
        Job,
        created=st.integers(STARTED - 600, NOW - 60),
        takes=st.integers(0, 600),
        fails=st.booleans(),
        shown_for=st.sampled_from([60, 700, 100_000]),
    ),
    max_size=8,
    unique_by=lambda job: job.name,
)
HOLES = st.builds(
    lambda start, count: frozenset(range(STARTED + 30 * start, STARTED + 30 * (start + count), 30)),
    st.integers(0, 90),
    st.integers(0, 30),
)
ONE_OF_TWO = parse_runs({"target": NAME, "succeeded": 2, "failed": 1}, maxGap="5m")


@settings(deadline=None, max_examples=50)
@given(JOBS, HOLES, st.lists(st.integers(30, 900), max_size=6))
def test_the_same_samples_give_the_same_evidence_however_often_one_looked(
    jobs: list[Job], holes: frozenset[int], pauses: list[int]
) -> None:
    sources = shown(CronJob(jobs, holes))
    backtest = visit(sources, at(), None, ONE_OF_TWO)
    state: object = None
    now = STARTED
    for pause in pauses:
        now += pause
        if now >= NOW:
            break
        state = read_state(Field("status", render_state(visit(sources, at(now), state, ONE_OF_TWO).state)))
        assert isinstance(state, RunsState)
    live = visit(sources, at(), state, ONE_OF_TWO)
    assert live.state == backtest.state
    assert live.judgement == backtest.judgement


def judged_at(time: int, sources: Mapping[str, Source]) -> Judgement:
    """What a visit says for which this is the newest final point, and the newest at all."""
    when = replace(at(time), evaluation=replace(EVALUATION, delay=0, max_delay=0))
    return visit(sources, when, None, ONE_OF_TWO).judgement


@settings(deadline=None, max_examples=5)
@given(JOBS, HOLES)
def test_the_course_of_the_verdict_is_what_visits_would_have_said(jobs: list[Job], holes: frozenset[int]) -> None:
    sources = shown(CronJob(jobs, holes))
    reading = plan(ONE_OF_TWO, NoEvidence(), at())
    outcome, steps = replay(reading, answers(reading.queries, sources))
    told = list(steps)
    assert misjudged(told, lambda time: judged_at(time, sources)) == []
    assert all(says(one) != says(other) for (_, one), (_, other) in pairwise(told))
    changes = [change.verdict for change in outcome.changes]
    assert all(one is not other for one, other in pairwise(changes))
    assert changes[-1] is told[-1][1].verdict


def test_what_people_see_of_a_criterion() -> None:
    found = visit(shown(CronJob([Job(STARTED + 60), Job(STARTED + 360, fails=True)])), at(STARTED + 600))
    tags = [entry.tag for entry in found.state.entries]
    assert render_evidence(LOADS, found) == {
        "name": "loads",
        "kind": "runs",
        "advisory": False,
        "verdict": "Unmet",
        "reason": "RunFailed",
        "message": (
            "Of the newest runs of ingest, 1 succeeded, 1 failed, the newest of them ingest-29999946; "
            "at most 0 may fail on the way to 3"
        ),
        "metFor": "0s",
        "remaining": "0s",
        "coverage": "100.0%",
        "definition": found.state.definition,
        "finalThrough": "2027-01-15T07:09:30Z",
        "runs": f"{STARTED + 570}/0;s{STARTED + 60}.{tags[0]},f{STARTED + 360}.{tags[1]}",
        "last": 0.0,
        "worst": 0.0,
        "worstAt": "2027-01-15T07:06:00Z",
        "worstSeries": "ingest-29999946",
    }


@pytest.mark.parametrize("damage", ["", "1/0", "x/0;", "1/0;s1", "1/0;s1.abc", "1/0;z1.abcdef", "1/0;s1.abcdef,", 7])
def test_a_status_that_somebody_has_damaged_starts_anew(damage: object) -> None:
    stored = render_state(visit(shown(good_runs()), at()).state)
    assert read_state(Field("status", stored | {"runs": damage})) == NoEvidence()
