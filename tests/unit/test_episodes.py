"""Episodes of originals and copies, and how much earlier the copies fired."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.alerts.episodes import (
    AlertHistory,
    Episode,
    alert_episodes,
    copies_query,
    ended_by_removal,
    originals_query,
)
from hypercare.domain.alerts.watched import Making
from hypercare.domain.promql.syntax import parse
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.domain.samples import Answer, Sample, Series
from tests.unit.alert_rules import alert, plan, rule_object

STEP = 30
(ERRORS, SLOW) = plan([rule_object("r", alert("Errors", for_="5m"), alert("Slow.*", for_="5m"))]).watched


def fires(labels: dict[str, str], *times: int) -> Series:
    return Series(labels, tuple(Sample(float(time), 1) for time in times))


def original(*times: int) -> Answer:
    return Answer((fires({"alertname": "Errors", "severity": "critical"}, *times),))


def copy(*times: int) -> Answer:
    return Answer((fires({"alertname": "Errors", "hypercare_rule": ERRORS.rule_id}, *times),))


NOTHING = Answer(())


@pytest.mark.parametrize(
    ("originals", "copies", "gains", "warnings"),
    [
        pytest.param(original(300, 330), copy(150, 180, 210, 240, 270, 300, 330), (150,), (), id="the copy came first"),
        pytest.param(original(300), copy(300), (0,), (), id="both at once"),
        pytest.param(original(300, 330), copy(330), (-30,), (), id="a copy that came one step later is not hidden"),
        pytest.param(original(330), copy(270, 300), (60,), (), id="one point apart is together"),
        pytest.param(original(360), copy(300), (), (Episode(300, 300),), id="two points apart are two things"),
        pytest.param(original(300), NOTHING, (), (), id="no copy, no gain"),
        pytest.param(NOTHING, copy(150, 180), (), (Episode(150, 180),), id="the warning was all there was"),
        pytest.param(original(300), copy(90, 300), (0,), (Episode(90, 90),), id="a separate warning is no gain"),
        pytest.param(
            original(300, 900), copy(270, 300, 810, 840, 870, 900), (30, 90), (), id="each episode has its own gain"
        ),
    ],
)
def test_gains(originals: Answer, copies: Answer, gains: tuple[int, ...], warnings: tuple[Episode, ...]) -> None:
    (history,) = alert_episodes([ERRORS, SLOW], originals, copies, STEP)

    assert history.alert == ERRORS
    assert history.gains == gains
    assert history.warnings_only == warnings


def test_instances_of_an_alert_count_as_one() -> None:
    originals = Answer(
        (fires({"alertname": "Errors", "pod": "a"}, 30, 60), fires({"alertname": "Errors", "pod": "b"}, 90))
    )

    (history,) = alert_episodes([ERRORS], originals, NOTHING, STEP)

    assert history == AlertHistory(ERRORS, (Episode(30, 90),), (), STEP)


def test_alerts_that_never_fired_are_left_out() -> None:
    assert alert_episodes([ERRORS, SLOW], NOTHING, NOTHING, STEP) == ()


def test_an_added_alert_has_no_original_even_if_one_has_its_name() -> None:
    added = replace(ERRORS, making=Making.ADDED)

    assert alert_episodes([added], original(300), NOTHING, STEP) == ()


@given(st.sets(st.integers(0, 60)))
def test_episodes_cover_exactly_the_points_that_fired(ticks: set[int]) -> None:
    histories = alert_episodes([ERRORS], original(*(tick * STEP for tick in ticks)), NOTHING, STEP)

    episodes = [episode for history in histories for episode in history.originals]
    covered = [time for each in episodes for time in range(each.start, each.end + 1, STEP)]
    assert covered == [tick * STEP for tick in sorted(ticks)]
    assert all(later.start - earlier.end > STEP for earlier, later in itertools.pairwise(episodes))


def test_queries_quote_names_and_leave_out_added_alerts() -> None:
    added = replace(SLOW, making=Making.ADDED, alertname="Queue")
    query = originals_query([ERRORS, SLOW, added], Tenancy("namespace", "shop"), STEP)

    parse(query)
    parse(copies_query("shop/checkout", STEP))
    assert 'alertname=~"Errors|Slow\\\\.\\\\*"' in query
    assert 'namespace=~"shop|"' in query
    assert 'hypercare=""' in query
    assert copies_query("shop/checkout", STEP) == (
        'max_over_time(ALERTS{alertstate="firing",hypercare="shop/checkout"}[30s])'
    )


@pytest.mark.parametrize(
    ("originals", "copies", "noted"),
    [
        pytest.param(NOTHING, copy(870, 900, 930), True, id="it fired to its removal"),
        pytest.param(NOTHING, copy(870), True, id="it fired up to the step before strength was gone"),
        pytest.param(NOTHING, copy(840), False, id="it was quiet before"),
        pytest.param(original(900, 930, 960), copy(870, 900, 930), False, id="its original fires on"),
        pytest.param(original(870), copy(870, 900, 930), True, id="its original had recovered before"),
        pytest.param(original(930), NOTHING, False, id="there was no copy that fired"),
    ],
)
def test_what_resolved_by_being_removed_is_noted(originals: Answer, copies: Answer, noted: bool) -> None:
    histories = alert_episodes([ERRORS, SLOW], originals, copies, STEP)

    notes = list(ended_by_removal(histories, 900, STEP))

    assert [note.startswith("The copy of Errors was last seen firing") for note in notes] == [True] * noted
