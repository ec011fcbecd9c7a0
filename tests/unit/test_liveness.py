"""Whether the overlay is evaluated: only fresh heartbeats of every group of this very revision prove it."""

import pytest

from hypercare.domain.alerts.liveness import (
    ExpectedHeartbeat,
    Live,
    NotLive,
    expected_heartbeats,
    heartbeat_query,
    judge_liveness,
    of_all_replicas,
)
from hypercare.domain.alerts.overlay import revision_of
from hypercare.domain.promql.syntax import parse
from hypercare.domain.samples import Answer, FailureKind, QueryFailed, Sample, Series
from tests.unit.alert_rules import alert, plan, rule_object

NOW = 1_800_000_000
RULES = [
    rule_object("a", alert("Errors", for_="5m"), interval="1m", query_offset="30s"),
    rule_object("b", alert("Slow", for_="5m")),
]
OVERLAY = plan(RULES).overlay or {}
EXPECTED = expected_heartbeats(OVERLAY, 30)


def answer(*ages: tuple[str, float]) -> Answer:
    return Answer(tuple(Series({"hypercare_group": group}, (Sample(NOW, NOW - age),)) for group, age in ages))


A, B = "a/checkout.rules", "b/checkout.rules"


def test_a_heartbeat_is_expected_of_every_group() -> None:
    assert expected_heartbeats(OVERLAY, 30) == (ExpectedHeartbeat(A, 60, 30), ExpectedHeartbeat(B, 30, 0))


def test_the_query_asks_for_this_very_overlay() -> None:
    query = heartbeat_query(OVERLAY)

    parse(query)
    assert query == (
        'hypercare:overlay:live{hypercare="shop/checkout",hypercare_run="r1-0a1b2c3d",'
        f'hypercare_revision="{revision_of(OVERLAY)}"}}'
    )


def test_live_since_the_oldest_of_the_newest_evaluations() -> None:
    assert judge_liveness(EXPECTED, answer((A, 50), (B, 10)), NOW, 30) == Live(NOW - 50)


@pytest.mark.parametrize(
    ("result", "reason", "words"),
    [
        pytest.param(answer(), "OverlayNotLoaded", "does not evaluate", id="no heartbeat at all"),
        pytest.param(
            answer((A, 10)),
            "OverlayPartlyLoaded",
            f"1 of 2 groups of the current overlay are not evaluated yet: {B}",
            id="one group is missing",
        ),
        pytest.param(
            answer((A, 10), (B, 121)), "EvaluationStopped", f"{B} was last evaluated 2m1s ago", id="one group stopped"
        ),
        pytest.param(
            answer((A, 211), (B, 10)), "EvaluationStopped", A, id="older than two intervals, offset, delay and slack"
        ),
        pytest.param(answer((A, 10), (B, 10), (B, 200)), "EvaluationStopped", B, id="one of two replicas stopped"),
        pytest.param(
            QueryFailed(FailureKind.UNREACHABLE, "connection refused"),
            "PrometheusUnreachable",
            "connection refused",
            id="no answer is no proof",
        ),
    ],
)
def test_not_live(result: Answer | QueryFailed, reason: str, words: str) -> None:
    verdict = judge_liveness(EXPECTED, result, NOW, 30)

    assert isinstance(verdict, NotLive)
    assert verdict.reason == reason
    assert words in verdict.message


LIVE, LATE = Live(NOW - 5), NotLive("OverlayNotLoaded", "it is not there yet")


def test_live_is_what_every_replica_shows() -> None:
    assert of_all_replicas({"http://a": LIVE, "http://b": Live(NOW - 9)}) == Live(NOW - 9)


def test_one_replica_that_lags_is_named_with_its_reason() -> None:
    verdict = of_all_replicas({"http://a": LIVE, "http://b": LATE, "http://c": LATE})

    expected = "on 1 of 3 replicas; http://b: it is not there yet"
    assert verdict == NotLive("OverlayOnSomeReplicas", expected)


@pytest.mark.parametrize(("group", "age"), [(A, 210), (B, 120)])
def test_as_old_as_patience_allows_is_live(group: str, age: float) -> None:
    ages = {A: 0.0, B: 0.0} | {group: age}

    assert isinstance(judge_liveness(EXPECTED, answer(*ages.items()), NOW, 30), Live)
