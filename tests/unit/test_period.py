"""Period and profile together: typed values, capped by limits, and the path of the field in every refusal."""

from dataclasses import dataclass
from typing import Any

import pytest

from hypercare.domain.conditions import Problem
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.life.facts import Plan
from hypercare.domain.life.release import Release
from hypercare.domain.life.rollout import Target
from hypercare.domain.period import Mode, Resolved, profile_name, resolve
from hypercare.domain.profile import Evaluation, Limits, Profile, parse_profile
from tests.unit.lives import DAY, HOUR, PLAN
from tests.unit.snapshots import PERIOD, PROFILE, period, resolved

QUERY = {"name": "errors", "query": "errors", "below": 5, "sustainedFor": "1h"}
BROKEN = {"name": "broken", "query": "sum(", "below": 1, "sustainedFor": "1h"}


def refused(profile: dict[str, Any] | None = None, **spec: Any) -> Problem:
    """What keeps the period from being worked for."""
    found = resolve(period(**spec), {"spec": {**PROFILE["spec"], **(profile or {})}})
    assert isinstance(found, Problem), found
    return found


def test_the_period_of_the_examples_is_read_whole() -> None:
    spec = resolved().spec
    assert spec.plan == PLAN
    assert spec.mode is Mode.ENFORCE
    assert spec.targets == (Target("Deployment", "checkout"),)
    assert [criterion.name for criterion in spec.criteria] == ["errors"]
    assert [rule.target for rule in spec.scaling] == ["checkout"]
    assert (spec.unreadable, spec.unreadable_advice) == ((), ())
    assert spec.subject == "checkout 2.4.0"


def test_the_smallest_period_gets_everything_else_by_itself() -> None:
    smallest = {
        "metadata": PERIOD["metadata"],
        "spec": {"release": {"version": "2.4.0"}, "targets": [{"kind": "Deployment", "name": "checkout"}]},
    }
    found = resolve(smallest, PROFILE)
    assert isinstance(found, Resolved)
    plan: Plan = found.spec.plan
    assert plan.release == Release("2.4.0")
    assert (plan.window.duration_seconds, plan.window.extension_limit) == (3 * DAY, 3)
    assert [(stage.name, stage.strength) for stage in plan.stages] == [("intensive", 100), ("elevated", 50)]
    assert [(each.name, each.kind_name) for each in found.spec.criteria] == [("quiet", "alerts"), ("pods", "workload")]
    assert (found.spec.unreadable, found.spec.unreadable_advice) == ((), ())
    assert found.spec.alerts.requested
    assert found.spec.scaling == ()


@dataclass(frozen=True)
class Case:
    """A spec that cannot be used, with the field and the words of its refusal."""

    sentence: str
    spec: dict[str, Any]
    path: str
    words: str


TARGET = {"kind": "Deployment", "name": "checkout"}
REFUSED = (
    Case("A release needs a version.", {"release": {"name": "autumn"}}, "spec.release.version", "is required"),
    Case("An unknown mode.", {"mode": "Watch"}, "spec.mode", "is not one of Enforce, Observe"),
    Case("A suspend that is a word.", {"suspend": "yes"}, "spec.suspend", "must be true or false"),
    Case("No targets.", {"targets": []}, "spec.targets", "at least one"),
    Case("Two targets of one name.", {"targets": [TARGET, TARGET | {"kind": "DaemonSet"}]}, "spec.targets", "unique"),
    Case("An unknown kind.", {"targets": [TARGET | {"kind": "Pod"}]}, "spec.targets[0].kind", "must be one of Deploy"),
    Case("A target without a name.", {"targets": [TARGET, {"kind": "DaemonSet"}]}, "spec.targets[1].name", "required"),
    Case("A duration that is none.", {"window": {"duration": "3 days"}}, "spec.window.duration", "is not a duration"),
    Case("A window of no length.", {"window": {"duration": "0"}}, "spec.window.duration", "longer than zero"),
    Case("A start without its time.", {"window": {"start": {"when": "At"}}}, "spec.window.start.at", "is required"),
    Case(
        "Stages that rise.",
        {"stages": [{"name": "a", "strength": 50}, {"name": "b", "strength": 60}]},
        "spec.stages",
        "must fall",
    ),
    Case(
        "Stages that outlast the window.",
        {"stages": [{"name": "a", "strength": 50, "minDuration": "13h"}]},
        "spec.stages",
        "must not exceed",
    ),
    Case("A step of nothing.", {"relax": {"step": 0}}, "spec.relax.step", "between 1 and 100"),
    Case(
        "A floor that is no quantity.",
        {"protection": {"scaling": [{"target": "*", "floor": "lots"}]}},
        "spec.protection.scaling[0].floor",
        "lots",
    ),
    Case(
        "A pattern that does not compile.",
        {"protection": {"alerts": {"from": [{"rule": "x", "alerts": ["("]}]}}},
        "spec.protection.alerts.from[0].alerts[0]",
        "",
    ),
    Case("Two criteria of one name.", {"exitCriteria": [QUERY, QUERY]}, "spec.exitCriteria", "unique"),
    Case("A criterion without a name.", {"exitCriteria": [{"query": "x"}]}, "spec.exitCriteria[0].name", "required"),
    Case(
        "A streak that is longer than the window with all extensions.",
        {"exitCriteria": [QUERY | {"sustainedFor": "17h"}]},
        "spec.exitCriteria",
        "'errors' asks for more than window.duration and all extensions together (16h)",
    ),
)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.sentence)
def test_a_spec_that_cannot_be_used_names_its_field(case: Case) -> None:
    problem = refused(**case.spec)
    assert (problem.path, problem.reason, problem.stalls) == (case.path, "InvalidSpec", True)
    assert case.words in problem.message


def test_a_streak_may_need_all_extensions() -> None:
    assert resolved(exitCriteria=[QUERY | {"sustainedFor": "16h"}]).spec.criteria[0].sustained_seconds == 16 * HOUR


def test_names_may_repeat_across_kinds_of_lists_only() -> None:
    """Merged by name, a target of the profile and one of the period are one."""
    defaults = {"exitCriteria": [QUERY | {"below": 1}, QUERY | {"name": "latency"}]}
    spec = resolved({"defaults": defaults}).spec
    assert [criterion.name for criterion in spec.criteria] == ["errors", "latency"]


class TestCriteria:
    """One that cannot be read disturbs no other, and blocks the exit unless it is only advisory."""

    def test_it_is_told_with_its_path(self) -> None:
        spec = resolved(exitCriteria=[QUERY, BROKEN]).spec
        assert [criterion.name for criterion in spec.criteria] == ["errors"]
        (problem,) = spec.unreadable
        assert (problem.path, problem.reason, problem.stalls) == ("spec.exitCriteria[1].query", "InvalidPromQL", True)

    def test_a_bad_value_has_another_reason_than_bad_promql(self) -> None:
        (problem,) = resolved(exitCriteria=[QUERY | {"coverage": "most"}]).spec.unreadable
        assert (problem.path, problem.reason) == ("spec.exitCriteria[0].coverage", "InvalidCriterion")

    def test_an_advisory_one_does_not_block(self) -> None:
        spec = resolved(exitCriteria=[QUERY, BROKEN | {"advisory": True}]).spec
        assert spec.unreadable == ()
        assert [problem.path for problem in spec.unreadable_advice] == ["spec.exitCriteria[1].query"]

    def test_advisory_must_be_said_clearly(self) -> None:
        (problem,) = resolved(exitCriteria=[QUERY, BROKEN | {"advisory": "yes"}]).spec.unreadable
        assert problem.path == "spec.exitCriteria[1].query"

    @pytest.mark.parametrize(
        "criteria", [[], [QUERY | {"advisory": True}], [BROKEN | {"advisory": True}]], ids=["none", "advice", "broken"]
    )
    def test_nothing_that_the_exit_waits_for_is_never_met(self, criteria: list[dict[str, Any]]) -> None:
        problem = resolved(exitCriteria=criteria).spec.unreadable[-1]
        assert (problem.path, problem.reason) == ("spec.exitCriteria", "NoExitCriteria")


class TestProfile:
    """What the platform team decides."""

    def test_a_period_names_its_profile_or_gets_the_default_one(self) -> None:
        assert profile_name(period()) == "default"
        assert profile_name(period(profile="web")) == "web"
        assert profile_name({"spec": {"profile": ""}}) == "default"
        assert profile_name({}) == "default"

    def test_one_that_does_not_exist_is_told_by_name(self) -> None:
        problem = resolve(period(profile="web"), None)
        assert isinstance(problem, Problem)
        assert (problem.path, problem.reason, problem.stalls) == ("spec.profile", "ProfileNotFound", True)
        assert "'web'" in problem.message

    @pytest.mark.parametrize(
        ("allowed", "expected"),
        [
            (["*"], True),
            ([], True),
            (["shop"], True),
            (["sh*"], True),
            (["team-a", "shop"], True),
            (["sho"], False),
            (["shop-*"], False),
            (["*shop"], False),
            (["sh*p"], False),
        ],
    )
    def test_namespaces(self, allowed: list[str], expected: bool) -> None:
        found = resolve(period(), {"spec": {**PROFILE["spec"], "limits": {"allowNamespaces": allowed}}})
        assert isinstance(found, Resolved) is expected

    def test_a_namespace_that_is_left_out_is_told(self) -> None:
        problem = refused({"limits": {"allowNamespaces": ["team-*"]}})
        assert (problem.path, problem.reason) == ("spec.profile", "NamespaceNotAllowed")
        assert "shop" in problem.message

    def test_limits_cap_the_window(self) -> None:
        window = resolved({"limits": {"maxDuration": "13h"}}).spec.plan.window
        assert window.hard_end(0) == 13 * HOUR
        assert window.limited

    @pytest.mark.parametrize(
        ("phase", "identity", "refused"),
        [("Active", "autumn", False), ("Completed", "autumn", True), ("Active", "summer", True)],
        ids=["open run", "over", "another release"],
    )
    def test_lowered_limits_stall_no_run_that_is_open(self, phase: str, identity: str, refused: bool) -> None:
        limits = {"maxCriteria": 1, "allowNamespaces": ["team-*"]}
        body = period(exitCriteria=[QUERY, QUERY | {"name": "latency"}])
        body["status"] = {"phase": phase, "run": {"release": {"identity": identity}}}
        found = resolve(body, {"spec": {**PROFILE["spec"], "limits": limits}})
        assert isinstance(found, Problem) is refused

    def test_limits_count_criteria_after_the_merge(self) -> None:
        defaults = {"exitCriteria": [QUERY | {"name": "latency"}]}
        problem = refused({"limits": {"maxCriteria": 1}, "defaults": defaults})
        assert problem.path == "spec.exitCriteria"
        assert "has 2 criteria, the profile allows 1" in problem.message
        assert len(resolved({"limits": {"maxCriteria": 2}, "defaults": defaults}).spec.criteria) == 2

    def test_defaults_lie_under_the_period(self) -> None:
        defaults = {
            "window": {"duration": "5d", "atLimit": {"hold": "1h"}},
            "relax": {"guard": False},
            "mode": "Observe",
        }
        spec = resolved({"defaults": defaults}, window={"duration": "2d"}, relax=None).spec
        assert spec.plan.window.duration_seconds == 2 * DAY
        assert spec.plan.window.hold_seconds == HOUR
        assert not spec.plan.relax.guard
        assert spec.mode is Mode.OBSERVE

    def test_a_merge_that_breaks_what_both_kept_is_refused(self) -> None:
        problem = refused({"defaults": {"stages": [{"name": "a", "strength": 9, "minDuration": "20h"}]}}, stages=None)
        assert problem.path == "spec.stages"


def parsed(**spec: Any) -> Profile:
    return parse_profile("web", Field("HypercareProfile/web: spec", {**PROFILE["spec"], **spec}))


def test_a_profile_with_an_endpoint_alone_has_defaults_for_the_rest() -> None:
    profile = parsed()
    assert (profile.name, profile.endpoint.url, profile.endpoint.timeout_seconds) == (
        "web",
        "http://prometheus:9090",
        10,
    )
    assert (profile.tenancy.label, profile.tenancy.exceptions, profile.tenancy.shared) == ("namespace", (), frozenset())
    assert profile.evaluation == Evaluation(step=30, interval=60, delay=30, freshness=120, max_delay=600)
    assert profile.limits == Limits(28 * DAY, 20, 50, ("*",))
    assert profile.rule_labels == {}


def test_a_profile_is_read_whole() -> None:
    profile = parsed(
        prometheus={"url": "https://thanos:9091/prefix/", "timeout": "3s"},
        tenancy={
            "label": "ns",
            "exceptions": [{"metrics": "istio_.*", "label": "destination"}],
            "shared": ["csat_score"],
        },
        rules={"labels": {"release": "kps"}},
        evaluation={"step": "10s", "interval": "20s", "delay": "5s", "freshness": "1m", "maxDelay": "2m"},
        limits={"maxDuration": "7d", "maxCriteria": 5, "maxFloor": 9, "allowNamespaces": ["shop"]},
    )
    assert (profile.endpoint.url, profile.endpoint.timeout_seconds) == ("https://thanos:9091/prefix", 3)
    (exception,) = profile.tenancy.exceptions
    assert (exception.metrics.pattern, exception.label) == ("istio_.*", "destination")
    assert (profile.tenancy.label, profile.tenancy.shared) == ("ns", frozenset({"csat_score"}))
    assert profile.rule_labels == {"release": "kps"}
    assert profile.evaluation == Evaluation(10, 20, 5, 60, 120)
    assert profile.limits == Limits(7 * DAY, 5, 9, ("shop",))


def test_freshness_is_never_shorter_than_a_step() -> None:
    assert parsed(evaluation={"step": "5m"}).evaluation.freshness == 300


def test_an_interval_of_nothing_is_a_second() -> None:
    assert parsed(evaluation={"interval": "0"}).evaluation.interval == 1


PROFILE_REFUSED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("prometheus.url", {"prometheus": {}}),
    ("prometheus.url", {"prometheus": {"url": "thanos:9091"}}),
    ("prometheus.url", {"prometheus": {"url": "file:///etc/passwd"}}),
    ("prometheus.timeout", {"prometheus": {"url": "http://p", "timeout": "soon"}}),
    ("tenancy.exceptions[0].metrics", {"tenancy": {"exceptions": [{"metrics": "(", "label": "x"}]}}),
    ("tenancy.exceptions[0].metrics", {"tenancy": {"exceptions": [{"metrics": "a_[[:alpha:]]+", "label": "x"}]}}),
    ("tenancy.exceptions[0].label", {"tenancy": {"exceptions": [{"metrics": "x"}]}}),
    ("tenancy.shared[1]", {"tenancy": {"shared": ["a", 1]}}),
    ("rules.labels.a", {"rules": {"labels": {"a": 1}}}),
    ("evaluation.step", {"evaluation": {"step": "0s"}}),
    ("evaluation.delay", {"evaluation": {"delay": "500ms"}}),
    ("limits.maxCriteria", {"limits": {"maxCriteria": "5"}}),
    ("limits.maxDuration", {"limits": {"maxDuration": 7}}),
    ("limits.allowNamespaces", {"limits": {"allowNamespaces": "shop"}}),
)


@pytest.mark.parametrize(("path", "spec"), PROFILE_REFUSED, ids=[each[0] for each in PROFILE_REFUSED])
def test_a_profile_that_cannot_be_used_names_its_field(path: str, spec: dict[str, Any]) -> None:
    with pytest.raises(InvalidField) as refusal:
        parsed(**spec)
    assert refusal.value.path == f"HypercareProfile/web: spec.{path}"


def test_a_period_tells_what_is_wrong_with_its_profile() -> None:
    problem = refused({"evaluation": {"step": "0s"}})
    assert problem.path == "HypercareProfile/default: spec.evaluation.step"
    assert problem.reason == "InvalidSpec"
