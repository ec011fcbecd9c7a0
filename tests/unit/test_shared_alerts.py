"""What becomes of alerts that a profile shares: copies, what is recorded and asked about them, and what is told."""

from dataclasses import replace
from typing import Any

from hypercare.domain.alerts.episodes import originals_query
from hypercare.domain.alerts.firing import firing_copies
from hypercare.domain.alerts.plan import AlertPlan, plan_alerts
from hypercare.domain.alerts.scope import Scope, SharedRules
from hypercare.domain.alerts.tightening import Tightened, Untouched, UntouchedReason
from hypercare.domain.evidence.criteria import AlertsKind, AlertState, Include
from hypercare.domain.evidence.quiet import NoOverlay, OverlayLive, Recording, Watch, Whose, ask, subjects
from hypercare.domain.label_selectors import LabelSelector
from hypercare.domain.life.rollout import Target
from hypercare.domain.promql.syntax import parse
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.domain.samples import Answer, Sample, Series
from tests.unit.alert_rules import CONTEXT, alert, copies_of, protection, rule_object, rules_of

TENANCY = Tenancy("namespace", "shop")
SCOPE = Scope("shop", (Target("StatefulSet", "basket"),), TENANCY, (SharedRules("monitoring", LabelSelector()),))
PODS = alert("PodsRestart", expr="max by (namespace, pod) (restarts) > 1", for_="5m")
QUOTA = alert("QuotaFull", expr="sum by (namespace) (used) > 5", for_="5m")
NODES = alert("NodeDown", expr="up == 0")
OURS = 'restarts{namespace="shop",pod=~"basket-[0-9]+"}'
WHOSE = Whose("shop", "checkout", "r1-0a1b2c3d")
CRITICAL = AlertsKind(("critical",), (), frozenset({AlertState.FIRING}), Include.ORIGINALS, ())


def planned(*rules: dict[str, Any], enforce: bool = True) -> AlertPlan:
    body = rule_object("everybody", *rules)
    body["metadata"]["namespace"] = "monitoring"
    wanted = replace(protection(**{"from": [{"shared": True}]}), scope=SCOPE)
    return plan_alerts(wanted, [body], replace(CONTEXT, enforce=enforce))


def asked(plan: AlertPlan, recording: Recording) -> tuple[str, ...]:
    watch = Watch(plan.watched, recording)
    return ask(subjects(CRITICAL, watch), watch, WHOSE, TENANCY, 30).expressions()


def test_a_copy_is_narrowed_and_so_is_what_proves_it_quiet() -> None:
    plan = planned(PODS)

    assert OURS in copies_of(plan.overlay)["PodsRestart"]["expr"]
    recorded = {rule["record"]: rule["expr"] for rule in rules_of(plan.overlay) if "record" in rule}
    assert OURS in recorded["hypercare:original:active"]
    assert recorded["hypercare:alert:inputs"] == "clamp_max((count(restarts) or vector(0)), 1)"


def test_one_that_is_not_for_the_namespace_is_told_and_not_watched() -> None:
    plan = planned(PODS, NODES)

    assert [each.alertname for each in plan.watched] == ["PodsRestart"]
    results = {each.alertname: each.result for each in plan.outcomes}
    assert isinstance(results["NodeDown"], Untouched)
    assert results["NodeDown"].reason is UntouchedReason.NO_TENANT_LABEL


def test_one_that_covers_the_whole_namespace_says_so() -> None:
    (outcome,) = planned(QUOTA).outcomes

    assert isinstance(outcome.result, Tightened)
    assert [each.reason for each in outcome.result.left][-1] is UntouchedReason.NAMESPACE_WIDE


def test_evidence_asks_for_the_part_of_the_original_that_is_ours() -> None:
    (query,) = [expr for expr in asked(planned(PODS), OverlayLive(1)) if "ALERTS{" in expr]

    parse(query)
    assert 'alertname=~"PodsRestart",hypercare="",namespace="shop",pod=~"basket-[0-9]+"' in query
    assert query.startswith("label_replace(")
    assert query.endswith('"namespace", "shop", "", "")')


def test_where_alerts_belong_to_everybody_no_namespace_is_added() -> None:
    plan, open_alerts = planned(PODS), replace(TENANCY, shared=frozenset({"ALERTS"}))
    watch = Watch(plan.watched, OverlayLive(1))

    queries = ask(subjects(CRITICAL, watch), watch, WHOSE, open_alerts, 30).expressions()

    assert not any("label_replace" in query for query in queries if "ALERTS{" in query)


def test_observing_asks_for_data_in_the_whole_cluster_too() -> None:
    (query,) = [expr for expr in asked(planned(PODS, enforce=False), NoOverlay()) if "hypercare_part" in expr]

    parse(query)
    assert "clamp_max((count(restarts) or vector(0)), 1)" in query
    assert 'pod=~"basket-[0-9]+"' in query


def test_the_report_asks_for_our_part_as_well() -> None:
    query = originals_query(planned(PODS).watched, TENANCY, 30)

    parse(query)
    assert 'alertname=~"PodsRestart",namespace="shop",pod=~"basket-[0-9]+"' in query


def test_a_firing_original_does_not_release_a_copy() -> None:
    (watched,) = planned(PODS).watched
    copies = Answer((Series({"hypercare_rule": watched.rule_id}, (Sample(100, 40),)),))
    originals = Answer((Series({"alertname": "PodsRestart"}, (Sample(100, 1),)),))

    (found,) = firing_copies([watched], copies, originals, 100).values()
    (own,) = firing_copies([replace(watched, scope="")], copies, originals, 100).values()

    assert (found.original_fires, own.original_fires) == (False, True)
