"""The overlay: what is in it, that it is the same each time, and what its copies must not break."""

from dataclasses import replace
from typing import Any

import pytest

from hypercare.domain.alerts import overlay as overlay_module
from hypercare.domain.alerts.overlay import owned_by, revision_of, same_overlay
from hypercare.domain.alerts.plan import AlertPlan
from hypercare.domain.alerts.tightening import Tightened, Untouched, UntouchedReason
from hypercare.domain.alerts.watched import Making
from hypercare.domain.promql.syntax import parse
from tests.unit.alert_rules import IDENTITY, alert, copies_of, plan, rule_object, rules_of

RATIO = 'sum(rate(errors{namespace="shop"}[5m])) / sum(rate(all{namespace="shop"}[5m])) > 0.05'
ANNOTATIONS = {"summary": "Errors at {{ $value }}", "runbook_url": "https://runbooks/errors"}
RULES = [
    rule_object(
        "r", alert("Errors", expr=RATIO, for_="5m", annotations=ANNOTATIONS), alert("Now", for_="0s"), interval="1m"
    )
]
QUEUE = {"alert": "Queue", "expr": "queue > 3", "for": "1m", "runbook": "https://q", "owner": "team-shop"}


def result(planned: AlertPlan, name: str) -> Tightened | Untouched:
    return next(each.result for each in planned.outcomes if each.alertname == name)


def test_the_object_belongs_to_the_period_and_carries_what_the_rule_selector_asks_for() -> None:
    overlay = plan(RULES).overlay

    assert overlay is not None
    metadata = overlay["metadata"]
    assert (metadata["namespace"], metadata["name"]) == ("shop", "hypercare-checkout")
    assert metadata["labels"] == {
        "release": "kps",
        "app.kubernetes.io/managed-by": "hypercare",
        "hypercare.dev/period": "checkout",
    }
    assert metadata["ownerReferences"] == [
        {
            "apiVersion": "hypercare.dev/v1alpha1",
            "kind": "HypercarePeriod",
            "name": "checkout",
            "uid": "uid-1",
            "controller": True,
        }
    ]
    assert owned_by(overlay, "uid-1")
    assert not owned_by(overlay, "uid-2")


def test_a_copy_is_the_original_with_a_shorter_for_and_an_identity() -> None:
    copy = copies_of(plan(RULES, labels={"route": "war-room"}).overlay)["Errors"]

    assert copy["expr"] == RATIO
    assert copy["for"] == "2m30s"
    assert copy["labels"] == {
        "severity": "warning",
        "route": "war-room",
        "namespace": "shop",
        "hypercare": "shop/checkout",
        "hypercare_rule": plan(RULES).watched[0].rule_id,
    }


def test_the_texts_tell_what_a_person_needs_first() -> None:
    rules = [rule_object("r", alert("Errors", for_="5m", annotations=ANNOTATIONS))]

    annotations = copies_of(plan(rules).overlay)["Errors"]["annotations"]

    assert annotations == {
        "summary": "Early warning for checkout 2.4.0 (after 2m30s instead of 5m): Errors at {{ $value }}",
        "runbook_url": "https://runbooks/errors",
        "hypercare_change": "for 5m, now for 2m30s",
    }


def test_a_release_name_cannot_open_a_template() -> None:
    rules = [rule_object("r", alert("Errors", for_="5m"))]

    assert "{{" not in copies_of(plan(rules, {"subject": "{{ x"}).overlay)["Errors"]["annotations"]["summary"]


def test_page_keeps_the_severity() -> None:
    rules = [rule_object("r", alert("Errors", for_="5m"), alert("Slow", for_="5m"))]

    copies = copies_of(plan(rules, overrides=[{"alert": "Slow", "deliver": "Page"}]).overlay)

    assert {name: copy["labels"]["severity"] for name, copy in copies.items()} == {
        "Errors": "warning",
        "Slow": "critical",
    }


def test_a_group_keeps_its_frame_but_for_its_limit() -> None:
    frame = {"interval": "15s", "query_offset": "1m", "labels": {"x": "y"}, "partial_response_strategy": "warn"}
    rules = [rule_object("r", alert("Errors", for_="5m"), limit=5, **frame)]

    overlay = plan(rules).overlay

    assert overlay is not None
    (group,) = overlay["spec"]["groups"]
    assert {key: value for key, value in group.items() if key != "rules"} == {"name": "r/checkout.rules", **frame}


def test_keep_firing_for_is_kept() -> None:
    rules = [rule_object("r", alert("Errors", for_="5m", keep_firing_for="7m"))]

    assert copies_of(plan(rules).overlay)["Errors"]["keep_firing_for"] == "7m"


def companions(planned: AlertPlan) -> list[tuple[str, str]]:
    names = {each.rule_id: each.alertname for each in planned.watched}
    records = (rule for rule in rules_of(planned.overlay) if "record" in rule)
    return [(rule["record"], names.get(rule["labels"].get("hypercare_rule", ""), "")) for rule in records]


def test_every_watched_alert_is_accompanied_and_the_heartbeat_comes_last() -> None:
    rules = [rule_object("r", alert("Errors", for_="5m"), alert("Gone", for_="0s", expr="absent(up)"))]

    planned = plan(rules)

    assert companions(planned) == [
        ("hypercare:alert:active", "Errors"),
        ("hypercare:original:active", "Errors"),
        ("hypercare:alert:inputs", "Errors"),
        ("hypercare:original:active", "Gone"),
        ("hypercare:overlay:live", ""),
    ]
    assert rules_of(planned.overlay)[-1]["expr"] == "vector(time())"
    assert rules_of(planned.overlay)[-1]["record"] == "hypercare:overlay:live"


def test_what_proves_carries_its_own_identity() -> None:
    overlay = plan(RULES).overlay

    assert overlay is not None
    for rule in rules_of(overlay):
        if "record" in rule:
            assert {key: rule["labels"][key] for key in ("hypercare", "hypercare_run", "hypercare_group")} == {
                "hypercare": "shop/checkout",
                "hypercare_run": "r1-0a1b2c3d",
                "hypercare_group": "r/checkout.rules",
            }
            assert rule["labels"]["hypercare_revision"] == revision_of(overlay)


def test_a_comment_at_the_end_of_an_expression_swallows_nothing() -> None:
    rules = [rule_object("r", alert("Errors", for_="5m", expr="errors > 5 # see the runbook"))]

    for rule in rules_of(plan(rules).overlay):
        parse(rule["expr"])


def test_an_added_alert_is_confined_and_has_no_original() -> None:
    planned = plan([], add=[{**QUEUE, "labels": {"team": "shop"}, "summary": "Stuck"}], labels={"route": "war-room"})

    copy = copies_of(planned.overlay)["Queue"]
    (watched,) = planned.watched
    assert copy["expr"] == 'queue{namespace="shop"} > 3'
    assert copy["for"] == "1m"
    assert copy["labels"] == {
        "route": "war-room",
        "team": "shop",
        "severity": "warning",
        "namespace": "shop",
        "hypercare": "shop/checkout",
        "hypercare_rule": watched.rule_id,
    }
    assert copy["annotations"]["runbook_url"] == "https://q"
    assert copy["annotations"]["owner"] == "team-shop"
    assert watched.making is Making.ADDED
    assert ("hypercare:original:active", "Queue") not in companions(planned)


@pytest.mark.parametrize(
    ("expr", "reason"),
    [
        pytest.param("queue >", "InvalidPromQL", id="does not parse"),
        pytest.param("vector(1)", "AlwaysFires", id="always fires"),
        pytest.param("sum by (severity) (queue) > 1", "LabelOverridden", id="its results carry a label it sets"),
    ],
)
def test_an_added_alert_that_cannot_be_used_leaves_the_others(expr: str, reason: str) -> None:
    planned = plan(RULES, add=[{**QUEUE, "expr": expr}, {**QUEUE, "alert": "Other"}])

    assert [(each.path, each.reason) for each in planned.problems] == [("spec.protection.alerts.add[0].expr", reason)]
    assert "Other" in copies_of(planned.overlay)
    assert "Queue" not in copies_of(planned.overlay)


@pytest.mark.parametrize(
    ("rule", "fields", "reason"),
    [
        pytest.param({"expr": "errors >"}, {}, UntouchedReason.UNSUPPORTED_PROMQL, id="PromQL that does not parse"),
        pytest.param({"expr": "vector(1)"}, {}, UntouchedReason.ALWAYS_FIRES, id="an alert that always fires"),
        pytest.param({"expr": "ALERTS > 0"}, {}, UntouchedReason.READS_ALERTS, id="an alert that reads alerts"),
        pytest.param(
            {"expr": "sum by (route) (errors) > 1"},
            {"labels": {"route": "war-room"}},
            UntouchedReason.LABEL_OVERRIDDEN,
            id="a configured label that the results carry",
        ),
        pytest.param(
            {"annotations": {"summary": "{{ $labels.route }}"}},
            {"labels": {"route": "war-room"}},
            UntouchedReason.LABEL_OVERRIDDEN,
            id="a configured label that the texts take from the results",
        ),
        pytest.param(
            {"expr": "sum by (severity) (errors) > 1", "labels": {}},
            {},
            UntouchedReason.LABEL_OVERRIDDEN,
            id="a severity that comes from the results",
        ),
        pytest.param(
            {},
            {"overrides": [{"alert": "Odd", "for": "1h"}]},
            UntouchedReason.OVERRIDE_LOOSENS,
            id="an override that would loosen",
        ),
    ],
)
def test_an_alert_that_must_not_be_copied_disturbs_no_other(
    rule: dict[str, Any], fields: dict[str, Any], reason: UntouchedReason
) -> None:
    planned = plan([rule_object("r", alert("Odd", **rule), alert("Errors", for_="5m"))], **fields)

    outcome = result(planned, "Odd")
    assert isinstance(outcome, Untouched)
    assert outcome.reason is reason
    assert list(copies_of(planned.overlay)) == ["Errors"]


def test_a_label_that_the_original_sets_itself_can_be_replaced() -> None:
    rule = alert("Errors", for_="5m", expr="sum by (route) (errors) > 1", labels={"severity": "critical", "route": "x"})

    assert copies_of(plan([rule_object("r", rule)], labels={"route": "war-room"}).overlay)["Errors"]["labels"][
        "route"
    ] == ("war-room")


@pytest.mark.parametrize(
    ("rule", "own"),
    [
        pytest.param(
            {"expr": "sum by (namespace) (errors) > 1"}, False, id="results of several namespaces keep theirs"
        ),
        pytest.param(
            {"annotations": {"summary": "{{ $labels.namespace }}"}}, False, id="so do results that texts quote"
        ),
        pytest.param({"expr": 'sum by (namespace) (errors{namespace="shop"}) > 1'}, True, id="one namespace"),
        pytest.param({"expr": "sum(errors) > 1"}, True, id="no namespace"),
    ],
)
def test_the_namespace_label_never_makes_two_results_one(rule: dict[str, Any], own: bool) -> None:
    labels = copies_of(plan([rule_object("r", alert("Errors", for_="5m", **rule))]).overlay)["Errors"]["labels"]

    assert ("namespace" in labels) is own


def test_an_expression_that_cannot_be_read_is_watched_as_unprovable() -> None:
    planned = plan([rule_object("r", alert("Odd", expr="errors >"), alert("Watchdog", expr="vector(1)"))])

    assert [(each.alertname, bool(each.unprovable)) for each in planned.watched] == [("Odd", True)]
    assert planned.overlay is None


def test_what_evidence_is_told() -> None:
    tightened, untouched = plan(RULES).watched

    assert (tightened.making, tightened.original_for_seconds, tightened.copy_for_seconds) == (
        Making.TIGHTENED,
        300,
        150,
    )
    assert (tightened.group_id, tightened.interval_seconds, tightened.severity) == ("r/checkout.rules", 60, "critical")
    assert tightened.depends_on_input
    assert (untouched.making, untouched.copy_for_seconds) == (Making.UNTOUCHED, 0)


@pytest.mark.parametrize(
    "context", [pytest.param({"strength": 0}, id="strength 0"), pytest.param({"enforce": False}, id="mode Observe")]
)
def test_no_overlay(context: dict[str, Any]) -> None:
    planned = plan(RULES, context, add=[QUEUE])

    assert planned.overlay is None
    assert len(planned.watched) == 3


def test_nothing_selected_makes_no_overlay() -> None:
    assert plan([]).overlay is None


def test_the_same_wish_is_the_same_body_and_another_one_has_another_revision() -> None:
    rules = [rule_object("r", alert("Errors", for_="5m")), rule_object("a", alert("Slow", for_="5m"))]
    one, same = plan(rules).overlay, plan(rules[::-1]).overlay
    weaker = plan(rules, {"strength": 50}).overlay

    assert one is not None
    assert weaker is not None
    assert one == same
    assert revision_of(one) != revision_of(weaker)


def test_an_overlay_that_the_server_has_completed_is_still_the_same() -> None:
    desired = plan(RULES).overlay
    assert desired is not None
    extra = {"creationTimestamp": "2026-01-01T00:00:00Z", "labels": {**desired["metadata"]["labels"], "seen": "yes"}}
    existing = {**desired, "metadata": {**desired["metadata"], **extra}}

    assert same_overlay(desired, existing)
    assert not same_overlay(desired, {**existing, "spec": {"groups": []}})
    assert not same_overlay(desired, {**existing, "metadata": {**existing["metadata"], "labels": {}}})


def test_labels_of_copies_stay_over_the_stages() -> None:
    rules = [rule_object("r", alert("Errors", for_="5m"))]
    strong = copies_of(plan(rules).overlay)["Errors"]
    weak = copies_of(plan(rules, {"strength": 50, "subject": "checkout 2.4.1"}).overlay)["Errors"]

    assert strong["labels"] == weak["labels"]
    assert strong["for"] != weak["for"]


def test_at_strength_0_nothing_is_left() -> None:
    assert plan([rule_object("r", alert("Errors", for_="5m"))], {"strength": 0}).overlay is None


def test_more_rules_than_are_ever_written_are_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay_module, "SIZE_LIMIT_BYTES", 2048)

    planned = plan(RULES)

    assert planned.overlay is None
    assert [each.reason for each in planned.problems] == ["OverlayTooLarge"]
    assert "at most 2 KiB are written: select fewer alerts" in planned.problems[0].message


def test_a_template_that_does_not_parse_is_shown_as_it_is_written() -> None:
    broken = alert("Errors", for_="5m", annotations={"summary": "{{ $value", "description": "{{ $value }}"})

    annotations = copies_of(plan([rule_object("r", broken)]).overlay)["Errors"]["annotations"]

    assert annotations["summary"].endswith('{{"{{"}} $value')
    assert annotations["description"] == "{{ $value }}"


def test_two_periods_of_one_name_never_prove_each_other() -> None:
    other = plan(RULES, {"identity": replace(IDENTITY, namespace="basket")}).overlay
    heartbeats = [rules_of(overlay)[-1]["labels"]["hypercare"] for overlay in (plan(RULES).overlay, other)]

    assert heartbeats == ["shop/checkout", "basket/checkout"]
