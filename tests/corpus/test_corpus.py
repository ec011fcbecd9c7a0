"""Every real alert gets an outcome, and every overlay that is made of real alerts is one that Prometheus loads."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from hypercare.domain.alerts.plan import AlertPlan
from hypercare.domain.alerts.tightening import MovedThreshold, Tightened, Untouched
from hypercare.domain.alerts.watched import Making
from hypercare.domain.promql.syntax import parse
from tests.corpus.outcomes import lines, outcomes, table
from tests.corpus.promtool import complaints
from tests.corpus.rules import FILES, alerting_rules, rule_objects
from tests.unit.alert_rules import plan, rules_of

STRENGTHS = (100, 50, 25)
# What the 1093 alerts come to in a period at full strength before their copies were tried on history, with the built-in
# levers; a change here is a change of what users see.
EXPECTED = {
    "kube-prometheus.yaml": {
        "Tightened": 109,
        "NotTried": 11,
        "ComparedWithZero": 10,
        "Equality": 6,
        "AlwaysFires": 1,
        "ReadsAlerts": 1,
        "WholeShare": 1,
    },
    "awesome-prometheus-alerts.yaml": {
        "Tightened": 667,
        "NotTried": 119,
        "Equality": 66,
        "ComparedWithZero": 64,
        "WholeNumbers": 13,
        "WholeShare": 10,
        "BoundNotConstant": 5,
        "Absence": 3,
        "SignUnknown": 3,
        "NoThreshold": 1,
        "InsideAggregation": 1,
        "AlwaysFires": 1,
        "ResultsCollapse": 1,
    },
}


def word(outcome: Tightened | Untouched) -> str:
    return outcome.reason.value if isinstance(outcome, Untouched) else "Tightened"


@pytest.mark.parametrize("file", FILES)
def test_every_alert_gets_an_outcome(file: str) -> None:
    plans = [plan([body]) for body in rule_objects(file)]

    outcomes = [each for planned in plans for each in planned.outcomes]
    counts = Counter(word(each.result) for each in outcomes)
    print(f"\n{file}: {len(outcomes)} alerts, " + ", ".join(f"{count} {name}" for name, count in counts.most_common()))
    assert len(outcomes) == len(alerting_rules(file))
    assert counts == EXPECTED[file]
    assert [problem for planned in plans for problem in planned.problems] == []


@pytest.mark.parametrize("file", FILES)
def test_every_alert_comes_to_the_outcome_that_was_reviewed(file: str) -> None:
    reviewed, now = table(file).read_text(encoding="utf-8").splitlines(), list(lines(file))

    print("", file, *(line for line in now if line.startswith("#")), sep="\n")
    assert len(now) - len([line for line in now if line.startswith("#")]) == len(alerting_rules(file))
    assert now == reviewed, "python -m tests.corpus.outcomes writes the table anew; look at its difference"


@pytest.mark.cluster
@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("file", FILES)
def test_every_moved_threshold_is_accepted_by_promtool(file: str, strength: int, tmp_path: Path) -> None:
    rules = [
        {"alert": alert.alertname, "expr": outcome.threshold.expr, "labels": {"position": str(position)}}
        for position, (alert, outcome) in enumerate(outcomes(file, strength))
        if isinstance(outcome, Tightened) and isinstance(outcome.threshold, MovedThreshold)
    ]
    path = tmp_path / "moved.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "moved", "rules": rules}]}), encoding="utf-8")

    assert complaints([path]) == ""
    assert len(rules) > 50


@pytest.mark.parametrize("file", FILES)
def test_every_watched_alert_can_be_proven_quiet(file: str) -> None:
    for body in rule_objects(file):
        planned = plan([body])
        recorded = Counter(
            (rule["record"], rule["labels"].get("hypercare_rule"))
            for rule in (rules_of(planned.overlay) if planned.overlay else [])
            if "record" in rule
        )
        for alert in planned.watched:
            assert recorded["hypercare:original:active", alert.rule_id] == 1
            assert recorded["hypercare:alert:active", alert.rule_id] == int(alert.making is Making.TIGHTENED)
            assert recorded["hypercare:alert:inputs", alert.rule_id] == int(alert.depends_on_input)


@pytest.mark.parametrize("file", FILES)
def test_every_expression_of_an_overlay_parses(file: str) -> None:
    for body in rule_objects(file):
        planned = plan([body])
        for rule in rules_of(planned.overlay) if planned.overlay else []:
            parse(rule["expr"])


def as_prometheus_reads_it(planned: AlertPlan) -> list[dict[str, Any]]:
    """The groups as prometheus-operator hands them to Prometheus: without Thanos' field."""
    groups = planned.overlay["spec"]["groups"] if planned.overlay else []
    return [{key: value for key, value in group.items() if key != "partial_response_strategy"} for group in groups]


@pytest.mark.cluster
@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("file", FILES)
def test_every_overlay_is_accepted_by_promtool(file: str, strength: int, tmp_path: Path) -> None:
    queue = {"alert": "Queue", "expr": "queue > 3", "for": "1m", "runbook": "https://q", "owner": "me"}
    paths = []
    for number, body in enumerate(rule_objects(file)):
        planned = plan([body], {"strength": strength}, labels={"war_room": "yes"}, add=[queue])
        paths.append(tmp_path / f"{number:03}.yaml")
        paths[-1].write_text(yaml.safe_dump({"groups": as_prometheus_reads_it(planned)}), encoding="utf-8")

    assert complaints(paths) == ""


@pytest.mark.cluster
def test_promtool_would_refuse_a_broken_overlay(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": [{"alert": "A", "expr": "sum("}]}]}))

    assert "unclosed left parenthesis" in complaints([path])
