"""Uninstalling in the wrong order, on a control plane of its own: nothing hangs, and what could be kept is not lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster, start_owned, stop
from tests.cluster.crash_life import Life, install
from tests.cluster.crash_points import Lives, begin_long, nothing_is_left
from tests.cluster.crds import install_crds, manifests
from tests.cluster.layout import Options
from tests.cluster.write_proxy import WriteProxy

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]
CRDS = Path(__file__).parents[2] / "crds"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of its own, for these tests delete CRDs."""
    started, owner = start_owned(tmp_path_factory.mktemp("own") / "cluster", Options(crds=(CRDS,)))
    try:
        install(started)
        yield started
    finally:
        stop(started)
        owner.release()


@pytest.fixture(scope="module")
def lives(own: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lives]:
    with WriteProxy(own) as proxy:
        yield Lives(own, proxy, tmp_path_factory.mktemp("lives"))


@pytest.fixture
def life(lives: Lives) -> Iterator[Life]:
    """A life whose object is raised, and whose operator is down."""
    with lives.life("spelled-out") as one:
        begin_long(one)
        one.wait("its status says that it is raised", lambda: raised(one))
        one.kill()
        yield one
        install_crds(lives.cluster.api, manifests(CRDS))


def raised(life: Life) -> bool:
    conditions = {each["type"]: each["status"] for each in life.period.get("status", {}).get("conditions", ())}
    return conditions.get("ScalingRaised") == "True"


def delete_crd(life: Life, plural: str) -> None:
    life.cluster.kubectl("delete", "crd", f"{plural}.hypercare.dev", "--timeout=60s")


def test_the_crd_of_periods_goes_first(life: Life) -> None:
    """All periods are gone with it: what they claimed is restored, and the overlay swept, when an operator runs."""
    delete_crd(life, "hypercareperiods")
    assert life.holds
    life.start()
    life.wait("everything is as before", lambda: not life.holds and life.look() == life.originals)
    nothing_is_left(life)


def test_the_crd_of_holds_goes_first(life: Life) -> None:
    """The originals are still in the status of the period, and come from there when the kind is served again."""
    remembered = life.period["status"]["scaling"][0]
    delete_crd(life, "hypercareholds")
    assert life.look() != life.originals
    install_crds(life.cluster.api, manifests(CRDS))
    assert life.period["status"]["scaling"][0] == remembered
    life.start()
    life.wait("the originals are found again", lambda: bool(life.holds))
    life.delete_period()
    life.wait("everything is as before", lambda: not life.holds and life.look() == life.originals)


def test_all_periods_are_deleted_at_once_while_no_operator_runs(life: Life) -> None:
    life.cluster.kubectl("delete", "hypercare", "--all", "-n", life.namespace, "--timeout=20s")
    assert not life.period
    assert life.holds
    life.start()
    life.wait("everything is as before", lambda: not life.holds and life.look() == life.originals)
