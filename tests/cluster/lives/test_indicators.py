"""A Deployment without a single alert of its own: protected and judged by indicators of the catalog."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.cluster.api import Api
from tests.cluster.lives.expectations import LASTING, met
from tests.cluster.lives.history import Version
from tests.cluster.lives.place import OVERLAY, PERIOD, RULES, Place

pytestmark = pytest.mark.cluster
RUNBOOK = "https://runbooks.example.com/checkout"
UNAVAILABLE, ERRORS = "HypercareKubernetesUnavailableReplicasCheckout", "HypercareOpentelemetryHttpErrorRatioCheckout"
ADDED: tuple[Mapping[str, Any], ...] = (
    {"indicator": "kubernetes/unavailable-replicas", "target": "*", "for": "2s"},
    {
        "indicator": "opentelemetry/http-error-ratio",
        "target": "checkout",
        "above": 0.1,
        "for": "1s",
        "severity": "critical",
    },
)
BROKEN = {"indicator": "opentelemetry/http-eror-ratio", "target": "checkout"}
CRITERIA = [
    {
        "name": "available",
        "indicator": "kubernetes/unavailable-replicas",
        "target": "checkout",
        "below": 1,
        "sustainedFor": "5s",
    },
    {"name": "quiet", "alerts": {"include": "Both"}, "sustainedFor": "5s"},
]


def alerts(*add: Mapping[str, Any]) -> dict[str, Any]:
    return {"alerts": {"runbook": RUNBOOK, "owner": "team-shop", "add": list(add)}}


def test_a_service_without_alerts_is_protected_and_judged_by_indicators(place: Place) -> None:
    place.delete("rules", RULES)
    with place.watch("period") as period:
        place.period(protection=alerts(*ADDED), exitCriteria=CRITERIA, **LASTING)
        live = period.until("the overlay is proven live", lambda each: says(each, "AlertsTightened", "Live"))
        assert live.condition("AlertsTightened")["message"].startswith("0 of 0 alerts tightened, 2 added; ")
        is_evaluated(place, live)
        period.until("numbers and silence are met", lambda each: met("available", each) and met("quiet", each))

        place.cluster.shop.misbehave(place.namespace, unavailable=2)
        place.cluster.wait_until("replicas that are missing fire", lambda: place.firing(UNAVAILABLE) == ["copy"])
        told = annotations(place, UNAVAILABLE)
        assert told["summary"].startswith(
            "Alert for the hypercare of checkout 2.4.0: checkout: replicas that are wanted"
        )
        assert told["summary"].endswith(": 2 replicas, above 0 replicas")
        assert (told["runbook_url"], told["owner"]) == (RUNBOOK, "team-shop")
        assert told["hypercare_change"] == "added from kubernetes/unavailable-replicas, > 0 for 2s"
        period.until("both criteria see it", lambda each: unmet("available", each) and unmet("quiet", each))
        assert place.firing(ERRORS) == []

        place.cluster.shop.misbehave(place.namespace, errors=0.9)
        place.cluster.wait_until("errors fire, of which there were none", lambda: place.firing(ERRORS) == ["copy"])
        place.cluster.wait_until("replicas that are back do not", lambda: place.firing(UNAVAILABLE) == [])
        period.until("the replicas are good again", lambda each: met("available", each))
        assert unmet("quiet", period.latest)


def test_silence_of_a_target_without_series_is_not_quiet_and_a_mistake_disturbs_no_other(place: Place) -> None:
    place.delete("rules", RULES)
    place.deploy("2.4.0", "basket")
    both = [{"kind": "Deployment", "name": name} for name in ("checkout", "basket")]
    nobody = {"indicator": "opentelemetry/http-error-ratio", "target": "basket", "for": "1s"}
    with place.watch("period") as period:
        # Others have series of the same metric in this namespace; the basket has none.
        added = alerts(*ADDED, nobody, BROKEN)
        place.period(protection=added, exitCriteria=CRITERIA, targets=both, **LASTING)
        period.until("the mistake is told", lambda each: says(each, "Stalled", "InvalidIndicator"))
        message = period.latest.condition("Stalled")["message"]
        assert message.startswith(
            "spec.protection.alerts.add[3].indicator: 'opentelemetry/http-eror-ratio' is not in the"
        )
        assert "opentelemetry/http-error-ratio" in message
        others = {name.replace("Checkout", other) for name in (UNAVAILABLE, ERRORS) for other in ("Checkout", "Basket")}
        place.cluster.wait_until("all others are made", lambda: made(place) == others)
        place.edit("period", PERIOD, {"spec": {"protection": alerts(*ADDED, nobody)}})
        period.until("the rest is proven live", lambda each: says(each, "AlertsTightened", "Live"))
        silent = period.until("the silence proves nothing", lambda each: reason(each) == "NoDataBehindAlert")
        assert silent.verdict("quiet") == "Unknown"
        place.edit("period", PERIOD, {"spec": {"protection": alerts(ADDED[1])}})
        period.until("silence with series does", lambda each: met("quiet", each))


def made(place: Place) -> set[str]:
    """Names of the alerts of the overlay."""
    groups = place.find("rules", OVERLAY).get("spec", {}).get("groups", ())
    return {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}


def is_evaluated(place: Place, version: Version) -> None:
    """Prometheus has the very revision of the group of added alerts."""
    labels = f'hypercare="{place.owner}",hypercare_group="added"'
    (beat,) = place.cluster.query(f"hypercare:overlay:live{{{labels}}}")
    assert beat["metric"]["hypercare_revision"] == version.status["overlay"]["revision"]


def annotations(place: Place, alertname: str) -> Mapping[str, str]:
    found = Api(place.cluster.prometheus_url).get("/api/v1/alerts")["data"]["alerts"]
    own = [each for each in found if each["labels"].get("hypercare") == place.owner]
    (told,) = [each["annotations"] for each in own if each["labels"]["alertname"] == alertname]
    return dict(told)


def says(version: Version, kind: str, reason: str) -> bool:
    return bool(version.condition(kind)["reason"] == reason)


def unmet(name: str, version: Version) -> bool:
    return version.verdict(name) == "Unmet"


def reason(version: Version) -> str:
    return str(version.criterion("quiet").get("reason"))
