"""Whole lives beside a GitOps tool that applies all the time, with the settings of manifests/gitops and without."""

import json
import threading
from collections.abc import Callable, Iterator
from types import TracebackType

import pytest

from hypercare.domain.timestamps import timestamp
from tests.cluster.cluster import Cluster
from tests.cluster.gitops_tools import ARGO_CD, Body, apply_as, argo_cd_syncs, owners
from tests.cluster.lives.expectations import LASTING, over, promised
from tests.cluster.lives.history import History, Version
from tests.cluster.lives.place import ERRORS_CRITERION, PERIOD, Place
from tests.cluster.lives.scenarios import Results, Scenarios
from tests.cluster.operator_process import OperatorProcess

pytestmark = pytest.mark.cluster
scenarios = Scenarios()
SCALING = {"scaling": [{"target": "checkout", "floor": "200%"}]}
FIRST_PAUSE_SECONDS = 60
PATIENCE_SECONDS = 20
GIT: Body = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "checkout"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"},
        "minReplicas": 2,
        "maxReplicas": 6,
    },
}


class Tool:
    """Applies again and again until the block ends."""

    def __init__(self, apply: Callable[[], None], every: float) -> None:
        self._apply, self._every = apply, every
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="gitops tool", daemon=True)

    def __enter__(self) -> "Tool":
        self._apply()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopping.set()
        self._thread.join(timeout=30)

    def _work(self) -> None:
        while not self._stopping.wait(self._every):
            self._apply()


@scenarios.add
def a_tool_that_fights_back_is_named_and_left_in_peace_until_it_stops(place: Place) -> None:
    path = place.path("autoscaler", "checkout")
    with place.watch("period") as period, place.watch("autoscaler", "checkout") as autoscaler:
        with Tool(lambda: apply_as(place.api, ARGO_CD, path, GIT), 2):
            place.period(protection=SCALING, **LASTING)
            told = period.until("the contest is told", _contested)
            message = told.condition("ScalingRaised")["message"]
            assert ARGO_CD in message
            assert "docs/gitops.md" in message
            threading.Event().wait(PATIENCE_SECONDS)
            assert _floors(autoscaler) == [2, 4, 2]
            assert _contested(period.latest)
        back = period.until("the floor is back", _raised, promised(FIRST_PAUSE_SECONDS + 20))
        assert back.at - told.at > FIRST_PAUSE_SECONDS - 5
        assert _floors(autoscaler) == [2, 4, 2, 4]
        place.edit("period", PERIOD, {"spec": {"mode": "Observe"}})
        place.cluster.wait_until("it is as it was", lambda: place.floor() == 2 and not place.all("hold"))
        print("\n".join(_log(period, autoscaler)))


@scenarios.add
def a_tool_that_is_set_up_syncs_all_the_time_and_has_its_way_afterwards(place: Place) -> None:
    path, git = place.path("autoscaler", "checkout"), json.loads(json.dumps(GIT))
    with place.watch("period") as period, Tool(lambda: argo_cd_syncs(place.api, path, git), 0.5):
        place.period(protection=SCALING, exitCriteria=[ERRORS_CRITERION])
        period.until("it is raised", _raised)
        assert ARGO_CD in owners(place.find("autoscaler", "checkout"), "spec", "minReplicas")
        end = period.until("it is over", over, 60)
        assert (end.phase, end.holds("Restored")) == ("Completed", True)
        assert not any(_contested(each) for each in period.versions)
        place.cluster.wait_until("it is as Git says", lambda: place.floor() == 2)
        assert "hypercare" not in owners(place.find("autoscaler", "checkout"), "spec", "minReplicas")
        git["spec"]["minReplicas"] = 3
        place.cluster.wait_until("a later change in Git is applied", lambda: place.floor() == 3)


def _contested(version: Version) -> bool:
    condition = version.condition("ScalingRaised")
    return (condition["status"], condition["reason"]) == ("False", "Contested")


def _raised(version: Version) -> bool:
    return version.holds("ScalingRaised")


def _floor(version: Version) -> int:
    return int(version.body["spec"]["minReplicas"])


def _floors(autoscaler: History) -> list[int]:
    """What the floor has been, each stay once."""
    found: list[int] = []
    for version in autoscaler.versions:
        if _floor(version) not in found[-1:]:
            found.append(_floor(version))
    return found


def _log(period: History, autoscaler: History) -> Iterator[str]:
    """What each side has done, in the order of time."""
    told = [(each.at, f"ScalingRaised {_said(each)}") for each in period.versions if each.status]
    done = [(each.at, f"minReplicas {_floor(each)}") for each in autoscaler.versions]
    last: dict[str, str] = {}
    for at, what in sorted(told + done):
        subject = what.partition(" ")[0]
        if last.get(subject) != what:
            yield f"{timestamp(int(at))} {what}"
        last[subject] = what


def _said(version: Version) -> str:
    condition = version.condition("ScalingRaised")
    return f"{condition['status']}, {condition['reason']}: {condition['message']}"


@pytest.fixture(scope="module")
def playing(request: pytest.FixtureRequest, cluster: Cluster, operator: OperatorProcess) -> Iterator[Results]:
    yield from scenarios.play(request, cluster, operator)


@pytest.mark.parametrize("scenario", scenarios.names)
def test_gitops(scenario: str, playing: Results) -> None:
    playing[scenario].result()
