"""What `workload` makes of what kube-state-metrics exports: its history written by promtool, judged as the loop judges.

Names of metrics and labels are those of docs/metrics/workload in kubernetes/kube-state-metrics.
"""

import time
from collections.abc import Callable, Iterator

import pytest

from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.evidence.points import Bad, Restarted
from hypercare.domain.evidence.reading import Evaluated
from hypercare.domain.evidence.workload import STARTING_SECONDS
from hypercare.domain.life.rollout import Target
from hypercare.domain.profile import Evaluation
from tests.adapters.evidence_visits import judged, marks, points, times_of
from tests.adapters.real_prometheus import History, always, backfill, prometheus
from tests.unit.evidence_contexts import context

pytestmark = pytest.mark.cluster

START = 1_750_000_200
HOUR = 3600
END = START + 2 * HOUR
EVENT = START + HOUR + 7
"""Between two points of the grid."""
HOLE = range(START + HOUR, START + HOUR + 360)
FRESHNESS = 120
EVALUATION = Evaluation(step=30, interval=60, delay=0, freshness=FRESHNESS, max_delay=600)

Value = Callable[[int], float | None]


def after(value: float, earlier: float | None = None, moment: int = EVENT) -> Value:
    """A value from a moment on, and another one before."""
    return lambda time: value if time >= moment else earlier


def until(value: float, moment: int = EVENT) -> Value:
    """A value up to a moment, and nothing afterwards."""
    return lambda time: value if time < moment else None


def but(stretch: range, value: float | None, otherwise: Value) -> Value:
    """Another value in a stretch of time."""
    return lambda time: value if time in stretch else otherwise(time)


def deployment(
    name: str, wanted: Value, running: Value | None = None, available: Value | None = None
) -> Iterator[History]:
    named = {"namespace": "shop", "deployment": name}
    condition = named | {"condition": "Available", "reason": "MinimumReplicasAvailable"}
    yield History("kube_deployment_spec_replicas", named, wanted)
    yield History("kube_deployment_status_replicas_available", named, running or wanted)
    yield History("kube_deployment_status_condition", condition | {"status": "true"}, available or always(1))
    yield History("kube_deployment_status_condition", condition | {"status": "false"}, always(0))


def pod(name: str, restarts: Value, *, container: str = "app", uid: str = "", **labels: str) -> History:
    identity = {"namespace": "shop", "pod": name, "container": container, "uid": uid or f"uid-of-{name}"}
    return History("kube_pod_container_status_restarts_total", identity | labels, restarts)


def history() -> Iterator[History]:
    """What kube-state-metrics exported."""
    yield from deployment("steady", always(2))
    yield pod("steady-7d4b9c6f5-bbbbb", always(4))
    yield pod("steady-7d4b9c6f5-ccccc", always(0))
    # Names that begin alike, another namespace: none of them is a pod of `steady`.
    yield pod("steady-api-7d4b9c6f5-bbbbb", after(9, 0))
    yield pod("steady-0", after(9, 0))
    yield pod("steady-7d4b9c6f5-ddddd", after(9, 0), namespace="other")

    yield from deployment("crashing", always(1))
    yield pod("crashing-7d4b9c6f5-bbbbb", after(5, 4))
    yield pod("crashing-7d4b9c6f5-bbbbb", after(3, 1), container="sidecar")

    # Two replicas of kube-state-metrics export every series twice.
    for instance in ("a", "b"):
        for each in deployment("doubled", always(1)):
            yield History(each.name, {**each.labels, "instance": instance}, each.value)
        yield pod("doubled-7d4b9c6f5-bbbbb", after(1, 0), instance=instance)

    # Nothing was scraped while a container restarted twice.
    yield from deployment("holed", but(HOLE, None, always(1)))
    yield pod("holed-7d4b9c6f5-bbbbb", but(HOLE, None, after(3, 1)))

    # A new release: the old pods go with their counters, one of the new ones has restarted before it is seen.
    yield from deployment("replaced", always(2))
    for suffix in ("bbbbb", "ccccc"):
        yield pod(f"replaced-7d4b9c6f5-{suffix}", until(7, EVENT + 60))
    yield pod("replaced-5f8c4d9b7-ddddd", after(0))
    yield pod("replaced-5f8c4d9b7-fffff", after(2))

    yield from deployment(
        "down", always(2), but(range(EVENT, EVENT + 60), 0, always(2)), but(range(EVENT, EVENT + 60), 0, always(1))
    )
    yield pod("down-7d4b9c6f5-bbbbb", always(0))
    yield pod("down-7d4b9c6f5-ccccc", always(0))

    # The third pod takes three minutes, and until then the condition is false: three of three must be there.
    starting = range(EVENT, EVENT + 180)
    yield from deployment("scaled", after(3, 2), but(starting, 2, after(3, 2)), but(starting, 0, always(1)))
    yield from deployment("stuck", after(3, 2), always(2), after(0, 1))
    for name in ("scaled", "stuck"):
        for suffix in ("bbbbb", "ccccc", "ddddd"):
            yield pod(f"{name}-7d4b9c6f5-{suffix}", always(0))

    yield from deployment("asleep", after(0, 1))
    yield pod("asleep-7d4b9c6f5-bbbbb", until(0))

    yield from deployment("uncounted", always(1))


def stateful() -> Iterator[History]:
    """StatefulSets and a DaemonSet."""
    for name, wanted, ready in (
        ("growing", after(3, 2), after(3, 2, EVENT + 180)),
        ("shrinking", after(2, 3), after(2, 3, EVENT + 60)),
        ("flapping", always(2), but(range(EVENT, EVENT + 20), 1, always(2))),
    ):
        named = {"namespace": "shop", "statefulset": name}
        yield History("kube_statefulset_replicas", named, wanted)
        yield History("kube_statefulset_status_replicas_ready", named, ready)
        for ordinal in range(3):
            yield pod(f"{name}-{ordinal}", always(0))
    # A pod of the same name is another pod, and begins at zero.
    named = {"namespace": "shop", "statefulset": "recreated"}
    yield History("kube_statefulset_replicas", named, always(1))
    yield History("kube_statefulset_status_replicas_ready", named, always(1))
    yield pod("recreated-0", until(6), uid="1")
    yield pod("recreated-0", after(0), uid="2")
    named = {"namespace": "shop", "daemonset": "agent"}
    yield History("kube_daemonset_status_desired_number_scheduled", named, after(3, 2))
    yield History(
        "kube_daemonset_status_number_available",
        named,
        but(range(EVENT + 1500, EVENT + 1530), 2, after(3, 2, EVENT + 60)),
    )
    for suffix in ("bbbbb", "ccccc", "ddddd"):
        yield pod(f"agent-{suffix}", always(0))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("workload")
    # What is older than three hours can be written as blocks.
    assert time.time() - 3 * HOUR > END
    backfill(folder, [*history(), *stateful()], range(START - HOUR, END + 1))
    with prometheus(folder, {}) as running:
        yield running.url


def visit(server: str, *targets: Target, tolerated: int = 0, available: bool = True, gap: str = "10m") -> Evaluated:
    at = context(END, evaluation=EVALUATION, started_at=START, targets=targets)
    asked = {"workload": {"available": available, "maxRestarts": tolerated}, "sustainedFor": "1h55m", "maxGap": gap}
    return judged(server, {**asked, "coverage": "90%"}, at)


def of(name: str, kind: str = "Deployment") -> Target:
    return Target(kind, name)


def restarts(outcome: Evaluated) -> dict[int, float]:
    """By time, how many restarts were counted."""
    return {point.time: point.mark.worst.value for point in points(outcome) if isinstance(point.mark, Restarted)}


def the_point_after(moment: int) -> int:
    return -(-moment // 30) * 30


def test_pods_with_old_restarts_are_undisturbed_and_other_pods_are_not_theirs(server: str) -> None:
    found = visit(server, of("steady"))
    assert (set(marks(found).values()), found.judgement.verdict) == ({"Good"}, Verdict.MET)


def test_each_restart_counts_once_at_the_point_after_it(server: str) -> None:
    found = visit(server, of("crashing"), tolerated=3)
    assert restarts(found) == {the_point_after(EVENT + 8): 3}
    assert found.judgement.verdict is Verdict.MET
    refused = visit(server, of("crashing"), tolerated=2)
    assert times_of(refused, "Bad") == [the_point_after(EVENT + 8)]
    assert (refused.judgement.verdict, refused.judgement.reason) == (Verdict.UNMET, "RecentlyViolated")
    (bad,) = (point.mark for point in points(refused) if isinstance(point.mark, Bad))
    assert dict(bad.worst.series) == {"pod": "crashing-7d4b9c6f5-bbbbb"}


def test_two_replicas_of_kube_state_metrics_count_a_restart_once(server: str) -> None:
    assert set(restarts(visit(server, of("doubled"), tolerated=5)).values()) == {1}


def test_a_restart_that_nobody_saw_counts_after_the_hole(server: str) -> None:
    found = visit(server, of("holed"), tolerated=5)
    assert "KubeStateMetricsMissing" in marks(found).values()
    assert restarts(found) == {the_point_after(HOLE.stop): 2}


def test_of_a_new_pod_every_restart_counts_and_of_one_that_is_gone_none(server: str) -> None:
    found = visit(server, of("replaced"), tolerated=5)
    assert list(restarts(found).values()) == [2]
    assert set(marks(found).values()) == {"Good", "Restarted"}


def test_a_minute_without_enough_pods_is_bad_for_as_long_as_fresh_samples_show_it(server: str) -> None:
    found = times_of(visit(server, of("down")), "Bad")
    assert found[0] == the_point_after(EVENT + 8)
    assert FRESHNESS <= found[-1] - found[0] <= FRESHNESS + 60
    assert "Bad" not in marks(visit(server, of("down"), available=False)).values()


def test_a_scale_up_may_take_its_time_and_not_for_ever(server: str) -> None:
    assert set(marks(visit(server, of("scaled"))).values()) == {"Good"}
    found = times_of(visit(server, of("stuck")), "Bad")
    assert found[0] == EVENT - 7 + STARTING_SECONDS + FRESHNESS
    assert found[-1] == END


def test_zero_replicas_are_never_met(server: str) -> None:
    found = visit(server, of("asleep"))
    assert (found.judgement.verdict, found.judgement.reason) == (Verdict.UNKNOWN, "ZeroReplicas")


@pytest.mark.parametrize("name", ["uncounted", "unheard-of"])
def test_what_kube_state_metrics_does_not_export_is_missing(server: str, name: str) -> None:
    found = visit(server, of(name))
    assert set(marks(found).values()) == {"KubeStateMetricsMissing"}
    assert found.judgement.verdict is Verdict.UNKNOWN
    assert visit(server, of("steady"), of(name)).judgement.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("name", ["growing", "shrinking", "recreated"])
def test_a_stateful_set_may_be_scaled_and_its_pods_replaced(server: str, name: str) -> None:
    assert set(marks(visit(server, of(name, "StatefulSet"))).values()) == {"Good"}


def test_a_pod_of_a_stateful_set_that_drops_out_for_one_scrape_is_seen(server: str) -> None:
    assert "Bad" in marks(visit(server, of("flapping", "StatefulSet"))).values()


def test_a_daemon_set_may_get_a_node_and_must_be_whole_again_in_time(server: str) -> None:
    found = times_of(visit(server, of("agent", "DaemonSet")), "Bad")
    assert EVENT + 1500 <= found[0] <= found[-1] <= EVENT + 1530 + FRESHNESS
