"""`floor: Peak`, and why replicas do not come: what is asked for besides the watch cache, and how often."""

from typing import Any

import pytest

from hypercare.adapters.cache import WatchCache
from hypercare.capacity_reader import EVENTS_PAUSE_SECONDS, PEAK_PAUSE_SECONDS, CapacityReader
from hypercare.domain.capacity.capacity_objects import RESOURCES
from hypercare.domain.capacity.field_values import Present
from hypercare.domain.capacity.held_fields import MIN_REPLICAS
from hypercare.domain.capacity.hold import Claim, HeldField, HeldObject, Hold, Refusal
from hypercare.domain.capacity.hold_record import read_hold, render_hold
from hypercare.domain.capacity.peak import peak_of, peak_query
from hypercare.domain.capacity.quantity import Count, Peak, Quantity, SeenPeak, full_value, parse_floor, render_quantity
from hypercare.domain.capacity.readiness import Readiness, explained
from hypercare.domain.capacity.scaling_rows import ScalingState
from hypercare.domain.capacity.wishes import ReplicaWish
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.life.rollout import Target
from hypercare.domain.objects import AUTOSCALERS, DEPLOYMENTS, EVENTS, HOLDS, PERIODS, ObjectRef
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.domain.samples import Answer, FailureKind, InstantQuery, QueryFailed, RangeQuery, Result, Sample, Series
from hypercare.domain.snapshot import Capacity, Stored
from hypercare.domain.subject import Subject
from hypercare.domain.timestamps import timestamp
from hypercare.ports import Forbidden
from tests.unit.api_server import FakeApiServer
from tests.unit.lives import ACTIVE
from tests.unit.scaled import HOLD_REF, NAMESPACE, NOW, OBJECT, TARGET, autoscaler, claim_of, workload
from tests.unit.snapshots import IDENTITY, resolved

TENANCY = Tenancy("namespace", NAMESPACE)


def answered(*values: float, warnings: tuple[str, ...] = ()) -> Answer:
    return Answer(tuple(Series({}, (Sample(0, value),)) for value in values), warnings)


class TestPeak:
    """What is asked, and what an answer means."""

    @pytest.mark.parametrize(
        ("kind", "metric"),
        [
            ("Deployment", 'kube_deployment_spec_replicas{deployment="checkout",namespace="shop"}'),
            ("StatefulSet", 'kube_statefulset_replicas{namespace="shop",statefulset="checkout"}'),
            ("Rollout", 'rollout_info_replicas_desired{name="checkout",namespace="shop"}'),
        ],
    )
    def test_it_is_asked_of_the_namespace_for_the_days_before_the_run(self, kind: str, metric: str) -> None:
        query = peak_query(Target(kind, "checkout"), TENANCY, NOW)
        assert query == InstantQuery(f"max(max_over_time({metric}[1w]))", NOW)

    def test_a_daemonset_has_none(self) -> None:
        refusal = peak_query(Target("DaemonSet", "agent"), TENANCY, NOW)
        assert isinstance(refusal, Refusal)
        assert refusal.reason == "NotScalable"

    @pytest.mark.parametrize(
        ("result", "expected"),
        [
            pytest.param(answered(9.0), 9, id="a number"),
            pytest.param(answered(0.0), 1, id="a target that was always at zero"),
            pytest.param(answered(), "PeakUnknown", id="nothing known"),
            pytest.param(answered(float("nan")), "PeakUnknown", id="no number"),
            pytest.param(answered(9.0, warnings=("partial response",)), "PeakUnread", id="perhaps not all"),
            pytest.param(QueryFailed(FailureKind.TIMEOUT, "late"), "PeakUnread", id="no answer"),
        ],
    )
    def test_an_answer(self, result: Result, expected: int | str) -> None:
        found = peak_of(TARGET, result)
        assert (found.replicas if isinstance(found, SeenPeak) else found.reason) == expected

    def test_only_a_floor_may_be_the_peak(self) -> None:
        assert parse_floor(Field("floor", "Peak"), Count(1)) == Peak()
        assert parse_floor(Field("floor"), Count(1)) == Count(1)
        with pytest.raises(InvalidField):
            parse_floor(Field("floor", "peak"), Count(1))

    def test_a_claim_remembers_it_as_a_count_that_does_not_change(self) -> None:
        stored = Hold(OBJECT, (claim_of(ReplicaWish(SeenPeak(9), 50)),), (HeldField(MIN_REPLICAS, Present(2)),))
        (written,) = render_hold(stored)["claims"]
        assert (written["floor"], written["floorFrom"]) == (9, "Peak")
        assert read_hold(HOLD_REF.name, render_hold(stored)) == stored
        assert (render_quantity(SeenPeak(9)), full_value(SeenPeak(9), 2)) == (9, 9)

    def test_a_claim_with_a_peak_that_is_a_share_is_forged(self) -> None:
        spec = render_hold(Hold(OBJECT, (claim_of(ReplicaWish(SeenPeak(9), 50)),), ()))
        spec["claims"][0]["floor"] = "150%"
        with pytest.raises(InvalidField, match="floor"):
            read_hold(HOLD_REF.name, spec)


class Prometheus:
    """Answers every question with the same, and counts them."""

    def __init__(self, result: Result) -> None:
        self.result = result
        self.asked: list[InstantQuery] = []

    async def instant(self, query: InstantQuery) -> Result:
        self.asked.append(query)
        return self.result

    async def range(self, query: RangeQuery) -> Result:
        raise AssertionError(query)


class World:
    """A scaled Deployment and one period whose floor is the peak."""

    def __init__(self, result: Result, floor: object = "Peak") -> None:
        self.server = FakeApiServer()
        self.server.put(ObjectRef(AUTOSCALERS, NAMESPACE, "checkout"), autoscaler()["spec"], uid="uid-1")
        self.server.put(ObjectRef(DEPLOYMENTS, NAMESPACE, "checkout"), workload()["spec"])
        self.prometheus = Prometheus(result)
        self.floor = floor
        self.now = NOW
        self.start()

    def start(self) -> None:
        self.cache = WatchCache((PERIODS, HOLDS, *RESOURCES), lambda _: None, lambda: 0.0)
        self.server.watched_by(self.cache)
        self.reader = CapacityReader(self.server, self.cache, lambda _: {})

    async def read(self) -> Capacity:
        wanted = resolved(protection={"scaling": [{"target": "*", "floor": self.floor}]})
        subject = Subject(IDENTITY, wanted, ACTIVE, Stored({}, 1, (), {}, "", ()), 0, self.now)
        return await self.reader.read(subject, {}, self.prometheus)

    async def floor_asked(self) -> object:
        (request,) = (await self.read()).plan.requests
        assert isinstance(request.claim.wish, ReplicaWish)
        return request.claim.wish.floor

    def claimed(self, floor: Quantity, run: str = ACTIVE.run.id) -> None:
        claim = Claim("checkout", IDENTITY.uid, run, 100, ReplicaWish(floor, 50))
        held = HeldObject("autoscaling/v2", "HorizontalPodAutoscaler", "checkout", "uid-1")
        stored = Hold(held, (claim,), (HeldField(MIN_REPLICAS, Present(2)),))
        self.server.put(HOLD_REF, render_hold(stored))


class TestReading:
    """The peak in the engine: once in a run, and the same after a restart."""

    async def test_it_is_asked_once_and_for_the_time_before_the_run(self) -> None:
        world = World(answered(9.0))
        assert await world.floor_asked() == SeenPeak(9)
        world.prometheus.result = answered(20.0)
        world.now += 3600
        assert await world.floor_asked() == SeenPeak(9)
        assert [query.time for query in world.prometheus.asked] == [ACTIVE.run.created_at]

    async def test_after_a_restart_the_claim_knows_it(self) -> None:
        world = World(answered(20.0))
        world.claimed(SeenPeak(9))
        world.start()
        assert await world.floor_asked() == SeenPeak(9)
        assert world.prometheus.asked == []

    @pytest.mark.parametrize(
        ("floor", "run"),
        [
            pytest.param(SeenPeak(9), "r0-other", id="a claim of another run"),
            pytest.param(Count(9), ACTIVE.run.id, id="a count that was asked for before"),
        ],
    )
    async def test_other_claims_say_nothing(self, floor: Quantity, run: str) -> None:
        world = World(answered(20.0))
        world.claimed(floor, run)
        assert await world.floor_asked() == SeenPeak(20)

    async def test_what_could_not_be_read_raises_nothing_and_is_asked_again_after_a_pause(self) -> None:
        world = World(QueryFailed(FailureKind.TIMEOUT, "late"))
        (problem,) = (await world.read()).plan.problems
        assert (problem.path, problem.reason, problem.stalls) == (
            "spec.protection.scaling[0].floor",
            "PeakUnread",
            False,
        )
        world.prometheus.result = answered(9.0)
        assert (await world.read()).plan.requests == ()
        world.now += PEAK_PAUSE_SECONDS
        assert await world.floor_asked() == SeenPeak(9)

    async def test_nothing_is_asked_without_it(self) -> None:
        world = World(answered(9.0), floor=4)
        assert await world.floor_asked() == Count(4)
        assert world.prometheus.asked == []

    async def test_a_period_that_is_gone_is_forgotten(self) -> None:
        world = World(answered(9.0))
        await world.read()
        world.reader.forget(IDENTITY.uid)
        await world.read()
        assert len(world.prometheus.asked) == 2


def event(reason: str, name: str = "checkout-7d4b9c6f5-x2x4z", kind: str = "Pod", **others: Any) -> dict[str, Any]:
    return {
        "involvedObject": {"kind": kind, "name": name},
        "reason": reason,
        "message": others.get("message", "0/3 nodes are available"),
        "lastTimestamp": timestamp(others.get("at", NOW)),
        "type": "Warning",
    }


class TestWhyNot:
    """What Events say about replicas that do not come."""

    waiting = Readiness(2, "WaitingForReplicas", "2 replicas are ready")

    @pytest.mark.parametrize(
        ("target", "seen", "reason"),
        [
            pytest.param(TARGET, event("FailedScheduling"), "Unschedulable", id="no node has room"),
            pytest.param(
                TARGET,
                event("FailedCreate", "checkout-7d4b9c6f5", "ReplicaSet", message="exceeded quota: pods"),
                "QuotaExceeded",
                id="a quota",
            ),
            pytest.param(
                Target("StatefulSet", "db"),
                event("FailedCreate", "db", "StatefulSet", message="denied by a webhook"),
                "FailedCreate",
                id="a StatefulSet, which has no condition for it",
            ),
            pytest.param(
                Target("StatefulSet", "db"),
                event("FailedScheduling", "db-3"),
                "Unschedulable",
                id="by number",
            ),
            pytest.param(
                TARGET, event("Failed", message='Failed to pull image "web:2"'), "ImagePullBackOff", id="no image"
            ),
            pytest.param(
                TARGET,
                event("BackOff", message="Back-off restarting"),
                "CrashLoopBackOff",
                id="a crash",
            ),
            pytest.param(TARGET, event("Unhealthy"), "WaitingForReplicas", id="an Event about something else"),
            pytest.param(
                TARGET, event("FailedScheduling", "basket-7d4b9c6f5-x2x4z"), "WaitingForReplicas", id="another's pod"
            ),
            pytest.param(TARGET, event("FailedScheduling", at=NOW - 3600), "WaitingForReplicas", id="long ago"),
        ],
    )
    def test_reason(self, target: Target, seen: dict[str, Any], reason: str) -> None:
        assert explained(self.waiting, target, [seen], NOW).reason == reason

    def test_the_newest_counts(self) -> None:
        seen = [event("FailedScheduling", at=NOW - 60), event("Failed", message="no image")]
        assert explained(self.waiting, TARGET, seen, NOW).reason == "ImagePullBackOff"

    def test_a_series_tells_its_time_itself(self) -> None:
        seen = event("FailedScheduling", at=NOW - 3600) | {"series": {"lastObservedTime": timestamp(NOW)}}
        assert explained(self.waiting, TARGET, [seen], NOW).reason == "Unschedulable"

    def test_one_without_a_time_is_old(self) -> None:
        assert (
            explained(self.waiting, TARGET, [event("FailedScheduling") | {"lastTimestamp": None}], NOW) == self.waiting
        )

    async def waited(self) -> World:
        world = World(answered(), floor=4)
        world.claimed(Count(4))
        world.server.edit(HOLD_REF, fields=[{"path": MIN_REPLICAS, "original": told(2), "confirmed": told(4)}])
        return world

    async def test_they_are_listed_only_now_and_then_and_only_while_replicas_are_missing(self) -> None:
        world = await self.waited()
        world.server.put(ObjectRef(EVENTS, NAMESPACE, "e"), {})
        world.server.objects[ObjectRef(EVENTS, NAMESPACE, "e")] |= event("FailedScheduling")
        (row,) = (await world.read()).rows
        assert (row.reason, row.message) == ("Unschedulable", "0/3 nodes are available")
        await world.read()
        assert world.server.reads == 1
        world.now += EVENTS_PAUSE_SECONDS
        await world.read()
        assert world.server.reads == 2
        world.server.set_status(ObjectRef(DEPLOYMENTS, NAMESPACE, "checkout"), readyReplicas=4)
        world.now += EVENTS_PAUSE_SECONDS
        (row,) = (await world.read()).rows
        assert (row.state, world.server.reads) == (ScalingState.RAISED, 2)

    async def test_where_they_may_not_be_listed_the_row_just_waits(self) -> None:
        world = await self.waited()
        world.server.unlisted[EVENTS] = Forbidden("may not list")
        (row,) = (await world.read()).rows
        assert row.reason == "WaitingForReplicas"


def told(value: int) -> dict[str, Any]:
    return {"present": True, "value": value}
