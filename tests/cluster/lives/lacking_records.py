"""What becomes of a life that may not be written down, or of which something may not be seen."""

import json
from functools import partial

from tests.cluster.audit import Request, requests, told_so_far
from tests.cluster.lives.expectations import LASTING, over, promised, protected, restored
from tests.cluster.lives.history import Body, Version
from tests.cluster.lives.lacking import ACCOUNT, ACCOUNT_NAMESPACE, HEALS, Lack, Lives, only_a_namespace, until
from tests.cluster.lives.place import OVERLAY, PERIOD, QUIET_CRITERION, SPEC, Place
from tests.cluster.permissions import SERVED, told

lives = Lives()
SCALING = {"scaling": SPEC["protection"]["scaling"]}


@lives.without(("hypercareperiods.hypercare.dev/status", "patch"))
def nothing_begins(place: Place, lack: Lack) -> None:
    """A transition that cannot be stored causes nothing."""
    place.period(**LASTING)
    lack.await_line()
    assert place.floor() == 2
    assert not place.all("hold")
    assert not place.find("rules", OVERLAY)
    lack.give_back()
    with place.watch("period") as period:
        period.until("it is protected", protected, promised(HEALS))


@lives.without(("configmaps", "create"))
def no_report_is_written(place: Place, lack: Lack) -> None:
    """The run ends all the same, and everything is restored."""
    with place.watch("period") as period:
        place.period(protection=SCALING, exitCriteria=[QUIET_CRITERION])
        lack.await_line("Could not write the report", 60)
        assert period.latest.phase == "Completed"
        until("everything is restored", partial(restored, place))
        lack.give_back()
        period.until("it is reported", over, promised(75))


@lives.without(("configmaps", "get"), ("configmaps", "delete"))
def old_reports_stay(place: Place, lack: Lack) -> None:
    """The next report takes them away."""
    with place.watch("period") as period:
        for number in range(13):
            if number == 12:
                lack.await_line("Could not delete the old report")
                assert len(reports(place)) > 10
                lack.give_back()
            place.period(**LASTING, mode="Observe", release={"version": "2.4.0", "name": f"release-{number}."})
            period.until("it is seen", partial(runs, f"release-{number}."), promised(30))
        until("the newest reports are left", lambda: len(reports(place)) == 10)


def runs(name: str, version: Version) -> bool:
    return name in json.dumps(version.status.get("run"))


def reports(place: Place) -> list[Body]:
    return [body for body in place.all("configmap") if "hypercare.dev/report" in body["metadata"].get("labels", {})]


@lives.without(("events", "create"))
def nothing_is_told_in_events(place: Place, lack: Lack) -> None:
    """All else goes on."""
    with place.watch("period") as period:
        place.period(**LASTING)
        period.until("it is protected", protected, promised(60))
        lack.await_line("Could not post an Event")
        assert not posted(place)
        lack.give_back()
        place.period(**LASTING, release={"version": "2.4.0", "name": "again"})
        until("it is told in events", partial(posted, place))


def posted(place: Place) -> list[Body]:
    return [body for body in place.all("event") if body["involvedObject"]["kind"] == "HypercarePeriod"]


def with_a_period(place: Place) -> None:
    """A namespace in which a period waits for its target."""
    only_a_namespace(place)
    place.period(mode="Observe", protection=None)


SERVED_LISTS = [each for each in sorted(told(SERVED)) if each.verb == "list" and each.resource != "events"]
SERVED_WATCHES = [each for each in sorted(told(SERVED)) if each.verb == "watch"]


@lives.without(*((each.resource, each.verb) for each in SERVED_LISTS), prepare=with_a_period)
def nothing_is_done(place: Place, lack: Lack) -> None:
    """Nobody decides on half a picture; what is done elsewhere is shown by all other lives."""
    lack.await_line("so nothing is done there")
    lack.await_line()
    assert lack.unready()
    assert "run" not in place.find("period", PERIOD).get("status", {})
    if lack.asked.resource != "hypercareperiods.hypercare.dev":
        until("the period says so", lambda: lack.words in summary(place), HEALS)
    lack.give_back()
    until("a run is begun", lambda: "run" in place.find("period", PERIOD).get("status", {}), HEALS)


def summary(place: Place) -> str:
    return str(place.find("period", PERIOD).get("status", {}).get("summary", ""))


@lives.without(*((each.resource, each.verb) for each in SERVED_WATCHES), prepare=with_a_period)
def changes_are_missed(place: Place, lack: Lack) -> None:
    """Only the log tells it; what was listed is worked with."""
    lack.await_line("Changes are not seen as they happen")
    lack.await_line()
    until("the period is visited", lambda: place.find("period", PERIOD).get("status", {}).get("phase"))
    since = told_so_far(place.cluster)
    lack.give_back()
    until("it is watched", partial(watched, place, lack, since), HEALS)


def watched(place: Place, lack: Lack, since: int) -> bool:
    """Whether a watch has begun since then, as the API server's audit log tells."""
    begun = Request(lack.asked, place.namespace, "", permitted=True)
    return begun in requests(place.cluster, ACCOUNT_NAMESPACE, ACCOUNT, since)
