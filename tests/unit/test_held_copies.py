"""A copy that fires never resolves because strength fell: it is held as it is until nothing would be lost."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from hypercare.domain.alerts.held_copies import Weakened, copies, only_held, still_fulfilled, with_held
from hypercare.domain.alerts.liveness import expected_heartbeats
from hypercare.domain.alerts.overlay import COPY_ACTIVE, HEARTBEAT, revision_of, rule_id_of
from hypercare.domain.alerts.overlay_parts import joined
from hypercare.domain.alerts.overlay_plan import Basis, holding, plan_overlay
from hypercare.domain.alerts.tightening import FiringCopy
from hypercare.domain.alerts.watched import Making
from hypercare.domain.samples import Answer, FailureKind, InstantQuery, QueryFailed, Result, Sample, Series
from hypercare.overlay.firing import Fire, held_now
from tests.unit.alert_rules import CONTEXT, alert, plan, protection, rule_object
from tests.unit.metric_source import FakePrometheus

RULES = [rule_object("a", alert("Errors", for_="5m"), alert("Slow", for_="5m", expr="latency > 5"))]
PRESENT = plan(RULES).overlay or {}
ERRORS, SLOW = copies(PRESENT)
NOW = 1_800_000_000


def weaker(**errors: Any) -> dict[str, Any]:
    """The overlay with another rule for Errors."""
    body = plan(RULES, {"strength": 50}).overlay or {}
    for rule in body["spec"]["groups"][0]["rules"]:
        if rule_id_of(rule) == ERRORS and "alert" in rule:
            rule.update(errors)
    return body


class Answering(FakePrometheus):
    """Answers the question of a condition with these series."""

    def __init__(self, *labels: Mapping[str, str]) -> None:
        super().__init__()
        self.fulfilled: Result = Answer(tuple(Series(each, (Sample(NOW, 9.0),)) for each in labels))

    async def instant(self, query: InstantQuery) -> Result:
        self.asked.append(query)
        return self.fulfilled


FIRING = {"alertname": "Errors", "pod": "a", "severity": "warning", "hypercare_rule": ERRORS}


def fire(age: float, *, original: bool = False) -> Fire:
    series = Series(FIRING, (Sample(NOW, NOW - age),))
    return Fire({ERRORS: FiringCopy(age, original)}, {ERRORS: [series]})


async def held(fire: Fire, wanted: Mapping[str, Any], source: FakePrometheus | None = None) -> frozenset[str]:
    return await held_now(fire, PRESENT, wanted, NOW, source or Answering())


class TestHeld:
    """When a copy is held."""

    async def test_while_it_is_younger_than_the_new_for(self) -> None:
        assert await held(fire(225), weaker()) == {ERRORS}

    async def test_not_when_it_is_older_and_its_condition_stays(self) -> None:
        assert await held(fire(226), weaker()) == frozenset()

    async def test_while_it_does_not_fulfil_the_new_condition(self) -> None:
        source = Answering()
        assert await held(fire(9999), weaker(expr="errors > 8"), source) == {ERRORS}
        assert [query.expr for query in source.asked] == ["errors > 8"]

    async def test_not_when_it_fulfils_the_new_condition(self) -> None:
        # The severity is set by the rule, whatever the result has.
        source = Answering({"__name__": "errors", "pod": "a", "severity": "theirs"})
        assert await held(fire(9999), weaker(expr="errors > 8"), source) == frozenset()

    async def test_while_another_instance_fulfils_it(self) -> None:
        assert await held(fire(9999), weaker(expr="errors > 8"), Answering({"pod": "b"})) == {ERRORS}

    @pytest.mark.parametrize(
        "answer",
        [
            QueryFailed(FailureKind.TIMEOUT, "slow"),
            Answer((Series({"pod": "a"}, (Sample(NOW, 9.0),)),), ("a store is away",)),
        ],
    )
    async def test_while_that_cannot_be_told(self, answer: Result) -> None:
        source = Answering()
        source.fulfilled = answer
        assert await held(fire(9999), weaker(expr="errors > 8"), source) == {ERRORS}

    async def test_not_when_its_original_fires(self) -> None:
        assert await held(fire(1, original=True), weaker(expr="errors > 8")) == frozenset()

    async def test_when_it_would_be_dropped(self) -> None:
        assert await held(fire(9999), {}) == {ERRORS}
        assert await held(fire(9999, original=True), {}) == frozenset()

    async def test_not_when_nothing_changes(self) -> None:
        assert await held(fire(1), PRESENT) == frozenset()

    async def test_of_very_many_the_rest_waits(self) -> None:
        thirty = [alert(f"A{number}", for_="5m", expr=f"errors > {number}") for number in range(1, 31)]
        rules = [rule_object("a", *thirty)]
        present, wanted = plan(rules).overlay or {}, plan(rules, {"strength": 50}).overlay or {}
        for rule in wanted["spec"]["groups"][0]["rules"]:
            rule["expr"] = f"({rule['expr']}) > 100"
        source = Answering({})
        firing = Fire({rule_id: FiringCopy(9999) for rule_id in copies(present)}, {})
        assert len(await held_now(firing, present, wanted, NOW, source)) == 10
        assert len(source.asked) == 20


def test_every_instance_has_to_fulfil_the_new_condition() -> None:
    weakened = Weakened(ERRORS, {}, {"labels": {}})
    answer = Answer((Series({"pod": "a"}, (Sample(NOW, 1.0),)),))
    one, other = (Series({"pod": pod, "alertname": "Errors"}, (Sample(NOW, 1.0),)) for pod in "ab")
    assert still_fulfilled(weakened, answer, [one])
    assert not still_fulfilled(weakened, answer, [one, other])


class TestKept:
    """What becomes of the overlay."""

    def test_a_held_copy_keeps_its_rule_and_what_it_records(self) -> None:
        found = with_held(weaker(expr="errors > 8"), PRESENT, frozenset({ERRORS}))
        assert copies(found)[ERRORS] == copies(PRESENT)[ERRORS]
        assert copies(found)[SLOW]["for"] == "3m45s"
        recorded = [rule["expr"] for rule in found["spec"]["groups"][0]["rules"] if rule.get("record") == COPY_ACTIVE]
        assert "errors > 5" in recorded[0]
        assert revision_of(found) not in {revision_of(PRESENT), revision_of(weaker(expr="errors > 8"))}

    def test_one_that_would_be_dropped_stays_in_its_group(self) -> None:
        wanted = plan(RULES, {"strength": 1}).overlay or {}
        assert copies(wanted) == {}
        found = with_held(wanted, PRESENT, frozenset({ERRORS}))
        assert copies(found) == {ERRORS: copies(PRESENT)[ERRORS]}
        assert found["spec"]["groups"][0]["rules"][-1]["record"] == HEARTBEAT

    def test_at_strength_zero_nothing_else_is_left(self) -> None:
        (found,) = only_held([PRESENT], frozenset({ERRORS}))
        assert copies(found) == {ERRORS: copies(PRESENT)[ERRORS]}
        assert {rule_id_of(rule) for rule in found["spec"]["groups"][0]["rules"]} == {ERRORS, ""}
        assert len(expected_heartbeats(found, 30)) == 1
        assert only_held([found], frozenset({ERRORS})) == (found,)
        assert only_held([PRESENT], frozenset()) == ()

    def test_what_somebody_has_spoilt_holds_nothing(self) -> None:
        for groups in ("odd", [{"rules": [{"alert": "x"}]}], [{"rules": ["x"]}], None):
            assert copies({"spec": {"groups": groups}}) == {}

    def test_evidence_knows_the_for_of_a_held_copy(self) -> None:
        basis = Basis(protection(), replace(CONTEXT, strength=0), RULES, {})
        found = holding(plan_overlay(basis), [PRESENT], frozenset({ERRORS}), basis)
        errors = next(each for each in found.plan.watched if each.rule_id == ERRORS)
        assert (errors.making, errors.copy_for_seconds) == (Making.TIGHTENED, 150)
        assert copies(joined(found.objects)).keys() == {ERRORS}
        slow = next(each for each in found.plan.watched if each.rule_id == SLOW)
        assert slow.making is Making.UNTOUCHED
