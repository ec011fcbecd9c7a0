"""Peace with GitOps tools that are set as manifests/gitops says, for every kind of capacity, by real server-side apply.

A sync in the window takes nothing back, and copies our value into what the tool applies: it must not make that value
stay. Once all is restored, what Git says is applied again.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from hypercare.adapters.access import Access
from hypercare.adapters.kubernetes import ApiServer, object_path
from hypercare.domain.capacity.kinds import KINDS, HeldKind
from hypercare.domain.capacity.ownership import OWN_MANAGER, RESTORING_MANAGER
from hypercare.domain.capacity.scaling_rows import ScalingState
from hypercare.domain.objects import (
    AUTOSCALERS,
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    ROLLOUTS,
    SCALED_OBJECTS,
    STATEFULSETS,
    ObjectRef,
    Resource,
)
from tests.cluster.access import operator_kubeconfig
from tests.cluster.api import Api
from tests.cluster.cluster import Cluster
from tests.cluster.crds import install_crds
from tests.cluster.gitops_tools import apply_as, argo_cd_syncs, flux_syncs, ignored, owners, trusted
from tests.cluster.lives.operating import install
from tests.cluster.plugin import Plugin
from tests.cluster.programs import KEDA, find_programs
from tests.cluster.test_capacity_kinds import (
    AUTOSCALER,
    BUDGET,
    DEPLOYMENT,
    PERIOD,
    ROLLOUT,
    ROLLOUTS_CRD,
    SCALED_OBJECT,
    SCALING,
    STATEFUL_SET,
    Shop,
)

pytestmark = pytest.mark.cluster
Sync = Callable[[Api, str, dict[str, Any]], None]
BUDGETED = {"disruption": [{"target": "web", "minAvailable": "75%"}]}
SCALED = {"scaling": [SCALING]}
PROFILE = """
apiVersion: hypercare.dev/v1alpha1
kind: HypercareProfile
metadata: {name: %s}
spec: {prometheus: {url: "http://127.0.0.1:9090"}}
"""
WORKLOADS = {"Deployment", "StatefulSet", "Rollout"}
"""Their managed fields cannot be patched through their scale."""


@dataclass(frozen=True)
class Case:
    """One field of one kind: what Git says first, what a window makes of it, and what Git says later."""

    resource: Resource
    manifest: str
    field: str
    values: tuple[int, int, int]
    rules: dict[str, list[dict[str, Any]]]


CASES = (
    Case(AUTOSCALERS, AUTOSCALER, "minReplicas", (2, 5, 3), SCALED),
    Case(SCALED_OBJECTS, SCALED_OBJECT, "minReplicaCount", (2, 5, 3), SCALED),
    Case(DISRUPTION_BUDGETS, BUDGET % "minAvailable: 1", "minAvailable", (1, 3, 2), BUDGETED),
    Case(DEPLOYMENTS, DEPLOYMENT, "replicas", (4, 5, 6), SCALED),
    Case(STATEFULSETS, STATEFUL_SET, "replicas", (4, 5, 6), SCALED),
    Case(ROLLOUTS, ROLLOUT, "replicas", (4, 5, 6), SCALED),
)


class Git:
    """One manifest in Git, and the object that is made of it."""

    def __init__(self, shop: Shop, resource: Resource, manifest: str, field: str) -> None:
        self._api, self._field = Api(shop.cluster.proxy_url), field
        self._path = object_path(ObjectRef(resource, shop.namespace, "web"))
        self.manifest: dict[str, Any] = yaml.safe_load(manifest)

    def says(self, value: int) -> None:
        self.manifest["spec"][self._field] = value

    def synced(self, sync: Sync) -> int:
        """What the field holds after a sync."""
        sync(self._api, self._path, self.manifest)
        return self.value

    def applied_by(self, manager: str) -> None:
        apply_as(self._api, manager, self._path, self.manifest)

    @property
    def value(self) -> int:
        return int(self._api.get(self._path)["spec"][self._field])

    @property
    def owners(self) -> list[str]:
        return owners(self._api.get(self._path), "spec", self._field)


@pytest.fixture(scope="module")
def crds(cluster: Cluster) -> None:
    """Every kind, and the operator's account."""
    install_crds(cluster.api, [find_programs(KEDA).share / "crds" / "scaledobjects.yaml", ROLLOUTS_CRD])
    install(cluster)


@pytest.fixture
async def shop(cluster: Cluster, crds: None, namespace: str) -> AsyncIterator[Shop]:
    """What the operator does is done with its own permissions."""
    async with await ApiServer.connect(Access(str(operator_kubeconfig(cluster))), lambda *_: None) as api:
        shop = Shop(cluster, api, namespace)
        shop.apply(PERIOD)
        yield shop


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.resource.kind)
@pytest.mark.parametrize("sync", [argo_cd_syncs, flux_syncs])
async def test_a_sync_in_the_window_changes_nothing_and_keeps_nothing(shop: Shop, sync: Sync, case: Case) -> None:
    original, ours, later = case.values
    kind = case.resource.kind if case.resource.kind in WORKLOADS else "Deployment"
    git = Git(shop, case.resource, case.manifest, case.field)
    git.says(original)
    if case.resource.kind not in WORKLOADS:
        shop.apply(DEPLOYMENT)
    assert git.synced(sync) == original
    await shop.settled(kind, **case.rules)
    assert git.value == ours
    git.manifest["metadata"]["labels"] = {"release": "2.4.1"}
    assert git.synced(sync) == ours
    (row,) = await shop.settled(kind, **case.rules)
    assert row.state is not ScalingState.CONTESTED
    assert (git.value, len(git.owners)) == (ours, 2)
    (row,) = await shop.settled(kind)
    assert (git.value, row.state) == (original, ScalingState.RESTORED)
    assert git.owners == ([RESTORING_MANAGER] if row.object.kind in WORKLOADS else [])
    if sync is argo_cd_syncs:
        git.says(later)
        assert git.synced(sync) == later


async def test_a_value_that_git_really_says_is_applied_again(shop: Shop) -> None:
    shop.apply(DEPLOYMENT)
    git = Git(shop, AUTOSCALERS, AUTOSCALER, "minReplicas")
    git.synced(argo_cd_syncs)
    await shop.settled(scaling=[SCALING])
    git.says(5)
    assert git.synced(argo_cd_syncs) == 5
    await shop.settled()
    assert git.value == 2
    assert git.synced(argo_cd_syncs) == 5


async def test_a_value_that_a_person_applies_is_theirs(shop: Shop) -> None:
    shop.apply(DEPLOYMENT, AUTOSCALER)
    git = Git(shop, AUTOSCALERS, AUTOSCALER, "minReplicas")
    await shop.settled(scaling=[SCALING])
    git.says(5)
    git.applied_by("kubectl")
    (row,) = await shop.settled()
    assert (git.value, git.owners, row.state) == (5, ["kubectl"], ScalingState.DRIFTED)


async def test_the_owner_of_a_field_may_apply_it_without_force_afterwards(shop: Shop) -> None:
    shop.apply(DEPLOYMENT, AUTOSCALER)
    await shop.settled(scaling=[SCALING])
    await shop.settled()
    changed = AUTOSCALER.replace("minReplicas: 2", "minReplicas: 3")
    shop.cluster.kubectl("apply", "--server-side", "-n", shop.namespace, "-f", "-", stdin=changed)
    assert (await shop.of(AUTOSCALERS))["spec"]["minReplicas"] == 3


async def test_lint_foretells_it(shop: Shop, tmp_path: Path) -> None:
    shop.apply(DEPLOYMENT)
    git = Git(shop, AUTOSCALERS, AUTOSCALER, "minReplicas")
    period, profile = tmp_path / "period.yaml", tmp_path / "profile.yaml"
    body = yaml.safe_load(PERIOD)
    spec = {**body["spec"], "profile": shop.namespace, "protection": {"scaling": [SCALING]}}
    period.write_text(yaml.safe_dump({**body, "spec": spec}))
    profile.write_text(PROFILE % shop.namespace)
    plugin = Plugin(shop.cluster.kubeconfig, shop.namespace)
    told = {}
    for manager in ("kubectl", "argocd-controller"):
        git.applied_by(manager)
        ran = await asyncio.to_thread(plugin.run, "lint", str(period), str(profile), "--server", "-o", "json")
        told[manager] = [each["message"] for each in json.loads(ran.out) if each["rule"] == "RevertExpected"]
    assert told["kubectl"] == []
    (message,) = told["argocd-controller"]
    assert message.startswith("Argo CD applies minReplicas of HorizontalPodAutoscaler web")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.resource.kind)
def test_the_settings_name_every_kind_and_every_field(kind: HeldKind) -> None:
    """What is left out would be taken back at every sync."""
    resource = kind.resource
    assert set(trusted(resource.group, resource.kind)) == {OWN_MANAGER}
    left_alone = {"/" + "/".join(keys) for keys in ignored(resource.group, resource.kind)}
    assert all(path.replace("~1", "/").startswith(tuple(left_alone)) for path in kind.paths)
