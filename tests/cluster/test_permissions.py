"""The operator lives with exactly the permissions of the chart, and needs every one of them.

It runs as a process with a release's ServiceAccount and the arguments of its Deployment. What it asked the API server
for is read from the audit log and compared, verb by verb, with docs/permissions.md: nothing was refused, all was used.
That page is compared with the roles by `test_install`.
"""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest
import yaml

from tests.cluster.audit import Asked, Request, requests
from tests.cluster.cluster import Cluster, start_owned, stop
from tests.cluster.helm import NAME, NAMESPACE, Values
from tests.cluster.layout import Options
from tests.cluster.lives.expectations import LASTING, await_protection, over, restored
from tests.cluster.lives.history import Version
from tests.cluster.lives.place import OVERLAY, PERIOD, RULES, SELECTED, Place, new_place
from tests.cluster.operator_process import OperatorProcess
from tests.cluster.permissions import CLUSTER, OWN, SERVED, told
from tests.cluster.quiet_alertmanager import PAGING, STUCK, quiet_alertmanager
from tests.cluster.release import Release

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]
FOLDER = Path(__file__).parent
CRDS = FOLDER.parents[1] / "crds"
WITHOUT_CRDS: Values = {"crds": {"install": False}}
RUNS = 12
"""One more than reports are kept, and one that goes on."""
SCALED = {
    "deployment": ("api", "replicas"),
    "statefulset": ("data", "replicas"),
    "rollout": ("ramp", "replicas"),
    "scaledobject": ("queue", "minReplicaCount"),
}


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of its own, whose API server keeps an audit log."""
    options = Options(crds=(CRDS,), audited=True)
    started, owner = start_owned(tmp_path_factory.mktemp("permissions") / "cluster", options)
    try:
        started.apply(FOLDER / "permission_crds.yaml")
        yield started
    finally:
        stop(started)
        owner.release()


def test_nothing_is_refused_and_every_permission_is_used(audited: Cluster, tmp_path: Path) -> None:
    """In one namespace only, where each list names its namespace: so it is seen which of the roles it needs."""
    release = Release(audited, "care", "care-system")
    with new_place(audited, "served") as place, quiet_alertmanager() as alertmanager:
        served: Values = {"watchNamespaces": [place.namespace], "fullnameOverride": "care"}
        release.install({**WITHOUT_CRDS, **served})
        _create_secret(release)
        usual = _profile(place, alertmanager)
        place.profile({**usual, "rules": {"labels": {"release": "nobody"}}})
        with release.operator(tmp_path / "operator.log") as operator:
            _is_not_selected_at_first(place, usual)
            _is_repaired_and_completed(place)
            _changes_every_kind(place)
            _is_orphaned(place, operator)
            _prunes_reports(place)
            _is_drained(release, place)
        asked = list(requests(audited, release.namespace, "care"))
        release.uninstall()
    assert sorted({(each.asked, each.namespace, each.name) for each in asked if not each.permitted}) == []
    used = used_by_section(asked, release.namespace)
    nowhere: Mapping[str, list[Asked]] = {CLUSTER: [], SERVED: [], OWN: []}
    assert {section: sorted(used[section] - told(section)) for section in used} == nowhere, "not explained"
    assert {section: sorted(told(section) - used[section]) for section in used} == nowhere, "not needed"


def test_the_default_values_are_enough_for_a_life(audited: Cluster, tmp_path: Path) -> None:
    release = Release(audited, NAME, NAMESPACE)
    release.install(WITHOUT_CRDS)
    with new_place(audited, "any") as place, release.operator(tmp_path / "operator.log"):
        with place.watch("period") as period:
            place.period()
            await_protection(period)
            period.until("it is over", over)
        place.cluster.wait_until("everything is restored", lambda: restored(place))
    asked = list(requests(audited, release.namespace, NAME))
    assert sorted({each.asked for each in asked if not each.permitted}) == []
    assert {each.asked for each in asked} <= told(CLUSTER, SERVED, OWN)
    release.uninstall()


def used_by_section(asked: list[Request], own: str) -> dict[str, set[Asked]]:
    used: dict[str, set[Asked]] = {CLUSTER: set(), SERVED: set(), OWN: set()}
    for request in asked:
        everywhere = not request.namespace or request.asked in told(CLUSTER)
        used[OWN if request.namespace == own else CLUSTER if everywhere else SERVED].add(request.asked)
    return used


def _create_secret(release: Release) -> None:
    literals = ("--from-literal=username=hypercare", "--from-literal=password=secret")
    release.cluster.kubectl("create", "secret", "generic", "prometheus", "-n", release.namespace, *literals)


def _profile(place: Place, alertmanager: str) -> Values:
    secret = {"secretRef": {"name": "prometheus"}}
    return {
        "prometheus": {"url": place.cluster.prometheus_url, "timeout": "3s", **secret},
        "alertmanager": {"url": alertmanager},
        "rules": {"labels": SELECTED},
    }


def _is_not_selected_at_first(place: Place, usual: Values) -> None:
    """Why nobody evaluates the copies is looked for in Prometheus objects, events and labels of the namespace."""
    place.rules(RULES, STUCK)
    with place.watch("period") as period:
        place.period(**LASTING, protection=PAGING)
        period.until("nobody selects the copies", lambda each: "OverlayNotSelected" in json.dumps(each.status))
        place.profile(usual)
        await_protection(period)


def _is_repaired_and_completed(place: Place) -> None:
    """What somebody edits is written again, after a look at who it was."""
    config = f"/apis/monitoring.coreos.com/v1alpha1/namespaces/{place.namespace}/alertmanagerconfigs/{OVERLAY}"
    with place.watch("period") as period:
        place.cluster.wait_until("the originals can be muted", lambda: place.api.answers(config))
        place.edit("rules", OVERLAY, {"spec": {"groups": []}})
        place.api.request("PATCH", config, b'{"spec": {"inhibitRules": []}}', "application/merge-patch+json")
        place.cluster.wait_until("both are repaired", lambda: _filled(place, config))
        place.period(protection=PAGING)
        period.until("it is over", over)
    place.cluster.wait_until("everything is restored", lambda: restored(place))


def _filled(place: Place, config: str) -> bool:
    groups = place.find("rules", OVERLAY).get("spec", {}).get("groups")
    return bool(groups and place.api.get(config)["spec"].get("inhibitRules"))


def _changes_every_kind(place: Place) -> None:
    """Each kind of object whose values can change is changed and restored; none of it has to take effect here."""
    bodies = list(yaml.safe_load_all((FOLDER / "permission_objects.yaml").read_text()))
    place.cluster.kubectl("apply", "-n", place.namespace, "-f", "-", stdin=yaml.safe_dump_all(bodies))
    targets = [
        {"kind": body["kind"], "name": body["metadata"]["name"]}
        for body in bodies
        if body["kind"] in {"Deployment", "StatefulSet", "Rollout"}
    ]
    place.period(
        **{**LASTING, "window": {"start": {"when": "Immediately"}, "duration": "1h"}},
        release={"version": "2.4.0", "name": "every-kind"},
        targets=targets,
        protection={
            "scaling": [{"target": "*", "floor": "200%"}],
            "disruption": [{"target": "api", "minAvailable": "75%"}],
        },
    )
    place.cluster.wait_until("every kind is changed", lambda: _values(place) == {4}, 60)
    place.cluster.wait_until("the budget is changed", lambda: _least_available(place) == 3)
    place.delete("period", PERIOD)
    place.cluster.wait_until("every kind is restored", lambda: _values(place) == {2}, 60)
    place.cluster.wait_until("the budget is restored", lambda: _least_available(place) == 1)
    place.cluster.wait_until("no record is left", lambda: not place.all("hold"))


def _values(place: Place) -> set[int]:
    return {place.cluster.get(kind, name, place.namespace)["spec"][field] for kind, (name, field) in SCALED.items()}


def _least_available(place: Place) -> object:
    return place.cluster.get("pdb", "api", place.namespace)["spec"]["minAvailable"]


def _is_orphaned(place: Place, operator: OperatorProcess) -> None:
    """What a period leaves that was deleted without the garbage collector is removed, once it is sure to be gone."""
    with place.watch("period") as period:
        place.period(**LASTING, release={"version": "2.4.0", "name": "orphaned"})
        await_protection(period)
    operator.stop()
    place.cluster.kubectl("delete", "hypercareperiod", PERIOD, "-n", place.namespace, "--cascade=orphan")
    operator.start()
    operator.wait_ready()
    place.cluster.wait_until("what was orphaned is gone", lambda: restored(place))


def _prunes_reports(place: Place) -> None:
    with place.watch("period") as period:
        for number in range(RUNS):
            name = f"release-{number}."
            place.period(**LASTING, mode="Observe", release={"version": "2.4.0", "name": name})
            period.until(f"{name} is seen", partial(_is_of_run, name))


def _is_of_run(name: str, version: Version) -> bool:
    return name in json.dumps(version.status.get("run"))


def _is_drained(release: Release, place: Place) -> None:
    with place.watch("period") as period:
        place.period(**LASTING, release={"version": "2.4.0", "name": "drained"})
        await_protection(period)
    for longer in ((), ("--timeout", "4m")):
        done = release.drain(*longer)
        assert done.returncode == 0, done.stdout + done.stderr
        assert restored(place)
