"""Which copies may hold back their own relaxing."""

import pytest

from hypercare.domain.alerts.firing import (
    about_to_fire,
    active_since_query,
    firing_copies,
    firing_instances,
    loud_query,
    still_waiting,
)
from hypercare.domain.alerts.tightening import FiringCopy
from hypercare.domain.alerts.watched import Making, WatchedAlert
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.domain.samples import Answer, FailureKind, QueryFailed, Sample, Series

NOW = 1000.0
NOTHING = Answer(())
DOWN = QueryFailed(FailureKind.UNREACHABLE, "down")


def watched(rule: str, making: Making = Making.TIGHTENED, original_for: int = 60) -> WatchedAlert:
    return WatchedAlert(
        rule_id=rule,
        group_id="g",
        alertname=f"Alert{rule}",
        severity="critical",
        making=making,
        original_for_seconds=original_for,
        copy_for_seconds=10,
        interval_seconds=5,
        depends_on_input=False,
        expr="up == 0",
        inputs_expr="",
    )


def active_since(rule: str, moment: float) -> Series:
    return Series({"hypercare_rule": rule}, (Sample(NOW, moment),))


def loud(name: str) -> Answer:
    return Answer((Series({"alertname": name}, (Sample(NOW, 1),)),))


def test_the_youngest_instance_counts() -> None:
    copies = Answer((active_since("a", 100), active_since("a", 990)))
    assert firing_copies([watched("a")], copies, NOTHING, NOW) == {"a": FiringCopy(10.0, original_fires=False)}


@pytest.mark.parametrize(
    ("active_for", "counts"),
    [
        pytest.param(600, True, id="it fires"),
        pytest.param(300, True, id="it fires from now on"),
        pytest.param(180, True, id="it may fire before another version is loaded"),
        pytest.param(179, False, id="another version will be there first"),
    ],
)
def test_what_may_fire_before_a_change_is_loaded_counts(active_for: float, counts: bool) -> None:
    active = Answer((active_since("a", NOW - active_for),))
    assert bool(firing_instances(about_to_fire(active, {"a": 300}, NOW))) is counts


def test_a_copy_whose_for_cannot_be_read_counts_as_firing() -> None:
    active = Answer((active_since("a", NOW),))
    assert about_to_fire(active, {}, NOW) == active
    assert about_to_fire(DOWN, {}, NOW) == DOWN


def test_an_original_that_fires_is_told() -> None:
    copies = Answer((active_since("a", 900),))
    assert firing_copies([watched("a")], copies, loud("Alerta"), NOW)["a"].original_fires


@pytest.mark.parametrize("making", [Making.TIGHTENED, Making.UNTOUCHED])
def test_a_copy_counts_although_the_weaker_plan_has_dropped_it(making: Making) -> None:
    copies = Answer((active_since("a", 990),))
    assert set(firing_copies([watched("a", making)], copies, NOTHING, NOW)) == {"a"}


def test_when_nothing_can_be_read_every_copy_waits_and_added_alerts_do_not() -> None:
    alerts = [watched("a"), watched("b", Making.ADDED)]
    assert firing_copies(alerts, DOWN, DOWN, NOW) == {"a": FiringCopy(0.0)}


def test_at_strength_zero_a_copy_waits_no_longer_than_its_original_needs() -> None:
    alerts = [watched("slow", original_for=60), watched("fast", original_for=20)]
    firing = {"slow": FiringCopy(5.0), "fast": FiringCopy(5.0)}
    assert set(still_waiting(alerts, firing, at_zero_seconds=30)) == {"slow"}
    assert still_waiting(alerts, firing, at_zero_seconds=60) == {}


def test_names_that_people_choose_stay_values_in_the_queries() -> None:
    assert 'hypercare="a\\"b/c"' in active_since_query('a"b/c')
    assert 'tenant="a\\"b"' in loud_query(Tenancy("tenant", 'a"b'))
