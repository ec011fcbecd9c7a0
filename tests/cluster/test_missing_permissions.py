"""Each permission that docs/permissions.md explains is needed: without it something fails, is told, and heals.

`test_permissions` shows that each is used. Here each is missing once, while everything else is as the chart grants it:
in the namespaces that are served in lives of their own (`lives.lacking`), elsewhere for an operator of its own.
"""

import json
import subprocess
import sys
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.cluster.api import Api
from tests.cluster.audit import Asked
from tests.cluster.cluster import Cluster, start_owned, stop
from tests.cluster.grants import RBAC, Grants, granted, of_cluster, of_own
from tests.cluster.helm import Values
from tests.cluster.layout import Options
from tests.cluster.lives import lacking_alerts, lacking_capacity, lacking_records
from tests.cluster.lives.expectations import LASTING, promised
from tests.cluster.lives.history import Version
from tests.cluster.lives.lacking import HEALS, Lack, Lives, Stage, only_a_namespace, until
from tests.cluster.lives.place import SPEC, Place, new_place
from tests.cluster.lives.scenarios import Results, chosen_by
from tests.cluster.operator_process import OperatorProcess
from tests.cluster.permissions import CLUSTER, OWN, SERVED, told
from tests.cluster.release import Release

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]
FOLDER = Path(__file__).parent
CRDS = FOLDER.parents[1] / "crds"
LIVES = Lives(lacking_alerts.lives, lacking_capacity.lives, lacking_records.lives)
SECRET, MARKER = Asked("secrets", "get"), Asked("configmaps", "get")
DIAGNOSIS = {Asked("thanosrulers.monitoring.coreos.com", "list"), Asked("namespaces", "get")}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of its own, with all kinds that the operator watches."""
    started, owner = start_owned(tmp_path_factory.mktemp("missing") / "cluster", Options(crds=(CRDS,), audited=True))
    try:
        started.apply(FOLDER / "permission_crds.yaml")
        yield started
    finally:
        stop(started)
        owner.release()


@pytest.fixture(scope="module")
def results(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Results]:
    """Play them beside the tests of this module; without any there is no release, and no operator."""
    chosen, stage = chosen_by(request), Stage(cluster)
    names = [name for name in LIVES.names if name in chosen]
    if not names:
        yield {}
        return
    stage.build(names, LIVES)
    operator = stage.release.operator(tmp_path_factory.mktemp("operator") / "operator.log", wait=False)
    with operator:
        until("it runs", lambda: Api(operator.url).answers("/healthz"))
        yield from LIVES.scenarios(stage, operator).play(request, cluster, operator)


@pytest.mark.parametrize("scenario", LIVES.names)
def test_what_is_missing_in_a_namespace_is_told_there_and_heals(results: Results, scenario: str) -> None:
    results[scenario].result()


def test_every_permission_in_a_served_namespace_is_missing_once() -> None:
    assert LIVES.rows == told(SERVED)


@pytest.fixture(scope="module")
def wide(cluster: Cluster) -> Iterator[tuple[Release, Place, str]]:
    """A release of its own, the place that it serves, and an empty namespace that it serves as well."""
    release = Release(cluster, "wide", "wide-system")
    with new_place(cluster, "wide") as place:
        empty = Place(cluster, f"{place.namespace}-empty")
        only_a_namespace(empty)
        # Of the first release's policies, that about holds lets only its own account write any.
        policies = {"authors": {"create": False}, "holds": {"create": False}}
        values: Values = {"watchNamespaces": [place.namespace, empty.namespace], "admissionPolicies": policies}
        release.install({**values, "fullnameOverride": release.name, "crds": {"install": False}})
        yield release, place, empty.namespace
        empty.leave()


def test_what_is_missing_outside_of_these_namespaces_is_told_and_heals(
    results: Results, wide: tuple[Release, Place, str], tmp_path: Path
) -> None:
    release, place, _ = wide
    everywhere, secrets, drain = of_cluster(release), of_own(release, "secrets"), of_own(release, "drain")
    everywhere.without(*told(CLUSTER))
    secrets.without(SECRET)
    drain.without(MARKER)
    with release.operator(tmp_path / "operator.log", wait=False) as operator, place.watch("period") as period:
        _is_told_one_by_one(everywhere, told(CLUSTER) - DIAGNOSIS, operator)
        operator.wait_ready(promised(HEALS))
        place.profile({**_with_secret(release, place), "rules": {"labels": {"release": "nobody"}}})
        place.period(**LASTING, protection={"alerts": SPEC["protection"]["alerts"]})
        advice = "may not be read by the operator's account: apply the Role of manifests/install"
        period.until("it is told", lambda each: advice in each.condition("EvidenceFresh")["message"], promised(30))
        secrets.give_back(SECRET)
        period.until("evidence is read", lambda each: each.holds("EvidenceFresh"), promised(HEALS))
        lacks = [Lack(each, "", everywhere, operator) for each in DIAGNOSIS]
        period.until("both are told", lambda each: all(one.told_by("AlertsTightened")(each) for one in lacks), 60)
        everywhere.give_back(*DIAGNOSIS)
        period.until("they are told no more", lambda each: _tells_none(each, lacks), promised(30))
        place.profile(_with_secret(release, place))
        period.until("alerts are tightened", lambda each: each.holds("AlertsTightened"), promised(HEALS))
        Lack(MARKER, release.namespace, drain, operator).await_line("Cannot see whether hypercare is being drained")
        drain.give_back(MARKER)


def _is_told_one_by_one(grants: Grants, missing: Collection[Asked], operator: OperatorProcess) -> None:
    """A start needs one after the other; what has been told is given back, so that the next one is."""
    remaining = [Lack(each, "", grants, operator) for each in missing]
    until("it is not ready", Lack(Asked("hypercareprofiles.hypercare.dev", "list"), "", grants, operator).unready)
    while remaining:
        until("one is told", partial(_any_is_told, remaining))
        remaining = [each for each in remaining if not each.lines]
        grants.without(*(each.asked for each in remaining), *DIAGNOSIS)


def _any_is_told(lacks: Collection[Lack]) -> bool:
    return any(each.lines for each in lacks)


def _tells_none(version: Version, lacks: Collection[Lack]) -> bool:
    return not any(lack.told_in(version, "AlertsTightened") for lack in lacks)


def _with_secret(release: Release, place: Place) -> Values:
    literals = ("--from-literal=username=hypercare", "--from-literal=password=secret")
    create = ("create", "secret", "generic", "prometheus", "-n", release.namespace, "--dry-run=client", "-o", "yaml")
    place.cluster.apply(place.cluster.kubectl(*create, *literals))
    secret = {"secretRef": {"name": "prometheus"}}
    return {"prometheus": {"url": place.cluster.prometheus_url, "timeout": "3s", **secret}}


def test_a_drain_that_may_not_mark_itself_tells_it_and_drains(
    results: Results, wide: tuple[Release, Place, str]
) -> None:
    """Each verb is missing in an own namespace of its own, for a drain of a namespace in which nothing is."""
    release, _, empty = wide
    verbs = sorted(each.verb for each in told(OWN) if each.resource == "configmaps")
    assert told(OWN) == {SECRET, *(Asked("configmaps", verb) for verb in verbs)}
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(_drains, release, empty, verb) for verb in verbs]:
            done.result()


def _drains(release: Release, empty: str, verb: str) -> None:
    own = Place(release.cluster, f"drains-without-{verb}")
    only_a_namespace(own)
    drain = release.cluster.api.get(f"{RBAC}/namespaces/{release.namespace}/roles/{release.name}-drain")
    grants = granted(release, own.namespace, drain["rules"])
    grants.without(Asked("configmaps", verb))
    if verb == "delete":
        old = {"metadata": {"name": "hypercare-drain"}, "data": {"until": "2020-01-01T00:00:00Z"}}
        path = f"/api/v1/namespaces/{own.namespace}/configmaps"
        release.cluster.api.request("POST", path, json.dumps(old).encode())
    told_of = _drained(release, own.namespace, empty)
    assert f'cannot {verb} resource "configmaps"' in told_of
    assert "apply the RBAC of manifests/install" in told_of
    grants.give_back(Asked("configmaps", verb))
    assert "A running operator stands still until" in _drained(release, own.namespace, empty)
    own.leave()


def _drained(release: Release, own_namespace: str, namespace: str) -> str:
    access = ("--kubeconfig", str(release.kubeconfig()), "--own-namespace", own_namespace)
    command = [sys.executable, "-m", "hypercare", "drain", *access, "--namespace", namespace]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
