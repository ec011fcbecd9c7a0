"""The last runs of a CronJob: what is asked, what is remembered, and what never counts in favour."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.evidence.criteria import definition_hash
from hypercare.domain.evidence.fold import Measured
from hypercare.domain.evidence.judgement import Judgement, Verdict
from hypercare.domain.evidence.run_record import (
    MAX_ENTRIES,
    Ending,
    Entry,
    Run,
    RunRule,
    RunsPoint,
    RunsState,
    Seen,
    fold,
    tag_of,
)
from hypercare.domain.evidence.runs import RunsKind
from hypercare.domain.evidence.runs_judgement import RunsTail, judge_runs, verdict_on
from hypercare.domain.evidence.status import read_state, render_state
from hypercare.domain.fields import Field, InvalidField
from tests.unit.criteria import parse_runs
from tests.unit.cronjob import NAME, STEP, CronJob, Job

START = 1_800_000_000
HOUR = range(START, START + 3600, STEP)


def rule(succeeded: int = 3, failed: int = 0, max_gap: int = 600) -> RunRule:
    return RunRule(RunsKind(NAME, succeeded, failed), STEP, max_gap, START)


def fresh() -> RunsState:
    return RunsState("d", START - STEP, last_seen=START - STEP)


def runs_of(letters: str, every: int = 300, **job: Any) -> CronJob:
    """One run every five minutes from the start on: `s` succeeds, `f` fails."""
    return CronJob([Job(START + 60 + every * i, fails=letter == "f", **job) for i, letter in enumerate(letters)])


def judged(cronjob: CronJob, by: RunRule, times: range = HOUR) -> Judgement:
    return judge_runs(fold(fresh(), cronjob.points(times), by), RunsTail(), by)


# --- the spec --------------------------------------------------------------------------------------------------------


def test_three_runs_must_succeed_and_none_fail_unless_told_otherwise() -> None:
    found = parse_runs({"target": "ingest"})
    assert found.kind == RunsKind("ingest", 3, 0)
    assert (found.kind_name, found.sustained_seconds, found.max_gap_seconds) == ("runs", 0, 600)
    told = parse_runs({"target": "ingest", "succeeded": 5, "failed": 1}, maxGap="3m", advisory=True)
    assert (told.kind, told.max_gap_seconds, told.advisory) == (RunsKind("ingest", 5, 1), 180, True)


@pytest.mark.parametrize(
    ("runs", "path", "says"),
    [
        ({}, ".runs.target", "required|string"),
        ({"target": "a", "succeeded": 0}, ".runs.succeeded", "from 1 to 20"),
        ({"target": "a", "succeeded": 21}, ".runs.succeeded", "from 1 to 20"),
        ({"target": "a", "failed": -1}, ".runs.failed", "from 0 to 20"),
        ({"target": "a", "failed": 21}, ".runs.failed", "from 0 to 20"),
        ({"target": "a", "succeeded": "3"}, ".runs.succeeded", "whole number"),
    ],
)
def test_a_refusal_names_its_field(runs: dict[str, Any], path: str, says: str) -> None:
    with pytest.raises(InvalidField, match=says) as refusal:
        parse_runs(runs)
    assert refusal.value.path == "spec.exitCriteria[0]" + path


@pytest.mark.parametrize(
    "unused",
    [
        {"sustainedFor": "1h"},
        {"below": 1},
        {"coverage": "90%"},
        {"allowBad": "1%"},
        {"minSeries": 2},
        {"activeWhen": {"query": "up", "above": 0}},
        {"regression": {"above": 2, "for": "5m"}},
    ],
)
def test_what_has_no_meaning_for_runs_is_refused_and_not_dropped(unused: dict[str, Any]) -> None:
    with pytest.raises(InvalidField, match="is not used with runs") as refusal:
        parse_runs({"target": "a"}, **unused)
    assert refusal.value.path == f"spec.exitCriteria[0].{next(iter(unused))}"


@pytest.mark.parametrize("change", [{"target": "b"}, {"succeeded": 2}, {"failed": 1}])
def test_a_change_of_meaning_changes_the_hash(change: dict[str, Any]) -> None:
    assert definition_hash(parse_runs({"target": "a", **change})) != definition_hash(parse_runs({"target": "a"}))


# --- the walk --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("letters", "succeeded", "failed", "verdict", "reason"),
    [
        ("", 3, 0, Verdict.UNKNOWN, "Collecting"),
        ("ss", 3, 0, Verdict.UNKNOWN, "Collecting"),
        ("sss", 3, 0, Verdict.MET, "RunsSucceeded"),
        ("f", 3, 0, Verdict.UNMET, "RunFailed"),
        ("sssf", 3, 0, Verdict.UNMET, "RunFailed"),
        ("sssfss", 3, 0, Verdict.UNMET, "RunFailed"),
        # Three successes after the failure: it is not on the way any more.
        ("sssfsss", 3, 0, Verdict.MET, "RunsSucceeded"),
        ("fs", 3, 1, Verdict.UNKNOWN, "Collecting"),
        ("ssfs", 3, 1, Verdict.MET, "RunsSucceeded"),
        ("sffss", 3, 1, Verdict.UNMET, "RunFailed"),
        ("fffff", 1, 4, Verdict.UNMET, "RunFailed"),
        ("ffffs", 1, 4, Verdict.MET, "RunsSucceeded"),
    ],
)
def test_walking_back_from_the_newest_run(
    letters: str, succeeded: int, failed: int, verdict: Verdict, reason: str
) -> None:
    found = judged(runs_of(letters), rule(succeeded, failed))
    assert (found.verdict, found.reason) == (verdict, reason)


def test_a_run_that_began_before_the_window_is_the_old_release() -> None:
    before = [Job(START - 30, takes=60), Job(START - 600), Job(START - 300)]
    assert judged(CronJob(before), rule(1)).reason == "Collecting"
    assert judged(CronJob([*before, Job(START, takes=60)]), rule(1)).verdict is Verdict.MET


def test_a_run_that_is_active_counts_neither_way() -> None:
    active = Job(START + 1200, takes=10_000)
    assert judged(CronJob([*runs_of("sss").jobs, active]), rule()).verdict is Verdict.MET
    assert judged(CronJob([*runs_of("ss").jobs, active]), rule()).reason == "Collecting"


def test_runs_stand_in_the_order_in_which_they_began() -> None:
    """A long run that began first and failed last is the oldest one."""
    overlapping = CronJob([Job(START + 60, takes=2000, fails=True), *(Job(START + 120 + 60 * i) for i in range(3))])
    assert judged(overlapping, rule()).verdict is Verdict.MET
    assert judged(overlapping, rule(4)).verdict is Verdict.UNMET


def test_a_job_made_by_hand_is_a_run_too() -> None:
    by_hand = Job(START + 1500, fails=True, by_hand="ingest-try")
    assert judged(CronJob([*runs_of("sss").jobs, by_hand]), rule()).verdict is Verdict.UNMET
    assert judged(CronJob([*runs_of("ss").jobs, replace(by_hand, fails=False)]), rule()).verdict is Verdict.MET


def test_pruned_jobs_are_neither_forgotten_nor_counted_twice() -> None:
    """Shown for a minute only, as a short history limit or ttlSecondsAfterFinished would have it."""
    assert judged(runs_of("sss", shown_for=60), rule()).verdict is Verdict.MET
    assert judged(runs_of("sfs", shown_for=60), rule()).verdict is Verdict.UNMET
    assert judged(runs_of("ss", shown_for=60), rule()).message.startswith("Of the newest runs of ingest, 2 succeeded")


def test_a_run_that_was_scheduled_and_never_seen_may_have_failed() -> None:
    """History limits of 0: gone before the next scrape."""
    unseen = CronJob([*runs_of("sss").jobs, Job(START + 1801, takes=5, shown_for=5)])
    found = judged(unseen, rule())
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "RunsNotSeen")
    assert found.message == (
        "Of the newest runs of ingest, 2 succeeded, 0 failed, 1 not seen to end; "
        "what was not seen to end may have failed"
    )
    assert judged(unseen, rule(failed=1)).verdict is Verdict.MET


def test_a_run_that_went_before_it_was_seen_to_end_may_have_failed() -> None:
    """Deleted, or replaced by its successor (concurrencyPolicy: Replace)."""
    replaced = [*runs_of("sss").jobs, Job(START + 1801, takes=120, shown_for=0)]
    assert judged(CronJob(replaced), rule()).reason == "RunsNotSeen"
    assert judged(CronJob([*replaced, *(Job(START + 2400 + 60 * i) for i in range(3))]), rule()).verdict is Verdict.MET


def test_the_word_of_a_run_may_come_before_its_job() -> None:
    """The CronJob and its Jobs are watched apart, so a scrape may see the one before the other."""
    scheduled = START + 600
    seen = Run(f"{NAME}-{scheduled // 60}", scheduled + 1, Ending.SUCCEEDED)
    points = (RunsPoint(scheduled + 30, Seen((), scheduled)), RunsPoint(scheduled + 60, Seen((seen,), scheduled)))
    by = rule(2)
    first = fold(replace(fresh(), last_seen=scheduled), points[:1], by)
    assert judge_runs(first, RunsTail(), by).reason == "RunsNotSeen"
    assert fold(first, points[1:], by).entries == (Entry(seen.created, tag_of(seen.name), Ending.SUCCEEDED),)


def test_of_two_words_about_one_job_the_worse_one_stays() -> None:
    by, name = rule(1), f"{NAME}-{(START + 60) // 60}"
    for endings in (
        (Ending.FAILED, Ending.SUCCEEDED),
        (Ending.SUCCEEDED, Ending.FAILED),
        (Ending.FAILED, Ending.ACTIVE),
    ):
        shown = [Seen((Run(name, START + 60, ending),)) for ending in endings]
        state = fold(fresh(), [RunsPoint(START + STEP * (i + 2), seen) for i, seen in enumerate(shown)], by)
        assert [entry.ending for entry in state.entries] == [Ending.FAILED]


def test_after_a_long_hole_only_runs_that_began_later_count() -> None:
    jobs = runs_of("sss").jobs
    hole = frozenset(range(START + 960, START + 960 + 660, STEP))
    found = judged(CronJob(jobs, hole), rule())
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "Collecting")
    assert "since 2027-01-15T08:27:00Z, after a stretch without data" in found.message
    # The first of them at the very end of the hole.
    later = [Job(START + 1620 + 60 * i) for i in range(3)]
    assert judged(CronJob([*jobs, *later], hole), rule()).verdict is Verdict.MET
    tolerated = frozenset(range(START + 960, START + 960 + 600, STEP))
    assert judged(CronJob(jobs, tolerated), rule()).verdict is Verdict.MET


def test_failures_from_before_a_hole_still_count() -> None:
    hole = frozenset(range(START + 960, START + 960 + 900, STEP))
    assert judged(CronJob(runs_of("sf").jobs, hole), rule()).verdict is Verdict.UNMET


def test_a_window_that_begins_with_a_hole_is_blind_until_its_end() -> None:
    hole = frozenset(range(START, START + 1200, STEP))
    assert judged(CronJob(runs_of("sss").jobs, hole), rule()).reason == "Collecting"


def test_the_newest_point_must_be_present() -> None:
    cronjob = runs_of("sss")
    missing = CronJob(cronjob.jobs, frozenset({HOUR[-1]}))
    found = judged(missing, rule())
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "EvidenceMissing")
    by = rule()
    tail = missing.points(HOUR[-2:])
    told = judge_runs(fold(fresh(), missing.points(HOUR[:-2]), by), RunsTail(tail, HOUR[-1]), by)
    assert told.reason == "KubeStateMetricsMissing"
    assert told.message == "kube-state-metrics shows no CronJob ingest here (kube_cronjob_info)"


def test_a_failed_run_is_told_before_it_is_final_and_a_success_completes_nothing() -> None:
    by = rule(1)
    state = fold(fresh(), CronJob([]).points(HOUR[:-2]), by)
    for fails, verdict in ((True, Verdict.UNMET), (False, Verdict.UNKNOWN)):
        tail = CronJob([Job(HOUR[-3], fails=fails)]).points(HOUR[-2:])
        for settled in (HOUR[-2] - STEP, HOUR[-1]):
            assert judge_runs(state, RunsTail(tail, settled), by).verdict is verdict


def test_a_hotfix_forgets_the_runs_before_it() -> None:
    state = fold(fresh(), runs_of("ssf").points(HOUR), rule())
    restarted = state.restarted(START + 360)
    assert [entry.ending for entry in restarted.entries] == [Ending.FAILED]
    assert isinstance(restarted.worst, Measured)
    assert restarted.restarted(START + 300) is restarted
    after_all = restarted.restarted(START + 3600)
    assert (after_all.entries, after_all.floor) == ((), START + 3600)
    assert not isinstance(after_all.worst, Measured)
    again = fold(after_all, runs_of("ssf").points(range(START + 3600, START + 3700, STEP)), rule())
    assert again.entries == ()


def test_what_people_see() -> None:
    found = judged(runs_of("sfs"), rule())
    assert found.message == (
        f"Of the newest runs of ingest, 2 succeeded, 1 failed, the newest of them {runs_of('sfs').jobs[1].name}; "
        "at most 0 may fail on the way to 3"
    )
    assert found.last == Measured(1.0, "", START + 660)
    assert found.worst == Measured(0.0, f"ingest-{(START + 360) // 60}", START + 360)
    assert (found.met_for_seconds, found.remaining_seconds, found.coverage) == (0, 0, 1.0)


def test_more_active_runs_than_can_be_told_apart_are_not_taken_for_successes() -> None:
    crowd = [Job(START + 60 + i, takes=2000, by_hand=f"by-hand-{i}") for i in range(MAX_ENTRIES + 5)]
    by = rule(1)
    state = fold(fresh(), CronJob([Job(START + 1, by_hand="first"), *crowd]).points(HOUR[:20]), by)
    assert (len(state.entries), state.blind_until) == (MAX_ENTRIES, START + 65)
    assert judge_runs(state, RunsTail(), by).reason == "Collecting"


# --- properties ------------------------------------------------------------------------------------------------------

ORDER = [Verdict.UNMET, Verdict.UNKNOWN, Verdict.MET]
JOBS = st.lists(
    st.builds(
        Job,
        created=st.integers(START - 600, START + 3000),
        takes=st.integers(0, 900),
        fails=st.booleans(),
        shown_for=st.sampled_from([0, 20, 60, 700, 100_000]),
        by_hand=st.sampled_from(["", "", "", "by-hand"]),
    ),
    max_size=12,
    unique_by=lambda job: job.name,
)
LASTING = JOBS.map(lambda jobs: [replace(job, shown_for=100_000) for job in jobs])
RULES = st.builds(rule, st.integers(1, 4), st.integers(0, 2), st.sampled_from([0, 60, 600]))
HOLES = st.frozensets(st.sampled_from(HOUR), max_size=40) | st.builds(
    lambda start, count: frozenset(HOUR[start : start + count]), st.integers(0, 119), st.integers(0, 60)
)


@given(JOBS, HOLES, RULES, st.lists(st.integers(0, 120)))
def test_the_state_does_not_depend_on_how_points_come_in_batches(
    jobs: list[Job], holes: frozenset[int], by: RunRule, cuts: list[int]
) -> None:
    every = CronJob(jobs, holes).points(HOUR)
    state = fresh()
    for start, end in pairwise([0, *sorted(cuts), len(every)]):
        state = fold(state, every[start:end], by)
    assert state == fold(fresh(), every, by)


@given(JOBS, HOLES, RULES, st.integers(0, 120))
def test_storing_the_state_and_going_on_changes_nothing(
    jobs: list[Job], holes: frozenset[int], by: RunRule, cut: int
) -> None:
    every = CronJob(jobs, holes).points(HOUR)
    state = fold(fresh(), every[:cut], by)
    stored = read_state(Field("status", render_state(state)))
    assert stored == state
    assert judge_runs(fold(state, every[cut:], by), RunsTail(), by).verdict is verdict_on(
        fold(state, every[cut:], by), by
    )


@given(LASTING, RULES)
def test_the_verdict_is_what_a_walk_over_all_jobs_says(jobs: list[Job], by: RunRule) -> None:
    """As long as every Job stays: the rule word by word."""
    end = HOUR[-1]
    ended = [job for job in jobs if job.created >= START and job.created + job.takes <= end]
    succeeded = failed = 0
    for job in sorted(ended, key=lambda each: (each.created, tag_of(each.name)), reverse=True):
        failed += job.fails
        succeeded += not job.fails
        if succeeded == by.kind.succeeded:
            break
    met = succeeded == by.kind.succeeded
    expected = Verdict.UNMET if failed > by.kind.failed else Verdict.MET if met else Verdict.UNKNOWN
    assert judged(CronJob(jobs), by).verdict is expected


@given(JOBS, st.integers(1, 4), st.integers(0, 2), HOLES)
def test_missing_data_never_makes_it_met(jobs: list[Job], succeeded: int, failed: int, holes: frozenset[int]) -> None:
    """Given that Jobs stay longer than the longest hole that is tolerated, as history limits above 0 give it."""
    by = rule(succeeded, failed, max_gap=600)
    staying = [replace(job, shown_for=max(job.shown_for, 700)) for job in jobs]
    if judged(CronJob(staying), by).verdict is not Verdict.MET:
        assert judged(CronJob(staying, holes), by).verdict is not Verdict.MET


@given(JOBS, RULES, st.integers(0, 12))
def test_a_failed_run_in_place_of_a_good_one_never_helps(jobs: list[Job], by: RunRule, which: int) -> None:
    if which < len(jobs):
        worse = [replace(job, fails=True) if index == which else job for index, job in enumerate(jobs)]
        assert ORDER.index(judged(CronJob(worse), by).verdict) <= ORDER.index(judged(CronJob(jobs), by).verdict)


@given(JOBS, RULES, st.integers(START, START + 3000))
def test_one_more_failed_run_never_helps(jobs: list[Job], by: RunRule, created: int) -> None:
    more = [*jobs, Job(created, fails=True, by_hand="one-more")]
    assert ORDER.index(judged(CronJob(more), by).verdict) <= ORDER.index(judged(CronJob(jobs), by).verdict)


@given(JOBS, HOLES, st.integers(1, 4), st.integers(0, 2), st.integers(1, 3))
def test_more_successes_are_never_met_earlier(
    jobs: list[Job], holes: frozenset[int], succeeded: int, failed: int, more: int
) -> None:
    cronjob = CronJob(jobs, holes)
    if judged(cronjob, rule(succeeded + more, failed)).verdict is Verdict.MET:
        assert judged(cronjob, rule(succeeded, failed)).verdict is Verdict.MET


@given(JOBS, HOLES, RULES)
def test_what_is_remembered_stays_small(jobs: list[Job], holes: frozenset[int], by: RunRule) -> None:
    state = fold(fresh(), CronJob(jobs, holes).points(HOUR), by)
    assert sum(entry.ended for entry in state.entries) <= by.kind.most
    assert list(state.entries) == sorted(state.entries)
