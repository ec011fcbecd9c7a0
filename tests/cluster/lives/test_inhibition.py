"""One page instead of two, all the way: the operator, prometheus-operator, Prometheus and Alertmanager."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.api import HttpError
from tests.cluster.lives.delivery import Delivery, delivering
from tests.cluster.lives.expectations import LASTING, promised
from tests.cluster.lives.history import Body
from tests.cluster.lives.place import QUEUE_STUCK, RULES, Place

pytestmark = pytest.mark.cluster
CONFIG = "/apis/monitoring.coreos.com/v1alpha1/namespaces/{}/alertmanagerconfigs/hypercare-checkout"
PAGING = {
    "alerts": {
        "from": [{"rule": RULES}],
        "tighten": {"shortenFor": "75%", "minFor": "1s", "deliver": "Page"},
        "inhibitOriginals": True,
    }
}
ALERT = {"alertname": "CheckoutQueueStuck"}


def written(place: Place) -> bool:
    """Whether the object with the rules is there."""
    try:
        place.api.get(CONFIG.format(place.namespace))
    except HttpError:
        return False
    return True


def until(what: str, condition: Callable[[], Any], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + promised(seconds)
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def inhibitors(delivery: Delivery, **labels: str) -> list[str]:
    """What mutes the alert with these labels; nothing where it does not fire."""
    found = delivery.server.alerts(**ALERT, **labels)
    return list(found[0]["status"]["inhibitedBy"]) if found else []


def test_the_copy_pages_and_mutes_its_original_until_somebody_silences_it(place: Place, tmp_path: Path) -> None:
    with delivering(place, tmp_path / "alertmanager") as delivery, place.watch("period") as period:
        people, server = delivery.people, delivery.server
        copy = {"hypercare": place.owner}
        place.rules(RULES, QUEUE_STUCK)
        place.profile(delivery.profile)
        place.period(protection=PAGING, **LASTING)
        period.until("the overlay is live", lambda each: each.holds("AlertsTightened"), promised(30))
        until("the rule is loaded", lambda: _loaded(delivery, place))

        place.cluster.shop.misbehave(place.namespace, queue=120)
        until("the copy pages", lambda: people.heard("pager", **ALERT, **copy))
        until("the original fires and is muted", lambda: inhibitors(delivery, hypercare=""))
        (early,) = server.alerts(**ALERT, **copy)
        assert inhibitors(delivery, hypercare="") == [early["fingerprint"]]
        seen = period.until("it is seen", lambda each: _inhibition(each.body).get("muted") == 1, promised(20))
        assert _inhibition(seen.body)["message"] == "Originals that Alertmanager mutes now, for their copies fire: 1"
        assert not people.heard("pager", **ALERT, hypercare="")

        quiet = server.silence(hypercare=place.owner)
        until("the original pages", lambda: people.heard("pager", **ALERT, hypercare=""))
        assert not written(place)
        period.until("it is told", lambda each: quiet in _inhibition(each.body)["message"], promised(20))

        server.expire(quiet)
        until("the rule is back", lambda: inhibitors(delivery, hypercare=""))
        place.delete("period", "checkout")
        until("it goes with the period", lambda: not written(place))
        until("the original has its say", lambda: not inhibitors(delivery, hypercare=""))


def _loaded(delivery: Delivery, place: Place) -> bool:
    return f'hypercare="{place.owner}"' in (delivery.server.folder / "alertmanager.yml").read_text()


def _inhibition(body: Body) -> dict[str, Any]:
    found: dict[str, Any] = body.get("status", {}).get("alerts", {}).get("inhibition", {})
    return found
