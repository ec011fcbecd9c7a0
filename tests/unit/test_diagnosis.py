"""Why an overlay is not evaluated: the likely cause, named with what to do, and nothing that was not read."""

from typing import Any, ClassVar

import pytest

from hypercare.domain.alerts.diagnosis import RuleLoading, diagnose
from hypercare.domain.alerts.liveness import NotLive
from hypercare.domain.alerts.loaded_rules import (
    LoadedGroup,
    LoadedResult,
    LoadedRule,
    LoadedRules,
    RulesQuery,
    read_loaded_rules,
)
from hypercare.domain.alerts.overlay import HEARTBEAT, revision_of
from hypercare.domain.alerts.rule_refusals import refusal_of
from hypercare.domain.alerts.rule_selection import RuleLoaders
from hypercare.domain.fields import InvalidField
from hypercare.domain.samples import FailureKind, QueryFailed
from tests.unit.alert_rules import alert, plan, rule_object

RULES = [rule_object("a", alert("Errors", for_="5m")), rule_object("b", alert("Slow", for_="5m"))]
OVERLAY = plan(RULES).overlay or {}
A, B = "a/checkout.rules", "b/checkout.rules"
NOT_LOADED = NotLive("OverlayNotLoaded", "Prometheus does not evaluate the current overlay yet")
LABELS = {"hypercare": "shop/checkout", "hypercare_revision": revision_of(OVERLAY)}
NOTHING = LoadedRules(())
SELECTING: dict[str, Any] = {"ruleSelector": {}, "ruleNamespaceSelector": {}}


def prometheus(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "k8s", "namespace": "monitoring"}, "spec": spec}


def group(name: str, **rule: Any) -> LoadedGroup:
    beat = {"health": "ok", "last_error": "", "labels": LABELS} | rule
    return LoadedGroup(name, "rules.yaml", (LoadedRule(HEARTBEAT, **beat),))


def loading(*prometheuses: dict[str, Any], loaded: LoadedResult = NOTHING, **others: Any) -> RuleLoading:
    loaders = RuleLoaders(prometheuses, "shop", {"tier": "web"})
    return RuleLoading([OVERLAY], loaders, others.pop("waiting_seconds", 75), loaded, **others)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        pytest.param({}, "selects no rules at all", id="no ruleSelector selects nothing"),
        pytest.param(
            {"ruleSelector": {"matchLabels": {"prometheus": "k8s"}}, "ruleNamespaceSelector": {}},
            "Prometheus monitoring/k8s selects rules with prometheus=k8s: add that to rules.labels of the "
            "HypercareProfile",
            id="a label is missing",
        ),
        pytest.param(
            {
                "ruleSelector": {"matchExpressions": [{"key": "role", "operator": "Exists"}]},
                "ruleNamespaceSelector": {},
            },
            "selects rules with role:",
            id="only the label that is missing is named",
        ),
        pytest.param({"ruleSelector": {}}, "of its own namespace only", id="no ruleNamespaceSelector"),
        pytest.param(
            {"ruleSelector": {}, "ruleNamespaceSelector": {"matchLabels": {"monitored": "yes"}}},
            "namespaces with monitored=yes: label the namespace shop",
            id="a label of the namespace is missing",
        ),
        pytest.param(
            {"ruleSelector": {"matchExpressions": [{"key": "a", "operator": "Odd"}]}},
            "cannot be read",
            id="a selector that cannot be read",
        ),
    ],
)
def test_an_overlay_that_nobody_selects_is_told_why(spec: dict[str, Any], words: str) -> None:
    verdict = diagnose(NOT_LOADED, loading(prometheus(**spec)))

    assert verdict.reason == "OverlayNotSelected"
    assert words in verdict.message


def test_a_thanos_ruler_is_named_by_its_kind() -> None:
    verdict = diagnose(NOT_LOADED, loading({**prometheus(), "kind": "ThanosRuler"}))

    assert verdict.message.startswith("ThanosRuler monitoring/k8s selects no rules")


@pytest.mark.parametrize(
    "prometheuses",
    [
        pytest.param([prometheus(**SELECTING), prometheus()], id="one of two selects it"),
        pytest.param(
            [
                prometheus(
                    ruleSelector={"matchLabels": {"release": "kps"}},
                    ruleNamespaceSelector={
                        "matchLabels": {"kubernetes.io/metadata.name": "shop"},
                        "matchExpressions": [{"key": "tier", "operator": "In", "values": ["web", "db"]}],
                    },
                )
            ],
            id="labels of object and namespace match",
        ),
        pytest.param(
            [{"metadata": {"name": "k8s", "namespace": "shop"}, "spec": {"ruleSelector": {}}}],
            id="one in the same namespace needs no selector of namespaces",
        ),
    ],
)
def test_an_overlay_that_is_selected_needs_time(prometheuses: list[dict[str, Any]]) -> None:
    verdict = diagnose(NOT_LOADED, loading(*prometheuses))

    assert verdict.reason == "OverlayNotLoaded"
    assert "written 1m15s ago (usually 1m, at most 5m" in verdict.message
    assert "it is selected by Prometheus" in verdict.message
    assert "logs" not in verdict.message


def test_more_time_than_usual_points_at_the_logs() -> None:
    verdict = diagnose(NOT_LOADED, loading(prometheus(**SELECTING), waiting_seconds=301))

    assert "look at the logs of prometheus-operator and of the config-reloader" in verdict.message


def test_without_a_prometheus_object_nothing_is_claimed_about_who_loads_rules() -> None:
    verdict = diagnose(NOT_LOADED, loading())

    assert verdict.reason == "OverlayNotLoaded"
    assert "no Prometheus object is in sight" in verdict.message


@pytest.mark.parametrize(
    ("loaded", "reason", "words", "untold"),
    [
        pytest.param(
            LoadedRules((group(A), group(B, health="err", last_error="out of order sample"))),
            "RuleGroupFails",
            f"group {B} fails: out of order sample",
            False,
            id="a group whose heartbeat fails is named with its error",
        ),
        pytest.param(
            LoadedRules((group(A), group(B, labels={**LABELS, "hypercare_revision": "earlier"}))),
            "OverlayNotLoaded",
            "an earlier version is still loaded, written 1m15s ago",
            False,
            id="an earlier version is loaded",
        ),
        pytest.param(
            LoadedRules((group(A), group(B, health="unknown"))),
            "OverlayNotLoaded",
            "its first evaluation is awaited",
            False,
            id="loaded and not evaluated yet",
        ),
        pytest.param(
            LoadedRules((group(A), group(B))),
            "ResultsElsewhere",
            "the results cannot be read there",
            True,
            id="evaluated by a ruler that keeps no results",
        ),
        pytest.param(
            LoadedRules((group(A), LoadedGroup("mine", "/rules/shop-mine.yaml", ()))),
            "OverlayNotLoaded",
            "written 1m15s ago",
            False,
            id="one group of two is there",
        ),
        pytest.param(
            LoadedRules((LoadedGroup("mine", "/rules/shop-mine.yaml", ()),)),
            "OverlayNotLoaded",
            "written 1m15s ago",
            False,
            id="the originals are there",
        ),
        pytest.param(
            LoadedRules(()),
            "OtherPrometheus",
            "evaluates neither the overlay nor the originals (groups mine): name the Prometheus that loads them",
            False,
            id="neither overlay nor originals are there",
        ),
        pytest.param(
            LoadedRules((LoadedGroup("mine", "/rules/basket-mine.yaml", ()),)),
            "OtherPrometheus",
            "evaluates neither",
            False,
            id="groups of the same name belong to another namespace",
        ),
        pytest.param(
            LoadedRules((group(A, labels={"hypercare": "basket/checkout"}), group(B, labels={}))),
            "OtherPrometheus",
            "evaluates neither",
            False,
            id="an overlay of another namespace has groups of the same names",
        ),
        pytest.param(
            QueryFailed(FailureKind.REFUSED, "Prometheus at x answered with status 404"),
            "LoadedRulesUnknown",
            "status 404",
            True,
            id="an endpoint that does not tell its rules",
        ),
    ],
)
def test_what_the_endpoint_says(loaded: LoadedResult, reason: str, words: str, untold: bool) -> None:
    known = loading(prometheus(**SELECTING), loaded=loaded, originals=frozenset({"mine"}))

    verdict = diagnose(NOT_LOADED, known)

    assert (verdict.reason, verdict.untold) == (reason, untold)
    assert words in verdict.message


def test_without_originals_an_empty_answer_is_only_early() -> None:
    assert diagnose(NOT_LOADED, loading(prometheus(**SELECTING))).reason == "OverlayNotLoaded"


def test_a_refusal_comes_before_everything_else_and_what_could_not_be_read_after() -> None:
    known = loading(prometheus(), refused={"hypercare-checkout": "invalid rule"}, unread=("events cannot be listed",))

    verdict = diagnose(NOT_LOADED, known)

    assert verdict.reason == "OverlayRefused"
    assert "refuses PrometheusRule hypercare-checkout: invalid rule" in verdict.message
    assert verdict.message.endswith("; events cannot be listed")


@pytest.mark.parametrize("reason", ["OverlayPartlyLoaded", "EvaluationStopped"])
def test_groups_that_are_missing_are_looked_for_as_well(reason: str) -> None:
    assert diagnose(NotLive(reason, "x"), loading(prometheus())).reason == "OverlayNotSelected"


def test_other_verdicts_keep_their_reason() -> None:
    verdict = NotLive("PrometheusTimeout", "no answer within 10s")

    assert diagnose(verdict, loading(prometheus())) == verdict


class TestRefusals:
    """prometheus-operator speaks of one version of an object."""

    BODY: ClassVar = {"metadata": {"uid": "u", "resourceVersion": "7", "generation": 3}}

    def event(self, **about: Any) -> dict[str, Any]:
        involved = {"uid": "u", "resourceVersion": "7"} | about
        return {"reason": "InvalidConfiguration", "message": "invalid rule", "involvedObject": involved}

    def test_an_event_about_this_version(self) -> None:
        assert refusal_of(self.BODY, [self.event()]) == "invalid rule"

    @pytest.mark.parametrize("about", [{"uid": "other"}, {"resourceVersion": "6"}])
    def test_an_event_about_another(self, about: dict[str, str]) -> None:
        assert refusal_of(self.BODY, [self.event(**about)]) == ""

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ({"status": "False", "observedGeneration": 3, "message": "bad group"}, "bad group"),
            ({"status": "False", "observedGeneration": 2, "message": "bad group"}, ""),
            ({"status": "True", "observedGeneration": 3}, ""),
        ],
    )
    def test_a_condition_of_its_status(self, condition: dict[str, Any], expected: str) -> None:
        status = {"bindings": [{"conditions": [{"type": "Accepted", **condition}]}]}
        assert refusal_of({**self.BODY, "status": status}, []) == expected

    def test_a_status_of_another_form_says_nothing(self) -> None:
        assert refusal_of({**self.BODY, "status": {"bindings": "odd"}}, []) == ""


def test_loaded_rules_are_read_by_the_names_that_were_asked_for() -> None:
    rule = {"name": HEARTBEAT, "health": "err", "lastError": "boom", "labels": {"a": "b"}, "type": "recording"}
    groups = [{"name": A, "file": "f.yaml", "rules": [rule]}, {"name": "others", "rules": "not read"}]

    found = read_loaded_rules({"data": {"groups": groups}}, RulesQuery((A,), (HEARTBEAT,)))

    assert found == LoadedRules((LoadedGroup(A, "f.yaml", (LoadedRule(HEARTBEAT, "err", "boom", {"a": "b"}),)),))


@pytest.mark.parametrize("body", [{}, {"data": {"groups": 3}}, [], "no"])
def test_an_answer_of_another_form_is_an_error(body: object) -> None:
    with pytest.raises(InvalidField):
        read_loaded_rules(body, RulesQuery((A,), (HEARTBEAT,)))
