"""The file that `init` writes: whatever there is in a namespace, it is YAML that lint has nothing against."""

from typing import Any

import pytest
import yaml

from hypercare.cli.documents import documents_in
from hypercare.cli.init.survey import Capacity, LeftOut, Metrics, Offer, Rules, Workload
from hypercare.cli.init.template import period_file
from hypercare.cli.lint.checks import check
from hypercare.cli.lint.findings import Finding, Source
from hypercare.cli.lint.positions import positions_in
from hypercare.domain.indicators import indicators
from tests.unit.surveys import CHECKOUT, NOTHING, OFFERED, RULES, survey, without_comment_signs

CART = Workload("StatefulSet", "cart", "1.9.3", 1)
AGENT = Workload("DaemonSet", "123", "", 3)
NO_OFFER = Capacity(told=("No PodDisruptionBudget selects the pods of checkout.",))
ODD_OFFERS = Capacity(
    scaling=(Offer("yes", {"floor": 1, "ceiling": "150%"}, "ScaledObject yes: " + "long " * 40),),
    disruption=(Offer("123", {"budget": "456", "maxUnavailable": 1}, "PodDisruptionBudget 456: minAvailable 1 -> 2"),),
)
OPENTELEMETRY = tuple(each for each in indicators().values() if each.name.startswith(("opentelemetry/", "kubernetes/")))
EVERYTHING = Metrics({"checkout": tuple(indicators().values()), "cart": OPENTELEMETRY}, "http://p:9090")
UNKNOWN = Metrics(unknown="it did not answer:\nno route")


def findings(text: str) -> list[Finding]:
    sources = zip(documents_in(text, "init"), positions_in(text), strict=True)
    return list(check([Source("init", *each) for each in sources]))


@pytest.mark.parametrize("workloads", [(CHECKOUT,), (CHECKOUT, CART, AGENT), (AGENT, CHECKOUT)])
@pytest.mark.parametrize("rules", [(), (RULES,), (Rules("yes", ("warning",)),)])
@pytest.mark.parametrize("metrics", [EVERYTHING, NOTHING, UNKNOWN], ids=["everything", "nothing", "unknown"])
@pytest.mark.parametrize("capacity", [NO_OFFER, OFFERED], ids=["fixed", "scaled"])
def test_whatever_there_is_the_file_is_a_period_that_can_be_used(
    workloads: tuple[Workload, ...],
    rules: tuple[Rules, ...],
    metrics: Metrics,
    capacity: Capacity,
) -> None:
    text = period_file(survey(workloads=workloads, rules=rules, metrics=metrics, capacity=capacity))
    assert findings(text) == []
    assert findings(without_comment_signs(text)) == []
    assert max(map(len, text.splitlines())) <= 140


def spec(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text)["spec"]
    return found


def test_it_protects_what_is_there_as_it_is() -> None:
    found = spec(period_file(survey(workloads=(CHECKOUT, CART))))
    assert found["release"] == {"version": "2.4.0"}
    assert found["targets"] == [
        {"kind": "Deployment", "name": "checkout"},
        {"kind": "StatefulSet", "name": "cart", "version": "1.9.3"},
    ]
    assert found["protection"]["alerts"]["from"] == [{"rule": "checkout-alerts"}]
    assert [each["name"] for each in found["exitCriteria"]] == ["quiet", "pods"]


def test_more_capacity_is_only_offered_and_is_a_part_of_the_period_without_the_signs() -> None:
    text = period_file(survey())
    assert set(spec(text)["protection"]) == {"alerts"}
    assert (
        "#   # HorizontalPodAutoscaler checkout: at least 2, at most 6, runs 2 today; floor 150% would keep 3" in text
    )
    protection = spec(without_comment_signs(text))["protection"]
    assert protection["scaling"] == [{"target": "checkout", "floor": "150%"}]
    assert protection["disruption"] == [{"target": "checkout", "maxUnavailable": 1}]


@pytest.mark.parametrize("rules", [(), (RULES,)], ids=["no rules", "rules"])
def test_offers_with_names_that_look_like_something_else_stay_texts(rules: tuple[Rules, ...]) -> None:
    workloads = (Workload("Deployment", "yes", "1.0.0", 2), AGENT)
    text = period_file(survey(workloads=workloads, rules=rules, capacity=ODD_OFFERS))
    protection = spec(without_comment_signs(text))["protection"]
    assert protection["scaling"] == [{"target": "yes", "floor": 1, "ceiling": "150%"}]
    assert protection["disruption"] == [{"target": "123", "budget": "456", "maxUnavailable": 1}]
    assert findings(without_comment_signs(text)) == []


def test_what_is_left_out_or_not_offered_is_said() -> None:
    left_out = (LeftOut(CART, "it has no replicas"),)
    text = period_file(survey(left_out=left_out, capacity=NO_OFFER))
    assert '    # Left out: it has no replicas.\n    # - {kind: StatefulSet, name: cart, version: "1.9.3"}\n' in text
    assert "    # No PodDisruptionBudget selects the pods of checkout.\n" in text
    assert "to the empty line" not in text
    assert len(spec(without_comment_signs(text))["targets"]) == 2


def test_shares_of_errors_that_have_data_become_criteria_and_what_needs_a_bound_is_offered() -> None:
    text = period_file(survey(metrics=EVERYTHING))
    names = [each["name"] for each in spec(text)["exitCriteria"]]
    assert names[:2] == ["quiet", "pods"]
    assert "http-error-ratio" in names
    assert len(names) == len(set(names))
    assert "# - {name: http-latency, indicator: " in text


def test_quiet_is_asked_of_critical_alerts_only_where_there_are_some() -> None:
    text = period_file(survey(rules=(Rules("r", ("warning", "page")),)))
    assert [each["name"] for each in spec(text)["exitCriteria"]] == ["pods"]
    assert '# - {name: quiet, alerts: {severities: ["page", "warning"]}' in text


def test_what_is_not_known_is_said() -> None:
    unknown = period_file(survey(metrics=UNKNOWN))
    assert "# Which metrics there are is not known: it did not answer: no route\n" in unknown
    assert "# There is no HypercareProfile web yet" in period_file(survey(profile_there=False))
    assert "# No version can be read from the workloads: this one is" in period_file(survey(workloads=(AGENT,)))


def test_a_period_of_many_workloads_has_no_more_criteria_than_it_may() -> None:
    many = tuple(Workload("Deployment", f"service-{number}", "1.0.0", 2) for number in range(32))
    found = Metrics({each.name: tuple(indicators().values()) for each in many}, "http://p:9090")
    text = period_file(survey(workloads=many, metrics=found))
    assert findings(text) == []
    assert len(spec(text)["exitCriteria"]) == 20
