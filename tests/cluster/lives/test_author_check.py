"""Nothing is enforced while the API server does not ask what authors may do: the operator beside the real policy.

What the API server makes of the policy, with all its defaults, is what the operator compares; each way of weakening it
is written as somebody with the right to do so would.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.cluster import Cluster
from tests.cluster.lives.expectations import LASTING, await_protection, restored
from tests.cluster.lives.history import History, Version
from tests.cluster.lives.operating import PROJECT, operator_of
from tests.cluster.lives.place import Place, new_place
from tests.cluster.operator_process import OperatorProcess

pytestmark = pytest.mark.cluster
NAME = "hypercare-operator-authors"
INSTALLED = PROJECT / "manifests" / "install" / "authors-policy.yaml"
FLAG = "--allow-enforce-without-author-check"
Bodies = list[dict[str, Any]]


def install(cluster: Cluster, change: Callable[[dict[str, Any], dict[str, Any]], object] = lambda *_: None) -> None:
    """Apply the policy and its binding; `change` is told the spec of each."""
    bodies: Bodies = list(yaml.safe_load_all(INSTALLED.read_text()))
    policy, binding = bodies
    change(policy["spec"], binding["spec"])
    cluster.apply(yaml.safe_dump_all(bodies))


def uninstall(cluster: Cluster) -> None:
    """Take away every policy about authors, of other releases too."""
    for kind in ("validatingadmissionpolicy", "validatingadmissionpolicybinding"):
        found = json.loads(cluster.kubectl("get", kind, "-o", "json"))["items"]
        names = [body["metadata"]["name"] for body in found if body["metadata"]["name"].endswith("-authors")]
        for name in names:
            cluster.kubectl("delete", kind, name)


@pytest.fixture
def unchecked(cluster: Cluster, alone: None) -> Iterator[Cluster]:
    """A cluster without the policy, as long as the test lasts."""
    uninstall(cluster)
    yield cluster
    uninstall(cluster)
    install(cluster)


@pytest.fixture
def place(unchecked: Cluster, request: pytest.FixtureRequest) -> Iterator[Place]:
    with new_place(unchecked, request.node.name) as found:
        yield found


def operator(place: Place, log: Path, *arguments: str) -> OperatorProcess:
    return operator_of(place.cluster, log / "operator.log", ["--namespace", place.namespace, *arguments])


def stalled(reason: str, words: str = "") -> Callable[[Version], bool]:
    def seen(version: Version) -> bool:
        condition = version.condition("Stalled")
        return condition["reason"] == reason and words in condition["message"]

    return seen


def released(place: Place, version: str, **spec: Any) -> None:
    place.period(**{**LASTING, **spec}, release={"version": "2.4.0", "name": version})


def test_without_the_policy_nothing_is_written_and_with_it_what_is_written_anew(place: Place, tmp_path: Path) -> None:
    with operator(place, tmp_path), place.watch("period") as period:
        released(place, "first")
        seen = period.until("it is refused", stalled("AuthorsUnchecked", "no ValidatingAdmissionPolicy asks"))
        assert not seen.holds("Ready")
        period.until("evidence is read all the same", lambda each: each.verdict("errors") == "Met")
        assert restored(place)
        install(place.cluster)
        period.until("it waits to be written again", stalled("WrittenUnchecked"))
        assert restored(place)
        released(place, "second")
        await_protection(period)
        assert place.floor() == 4


def test_what_would_have_asked_nothing_heals_by_itself(place: Place, tmp_path: Path) -> None:
    with operator(place, tmp_path), place.watch("period") as period:
        released(place, "first", protection=None)
        period.until("it is refused", stalled("AuthorsUnchecked"))
        install(place.cluster)
        period.until("the defaults are applied", lambda each: each.holds("AlertsTightened"))
        assert not period.versions[-1].holds("Stalled")


def test_the_operator_may_be_told_to_do_without(place: Place, tmp_path: Path) -> None:
    with operator(place, tmp_path, FLAG), place.watch("period") as period:
        released(place, "first")
        await_protection(period)


def test_what_was_begun_goes_on_and_is_restored_when_the_policy_goes(place: Place, tmp_path: Path) -> None:
    install(place.cluster)
    with operator(place, tmp_path) as process, place.watch("period") as period:
        place.period()
        await_protection(period)
        uninstall(place.cluster)
        process.stop()
        process.start()
        process.wait_ready()
        period.until("it has ended well", lambda each: each.phase == "Completed")
        place.cluster.wait_until("everything is restored", lambda: restored(place))
        assert not any(stalled("AuthorsUnchecked")(each) for each in period.versions)


ALTERED: dict[str, tuple[Callable[[dict[str, Any], dict[str, Any]], object], str]] = {
    "audited only": (
        lambda policy, binding: binding.update(validationActions=["Audit"]),
        "does not deny (validationActions: Audit)",
    ),
    "errors are let pass": (
        lambda policy, binding: policy.update(failurePolicy="Ignore"),
        "failurePolicy is Ignore",
    ),
    "an expression is edited": (
        lambda policy, binding: policy["validations"][0].update(expression="true"),
        "1 of 7 validations are missing or edited",
    ),
    "bound elsewhere": (
        lambda policy, binding: binding.update(matchResources={"namespaceSelector": {"matchLabels": {"team": "a"}}}),
        "(matchResources.namespaceSelector)",
    ),
    "bound for objects with a label": (
        lambda policy, binding: binding.update(matchResources={"objectSelector": {"matchLabels": {"team": "a"}}}),
        "is narrowed (matchResources.objectSelector)",
    ),
}


def test_a_policy_that_is_weaker_than_it_ships_does_not_count(place: Place, tmp_path: Path) -> None:
    with operator(place, tmp_path), place.watch("period") as period:
        for name, (change, words) in ALTERED.items():
            uninstall(place.cluster)
            install(place.cluster, change)
            released(place, name.replace(" ", "-"))
            period.until(name, stalled("AuthorsUnchecked", words))
            assert restored(place), name
        _bound_by_name(place, period)


def _bound_by_name(place: Place, period: History) -> None:
    """As the chart binds it where the operator serves some namespaces only."""
    named = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["other", place.namespace]}
    selector = {"matchResources": {"namespaceSelector": {"matchExpressions": [named]}}}
    uninstall(place.cluster)
    install(place.cluster, lambda policy, binding: binding.update(selector))
    period.until("the operator has seen it", stalled("WrittenUnchecked"))
    released(place, "bound-by-name")
    await_protection(period)
