"""Reading `workload`: what is asked of kube-state-metrics, whose pods are meant, and what a point means."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.evidence.context import Context, NoEvidence, Outcome
from hypercare.domain.evidence.criteria import Criterion
from hypercare.domain.evidence.fold import EvidenceState, Measured
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.evidence.points import Bad, Good, Missing, MissingReason, Point, Restarted
from hypercare.domain.evidence.streak_reading import StreakReading, evaluate_streak, plan_streak
from hypercare.domain.evidence.workload import METRICS, WorkloadKind
from hypercare.domain.fields import InvalidField
from hypercare.domain.life.pods import pod_pattern
from hypercare.domain.life.rollout import Target
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.domain.report.facts import asked_of
from hypercare.domain.samples import FailureKind, QueryFailed, RangeQuery, Result
from tests.unit.criteria import parse
from tests.unit.evidence_contexts import EVALUATION, NOW, STARTED
from tests.unit.evidence_contexts import context as any_context
from tests.unit.prometheus_answers import DOWN, answer

CHECKOUT, BASKET = Target("Deployment", "checkout"), Target("Deployment", "basket")
HASH = "7d4b9c6f5"
NOTHING = NoEvidence()


def criterion(sustained: str = "1h", **workload: Any) -> Criterion:
    found = parse(query=None, above=None, workload=workload, sustainedFor=sustained)
    assert isinstance(found, Criterion)
    return found


def context(now: int = NOW, targets: tuple[Target, ...] = (CHECKOUT,), **changes: Any) -> Context:
    return any_context(now, targets=targets, **changes)


# --- what is asked for -----------------------------------------------------------------------------------------------


def test_availability_and_no_restart_are_asked_for_unless_told_otherwise() -> None:
    assert (criterion().kind, criterion().kind_name) == (WorkloadKind(available=True, max_restarts=0), "workload")
    assert criterion(available=False, maxRestarts=7).kind == WorkloadKind(available=False, max_restarts=7)


@pytest.mark.parametrize(
    ("changes", "path", "says"),
    [
        ({"workload": {"maxRestarts": -1}}, ".workload.maxRestarts", "must be between 0 and 1000"),
        ({"workload": {"maxRestarts": 1001}}, ".workload.maxRestarts", "must be between 0 and 1000"),
        ({"workload": {"available": "yes"}}, ".workload.available", "must be true or false"),
        ({"sustainedFor": None}, ".sustainedFor", "is required"),
        ({"above": 1}, ".above", "is not used with workload"),
        ({"allowBad": "1%"}, ".allowBad", "is not used with workload"),
        ({"activeWhen": {"query": "up", "above": 0}}, ".activeWhen", "is not used with workload"),
        ({"regression": {"above": 1, "for": "1m"}}, ".regression", "is not used with workload"),
        ({"query": "up"}, "", "exactly one of"),
    ],
)
def test_what_has_no_meaning_is_refused(changes: dict[str, Any], path: str, says: str) -> None:
    with pytest.raises(InvalidField, match=says) as refused:
        parse(**{"query": None, "above": None, "workload": {}} | changes)
    assert refused.value.path == f"spec.exitCriteria[0]{path}"


def test_reports_say_what_was_asked() -> None:
    assert asked_of(criterion(maxRestarts=2)) == ("all targets", "available, with at most 2 restarts")
    assert asked_of(criterion(available=False)) == ("all targets", "at most 0 restarts")


# --- whose pods ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name", "pod", "belongs"),
    [
        ("Deployment", "checkout", f"checkout-{HASH}-x2x9z", True),
        ("Deployment", "checkout", "checkout-4-x2x9z", True),
        # Another workload whose name begins like this one's.
        ("Deployment", "checkout", f"checkout-api-{HASH}-x2x9z", False),
        ("Deployment", "checkout-api", f"checkout-{HASH}-x2x9z", False),
        ("Deployment", "checkout", f"my-checkout-{HASH}-x2x9z", False),
        ("Deployment", "checkout", "checkout-0", False),
        ("Deployment", "checkout", "checkout-x2x9z", False),
        # Vowels, 0, 1 and 3 are in no hash: these are pods of Jobs and of other people.
        ("Deployment", "checkout", "checkout-migrate-x2x9z", False),
        ("Deployment", "checkout", f"checkout-{HASH}-x2x90", False),
        ("Deployment", "checkout", f"checkout-{HASH}7d-x2x9z", False),
        ("Deployment", "shop.web", f"shop.web-{HASH}-x2x9z", True),
        ("Deployment", "shop.web", f"shopxweb-{HASH}-x2x9z", False),
        ("StatefulSet", "db", "db-0", True),
        ("StatefulSet", "db", "db-12", True),
        ("StatefulSet", "db", "db-backup-0", False),
        ("StatefulSet", "db", "db-x2x9z", False),
        ("DaemonSet", "agent", "agent-x2x9z", True),
        ("DaemonSet", "agent", f"agent-{HASH}-x2x9z", False),
        ("DaemonSet", "agent", "agent-gpu-x2x9z", False),
    ],
)
def test_pods_are_told_by_their_names(kind: str, name: str, pod: str, belongs: bool) -> None:
    assert (re.fullmatch(pod_pattern(Target(kind, name)), pod) is not None) is belongs


def generated(base: str, suffix: str) -> str:
    """As the API server does it (staging/src/k8s.io/apiserver/pkg/storage/names)."""
    return base[:58] + suffix


ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,60}[a-z0-9])?", fullmatch=True) | st.integers(40, 70).map("a".__mul__)


@given(NAMES, st.text(ALPHABET, min_size=1, max_size=10), st.text(ALPHABET, min_size=5, max_size=5))
def test_every_name_that_is_generated_is_found_also_where_it_is_cut(name: str, hashed: str, suffix: str) -> None:
    deployment, daemon_set = (pod_pattern(Target(kind, name)) for kind in ("Deployment", "DaemonSet"))
    assert re.fullmatch(deployment, generated(f"{name}-{hashed}-", suffix))
    assert re.fullmatch(daemon_set, generated(f"{name}-", suffix))


@pytest.mark.parametrize(
    ("length", "hashed", "belongs"), [(46, 10, True), (47, 9, True), (47, 10, False), (55, 2, False)]
)
def test_a_name_that_would_be_too_long_is_no_pod(length: int, hashed: int, belongs: bool) -> None:
    name = "a" * length
    found = re.fullmatch(pod_pattern(Target("Deployment", name)), f"{name}-{'b' * hashed}-bbbbb")
    assert (found is not None) is belongs


# --- what is asked ---------------------------------------------------------------------------------------------------


def asked(target: Target) -> str:
    (query,) = plan_streak(criterion(maxRestarts=0), NoEvidence(), context(targets=(target,))).queries
    return query.expr


def test_one_query_per_target_asks_everything_within_the_namespace() -> None:
    expr = asked(CHECKOUT)
    for selector in (
        'kube_deployment_spec_replicas{deployment="checkout",namespace="shop"}[720s]',
        'kube_deployment_status_replicas_available{deployment="checkout",namespace="shop"}[120s]',
        'kube_deployment_status_condition{condition="Available",deployment="checkout",namespace="shop",status="true"}[120s]',
    ):
        assert f"min(min_over_time({selector}))" in normal(expr)
    counters = f'kube_pod_container_status_restarts_total{{namespace="shop",pod=~"{pod_pattern(CHECKOUT)}"}}'
    assert f"last_over_time({counters}[120s])" in normal(expr)
    # The hole that is tolerated (a twentieth of an hour) and the freshness before the step before the point.
    assert f"last_over_time({counters}[300s]offset30s)" in normal(expr).replace(" ", "")


def normal(expr: str) -> str:
    """Without the spaces and units in which the parser writes it down."""
    text = re.sub(r"\s+", " ", expr).replace("( ", "(").replace(" )", ")").replace(", ", ",")
    seconds = {"2m": "120s", "12m": "720s", "5m": "300s"}
    text = re.sub(r"\[(\w+)\]", lambda found: f"[{seconds.get(found[1], found[1])}]", text)
    return re.sub(r"\{([^{}]*(?:\{[0-9,]+\}[^{}]*)*)\}", lambda found: "{" + ",".join(_matchers(found[1])) + "}", text)


def _matchers(body: str) -> list[str]:
    return sorted(re.findall(r'\w+[=~!]+"[^"]*"', body)) or [body]


def test_the_other_kinds_have_no_condition() -> None:
    for kind, wanted, running in (
        ("StatefulSet", "kube_statefulset_replicas", "kube_statefulset_status_replicas_ready"),
        ("DaemonSet", "kube_daemonset_status_desired_number_scheduled", "kube_daemonset_status_number_available"),
    ):
        expr = asked(Target(kind, "agent"))
        for metric, window in ((wanted, 720), (running, 120)):
            named = sorted([f'{METRICS[kind].label}="agent"', 'namespace="shop"'])
            assert f"min(min_over_time({metric}{{{','.join(named)}}}[{window}s]))" in normal(expr)
        assert "condition" not in expr


def test_the_tenants_own_label_holds_the_namespace() -> None:
    reading = plan_streak(criterion(), NoEvidence(), context(tenancy=Tenancy("exported_namespace", "shop")))
    assert reading.queries[0].expr.count('exported_namespace="shop"') == 9


def test_the_longest_name_makes_a_query_that_can_be_read() -> None:
    assert asked(Target("Deployment", "a" + "." * 251 + "a"))


def test_what_was_before_the_start_does_not_count() -> None:
    assert plan_streak(criterion(), NoEvidence(), context()).start == STARTED + EVALUATION.freshness


def test_other_targets_are_another_question() -> None:
    state = visit(fine()).state
    found = visit(fine(), context(NOW + 60, (CHECKOUT, BASKET)), state)
    assert (found.judgement.verdict, found.judgement.met_for_seconds) == (Verdict.UNKNOWN, 0)


# --- what a point means ----------------------------------------------------------------------------------------------


Numbers = Mapping[str, float | None]
FINE: Numbers = {"wanted": 3, "running": 3, "condition": 1, "counted": 3}


class World:
    """What kube-state-metrics would say: numbers by what they are about, and restarts by time and pod."""

    def __init__(self, restarts: Mapping[int, Mapping[str, int]], **numbers: float | None) -> None:
        self.numbers = {name: number for name, number in ({**FINE} | numbers).items() if number is not None}
        self.restarts = restarts
        self.hidden: tuple[range, ...] = ()

    def answered(self, query: RangeQuery) -> Result:
        return answer(query, self._row, ("what", "pod"))

    def _row(self, time: int) -> Mapping[tuple[str, ...], float]:
        if any(time in each for each in self.hidden):
            return {}
        row: dict[tuple[str, ...], float] = {(what, ""): number for what, number in self.numbers.items()}
        row |= {("restarted", pod): float(count) for pod, count in self.restarts.get(time, {}).items()}
        return row


def fine(**numbers: float | None) -> World:
    return World({}, **numbers)


Answers = World | QueryFailed


def visit(
    world: Answers,
    at: Context | None = None,
    stored: EvidenceState | NoEvidence = NOTHING,
    what: Criterion | None = None,
    **others: Answers,
) -> Outcome[EvidenceState, Point]:
    reading = plan_streak(what or criterion(), stored, at or context())
    return evaluate_streak(reading, {query: _answered(query, world, others) for query in reading.queries})


def _answered(query: RangeQuery, world: Answers, others: Mapping[str, Answers]) -> Result:
    found = next((other for name, other in others.items() if f'"{name}"' in query.expr), world)
    return found if isinstance(found, QueryFailed) else found.answered(query)


def mark(world: Answers, what: Criterion | None = None, at: Context | None = None, **others: Answers) -> object:
    found = visit(world, at, NOTHING, what, **others).points[-1].mark
    return found.reason if isinstance(found, Missing) else type(found)


RESTARTING = {NOW: {"checkout-a": 1}}


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (fine(), Good),
        # A Deployment's own condition decides, for it knows what the strategy tolerates.
        (fine(running=2, counted=2), Good),
        (fine(running=1, condition=0), Bad),
        # Its condition is false as well while a scale-up waits for its pods, and then no pod is lacking.
        (fine(running=3, condition=0), Good),
        # Nothing that does not run can fail.
        (fine(wanted=0, running=0, counted=None), MissingReason.ZERO_REPLICAS),
        (fine(wanted=None), MissingReason.NO_KUBE_STATE_METRICS),
        (fine(running=None), MissingReason.NO_KUBE_STATE_METRICS),
        (fine(condition=None), MissingReason.NO_KUBE_STATE_METRICS),
        # A counter that is not there is not zero.
        (fine(counted=None), MissingReason.NO_KUBE_STATE_METRICS),
        (fine(counted=2), MissingReason.NO_KUBE_STATE_METRICS),
        # More counters than pods that run: some are not ready, or gone for less than two minutes.
        (fine(counted=5), Good),
        # Bad outweighs missing.
        (fine(running=1, condition=0, counted=None), Bad),
        (World(RESTARTING), Bad),
        (World(RESTARTING, counted=None), Bad),
        (World({NOW - 30: {"checkout-a": 1}}), Good),
        (DOWN, FailureKind.UNREACHABLE),
    ],
)
def test_a_point_without_tolerated_restarts(world: Answers, expected: object) -> None:
    assert mark(world) == expected


@pytest.mark.parametrize(
    ("restarts", "numbers", "expected"),
    [
        ({"checkout-a": 1}, {}, Restarted),
        ({"checkout-a": 1, "checkout-b": 1}, {}, Restarted),
        ({"checkout-a": 3}, {}, Bad),
        ({"checkout-a": 1, "checkout-b": 2}, {}, Bad),
        ({"checkout-a": 1}, {"condition": 0, "running": 2}, Bad),
        # Not lost where other evidence is missing for good: nothing says that they did no harm.
        ({"checkout-a": 1}, {"counted": 1}, Bad),
        ({"checkout-a": 1}, {"wanted": 0}, Bad),
    ],
)
def test_a_point_with_two_tolerated_restarts(
    restarts: Mapping[str, int], numbers: Mapping[str, float], expected: object
) -> None:
    assert mark(World({NOW: restarts}, **numbers), criterion(maxRestarts=2)) == expected


@pytest.mark.parametrize(
    ("kind", "wanted", "running", "expected"),
    [
        ("StatefulSet", 3, 3, Good),
        ("StatefulSet", 3, 2, Bad),
        # More than wanted: a scale-down is under way.
        ("StatefulSet", 2, 3, Good),
        ("StatefulSet", 0, 0, MissingReason.ZERO_REPLICAS),
        ("DaemonSet", 3, 3, Good),
        ("DaemonSet", 3, 2, Bad),
        ("DaemonSet", 0, 0, MissingReason.ZERO_REPLICAS),
    ],
)
def test_the_other_kinds_must_have_all_that_is_wanted(kind: str, wanted: int, running: int, expected: object) -> None:
    world = fine(wanted=wanted, running=running, counted=running, condition=None)
    assert mark(world, at=context(targets=(Target(kind, "db"),))) == expected


def test_without_availability_only_restarts_are_judged() -> None:
    only_restarts = criterion(available=False)
    assert mark(fine(running=1, condition=0), only_restarts) == Good
    assert mark(World(RESTARTING, running=1, condition=0), only_restarts) == Bad
    assert mark(fine(wanted=0), only_restarts) == MissingReason.ZERO_REPLICAS
    assert mark(fine(running=0, condition=0, counted=None), only_restarts) == MissingReason.NO_KUBE_STATE_METRICS


@pytest.mark.parametrize(
    ("basket", "expected"),
    [
        (fine(), Good),
        (fine(running=0, condition=0), Bad),
        (fine(wanted=None), MissingReason.NO_KUBE_STATE_METRICS),
        (World(RESTARTING), Bad),
        (DOWN, FailureKind.UNREACHABLE),
    ],
)
def test_every_target_must_be_fine(basket: Answers, expected: object) -> None:
    assert mark(fine(), at=context(targets=(CHECKOUT, BASKET)), basket=basket) == expected


def test_restarts_of_all_targets_count_together() -> None:
    at = context(targets=(CHECKOUT, BASKET))
    both = {"basket": World({NOW: {"basket-a": 1}})}
    assert mark(World(RESTARTING), criterion(maxRestarts=1), at, **both) == Bad
    assert mark(World(RESTARTING), criterion(maxRestarts=2), at, **both) == Restarted


def test_tolerated_restarts_are_not_bad_while_another_target_may_still_answer() -> None:
    at = context(targets=(CHECKOUT, BASKET))
    assert mark(World(RESTARTING), criterion(maxRestarts=2), at, basket=DOWN) == FailureKind.UNREACHABLE


def test_restarts_are_not_lost_while_another_target_is_not_answered() -> None:
    at = context(targets=(CHECKOUT, BASKET))
    what, world = criterion(maxRestarts=2), World({NOW - 60: {"checkout-a": 1}})
    during = visit(world, at, what=what, basket=DOWN).state
    assert during.final_through < NOW - 60
    after = visit(world, context(NOW + 60, (CHECKOUT, BASKET)), during, what, basket=fine()).judgement
    assert after.message == "The targets were undisturbed (restarts: 1, tolerated: 2) for 1h"


# --- the verdict -----------------------------------------------------------------------------------------------------


def test_an_undisturbed_hour_is_met() -> None:
    found = visit(fine()).judgement
    assert (found.verdict, found.reason) == (Verdict.MET, "Sustained")
    assert found.message == "The targets were undisturbed (restarts: 0, tolerated: 0) for 1h"


def test_a_target_that_is_not_available_is_told_with_its_numbers() -> None:
    found = visit(fine(running=1, condition=0)).judgement
    assert (found.verdict, found.reason) == (Verdict.UNMET, "WorkloadDisturbed")
    said = 'A target is not available, or has restarted (deployment="checkout", running="1 of 3")'
    assert found.message == said


def test_a_restart_is_told_with_its_pod_and_forgotten_after_the_window() -> None:
    world = World({NOW - 600: {"checkout-a": 1}})
    found = visit(world)
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNMET, "RecentlyViolated")
    assert found.judgement.worst == Measured(1, 'pod="checkout-a"', NOW - 600)
    later = visit(world, context(NOW + 3600 - 600), found.state)
    assert later.judgement.verdict is Verdict.UNMET
    assert visit(world, context(NOW + 3600 - 570), later.state).judgement.verdict is Verdict.MET


def test_tolerated_restarts_add_up_over_the_window() -> None:
    world = World({NOW - 1800: {"a": 1}, NOW - 900: {"b": 1}, NOW: {"c": 1}})
    assert visit(world, what=criterion(maxRestarts=3)).judgement.message == (
        "The targets were undisturbed (restarts: 2, tolerated: 3) for 1h"
    )
    found = visit(world, what=criterion(maxRestarts=2)).judgement
    assert (found.verdict, found.reason) == (Verdict.UNMET, "TooManyRestarts")
    assert found.message == "3 restarts in the last 1h, tolerated: 2"


def test_without_kube_state_metrics_it_says_what_to_install() -> None:
    nothing = fine(wanted=None, running=None, condition=None, counted=None)
    found = visit(nothing).judgement
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "KubeStateMetricsMissing")
    said = "Deployment checkout: no fresh kube_deployment_spec_replicas. Install kube-state-metrics, scrape it"
    assert found.message.startswith(said)
    uncounted = visit(fine(counted=2), context(targets=(Target("Deployment", "n" * 52),))).judgement.message
    assert "kube_pod_container_status_restarts_total (2 of 3 pods)" in uncounted
    assert len(uncounted) < 256


def test_a_period_without_targets_is_never_met() -> None:
    reading = plan_streak(criterion(), NoEvidence(), context(targets=()))
    assert evaluate_streak(reading, {}).judgement.verdict is Verdict.UNKNOWN


def test_a_reading_asks_at_every_point_between_the_start_and_now() -> None:
    reading: StreakReading = plan_streak(criterion(), NoEvidence(), context())
    assert {(query.start, query.end, query.step) for query in reading.queries} == {(STARTED + 120, NOW, 30)}
