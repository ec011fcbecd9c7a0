"""What `wait` decides at each look, and what `wait` and `watch` tell of changes."""

from collections.abc import Mapping
from typing import Any

import pytest

from hypercare.cli.periods.changes import changes, first_look
from hypercare.cli.periods.reading import read_period
from hypercare.cli.wait.command import Code, Goal
from hypercare.cli.wait.result import Result, Waiting, judge
from tests.unit.recorded_periods import NOW, recorded

LEVERS = ("AlertsTightened", "ScalingRaised")


def changed(name: str, **status: Any) -> dict[str, Any]:
    body = recorded(name)
    body["status"] |= status
    return body


def with_condition(name: str, kind: str, **change: Any) -> dict[str, Any]:
    body = recorded(name)
    for condition in body["status"]["conditions"]:
        if condition["type"] == kind:
            condition.update(change)
    return body


def result(body: Mapping[str, Any], goal: Goal) -> Code | None:
    found = judge(read_period(body), goal)
    return found.code if isinstance(found, Result) else None


@pytest.mark.parametrize(
    ("name", "end", "protected"),
    [
        ("pending", None, Code.REACHED),
        ("preparing", None, None),
        ("active", None, Code.REACHED),
        ("held-up", None, Code.REACHED),
        ("extended", None, Code.REACHED),
        ("decision-needed", Code.DECISION, Code.DECISION),
        ("relaxing", None, Code.OTHERWISE),
        ("completed", Code.REACHED, Code.OTHERWISE),
        ("ended", Code.OTHERWISE, Code.OTHERWISE),
        ("stalled", None, Code.DECISION),
    ],
)
def test_what_is_decided_in_each_situation(name: str, end: Code | None, protected: Code | None) -> None:
    assert result(recorded(name), Goal.END) is end
    assert result(recorded(name), Goal.PROTECTED) is protected


def test_the_end_of_the_release_before_is_not_the_end_of_this_one() -> None:
    body = recorded("completed")
    body["spec"]["release"]["version"] = "2.5.0"
    assert result(body, Goal.END) is None
    body["metadata"]["generation"] += 1
    assert isinstance(judge(read_period(body), Goal.END), Waiting)


@pytest.mark.parametrize("kind", LEVERS)
@pytest.mark.parametrize("status", ["False", "Unknown"])
def test_protected_means_that_every_lever_is_verified(kind: str, status: str) -> None:
    body = with_condition("active", kind, status=status, message="4 replicas are wanted")
    found = judge(read_period(body), Goal.PROTECTED)
    assert found == Waiting(f"{kind}: 4 replicas are wanted")


@pytest.mark.parametrize("kind", LEVERS)
def test_protected_means_protected_as_the_spec_is_now(kind: str) -> None:
    body = with_condition("active", kind, observedGeneration=0)
    assert result(body, Goal.PROTECTED) is None


def test_levers_that_are_not_due_yet_protect_nothing() -> None:
    assert judge(read_period(changed("pending", strength=0)), Goal.PROTECTED) == Waiting("protections are not due yet")


def test_a_period_that_only_observes_has_nothing_to_wait_for() -> None:
    body = recorded("active")
    body["spec"]["mode"] = "Observe"
    found = judge(read_period(body), Goal.PROTECTED)
    assert isinstance(found, Result)
    assert (found.code, found.message.startswith("mode Observe")) == (Code.REACHED, True)


def test_a_first_look_tells_where_a_period_stands() -> None:
    assert first_look(read_period(recorded("active")), NOW).text.startswith(
        "Active at 100%, stage intensive, blocked by "
    )
    assert (
        first_look(read_period(changed("active", observedGeneration=-1)), NOW).text == "is not seen by any operator yet"
    )


def test_changes_are_what_is_new_in_the_timeline_and_conditions_that_flip() -> None:
    before, after = recorded("active"), recorded("active")
    entry = {"time": "2026-11-21T18:39:00Z", "reason": "CriterionMet", "message": "[b]errors[/b] is Met"}
    after["status"]["timeline"].append(entry)
    for condition in after["status"]["conditions"]:
        if condition["type"] == "EvidenceFresh":
            condition |= {"status": "False", "reason": "NoData", "message": "errors: no data"}
    told = list(changes(read_period(before), read_period(after), NOW))
    assert [each.text for each in told] == [
        "CriterionMet: [b]errors[/b] is Met",
        "EvidenceFresh=False (NoData): errors: no data",
    ]
    assert [each.time for each in told] == [NOW - 60, NOW]


def test_a_protection_that_comes_into_effect_is_told_once_and_again_when_it_comes_back() -> None:
    before, after = recorded("active"), recorded("active")
    for condition in before["status"]["conditions"]:
        if condition["type"] == "ScalingRaised":
            condition |= {"status": "False", "reason": "Claiming"}
    raised = next(each for each in after["status"]["conditions"] if each["type"] == "ScalingRaised")
    entry = {"time": raised["lastTransitionTime"], "reason": "ScalingRaised", "message": raised["message"]}
    del before["status"]["timeline"][:], after["status"]["timeline"][:]
    after["status"]["timeline"].append(entry)
    told = [each.text for each in changes(read_period(before), read_period(after), NOW)]
    assert told == [f"ScalingRaised: {raised['message']}"]
    raised["lastTransitionTime"] = "2026-11-21T19:00:00Z"
    again = [each.text for each in changes(read_period(before), read_period(after), NOW)]
    assert again[1:] == [f"ScalingRaised=True (Raised): {raised['message']}"]


def test_nothing_new_tells_nothing() -> None:
    seen = read_period(recorded("active"))
    assert list(changes(seen, seen, NOW)) == []


def test_a_new_run_is_told_from_its_beginning() -> None:
    before, after = read_period(recorded("ended")), read_period(recorded("active"))
    assert next(iter(changes(before, after, NOW))).text.startswith("RunStarted: ")


def test_the_report_and_a_deletion_are_told() -> None:
    before, after = recorded("completed"), recorded("completed")
    del before["status"]["report"]
    after["metadata"]["deletionTimestamp"] = "2026-11-21T18:39:00Z"
    name = after["status"]["report"]
    told = [each.text for each in changes(read_period(before), read_period(after), NOW)]
    assert told == [f"The report is written: ConfigMap {name}", "is being deleted"]
