"""A namespace of a thousand alerts: its overlay is divided, proven, repaired and removed like any other."""

import json
import time
from typing import Any

import pytest

from tests.cluster.lives.expectations import LASTING, promised
from tests.cluster.lives.history import Version
from tests.cluster.lives.place import OVERLAY, PERIOD, SELECTED, SPEC, Place

pytestmark = pytest.mark.cluster
GROUPS, EACH = 8, 130
SECONDS = 60.0


def _rules(place: Place) -> None:
    for number in range(GROUPS):
        rules = [_alert(f"Many{number}x{each}", each) for each in range(EACH)]
        spec = {"groups": [{"name": "many", "interval": "10s", "rules": rules}]}
        metadata = {"name": f"many-{number}", "labels": SELECTED}
        api = "monitoring.coreos.com/v1"
        body = {"apiVersion": api, "kind": "PrometheusRule", "metadata": metadata, "spec": spec}
        place.apply("rules", json.dumps(body))


def _alert(name: str, bound: int) -> dict[str, Any]:
    expr = f'queue_oldest_age_seconds{{service="checkout"}} > {1000 + bound}'
    texts = {"summary": "The oldest order waits {{ $value | humanizeDuration }}", "description": "Look at it. " * 30}
    return {"alert": name, "expr": expr, "for": "9m", "labels": {"severity": "critical"}, "annotations": texts}


def _parts(place: Place) -> dict[str, list[str]]:
    """By object of the overlay, its groups."""
    return {
        body["metadata"]["name"]: [group["name"] for group in body["spec"]["groups"]]
        for body in place.all("rules")
        if body["metadata"]["name"].startswith(OVERLAY)
    }


def _live(version: Version) -> bool:
    return version.holds("AlertsTightened") and version.status["alerts"]["tightened"] > GROUPS * EACH


def test_a_namespace_of_a_thousand_alerts(place: Place) -> None:
    _rules(place)
    alerts = {"from": [{"selector": {}}], "tighten": {"shortenFor": "50%", "minFor": "1s"}}
    began = time.time()
    with place.watch("period") as period:
        place.period(protection={"alerts": alerts}, **LASTING)
        period.until("all of it is live", _live, promised(SECONDS))
        print(f"live after {time.time() - began:.1f} s in {len(_parts(place))} objects")
        parts = _parts(place)
        assert len(parts) > 5
        assert set(parts) == {OVERLAY, *(f"{OVERLAY}.{number}" for number in range(1, len(parts)))}
        names = [name for groups in parts.values() for name in groups]
        assert len(names) == len(set(names)) > GROUPS
        owner = place.find("period", PERIOD)["metadata"]["uid"]
        owned = [place.find("rules", name)["metadata"]["ownerReferences"][0]["uid"] for name in parts]
        assert set(owned) == {owner}
        beats = place.cluster.query(f'hypercare:overlay:live{{hypercare="{place.owner}"}}')
        assert {each["metric"]["hypercare_group"] for each in beats} == set(names)

        place.delete("rules", f"{OVERLAY}.2")
        place.cluster.wait_until("the part is there again", lambda: _parts(place) == parts)

        weaker = [{**SPEC["stages"][0], "strength": 50, "minDuration": "30m"}]
        place.edit("period", PERIOD, {"spec": {"stages": weaker}})
        period.until(
            "the weaker one is live", lambda each: _live(each) and each.status["strength"] == 50, promised(SECONDS)
        )
        assert _parts(place) == parts

        place.edit("period", PERIOD, {"spec": {"mode": "Observe"}})
        place.cluster.wait_until("all parts are gone", lambda: not _parts(place), timeout=promised(SECONDS))
