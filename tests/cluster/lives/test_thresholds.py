"""A period whose copies move their thresholds as far as a day of history says that they were quiet, on the real thing.

The history is written as blocks into the data of the cluster's Prometheus: a queue that was always short, and a second
one that had a spike each hour which no alert was about.
"""

import json
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.real_prometheus import History, backfill
from tests.cluster.api import Api
from tests.cluster.lives.expectations import LASTING, await_protection, over
from tests.cluster.lives.history import History as Watched
from tests.cluster.lives.history import Version
from tests.cluster.lives.place import ERROR_RATE, ERRORS_CRITERION, OVERLAY, QUEUE_STUCK, RULES, Place

pytestmark = pytest.mark.cluster
HOUR, SPIKE_SECONDS = 3600, 300
# Between the bounds of the copies and those of their originals; and beyond all of them.
STRAINED, STUCK = 55.0, 200.0
STUCK_ALERT, OLD_ALERT = "CheckoutQueueStuck", "CheckoutQueueOld"
RULES_OF_IT: tuple[Mapping[str, Any], ...] = (
    ERROR_RATE,
    QUEUE_STUCK,
    {
        **QUEUE_STUCK,
        "alert": OLD_ALERT,
        "expr": 'max by (service) (queue_oldest_age_seconds{service="checkout"}) > 150',
    },
    {
        **QUEUE_STUCK,
        "alert": "BasketQueueHigh",
        "expr": 'max by (service) (queue_oldest_age_seconds{service="basket"}) > 60',
    },
    {
        **QUEUE_STUCK,
        "alert": "BasketQueueLong",
        "expr": 'max by (service) (queue_oldest_age_seconds{service="basket"}) > 58',
        "for": "9m",
    },
)
TIGHTEN = {"shortenFor": "75%", "moveThreshold": "20%", "minFor": "1s"}
ALERTS = {"from": [{"rule": RULES}], "tighten": TIGHTEN, "overrides": [{"alert": OLD_ALERT, "bound": 50}]}
PROTECTION = {"alerts": ALERTS, "scaling": [{"target": "checkout", "floor": "200%"}]}
QUICK = {
    **LASTING,
    "stages": [{"name": "intensive", "strength": 100, "minDuration": "2s"}],
    "relax": {"step": 100, "every": "1s"},
}
HALF = {**LASTING, "stages": [{"name": "intensive", "strength": 50, "minDuration": "30m"}]}


@pytest.fixture
def remembering(place: Place, tmp_path: Path) -> Iterator[Place]:
    """The place, in a Prometheus that remembers the day before it."""
    cluster, now = place.cluster, int(time.time())
    cluster.shop.add(place.namespace, "basket")
    times = range(now - 26 * HOUR, now - 30)
    backfill(tmp_path, (_queue(place, "checkout"), _queue(place, "basket")), times)
    cluster.kill_process("prometheus")
    for block in (tmp_path / "data").iterdir():
        shutil.move(block, cluster.directory / "prometheus" / block.name)
    cluster.start_process("prometheus")
    day = f'count_over_time(queue_oldest_age_seconds{{namespace="{place.namespace}"}}[1d])'
    cluster.wait_until("the day is there", lambda: len(cluster.query(f"{day} > 5000")) == 2)
    place.rules(RULES, *RULES_OF_IT)
    yield place
    cluster.shop.remove(place.namespace, "basket")


def _queue(place: Place, service: str) -> History:
    # As it is scraped, so that history and presence are one series.
    labels = {"namespace": place.namespace, "service": service, "job": "shop"}
    return History("queue_oldest_age_seconds", labels, _spiky if service == "basket" else _calm)


def _calm(at: int) -> float:
    return 2.0 + at % 7


def _spiky(at: int) -> float:
    return 59.5 if at % HOUR < SPIKE_SECONDS else 2.0


def test_a_life_with_moved_thresholds(remembering: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place = remembering
    with place.watch("period") as period:
        place.period(**LASTING, protection=PROTECTION, exitCriteria=[ERRORS_CRITERION])
        await_protection(period)
        tried = period.until("all copies are tried", _tried)
        _tells_what_history_showed(tried)
        _has_the_bounds(place)
        gain = _fires_before_its_original(place, period)
        place.cluster.shop.behave(place.namespace)
        place.period(**QUICK, protection=PROTECTION, exitCriteria=[ERRORS_CRITERION])
        end = period.until("it ends", over, timeout=60)
        _is_reported(place, end)
    with capsys.disabled():
        print(f"\n{STUCK_ALERT}: the copy (> 48 for 2s) fired {gain} s before the original (> 60 for 8s)")


def _tried(version: Version) -> bool:
    alerts = version.status.get("alerts", {})
    rows = [*alerts.get("changes", ()), *alerts.get("refusals", ())]
    return version.holds("AlertsTightened") and bool(rows) and all(each.get("reason") != "NotTried" for each in rows)


def _tells_what_history_showed(version: Version) -> None:
    alerts = version.status["alerts"]
    assert (alerts["selected"], alerts["tightened"], alerts["untouched"]) == (5, 4, 1)
    changes = {each["alert"]: each for each in alerts["changes"]}
    assert changes[STUCK_ALERT]["change"] == "> 60 for 8s, now > 48 for 2s"
    assert changes[OLD_ALERT]["change"] == "> 150 for 8s, now > 50 for 2s"
    for name in (STUCK_ALERT, OLD_ALERT):
        assert (changes[name]["history"], changes[name]["firedBefore"]) == ("1d", 0)
    # Its spikes lie below every bound that a copy could have: the `for` alone is shortened.
    assert changes["BasketQueueHigh"]["change"] == "for 8s, now for 2s"
    assert changes["BasketQueueHigh"]["reason"] == "WouldAlreadyFire"
    # Nothing was recorded of requests.
    assert changes["CheckoutErrorRate"]["reason"] == "NoHistory"
    (refused,) = alerts["refusals"]
    assert (refused["alert"], refused["reason"]) == ("BasketQueueLong", "WouldAlreadyFire")
    assert "24 " in refused["message"] or "25 " in refused["message"]


def _has_the_bounds(place: Place) -> None:
    copies = _copies(place)
    assert {name: re.sub(r".*\) ", "", rule["expr"]) for name, rule in copies.items()} == {
        "CheckoutErrorRate": "> 0.05",
        STUCK_ALERT: "> 48",
        OLD_ALERT: "> 50",
        "BasketQueueHigh": "> 60",
    }
    assert copies[STUCK_ALERT]["annotations"]["hypercare_change"] == "> 60 for 8s, now > 48 for 2s"


def _copies(place: Place) -> dict[str, Mapping[str, Any]]:
    groups = place.find("rules", OVERLAY)["spec"]["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def _fires_before_its_original(place: Place, period: Watched) -> float:
    """The queue strains, then gets stuck; meanwhile strength falls, which must not silence what fires."""
    cluster = place.cluster
    cluster.shop.misbehave(place.namespace, queue=STRAINED)
    for name in (STUCK_ALERT, OLD_ALERT):
        _await_firing(place, name, ["copy"])
    place.period(**HALF, protection=PROTECTION, exitCriteria=[ERRORS_CRITERION])
    period.until("strength has fallen", lambda each: each.status["strength"] == 50 and each.holds("AlertsTightened"))
    # At half strength their bounds would be 54 and 100: one is beyond what the queue has.
    assert re.search(r"> 50$", _copies(place)[OLD_ALERT]["expr"])
    assert [place.firing(name) for name in (STUCK_ALERT, OLD_ALERT)] == [["copy"], ["copy"]]
    cluster.shop.misbehave(place.namespace, queue=STUCK)
    for name in (STUCK_ALERT, OLD_ALERT):
        _await_firing(place, name, ["copy", "original"])
    cluster.wait_until("the bound is relaxed then", lambda: "> 100" in _copies(place)[OLD_ALERT]["expr"])
    return _gain(place)


def _await_firing(place: Place, alertname: str, who: list[str]) -> None:
    place.cluster.wait_until(f"of {alertname} fires {who}", lambda: place.firing(alertname) == who)


def _gain(place: Place) -> float:
    """How many seconds the copy fired before the original, without a pause in between."""
    firing = f'ALERTS{{namespace="{place.namespace}",alertname="{STUCK_ALERT}",alertstate="firing"}}'
    now = int(time.time()) + 1
    asked = {"query": firing, "start": str(now - 90), "end": str(now), "step": "1"}
    found = Api(place.cluster.prometheus_url).get("/api/v1/query_range", **asked)["data"]["result"]
    times = {each["metric"].get("hypercare", ""): [float(at) for at, _ in each["values"]] for each in found}
    copy, original = times[place.owner], times[""]
    assert copy[-1] - copy[0] == len(copy) - 1
    # At least the shorter `for`, and the time in which the queue only strained.
    assert original[0] - copy[0] >= 6
    return original[0] - copy[0]


def _is_reported(place: Place, end: Version) -> None:
    data = place.find("configmap", end.status["report"])["data"]
    alerts = json.loads(data["report.json"])["alerts"]
    tightened = {each["alert"]: each for each in alerts["tightened"]}
    assert tightened[STUCK_ALERT]["bounds"] == [{"operator": ">", "original": "60", "copy": "48"}]
    assert tightened[STUCK_ALERT]["history"]["spanSeconds"] == 86400
    assert tightened["BasketQueueHigh"]["bounds"] == []
    assert [each["alert"] for each in alerts["untouched"]] == ["BasketQueueLong"]
    gains = [each["gainSeconds"] for each in alerts["detections"] if each["alert"] == STUCK_ALERT]
    assert max(gain for gain in gains if gain is not None) >= 6
    assert "&gt; 60, of the copy &gt; 48" in data["report.md"]
