"""The watch cache: the newest version wins, whichever side it comes from, and what is gone stays gone."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.adapters.cache import TOMBSTONES, Change, WatchCache, trimmed
from hypercare.domain.objects import (
    AUTOSCALERS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    PERIODS,
    PROFILES,
    PROMETHEUS_RULES,
    ObjectRef,
)

WATCHED = (PERIODS, PROFILES, DEPLOYMENTS)


def body(name: str, version: int | str, namespace: str = "shop", **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace, "resourceVersion": str(version)}, **more}


class Fixture:
    """A cache, the changes it told of, and its clock."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.now = 0.0
        self.cache = WatchCache(WATCHED, self.changes.append, lambda: self.now)

    def version(self, name: str = "checkout") -> str:
        found = self.cache.find(ObjectRef(PERIODS, "shop", name))
        return found["metadata"]["resourceVersion"] if found else "gone"


@pytest.fixture
def fixture() -> Fixture:
    return Fixture()


def test_an_older_event_does_not_roll_back_an_own_write(fixture: Fixture) -> None:
    fixture.cache.store(PERIODS, body("checkout", 12))
    fixture.cache.observe(PERIODS, body("checkout", 11))
    assert fixture.version() == "12"


def test_versions_are_compared_as_numbers(fixture: Fixture) -> None:
    fixture.cache.observe(PERIODS, body("checkout", 99))
    fixture.cache.observe(PERIODS, body("checkout", 100))
    assert fixture.version() == "100"


def test_a_version_that_is_no_number_always_counts_as_news(fixture: Fixture) -> None:
    fixture.cache.observe(PERIODS, body("checkout", "abc"))
    fixture.cache.observe(PERIODS, body("checkout", "abb"))
    assert fixture.version() == "abb"


def test_a_late_event_does_not_bring_a_deleted_object_back(fixture: Fixture) -> None:
    fixture.cache.observe(PERIODS, body("checkout", 10))
    fixture.cache.observe_deleted(PERIODS, body("checkout", 20))
    fixture.cache.observe(PERIODS, body("checkout", 15))
    assert fixture.version() == "gone"


def test_an_object_created_again_under_its_name_is_there(fixture: Fixture) -> None:
    fixture.cache.observe_deleted(PERIODS, body("checkout", 20))
    fixture.cache.observe(PERIODS, body("checkout", 21))
    assert fixture.version() == "21"


def test_the_late_deletion_of_a_predecessor_spares_the_new_object(fixture: Fixture) -> None:
    fixture.cache.store(PERIODS, body("checkout", 30))
    fixture.cache.observe_deleted(PERIODS, body("checkout", 20))
    assert fixture.version() == "30"


def test_a_listing_removes_what_was_deleted_unseen(fixture: Fixture) -> None:
    fixture.cache.observe(PERIODS, body("checkout", 10))
    fixture.cache.observe(PERIODS, body("basket", 11))
    fixture.cache.replace(PERIODS, [body("basket", 11)], "40")
    assert fixture.version() == "gone"
    assert fixture.version("basket") == "11"
    fixture.cache.observe(PERIODS, body("checkout", 12))
    assert fixture.version() == "gone"


def test_a_listing_spares_what_was_seen_after_it(fixture: Fixture) -> None:
    fixture.cache.store(PERIODS, body("checkout", 50))
    fixture.cache.replace(PERIODS, [body("basket", 60 - 25)], "40")
    assert fixture.version() == "50"


def test_a_listing_of_one_namespace_says_nothing_about_others(fixture: Fixture) -> None:
    fixture.cache.observe(PERIODS, body("checkout", 10))
    fixture.cache.replace(PERIODS, [], "40", namespace="billing")
    assert fixture.version() == "10"


def test_each_change_is_told_once_whichever_side_brings_it_first(fixture: Fixture) -> None:
    fixture.cache.store(PERIODS, body("checkout", 12))
    fixture.cache.observe(PERIODS, body("checkout", 12))
    fixture.cache.replace(PERIODS, [body("checkout", 12)], "40")
    fixture.cache.observe_deleted(PERIODS, body("checkout", 50))
    fixture.cache.observe_deleted(PERIODS, body("checkout", 50))
    told = [(bool(change.before), bool(change.after)) for change in fixture.changes]
    assert told == [(False, True), (True, False)]


def test_a_resource_is_known_once_listed_even_when_there_is_none_of_it(fixture: Fixture) -> None:
    assert not fixture.cache.synced(PERIODS)
    assert not fixture.cache.served(PERIODS)
    fixture.cache.replace(PERIODS, [], "40")
    assert fixture.cache.synced(PERIODS)
    assert fixture.cache.served(PERIODS)


def test_a_resource_that_is_not_served_is_known_and_empty(fixture: Fixture) -> None:
    fixture.cache.observe(PERIODS, body("checkout", 10))
    fixture.cache.not_served(PERIODS)
    assert fixture.cache.synced(PERIODS)
    assert not fixture.cache.served(PERIODS)
    assert fixture.version() == "gone"


def test_what_is_not_watched_is_not_kept(fixture: Fixture) -> None:
    fixture.cache.store(CONFIG_MAPS, body("report", 1))
    assert fixture.cache.find(ObjectRef(CONFIG_MAPS, "shop", "report")) is None
    assert not fixture.cache.served(CONFIG_MAPS)
    assert fixture.cache.select(CONFIG_MAPS) == ()


def test_objects_are_selected_in_the_order_of_their_names(fixture: Fixture) -> None:
    for name, namespace in (("b", "shop"), ("a", "shop"), ("c", "billing")):
        fixture.cache.observe(PERIODS, body(name, 1, namespace))
    assert [each["metadata"]["name"] for each in fixture.cache.select(PERIODS)] == ["c", "a", "b"]
    assert [each["metadata"]["name"] for each in fixture.cache.select(PERIODS, "shop")] == ["a", "b"]
    assert fixture.cache.count(PERIODS) == 3


def test_cluster_scoped_objects_have_no_namespace(fixture: Fixture) -> None:
    fixture.cache.observe(PROFILES, {"metadata": {"name": "default", "resourceVersion": "1"}})
    assert fixture.cache.find(ObjectRef(PROFILES, "", "default")) is not None


def test_a_watch_that_returns_no_echo_of_a_write_is_behind(fixture: Fixture) -> None:
    fixture.cache.observe(PERIODS, body("checkout", 10))
    assert fixture.cache.lag == 0
    fixture.cache.store(PERIODS, body("checkout", 12))
    fixture.now = 5
    fixture.cache.observe(PERIODS, body("checkout", 11))
    assert fixture.cache.lag == 5
    fixture.cache.observe(PERIODS, body("checkout", 12))
    assert fixture.cache.lag == 0


def test_a_deletion_is_an_echo_too(fixture: Fixture) -> None:
    fixture.cache.store(PERIODS, body("checkout", 12))
    fixture.now = 5
    fixture.cache.observe_deleted(PERIODS, body("checkout", 13))
    assert fixture.cache.lag == 0


def test_a_write_that_changed_nothing_is_owed_no_echo(fixture: Fixture) -> None:
    fixture.cache.observe(PERIODS, body("checkout", 12))
    fixture.cache.store(PERIODS, body("checkout", 12))
    fixture.now = 5
    assert fixture.cache.lag == 0


def test_no_echo_is_awaited_of_what_is_gone_unseen(fixture: Fixture) -> None:
    fixture.cache.store(PERIODS, body("checkout", 12))
    fixture.cache.store(PERIODS, body("basket", 50))
    fixture.now = 5
    fixture.cache.replace(PERIODS, [], "40", namespace="billing")
    assert fixture.cache.lag == 5
    fixture.cache.replace(PERIODS, [], "40")
    assert fixture.cache.lag == 5
    assert fixture.version() == "gone"
    fixture.cache.replace(PERIODS, [], "60")
    assert fixture.cache.lag == 0


def test_tombstones_are_bounded(fixture: Fixture) -> None:
    for number in range(TOMBSTONES + 500):
        fixture.cache.observe_deleted(PERIODS, body(str(number), number))
    assert len(fixture.cache._tombstones) == TOMBSTONES


def test_managed_fields_and_kubectls_copy_are_left_out() -> None:
    full = body("checkout", 1)
    full["metadata"]["managedFields"] = [{}]
    full["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "team": "shop"}
    kept = trimmed(PERIODS, full)["metadata"]
    assert "managedFields" not in kept
    assert kept["annotations"] == {"team": "shop"}


def test_of_a_pod_template_labels_and_images_are_kept() -> None:
    template = {
        "metadata": {"labels": {"app": "checkout"}},
        "spec": {"containers": [{"name": "app", "image": "checkout:2.4.0", "env": [{"name": "A"}]}], "volumes": [{}]},
    }
    kept = trimmed(DEPLOYMENTS, body("checkout", 1, spec={"replicas": 3, "template": template}))
    assert kept["spec"] == {
        "replicas": 3,
        "template": {
            "metadata": {"labels": {"app": "checkout"}},
            "spec": {"containers": [{"name": "app", "image": "checkout:2.4.0"}]},
        },
    }


def test_an_autoscaler_is_kept_whole() -> None:
    spec = {"minReplicas": 2, "behavior": {"scaleDown": {"policies": [{"type": "Pods"}]}}}
    assert trimmed(AUTOSCALERS, body("checkout", 1, spec=spec))["spec"] == spec


def test_what_many_bodies_say_is_kept_once() -> None:
    text = json.dumps(body("checkout", 1, spec={"rules": [{"expr": "sum(rate(http_requests_total[5m]))", "for": 5}]}))
    first, second = (trimmed(PROMETHEUS_RULES, json.loads(text)) for _ in range(2))
    assert first == json.loads(text)
    assert first["spec"]["rules"][0]["expr"] is second["spec"]["rules"][0]["expr"]


# One object's history as the API server has it: at each version it exists or not. Its pieces arrive in any order, some
# of them not at all, and a listing tells of one moment.
histories = st.lists(st.booleans(), min_size=1, max_size=12)


@given(histories, st.data())
def test_whatever_the_order_of_arrival_the_last_version_stands(history: list[bool], data: st.DataObject) -> None:
    fixture = Fixture()
    arrivals = data.draw(st.permutations(range(len(history))))
    for version in arrivals:
        if history[version]:
            fixture.cache.observe(PERIODS, body("checkout", version))
        else:
            fixture.cache.observe_deleted(PERIODS, body("checkout", version))
    assert fixture.version() == (str(len(history) - 1) if history[-1] else "gone")


@given(histories, st.data())
def test_a_listing_heals_whatever_was_missed(history: list[bool], data: st.DataObject) -> None:
    fixture = Fixture()
    seen = data.draw(st.lists(st.sampled_from(range(len(history))), unique=True))
    for version in seen:
        if history[version]:
            fixture.cache.observe(PERIODS, body("checkout", version))
    last = len(history) - 1
    fixture.cache.replace(PERIODS, [body("checkout", last)] if history[-1] else [], str(last))
    assert fixture.version() == (str(last) if history[-1] else "gone")
