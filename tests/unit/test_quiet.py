"""Quiet must be proven: silence of an alert counts only with the proof that it could have spoken."""

from dataclasses import replace
from typing import Any

import pytest

from hypercare.domain.evidence.context import Context, NoEvidence
from hypercare.domain.evidence.criteria import AlertsKind, AlertState, Criterion, Include
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.evidence.points import Bad, Good, Missing, MissingReason
from hypercare.domain.evidence.quiet import NoOverlay, OverlayLive, OverlayNotLive, Role, Watch, subjects
from hypercare.domain.evidence.streak_reading import evaluate_streak, plan_streak
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.domain.samples import FailureKind
from tests.unit.evidence_contexts import NOW, context
from tests.unit.prometheus_answers import answer
from tests.unit.quiet_world import ADDED, ERRORS, GONE, LIVE, Recorded, Row, World, quiet, visit, watching

ONE, COPY = watching(ERRORS), quiet(include="Copies")


def test_proven_silence_is_met() -> None:
    found = visit(quiet(), watching(ERRORS, GONE), World())
    assert (found.judgement.verdict, found.judgement.message) == (Verdict.MET, "No selected alert fired for 1h")
    assert (
        found.points[-1].mark == Good(found.points[0].mark.worst) if isinstance(found.points[0].mark, Good) else False
    )


def test_one_request_per_series_for_all_alerts_of_a_period() -> None:
    queries = plan_streak(quiet(include="Both"), NoEvidence(), watching(ERRORS, GONE, ADDED)).queries
    assert [query.expr for query in queries] == [
        f"max by ({by}) (max_over_time({series}[30s]))"
        for by, series in (
            ("hypercare_rule", f"hypercare:alert:active{{{OURS}}}"),
            ("hypercare_rule", f"hypercare:alert:inputs{{{OURS}}}"),
            ("hypercare_rule", f"hypercare:original:active{{{OURS}}}"),
            ("hypercare_group", f"hypercare:overlay:live{{{OURS}}}"),
            ("hypercare_rule, alertstate", 'ALERTS{hypercare="shop/checkout"}'),
            (
                "alertname, severity, alertstate, namespace",
                'ALERTS{alertname=~"Errors|Gone",hypercare="",namespace=~"|shop"}',
            ),
        )
    ]


OURS = 'namespace="shop",hypercare="shop/checkout",hypercare_run="r1"'


def test_alerts_of_groups_with_other_intervals_are_read_with_their_own_window() -> None:
    slow = replace(GONE, interval_seconds=300)
    queries = plan_streak(quiet(), NoEvidence(), watching(ERRORS, slow)).queries
    assert sum("[300s]" in query.expr for query in queries) == 4
    assert len(queries) == 8


def mark(what: Criterion, world: World, at: Context = ONE, before: int = 0) -> object:
    """The mark of the point `before` seconds ago, by its reason where it is missing."""
    found = next(p.mark for p in visit(what, at, world).points if p.time == NOW - before)
    return found.reason if isinstance(found, Missing) else type(found)


def test_the_watched_alert_firing_is_bad_and_named() -> None:
    world = World()
    world.originals = lambda _: {("Errors", "critical", "firing", "shop"): 1}
    found = visit(quiet(), watching(ERRORS, GONE), world)
    assert found.judgement.reason == "AlertFiring"
    assert found.judgement.message == 'An alert that must be quiet is not (alertname="Errors")'
    assert isinstance(found.points[-1].mark, Bad)


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        (("Errors", "critical", "pending", "shop"), Good),
        # Another alert of the same name, told apart by its severity.
        (("Errors", "warning", "firing", "shop"), Good),
        (("Errors", "critical", "firing", "shop"), Bad),
        # Without a namespace it is taken for ours if no other rule has the name.
        (("Errors", "critical", "firing", ""), Bad),
    ],
)
def test_originals_are_found_by_name_severity_and_namespace(series: tuple[str, ...], expected: object) -> None:
    world = World()
    world.originals = lambda _: {series: 1}
    assert mark(quiet(), world) == expected


def test_a_state_without_namespace_of_a_name_that_several_rules_have_is_nobodys() -> None:
    world = World()
    world.originals = lambda _: {("Errors", "critical", "firing", ""): 1}
    at = context(watch=Watch((ERRORS,), OverlayLive(LIVE), frozenset()))
    assert mark(quiet(), world, at) == MissingReason.UNATTRIBUTED


@pytest.mark.parametrize("severity", ["{{ $labels.s }}", ""])
def test_a_severity_that_is_a_template_or_not_set_by_the_rule_can_be_any(severity: str) -> None:
    world = World()
    world.originals = lambda _: {("Errors", "page", "firing", "shop"): 1}
    assert mark(quiet(), world, watching(replace(ERRORS, severity=severity))) == Bad


@pytest.mark.parametrize(("asked", "expected"), [("page", Bad), ("critical", Good)])
def test_of_a_severity_that_is_a_template_only_what_is_asked_for_counts(asked: str, expected: object) -> None:
    world = World()
    world.originals = lambda _: {("Errors", "page", "firing", "shop"): 1}
    world.original_condition = lambda _: {("r1",): 1}
    at = watching(replace(ERRORS, severity="{{ $labels.s }}"))
    assert mark(quiet(severities=[asked]), world, at) == expected


def test_pending_is_bad_only_where_it_is_asked_for() -> None:
    world = World()
    world.copies = lambda _: {("r1", "pending"): 1}
    assert mark(COPY, world) == Good
    assert mark(quiet(include="Copies", states=["pending", "firing"]), world) == Bad


@pytest.mark.parametrize("include", ["Copies", "Both"])
def test_a_firing_copy_is_bad_where_copies_are_judged(include: str) -> None:
    world = World()
    world.copies = lambda _: {("r1", "firing"): 1}
    assert mark(quiet(include=include), world) == Bad
    assert mark(quiet(), world) == Good


def test_without_a_heartbeat_the_rules_are_not_evaluated() -> None:
    world = World()
    world.beats = lambda _: {("another group",): NOW}
    assert mark(quiet(), world, before=600) == MissingReason.RULES_NOT_EVALUATED


def test_without_its_companion_an_alert_is_not_evaluated() -> None:
    world = World()
    world.original_condition = lambda _: {("r2",): 0}
    assert mark(quiet(), world) == MissingReason.RULES_NOT_EVALUATED


@pytest.mark.parametrize(
    ("inputs", "expected"), [({("r1",): 0.0}, MissingReason.NO_INPUT), ({}, MissingReason.RULES_NOT_EVALUATED)]
)
def test_without_data_behind_it_an_alert_proves_nothing(inputs: Row, expected: object) -> None:
    world = World()
    world.inputs = lambda _: inputs
    assert mark(quiet(), world) == expected


def test_an_alert_on_absence_needs_no_data() -> None:
    world = World()
    world.inputs = lambda _: {("r1",): 0}
    assert mark(quiet(), world, watching(GONE)) == Good


def test_firing_outweighs_all_that_is_lacking() -> None:
    world = World()
    world.originals = lambda _: {("Errors", "critical", "firing", "shop"): 1}
    world.beats = lambda _: {}
    world.inputs = lambda _: {}
    assert mark(quiet(), world, watching(ERRORS, GONE)) == Bad


def since(moment: int, row: tuple[str, ...]) -> Recorded:
    return lambda time: {row: 1.0 if time >= moment else 0.0}


@pytest.mark.parametrize(
    ("true_for", "expected"),
    # `for` 300 and two intervals of 30: the alert must be seen once 360 seconds have passed.
    [(0, Good), (330, Good), (360, Good), (390, MissingReason.RULE_FAILS), (3000, MissingReason.RULE_FAILS)],
)
def test_a_condition_that_holds_without_ever_becoming_pending_is_a_rule_that_fails(
    true_for: int, expected: object
) -> None:
    world = World()
    world.copy_condition = since(NOW - true_for, ("r1",))
    assert mark(COPY, world) == expected


def test_a_pending_alert_does_not_fail_and_patience_starts_again_after_it() -> None:
    world = World()
    world.copy_condition = since(NOW - 3000, ("r1",))
    world.copies = lambda time: {("r1", "pending"): 1} if time <= NOW - 300 else {}
    assert mark(COPY, world) == Good
    world.copies = lambda time: {("r1", "pending"): 1} if time <= NOW - 600 else {}
    assert mark(COPY, world) == MissingReason.RULE_FAILS


def test_the_past_that_tells_whether_a_rule_fails_is_read_again_by_a_later_visit() -> None:
    world = World()
    world.copy_condition = since(NOW - 450, ("r1",))
    state = visit(COPY, watching(ERRORS, now=NOW - 60), world).state
    reading = plan_streak(COPY, state, ONE)
    found = evaluate_streak(reading, {query: world.result(query) for query in reading.queries})
    assert (len(found.points), found.judgement.reason) == (3, "RuleFails")


def test_an_unanswered_question_is_no_answer() -> None:
    for part in ("overlay:live", "original:active", "alert:inputs", "ALERTS"):
        world = World()
        world.failing = part
        assert mark(quiet(), world) == FailureKind.TIMEOUT, part


def test_what_cannot_be_recorded_is_not_provable_but_its_firing_is_seen() -> None:
    at = watching(replace(ERRORS, unprovable="the server would refuse it"))
    assert mark(quiet(), World(), at) == MissingReason.UNPROVABLE
    world = World()
    world.originals = lambda _: {("Errors", "critical", "firing", "shop"): 1}
    assert mark(quiet(), world, at) == Bad


@pytest.mark.parametrize(
    ("kind", "chosen"),
    [
        ({}, {("Errors", Role.ORIGINAL), ("Gone", Role.ORIGINAL)}),
        # What has no copy stands for its own copy; what was added has no original.
        ({"include": "Copies"}, {("Errors", Role.COPY), ("Gone", Role.ORIGINAL), ("Stuck", Role.COPY)}),
        (
            {"include": "Both"},
            {("Errors", Role.COPY), ("Errors", Role.ORIGINAL), ("Gone", Role.ORIGINAL), ("Stuck", Role.COPY)},
        ),
        ({"include": "Both", "severities": ["warning"]}, {("Stuck", Role.COPY)}),
        ({"names": ["Gone"]}, {("Gone", Role.ORIGINAL)}),
        # Names are patterns of whole names.
        ({"names": ["Gon.", "Er+.*"]}, {("Gone", Role.ORIGINAL), ("Errors", Role.ORIGINAL)}),
        ({"names": ["Error", "rrors", "gone", "Err|ors"]}, set()),
        # All labels must be equal; a template may turn out to be.
        ({"labels": {"team": "shop"}}, {("Errors", Role.ORIGINAL), ("Gone", Role.ORIGINAL)}),
        ({"labels": {"team": "pay"}}, {("Gone", Role.ORIGINAL)}),
        ({"labels": {"team": "sho."}}, {("Gone", Role.ORIGINAL)}),
        ({"labels": {"team": "shop", "severity": "warning"}}, set()),
        ({"labels": {"tier": "1"}, "include": "Both"}, {("Stuck", Role.COPY)}),
        ({"labels": {"team": "shop"}, "names": ["E.*"]}, {("Errors", Role.ORIGINAL)}),
        # As in PromQL, an empty value is that of a label that is not there.
        ({"labels": {"tier": ""}}, {("Errors", Role.ORIGINAL), ("Gone", Role.ORIGINAL)}),
    ],
)
def test_which_alerts_a_criterion_is_about(kind: dict[str, Any], chosen: set[tuple[str, Role]]) -> None:
    what = quiet(**kind).kind
    assert isinstance(what, AlertsKind)
    found = subjects(what, Watch((ERRORS, GONE, ADDED), OverlayLive(LIVE)))
    assert {(each.alert.alertname, each.role) for each in found} == chosen


def test_nothing_selected_is_never_met() -> None:
    found = visit(quiet(severities=["none"]), watching(ERRORS), World())
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNKNOWN, "NoAlertsSelected")


def test_before_the_overlay_is_live_quiet_does_not_count() -> None:
    found = visit(quiet(), watching(ERRORS, recording=OverlayNotLive()), World())
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNKNOWN, "OverlayNotLive")


@pytest.mark.parametrize(("include", "longest"), [("Originals", 600), ("Copies", 300), ("Both", 600)])
def test_quiet_counts_once_an_alert_could_have_fired(include: str, longest: int) -> None:
    at = watching(ERRORS, recording=OverlayLive(NOW - 3000))
    assert plan_streak(quiet(include=include), NoEvidence(), at).start == NOW - 3000 + longest


def test_points_are_final_no_further_than_the_rules_were_evaluated() -> None:
    world = World()
    world.beats = lambda time: {("g1",): min(time, NOW - 200)}
    assert visit(quiet(), ONE, world).state.final_through == NOW - 210


def test_rules_that_have_stopped_for_longer_than_late_data_takes_are_missing_for_good() -> None:
    world = World()
    world.beats = lambda time: {("g1",): time} if time <= NOW - 1800 else {}
    found = visit(quiet(), ONE, world)
    assert found.state.final_through == NOW - 600
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNKNOWN, "RulesNotEvaluated")


OBSERVING = watching(ERRORS, GONE, recording=NoOverlay())


def test_in_observe_conditions_and_inputs_are_asked_for_directly() -> None:
    queries = [query.expr for query in plan_streak(quiet(), NoEvidence(), OBSERVING).queries]
    assert queries[1] == (
        'label_replace(count(rate(errors{namespace="shop"}[5m]) > 1) or vector(0), "hypercare_part", "active", "", "")'
        ' or label_replace((count(errors{namespace="shop"}) or vector(0)), "hypercare_part", "inputs", "", "")'
    )
    assert len(queries) == 3
    assert visit(quiet(), OBSERVING, World()).judgement.verdict is Verdict.MET


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        ({("active",): 0.0, ("inputs",): 0.0}, MissingReason.NO_INPUT),
        ({("active",): 1.0, ("inputs",): 1.0}, MissingReason.RULE_FAILS),
        ({}, MissingReason.RULES_NOT_EVALUATED),
    ],
)
def test_in_observe_silence_needs_the_same_proof(observed: Row, expected: object) -> None:
    world = World()
    world.observed = lambda _: observed
    assert mark(quiet(), world, OBSERVING) == expected


def test_in_observe_a_firing_original_is_bad() -> None:
    world = World()
    world.originals = lambda _: {("Errors", "critical", "firing", "shop"): 1}
    assert mark(quiet(), world, OBSERVING) == Bad


def test_in_observe_an_expression_that_cannot_be_confined_proves_nothing() -> None:
    at = watching(replace(ERRORS, expr="info(up) > 0"), recording=NoOverlay())
    assert mark(quiet(), World(), at) == MissingReason.UNPROVABLE


def test_shared_alert_series_are_asked_for_without_a_tenant() -> None:
    at = watching(ERRORS, tenancy=Tenancy("namespace", "shop", (), frozenset({"ALERTS"})))
    queries = [query.expr for query in plan_streak(quiet(), NoEvidence(), at).queries]
    assert queries[-1].endswith('(max_over_time(ALERTS{alertname=~"Errors",hypercare=""}[30s]))')


def test_a_tenant_label_that_is_no_plain_name_is_quoted_in_the_query_and_found_in_the_answer() -> None:
    at = watching(ERRORS, tenancy=Tenancy("k8s.namespace", "shop"))
    reading = plan_streak(quiet(), NoEvidence(), at)
    states = reading.queries[-1]
    assert states.expr == (
        'max by (alertname, severity, alertstate, "k8s.namespace") '
        '(max_over_time(ALERTS{alertname=~"Errors",hypercare="","k8s.namespace"=~"|shop"}[30s]))'
    )
    labels = ("alertname", "severity", "alertstate", "k8s.namespace")
    results = {query: World().result(query) for query in reading.queries if query != states}
    fired = answer(states, lambda _: {("Errors", "critical", "firing", "shop"): 1}, labels)
    assert isinstance(evaluate_streak(reading, results | {states: fired}).points[-1].mark, Bad)


def test_long_lists_of_names_are_split_and_names_are_quoted() -> None:
    many = [replace(ERRORS, rule_id=f"r{n}", alertname=f"A.{n:03}" + "x" * 40) for n in range(100)]
    queries = [
        query.expr for query in plan_streak(quiet(), NoEvidence(), watching(*many)).queries if "ALERTS" in query.expr
    ]
    assert len(queries) == 3
    assert all(len(expr) < 2300 for expr in queries)
    assert '=~"A\\\\.000xxx' in queries[0]


def test_states_are_those_of_prometheus() -> None:
    assert [state.value for state in AlertState] == ["pending", "firing"]
    assert [include.value for include in Include] == ["Originals", "Copies", "Both"]
