"""What an overlay remembers of history comes back exactly, and nothing that somebody has spoilt does any harm."""

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.alerts.overlay import RUN_ANNOTATION, VERDICTS_ANNOTATION, rule_id_of
from hypercare.domain.alerts.overlay_parts import joined
from hypercare.domain.alerts.overlay_plan import Basis, plan_overlay, same_objects
from hypercare.domain.alerts.preflight import NoHistory, Preflight, Tried, WouldFire
from hypercare.domain.alerts.thresholds import ThresholdRule
from hypercare.domain.alerts.trials import Verdict
from hypercare.domain.alerts.verdict_memory import frozen, remembered_verdicts, with_verdicts
from tests.unit.alert_rules import CONTEXT, IDENTITY, alert, protection, rule_object

FRACTIONS = st.fractions() | st.just(Fraction("1e300")) | st.just(Fraction("-1e-300"))
RULES = st.builds(ThresholdRule, FRACTIONS) | st.builds(ThresholdRule, st.just(Fraction(0)), FRACTIONS)
COUNTS = st.integers(0, 10**9)
FOUND = st.one_of(
    st.builds(Tried, RULES, st.integers(0, 100), COUNTS, COUNTS, st.text(max_size=300)),
    st.builds(WouldFire, COUNTS, COUNTS, st.text(max_size=300)),
    st.builds(NoHistory, st.text(max_size=300)),
)
QUIET = Verdict("a1", Tried(ThresholdRule(Fraction(1, 5)), 100, 0, 86400, "never"))


def overlay(*rule_ids: str, run: str = "r1") -> dict[str, Any]:
    rules = [{"alert": rule_id, "labels": {"hypercare_rule": rule_id}} for rule_id in rule_ids]
    return {"metadata": {"annotations": {RUN_ANNOTATION: run}}, "spec": {"groups": [{"name": "g", "rules": rules}]}}


@given(st.dictionaries(st.sampled_from("abc"), st.builds(Verdict, st.text(max_size=10), FOUND)))
def test_what_is_remembered_comes_back(verdicts: dict[str, Verdict]) -> None:
    kept = {rule_id: Verdict(each.asked, frozen(each.found)) for rule_id, each in verdicts.items()}

    assert remembered_verdicts(with_verdicts([overlay("a", "b", "c")], kept), "r1") == kept


@given(FOUND)
def test_freezing_twice_changes_nothing(found: Preflight) -> None:
    assert frozen(frozen(found)) == frozen(found)


def test_each_object_remembers_its_own_alerts() -> None:
    one, two = with_verdicts([overlay("a"), overlay("b")], {"a": QUIET, "b": QUIET, "gone": QUIET})

    assert list(json.loads(one["metadata"]["annotations"][VERDICTS_ANNOTATION])) == ["a"]
    assert list(json.loads(two["metadata"]["annotations"][VERDICTS_ANNOTATION])) == ["b"]


def test_what_may_change_is_not_remembered() -> None:
    later = Verdict("a1", NoHistory("no connection", again=True))

    (found,) = with_verdicts([overlay("a")], {"a": later})

    assert VERDICTS_ANNOTATION not in found["metadata"]["annotations"]


def test_what_is_not_known_any_more_is_forgotten() -> None:
    before = with_verdicts([overlay("a")], {"a": QUIET})

    (found,) = with_verdicts(before, {})

    assert VERDICTS_ANNOTATION not in found["metadata"]["annotations"]


def test_another_run_begins_without_verdicts() -> None:
    assert remembered_verdicts(with_verdicts([overlay("a", run="r1")], {"a": QUIET}), "r2") == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '"a"',
        "[" * 100_000,
        '{"a": 1}',
        '{"a": {"asked": "x"}}',
        '{"a": {"asked": "x", "share": "1/0", "strongest": 1, "fires": 0, "span": 0, "told": ""}}',
        '{"a": {"asked": "x", "share": "1e999999999", "strongest": 1, "fires": 0, "span": 0, "told": ""}}',
        '{"a": {"asked": "x", "share": "1/5", "strongest": 101, "fires": 0, "span": 0, "told": ""}}',
        '{"a": {"asked": "x", "share": "1/5", "strongest": true, "fires": 0, "span": 0, "told": ""}}',
    ],
)
def test_an_annotation_that_somebody_has_spoilt_says_nothing(text: str) -> None:
    body = overlay("a")
    body["metadata"]["annotations"][VERDICTS_ANNOTATION] = text

    assert remembered_verdicts([body], "r1") == {}


def test_the_annotation_is_bounded() -> None:
    names = [f"alert-{number}" for number in range(2000)]
    verdicts = dict.fromkeys(names, Verdict("a1", WouldFire(1, 1, "m" * 240)))

    (found,) = with_verdicts([overlay(*names)], verdicts)

    text = found["metadata"]["annotations"][VERDICTS_ANNOTATION]
    assert 100 * 1024 < len(text.encode()) <= 128 * 1024
    assert 0 < len(json.loads(text)) < 2000


def test_a_plan_remembers_in_objects_what_it_was_made_of() -> None:
    rules = [rule_object("a", alert("Errors", for_="5m"))]
    bare = plan_overlay(Basis(protection(), CONTEXT, rules, {}))
    (rule_id,) = {rule_id_of(rule) for rule in joined(bare.objects)["spec"]["groups"][0]["rules"]} - {""}
    context = type(CONTEXT)(**{**vars(CONTEXT), "verdicts": {rule_id: QUIET}})

    found = plan_overlay(Basis(protection(), context, rules, {}))

    assert remembered_verdicts(found.objects, IDENTITY.run_id) == {rule_id: QUIET}
    # The verdict answers another question, so the rules are the same, and that alone is no reason to write.
    assert found.objects[0]["spec"] == bare.objects[0]["spec"]
    assert same_objects(found.objects, bare.objects)
