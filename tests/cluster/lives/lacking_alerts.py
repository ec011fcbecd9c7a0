"""What becomes of tightened alerts without one of the permissions that they need; capacity is raised all the same."""

import json
import time
from functools import partial
from typing import Any

from tests.cluster.api import HttpError
from tests.cluster.lives.expectations import LASTING, promised, protected
from tests.cluster.lives.history import Body
from tests.cluster.lives.lacking import HEALS, Lack, Lives, until
from tests.cluster.lives.place import OVERLAY, PERIOD, RULES, Place
from tests.cluster.quiet_alertmanager import PAGING, STUCK, quiet_alertmanager

lives = Lives()
RULE_OBJECTS, CONFIGS = "prometheusrules.monitoring.coreos.com", "alertmanagerconfigs.monitoring.coreos.com"


@lives.without((RULE_OBJECTS, "create"))
def no_alert_is_tightened(place: Place, lack: Lack) -> None:
    """The floor is raised all the same."""
    with place.watch("period") as period:
        place.period(**LASTING)
        refused = lack.told_by("AlertsTightened")
        period.until("it is told", lambda each: refused(each) and each.holds("ScalingRaised"), promised(30))
        lack.give_back()
        period.until("it is protected", protected, promised(HEALS))


@lives.without((RULE_OBJECTS, "update"))
def an_overlay_is_not_repaired(place: Place, lack: Lack) -> None:
    with place.watch("period") as period:
        place.period(**LASTING)
        period.until("it is protected", protected, promised(60))
        place.edit("rules", OVERLAY, {"spec": {"groups": []}})
        period.until("it is told", lack.told_by("AlertsTightened"), promised(30))
        assert place.floor() == 4
        lack.give_back()
        period.until("it is protected", protected, promised(HEALS))
    assert place.find("rules", OVERLAY)["spec"]["groups"]


@lives.without((RULE_OBJECTS, "delete"))
def an_overlay_stays(place: Place, lack: Lack) -> None:
    """Capacity is restored all the same."""
    with place.watch("period") as period:
        place.period(**LASTING)
        period.until("it is protected", protected, promised(60))
        place.period(**LASTING, mode="Observe")
        period.until("it is told", lack.told_by("Ready"), promised(30))
        until("the floor is restored", lambda: place.floor() == 2)
        assert place.find("rules", OVERLAY)
        lack.give_back()
        until("the overlay is gone", lambda: not place.find("rules", OVERLAY), HEALS)


@lives.without((RULE_OBJECTS, "get"))
def an_overlay_is_repaired_but_nobody_named(place: Place, lack: Lack) -> None:
    with place.watch("period") as period:
        place.period(**LASTING)
        period.until("it is protected", protected, promised(60))
        place.edit("rules", OVERLAY, {"spec": {"groups": []}})
        period.until("it is told", lambda each: lack.told_in(each, "AlertsTightened"), promised(30))
        until("it is repaired", lambda: place.find("rules", OVERLAY)["spec"]["groups"])
        period.until("it is protected again", protected, promised(HEALS))
        lack.give_back()
        moment = time.time()
        place.edit("rules", OVERLAY, {"spec": {"groups": []}})
        until("it is repaired again", lambda: place.find("rules", OVERLAY)["spec"]["groups"])
        period.until("it is protected again", protected, promised(HEALS))
        assert not any(lack.told_in(each, "AlertsTightened") for each in period.since(moment))


def orphaned(place: Place) -> None:
    """Something that looks as if it was left by a period that was deleted without the garbage collector."""
    place.settle()
    labels = {"app.kubernetes.io/managed-by": "hypercare", "hypercare.dev/period": PERIOD}
    body = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": OVERLAY, "labels": labels},
        "spec": {"groups": []},
    }
    place.apply("rules", json.dumps(body))


@lives.without(("hypercareperiods.hypercare.dev", "get"), prepare=orphaned)
def what_is_orphaned_stays(place: Place, lack: Lack) -> None:
    lack.await_line("may be orphaned, and cannot be removed")
    lack.await_line()
    assert place.find("rules", OVERLAY)
    lack.give_back()
    until("what was orphaned is gone", lambda: not place.find("rules", OVERLAY), HEALS)


def config(place: Place) -> Body:
    """The object that lets copies mute their originals; empty where there is none."""
    path = f"/apis/monitoring.coreos.com/v1alpha1/namespaces/{place.namespace}/alertmanagerconfigs/{OVERLAY}"
    try:
        found: Body = place.api.get(path)
    except HttpError:
        return {}
    return found


def edit_config(place: Place) -> None:
    path = f"/apis/monitoring.coreos.com/v1alpha1/namespaces/{place.namespace}/alertmanagerconfigs/{OVERLAY}"
    place.api.request("PATCH", path, b'{"spec": {"inhibitRules": []}}', "application/merge-patch+json")


def rules_of(place: Place) -> object:
    return config(place).get("spec", {}).get("inhibitRules")


def pages(place: Place, url: str, **alerts: Any) -> None:
    """A period whose copies page, and may mute their originals."""
    # Alerts of the same name in several namespaces would not be muted: each copy could mute them all.
    place.rules(RULES, {**STUCK, "alert": "Stuck" + place.namespace.title().replace("-", "")})
    place.profile({"alertmanager": {"url": url}})
    place.period(**LASTING, protection={**PAGING, "alerts": {**PAGING["alerts"], **alerts}})


@lives.without((CONFIGS, "create"))
def no_original_is_muted(place: Place, lack: Lack) -> None:
    """Copies are in place all the same."""
    with quiet_alertmanager() as url, place.watch("period") as period:
        pages(place, url)
        refused = lack.told_by("AlertsTightened")
        period.until("it is told", lambda each: refused(each) and each.holds("ScalingRaised"), promised(30))
        assert place.find("rules", OVERLAY)
        lack.give_back()
        until("originals can be muted", partial(config, place), HEALS)
        period.until("it is protected", protected, promised(HEALS))


@lives.without((CONFIGS, "update"))
def a_config_is_not_repaired(place: Place, lack: Lack) -> None:
    with quiet_alertmanager() as url, place.watch("period") as period:
        pages(place, url)
        until("originals can be muted", partial(rules_of, place))
        edit_config(place)
        period.until("it is told", lack.told_by("AlertsTightened"), promised(30))
        lack.give_back()
        until("it is repaired", partial(rules_of, place), HEALS)
        period.until("it is protected", protected, promised(HEALS))


@lives.without((CONFIGS, "delete"))
def a_config_stays(place: Place, lack: Lack) -> None:
    with quiet_alertmanager() as url, place.watch("period") as period:
        pages(place, url)
        until("originals can be muted", partial(config, place))
        pages(place, url, inhibitOriginals=False)
        period.until("it is told", lack.told_by("AlertsTightened"), promised(30))
        assert config(place)
        lack.give_back()
        until("it is gone", lambda: not config(place), HEALS)
        period.until("it is protected", protected, promised(HEALS))


@lives.without((CONFIGS, "get"))
def a_config_is_repaired_but_nobody_named(place: Place, lack: Lack) -> None:
    with quiet_alertmanager() as url, place.watch("period") as period:
        pages(place, url)
        until("originals can be muted", partial(rules_of, place))
        period.until("it is protected", protected, promised(HEALS))
        edit_config(place)
        period.until("it is told", lambda each: lack.told_in(each, "AlertsTightened"), promised(30))
        until("it is repaired", partial(rules_of, place))
        lack.give_back()
        period.until("it is protected again", protected, promised(HEALS))


@lives.without(("events", "list"))
def a_diagnosis_says_what_it_could_not_look_at(place: Place, lack: Lack) -> None:
    place.profile({"rules": {"labels": {"release": "nobody"}}})
    with place.watch("period") as period:
        place.period(**LASTING)
        period.until("it is told", lack.told_by("AlertsTightened"), promised(40))
        lack.give_back()
        period.until("it is told no more", lambda each: not lack.told_in(each, "AlertsTightened"), promised(30))
        place.profile({})
        period.until("it is protected", protected, promised(HEALS))
