"""A namespace whose holds are reconciled against an API server in memory."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hypercare.adapters.cache import WatchCache
from hypercare.claims import ClaimKeeper
from hypercare.domain.capacity.capacity_objects import CapacityObjects
from hypercare.domain.capacity.scaling import ClaimRequest, ScalingPlan
from hypercare.domain.capacity.scaling_rows import ScalingRow
from hypercare.domain.capacity.scaling_status import CapacityView, scaling_rows
from hypercare.domain.objects import AUTOSCALERS, HOLDS, PERIODS, ObjectRef
from hypercare.hold_reconcile import SWEEP_SECONDS, HoldReconciler, stands
from hypercare.queue import After, Done
from tests.unit.api_server import FakeApiServer
from tests.unit.scaled import AUTOSCALER_REF, HOLD_REF, NAMESPACE, NOW, autoscaler, request

PERIODS_OF_SHOP = tuple(ObjectRef(PERIODS, NAMESPACE, name) for name in ("a", "b"))
PERIOD_A = PERIODS_OF_SHOP[0]


@dataclass
class Shop:
    """One namespace with an autoscaler, and an operator that can be started anew at any time."""

    server: FakeApiServer = field(default_factory=FakeApiServer)
    now: int = NOW
    woken: list[ObjectRef] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server.put(AUTOSCALER_REF, autoscaler()["spec"])
        for ref in PERIODS_OF_SHOP:
            self.server.put(ref, {}, uid=f"uid-of-{ref.name}")
        self.start()

    def start(self) -> None:
        """A new process: nothing of the old one is left but what the API server holds."""
        self.cache = WatchCache((PERIODS, HOLDS, AUTOSCALERS), lambda _: None, lambda: 0.0)
        self.server.watched_by(self.cache)
        self.claims = ClaimKeeper(self.server, self.cache)
        self.holds = HoldReconciler(
            self.server, self.cache, partial(stands, self.cache), self.woken.append, lambda: self.now
        )

    def without_periods(self) -> None:
        for ref in PERIODS_OF_SHOP:
            self.server.remove(ref)

    async def keep(self, *requests: ClaimRequest, period: str = "a", rows: tuple[ScalingRow, ...] = ()) -> Any:
        return await self.claims.keep(NAMESPACE, f"uid-of-{period}", requests, rows)

    async def visit(self) -> After | Done:
        return await self.holds.visit(HOLD_REF)

    async def raised(self, **wanted: Any) -> None:
        await self.keep(request(**wanted))
        await self.visit()

    async def settle(self) -> None:
        """Visit until the operator is content, waiting as long as it says."""
        for _ in range(20):
            match await self.visit():
                case After(seconds) if seconds < SWEEP_SECONDS:
                    self.now += int(seconds)
                case _:
                    return
        raise AssertionError("never content")

    def rows(self, *remembered: ScalingRow) -> tuple[ScalingRow, ...]:
        """The rows of a period that asks for nothing any more."""
        view = CapacityView({}, CapacityObjects({AUTOSCALERS: self.cache.select(AUTOSCALERS, NAMESPACE)}), {}, self.now)
        return scaling_rows(ScalingPlan(), "uid-of-a", view, remembered)

    @property
    def replicas(self) -> tuple[int, int]:
        spec = self.server.objects[AUTOSCALER_REF]["spec"]
        return spec["minReplicas"], spec["maxReplicas"]

    @property
    def hold(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.server.objects[HOLD_REF]["spec"]
        return spec
