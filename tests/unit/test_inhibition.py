"""Which originals may be muted by their copies, and that a rule reaches nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from hypercare.domain.alerts import inhibition
from hypercare.domain.alerts.alertmanager_config import alertmanager_config
from hypercare.domain.alerts.alertmanager_view import AlertmanagerView, View, ViewFailed, read_view
from hypercare.domain.alerts.inhibition import Alerts, InhibitRule, Refused, Unmuted, inhibit_rules
from hypercare.domain.alerts.muting import Effect, Muting, mute
from hypercare.domain.alerts.source_rules import SourceAlert, made_by_hypercare, source_alerts
from tests.unit import alert_rules
from tests.unit.alert_rules import IDENTITY, plan, rule_object
from tests.unit.alertmanagers import PAGER, firing, silence

PAGE = {"tighten": {"deliver": "Page"}}
BY_POD = "sum by (namespace, pod) (errors) > 5"


def alert(name: str, **fields: Any) -> dict[str, Any]:
    """An alert with a `for` that can be shortened."""
    return alert_rules.alert(name, **{"for_": "5m", **fields})


def rules_for(
    *rules: Mapping[str, Any], others: Sequence[Mapping[str, Any]] = (), **fields: Any
) -> tuple[InhibitRule | Refused, ...]:
    """What becomes of these alerts; `others` are PrometheusRules of other namespaces."""
    body = rule_object("checkout", *rules)
    overlay = plan([body], **{**PAGE, **fields}).overlay
    assert overlay is not None
    sources = {each.rule_id: each for each in _alerts(body)}
    elsewhere = [each for other in others for each in _alerts(other)]
    return inhibit_rules([overlay], Alerts(sources, elsewhere), "shop")


def _alerts(body: Mapping[str, Any]) -> list[SourceAlert]:
    return [each for each in source_alerts(body, 30) if isinstance(each, SourceAlert)]


def only(found: Sequence[InhibitRule | Refused]) -> InhibitRule:
    (rule,) = found
    assert isinstance(rule, InhibitRule), rule
    return rule


def test_a_rule_names_its_copy_and_tells_the_original_by_all_that_is_known() -> None:
    rule = only(rules_for(alert("Errors", expr=BY_POD, labels={"severity": "critical", "team": "shop"})))

    assert [str(each) for each in rule.source] == [
        'hypercare="shop/checkout"',
        f'hypercare_rule="{rule.rule_id}"',
        'namespace="shop"',
    ]
    assert [str(each) for each in rule.target] == [
        'alertname="Errors"',
        'hypercare=""',
        'namespace="shop"',
        'severity="critical"',
        'team="shop"',
    ]
    assert rule.equal == ("namespace", "pod")


def test_labels_of_the_period_are_no_part_of_what_is_equal() -> None:
    rule = only(rules_for(alert("Errors", expr=BY_POD, labels={"team": "a"}), labels={"team": "b", "route": "room"}))
    assert rule.equal == ("namespace", "pod")
    assert 'team="a"' in map(str, rule.target)


def test_a_label_from_a_template_has_to_be_equal_too() -> None:
    labels = {"severity": "critical", "pod": "{{ $labels.node }}/{{ $labels.pod }}"}
    rule = only(rules_for(alert("Errors", expr="sum by (node, pod) (errors) > 5", labels=labels)))
    assert rule.equal == ("node", "pod")
    assert not any(each.name == "pod" for each in rule.target)


@pytest.mark.parametrize(
    ("rule", "fields", "reason"),
    [
        pytest.param(
            alert("Errors", expr=BY_POD), {"tighten": {}}, Unmuted.SEVERITY_LOWERED, id="a copy that only informs"
        ),
        pytest.param(alert("Errors", expr="errors > 5"), {}, Unmuted.LABELS_OPEN, id="series carry anything"),
        pytest.param(
            alert("Errors", expr=BY_POD, labels={"team": "{{ $labels.pod }}"}),
            {"labels": {"team": "room"}},
            Unmuted.LABELS_OPEN,
            id="a label that tells instances apart is replaced",
        ),
    ],
)
def test_no_rule(rule: Mapping[str, Any], fields: dict[str, Any], reason: Unmuted) -> None:
    (refused,) = rules_for(rule, **fields)
    assert isinstance(refused, Refused)
    assert (refused.alertname, refused.reason) == ("Errors", reason)
    assert refused.message


def test_a_copy_that_informs_mutes_an_original_that_informs() -> None:
    only(rules_for(alert("Errors", expr=BY_POD, labels={"severity": "warning"}), tighten={}))


@pytest.mark.parametrize(
    ("labels", "alike"),
    [
        pytest.param({"severity": "critical"}, True, id="the same labels"),
        pytest.param({"severity": "warning"}, False, id="another severity"),
        pytest.param({"severity": "critical", "team": "infra"}, True, id="one label more, which no matcher asks for"),
        pytest.param({"severity": "{{ $labels.level }}"}, True, id="a severity that may turn out the same"),
        pytest.param({}, True, id="a severity that may come from the data"),
    ],
)
def test_another_alert_of_the_name(labels: dict[str, str], alike: bool) -> None:
    (found,) = rules_for(alert("Errors", expr=BY_POD), others=[rule_object("platform", alert("Errors", labels=labels))])
    assert isinstance(found, Refused) == alike
    assert not isinstance(found, Refused) or found.reason is Unmuted.ANOTHER_ALIKE


@pytest.mark.parametrize(
    ("other", "alike"),
    [
        pytest.param({"expr": "errors > 5"}, True, id="its results may carry any namespace"),
        pytest.param({"expr": "sum by (namespace) (errors) > 5"}, True, id="they carry all"),
        pytest.param({"expr": "sum by (pod) (errors) > 5"}, False, id="they carry none"),
        pytest.param({"expr": 'errors{namespace="staging"} > 5'}, False, id="they carry another"),
        pytest.param({"expr": 'errors{namespace="shop"} > 5'}, True, id="they carry this one"),
        pytest.param({"expr": 'a{namespace="staging"} > b'}, True, id="one of two metrics is not said to be another's"),
        pytest.param({"expr": "(", "labels": {"severity": "critical"}}, True, id="it cannot be read"),
        pytest.param(
            {"labels": {"severity": "critical", "namespace": "staging"}}, False, id="it says that it has another"
        ),
        pytest.param(
            {"labels": {"severity": "critical", "namespace": "{{ $labels.ns }}"}}, True, id="whichever comes out"
        ),
    ],
)
def test_an_alert_of_the_name_from_another_namespace(other: dict[str, Any], alike: bool) -> None:
    found = rules_for(alert("Errors", expr=BY_POD), others=[rule_object("elsewhere", alert("Errors", **other))])
    assert isinstance(found[0], Refused) == alike


def test_the_same_alert_twice_in_the_namespace_is_not_told_apart() -> None:
    found = rules_for(alert("Errors", expr=BY_POD), alert("Errors", expr="sum by (job) (errors) > 9"))
    assert [isinstance(each, Refused) and each.reason for each in found] == [Unmuted.ANOTHER_ALIKE] * 2


def test_two_alerts_of_one_name_with_severities_of_their_own_both_get_a_rule() -> None:
    pair = [alert("Errors", expr=BY_POD), alert("Errors", expr=BY_POD, labels={"severity": "warning"})]
    assert [type(each) for each in rules_for(*pair)] == [InhibitRule, InhibitRule]


def test_an_alert_of_another_namespace_is_not_muted_from_here() -> None:
    overlay = plan([rule_object("checkout", alert("Errors", expr=BY_POD))], **PAGE).overlay
    assert overlay is not None
    (refused,) = inhibit_rules([overlay], Alerts({}), "shop")
    assert isinstance(refused, Refused)
    assert refused.reason is Unmuted.NOT_OF_NAMESPACE


def test_an_added_alert_has_no_original() -> None:
    queue = {"alert": "Queue", "expr": "sum(queue) > 3", "for": "1m", "runbook": "https://q", "owner": "team-shop"}
    found = rules_for(alert("Errors", expr=BY_POD), add=[queue])
    assert only(found).alertname == "Errors"


def test_rules_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inhibition, "RULE_LIMIT", 2)
    found = rules_for(*(alert(f"Errors{number}", expr=BY_POD) for number in range(4)))
    assert [isinstance(each, InhibitRule) for each in found] == [True, True, False, False]
    assert [each.reason for each in found if isinstance(each, Refused)] == [Unmuted.TOO_MANY] * 2


def test_the_object_has_rules_and_nothing_that_routes() -> None:
    rule = only(rules_for(alert("Errors", expr="sum by (pod) (errors) > 5")))
    body = alertmanager_config(IDENTITY, {"alertmanagerConfig": "main"}, [rule])

    assert (body["apiVersion"], body["kind"]) == ("monitoring.coreos.com/v1alpha1", "AlertmanagerConfig")
    assert body["metadata"]["name"] == "hypercare-checkout"
    assert body["metadata"]["labels"] == {
        "alertmanagerConfig": "main",
        "app.kubernetes.io/managed-by": "hypercare",
        "hypercare.dev/period": "checkout",
    }
    assert made_by_hypercare(body)
    assert body["spec"] == {
        "inhibitRules": [
            {
                "sourceMatch": [
                    {"name": "hypercare", "value": "shop/checkout", "matchType": "="},
                    {"name": "hypercare_rule", "value": rule.rule_id, "matchType": "="},
                    {"name": "namespace", "value": "shop", "matchType": "="},
                ],
                "targetMatch": [
                    {"name": "alertname", "value": "Errors", "matchType": "="},
                    {"name": "hypercare", "value": "", "matchType": "="},
                    {"name": "namespace", "value": "shop", "matchType": "="},
                    {"name": "severity", "value": "critical", "matchType": "="},
                ],
                "equal": ["pod"],
            }
        ]
    }


RULE = only(rules_for(alert("Errors", expr=BY_POD)))
COPY = {**RULE.copy_labels, "pod": "a"}
ORIGINAL = {"alertname": "Errors", "namespace": "shop", "severity": "critical", "pod": "a"}


def view(*alerts: Mapping[str, Any], silences: Sequence[Mapping[str, Any]] = (), config: object = PAGER) -> View:
    return read_view(config, silences, alerts)


@pytest.mark.parametrize(
    ("alerts", "effect"),
    [
        pytest.param([], Effect(), id="nothing fires"),
        pytest.param([firing("c", COPY)], Effect(), id="a copy alone mutes nothing yet"),
        pytest.param([firing("o", ORIGINAL)], Effect(), id="an original alone is not muted by anything"),
        pytest.param(
            [firing("c", COPY), firing("o", ORIGINAL, "c")], Effect(1), id="the original is muted by its copy"
        ),
        pytest.param([firing("c", COPY), firing("o", ORIGINAL)], Effect(0, ("Errors",)), id="or it is not"),
        pytest.param(
            [firing("c", COPY), firing("o", ORIGINAL, "x")], Effect(), id="muted by something else, it is quiet"
        ),
        pytest.param(
            [firing("c", COPY), firing("o", {**ORIGINAL, "pod": "b"})], Effect(), id="another instance is no twin"
        ),
    ],
)
def test_the_effect_is_what_alertmanager_says(alerts: list[Mapping[str, Any]], effect: Effect) -> None:
    found = mute([RULE], view(*alerts))
    assert found.rules == (RULE,)
    assert found.effect == effect
    assert str(found)


ELSEWHERE = {"route": {"receiver": "chat", "routes": [{"receiver": "room", "matchers": ['hypercare=~".+"']}]}}


@pytest.mark.parametrize(
    ("found", "says"),
    [
        pytest.param(ViewFailed("Alertmanager did not answer"), "did not answer", id="it cannot be asked"),
        pytest.param(view(config={"route": {"routes": 5}}), "who is told", id="its routes are not understood"),
        pytest.param(view(silences=[silence(hypercare="shop/checkout")]), "silence s1", id="a silence on the copies"),
        pytest.param(view(silences=[silence(pod="a")]), "silence s1", id="a silence on an instance"),
    ],
)
def test_rules_are_withdrawn(found: View, says: str) -> None:
    muting = mute([RULE], found)
    assert muting.rules == ()
    assert says in str(muting)


@pytest.mark.parametrize(
    "hushed",
    [
        pytest.param(silence(state="expired", hypercare="shop/checkout"), id="over"),
        pytest.param(silence(state="pending", hypercare="shop/checkout"), id="to come"),
        pytest.param(silence(hypercare=""), id="of originals only"),
        pytest.param(silence(alertname="Latency"), id="of another alert"),
        pytest.param(silence(severity="warning"), id="of another severity"),
    ],
)
def test_a_silence_that_hides_no_copy_changes_nothing(hushed: Mapping[str, Any]) -> None:
    assert mute([RULE], view(silences=[hushed])).rules == (RULE,)


def test_an_original_stays_loud_where_its_copy_is_told_to_somebody_else() -> None:
    muting = mute([RULE], view(config=ELSEWHERE))
    assert muting.rules == ()
    assert [each.reason for each in muting.refused] == [Unmuted.ROUTED_ELSEWHERE]
    assert "chat" in muting.refused[0].message
    assert "room" in muting.refused[0].message


def test_groups_of_their_own_are_no_reason_to_page_twice() -> None:
    grouped = {"route": {"receiver": "chat", "group_by": ["..."]}}
    assert mute([RULE], view(config=grouped)).rules == (RULE,)


def test_what_is_refused_is_kept_whatever_the_alertmanager_says() -> None:
    refused = Refused("Latency", Unmuted.LABELS_OPEN, "open")
    for found in (view(), ViewFailed("gone")):
        assert mute([RULE, refused], found).refused == (refused,)
    assert mute([refused], ViewFailed("gone")) == Muting(refused=(refused,))


@pytest.mark.parametrize(
    ("silences", "alerts"),
    [
        pytest.param("text", [], id="no list of silences"),
        pytest.param([{"id": "s"}], [], id="a silence without a state"),
        pytest.param(
            [silence() | {"matchers": [{"name": "a", "value": "(", "isRegex": True}]}], [], id="a broken matcher"
        ),
        pytest.param([], [{"labels": 5}], id="an alert without labels"),
    ],
)
def test_an_answer_that_is_not_understood_is_a_failure(silences: object, alerts: object) -> None:
    assert isinstance(read_view(PAGER, silences, alerts), ViewFailed)


def test_what_is_read_says_of_each_alert_what_mutes_it() -> None:
    found = view(firing("o", ORIGINAL, "c"))
    assert isinstance(found, AlertmanagerView)
    assert found.alerts[0].inhibited_by == {"c"}


def test_the_twin_differs_from_the_copy_in_nothing_that_has_to_be_equal() -> None:
    assert RULE.twins(COPY, ORIGINAL)
    assert not RULE.twins(COPY, {**ORIGINAL, "pod": "b"})
    assert not RULE.twins(COPY, COPY)
    assert not replace(RULE, source=RULE.target).twins(COPY, ORIGINAL)
