"""A GitOps tool that fights back, on a real API server: named, backed off from, longer each time, and left in peace.

The tool applies the original with force, as Argo CD does without the settings of manifests/gitops. The test's clock is
put forward over each pause, so the whole back-off from a minute to an hour is seen in seconds. What happens is printed.
"""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

import pytest
import yaml

from hypercare.adapters.access import Access
from hypercare.adapters.kubernetes import ApiServer, object_path
from hypercare.domain.capacity.hold import Contest
from hypercare.domain.capacity.scaling_rows import ScalingRow, ScalingState
from hypercare.domain.capacity.scaling_status import CapacityView
from hypercare.domain.objects import AUTOSCALERS, ObjectRef
from hypercare.domain.timestamps import timestamp
from hypercare.hold_reconcile import HoldReconciler, stands
from tests.cluster.access import operator_kubeconfig
from tests.cluster.api import Api
from tests.cluster.cluster import Cluster
from tests.cluster.gitops_tools import ARGO_CD, apply_as
from tests.cluster.lives.operating import install
from tests.cluster.test_capacity_kinds import AUTOSCALER, DEPLOYMENT, PERIOD, SCALING, Shop

pytestmark = pytest.mark.cluster
HOLD = "horizontalpodautoscaler-web"
PAUSES = [60, 120, 240, 480, 960, 1920, 3600]


class Contested(Shop):
    """A shop whose time can be put forward, and what has happened in it."""

    def __init__(self, cluster: Cluster, api: ApiServer, namespace: str) -> None:
        super().__init__(cluster, api, namespace)
        self._ahead, self._began = 0.0, time.time()
        self.holds = HoldReconciler(api, self.cache, partial(stands, self.cache), lambda _: None, self.now)
        self._path = object_path(ObjectRef(AUTOSCALERS, namespace, "web"))

    def now(self) -> float:
        return time.time() + self._ahead

    def view(self) -> CapacityView:
        return replace(super().view(), now=int(self.now()))

    def put_forward(self, seconds: float) -> None:
        self._ahead += seconds

    def applied_again(self) -> None:
        """The tool applies what Git says, whatever is there."""
        apply_as(Api(self.cluster.proxy_url), ARGO_CD, self._path, yaml.safe_load(AUTOSCALER))
        self.tell(f"{ARGO_CD} applies minReplicas: {self.floor()}")

    def floor(self) -> int:
        return int(Api(self.cluster.proxy_url).get(self._path)["spec"]["minReplicas"])

    async def visited(self) -> ScalingRow:
        (row,) = await self.settled(scaling=[SCALING])
        self.tell(f"the operator has looked: minReplicas {self.floor()}, {row.state}: {row.message}")
        return row

    def contest(self) -> Contest:
        found = self.view().holds[HOLD].contest
        assert isinstance(found, Contest)
        return found

    def tell(self, what: str) -> None:
        print(f"{timestamp(int(self.now()))} (+{self.now() - self._began:6.0f} s) {what}")


@pytest.fixture
async def shop(cluster: Cluster, namespace: str) -> AsyncIterator[Contested]:
    """What the operator does is done with its own permissions."""
    install(cluster)
    async with await ApiServer.connect(Access(str(operator_kubeconfig(cluster))), lambda *_: None) as api:
        shop = Contested(cluster, api, namespace)
        shop.apply(PERIOD, DEPLOYMENT)
        yield shop


async def test_a_tool_that_reverts_again_and_again_is_named_and_left_in_peace(shop: Contested) -> None:
    shop.applied_again()
    await shop.visited()
    assert shop.floor() == 5
    pauses = []
    for reverts in range(1, len(PAUSES) + 1):
        shop.applied_again()
        row = await shop.visited()
        contest = shop.contest()
        assert (row.state, contest.manager, contest.reverts) == (ScalingState.CONTESTED, ARGO_CD, reverts)
        assert ARGO_CD in row.message
        assert "docs/gitops.md" in row.message
        pauses.append(contest.until - int(shop.now()))
        for _ in range(2):
            shop.applied_again()
            await shop.visited()
        assert (shop.floor(), shop.contest()) == (2, contest)
        shop.put_forward(contest.until - shop.now() + 1)
        await shop.visited()
        assert shop.floor() == 5
    shop.tell(f"{ARGO_CD} has stopped")
    assert all(told - 5 <= found <= told for found, told in zip(pauses, PAUSES, strict=True)), pauses
    row = await shop.visited()
    assert row.state is not ScalingState.CONTESTED
    await shop.settled()
    assert shop.floor() == 2
    assert shop.listed() == ""
