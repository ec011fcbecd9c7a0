"""How a run goes on, goes back or ends otherwise than by its criteria: releases, limits, the guard, deletion."""

import json
import time
from collections.abc import Iterator

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.lives.expectations import LASTING, await_protection, met, over, phases, promised, restored
from tests.cluster.lives.history import Version
from tests.cluster.lives.place import OVERLAY, PERIOD, Place
from tests.cluster.lives.scenarios import Results, Scenarios
from tests.cluster.operator_process import OperatorProcess

pytestmark = pytest.mark.cluster
scenarios = Scenarios()
NAMED = {"name": "autumn", "version": "2.4.0", "previous": "2.3.9"}


def report(place: Place, name: str) -> dict[str, object]:
    """The machine-readable part of a report."""
    body: dict[str, object] = json.loads(place.find("configmap", name)["data"]["report.json"])
    return body


@scenarios.add
def a_hotfix_restarts_the_streaks_of_the_same_run(place: Place) -> None:
    with place.watch("period") as period:
        place.period(release=NAMED, **LASTING)
        before = period.until("both are met", lambda each: met("errors", each) and met("quiet", each))
        place.edit("period", PERIOD, {"spec": {"release": {"version": "2.4.1"}}})
        place.deploy("2.4.1")
        fixed = period.until("the streak restarts", lambda each: each.verdict("errors") == "Unknown", promised(3))
        again = period.until("it is met again", lambda each: met("errors", each))
    assert again.at - fixed.at >= 4
    runs = [each.status["run"] for each in (before, again)]
    assert runs[0]["id"] == runs[1]["id"]
    assert [each["release"]["version"] for each in runs] == ["2.4.0", "2.4.1"]
    assert before.status["window"]["startedAt"] == again.status["window"]["startedAt"]


@scenarios.add
def a_rollback_ends_the_run_and_restores(place: Place) -> None:
    with place.watch("period") as period:
        place.period(**LASTING)
        await_protection(period)
        place.edit("period", PERIOD, {"spec": {"release": {"version": "2.3.9", "previous": None}}})
        place.deploy("2.3.9")
        end = period.until("it ends", over)
    assert (end.phase, end.status["outcome"]) == ("Ended", "RolledBack")
    assert end.condition("Succeeded")["status"] == "False"
    assert restored(place)


@scenarios.add
def going_back_in_one_edit_is_a_rollback_too(place: Place) -> None:
    with place.watch("period") as period:
        place.period(**LASTING)
        await_protection(period)
        place.edit("period", PERIOD, {"spec": {"release": {"version": "2.3.9"}}})
        end = period.until("it ends", over)
    assert (end.phase, end.status["outcome"]) == ("Ended", "RolledBack")


@scenarios.add
def a_new_version_is_a_new_run_and_the_floor_stays(place: Place) -> None:
    with place.watch("period") as period, place.watch("autoscaler", "checkout") as autoscaler:
        place.period(**LASTING)
        first = await_protection(period)
        place.edit("period", PERIOD, {"spec": {"release": {"version": "2.5.0", "previous": "2.4.0"}}})
        place.deploy("2.5.0")
        second = period.until("the second run is protected", lambda each: _run(each) != _run(first) and _live(each))
        raised = [each.body["spec"]["minReplicas"] for each in autoscaler.since(first.at)]
    assert set(raised) <= {4}
    assert second.status["run"]["counter"] == 2
    (name,) = second.status["reports"]
    assert report(place, name)["outcome"] == "Superseded"
    assert report(place, name)["run"] == _run(first)


def _run(version: Version) -> str:
    return str(version.status["run"]["id"])


def _live(version: Version) -> bool:
    return version.phase == "Active" and version.holds("AlertsTightened") and version.holds("ScalingRaised")


@scenarios.add
def deletion_restores_within_seconds(place: Place) -> None:
    with place.watch("period") as period:
        place.period(**LASTING)
        await_protection(period)
        kinds = ("period", "hold", "rules", "autoscaler", "deployment")
        assert not any(body["metadata"].get("finalizers") for kind in kinds for body in place.all(kind))
        began = time.time()
        place.delete("period", PERIOD)
        period.until("it is gone at once", lambda each: not each.body, promised(1))
        place.cluster.wait_until(
            "everything is restored", lambda: place.floor() == 2 and not place.all("hold"), promised(3)
        )
        print(f"period deleted -> restored: {time.time() - began:.1f} s")
        place.cluster.wait_until("its overlay is collected", lambda: not place.find("rules", OVERLAY), timeout=10)


@scenarios.add
def deletion_of_the_namespace_does_not_hang(place: Place) -> None:
    with place.watch("period") as period:
        place.period(**LASTING)
        await_protection(period)
    place.cluster.kubectl("delete", "namespace", place.namespace, "--timeout=30s")


@scenarios.add
def without_evidence_it_is_extended_held_and_ends_without_success(place: Place) -> None:
    window = {
        "start": {"when": "RolloutComplete", "timeout": "1m"},
        "duration": "16s",
        "extension": {"by": "4s", "limit": 1},
        "atLimit": {"hold": "4s"},
    }
    with place.watch("period") as period:
        place.cluster.shop.hide(place.namespace)
        place.period(window=window)
        extended = period.until("it is extended", lambda each: each.phase == "Extended")
        assert "(extended 1x)" in extended.status["ends"]
        held = period.until("a person is asked", lambda each: each.phase == "DecisionNeeded" and not _ready(each))
        assert (held.condition("Stalled")["reason"], held.status["strength"]) == ("DecisionNeeded", 100)
        assert held.status["ends"].startswith("held until")
        assert place.floor() == 4
        end = period.until("it ends", over)
        assert not any(met(name, each) for each in period.versions for name in ("errors", "quiet"))
        assert phases(period) == ["Pending", "Preparing", "Active", "Extended", "DecisionNeeded", "Relaxing", "Ended"]
    assert (end.status["outcome"], end.condition("Succeeded")["status"]) == ("LimitReached", "False")
    assert [each["reason"] for each in end.status["timeline"]].count("DecisionNeeded") == 1
    assert restored(place)


def _ready(version: Version) -> bool:
    return version.holds("Ready")


@scenarios.add
def a_break_while_relaxing_brings_the_strength_back(place: Place) -> None:
    with place.watch("period") as period:
        place.period(relax={"step": 25, "every": "10s"})
        period.until("it relaxes", lambda each: each.phase == "Relaxing" and each.status["strength"] == 25)
        place.cluster.wait_until("the floor is lower", lambda: place.floor() == 3)
        place.cluster.shop.misbehave(place.namespace, errors=0.5, lasting=3)
        back = period.until("the strength returns", _reverted)
        assert (back.status["strength"], back.status["stage"]) == (50, "elevated")
        place.edit("period", PERIOD, {"spec": {"relax": {"every": "1s"}}})
        end = period.until("it recovers and ends", over)
    assert end.phase == "Completed"
    assert restored(place)


def _reverted(version: Version) -> bool:
    return version.phase == "Active" and "RelaxingReverted" in [each["reason"] for each in version.status["timeline"]]


@pytest.fixture(scope="module")
def playing(request: pytest.FixtureRequest, cluster: Cluster, operator: OperatorProcess) -> Iterator[Results]:
    yield from scenarios.play(request, cluster, operator)


@pytest.mark.parametrize("scenario", scenarios.names)
def test_ending(scenario: str, playing: Results) -> None:
    playing[scenario].result()
