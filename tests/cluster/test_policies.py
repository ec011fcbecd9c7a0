"""Nobody but the operator's account writes holds: the policy of the chart, asked of a real API server.

Deleting is left to cluster admins, as the way out of a hold that cannot be used, and to whoever empties a namespace.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.cluster import Cluster, ClusterError
from tests.cluster.guarding import BINDING, enforced, unguarded
from tests.cluster.helm import NAME, NAMESPACE, of_kind, rendered, the_one

INSTALL = Path(__file__).parents[2] / "manifests" / "install"
OPERATOR = f"system:serviceaccount:{NAMESPACE}:{NAME}"
SMALLEST = Path(__file__).parent / "crds" / "smallest.yaml"
HOLD: dict[str, Any] = next(
    body for body in yaml.safe_load_all(SMALLEST.read_text()) if body["kind"] == "HypercareHold"
)
WRITES_HOLDS = {"apiGroups": ["hypercare.dev"], "resources": ["hypercareholds"], "verbs": ["*"]}
CLUSTER_ADMIN = ("--as=root", "--as-group=system:masters")


@pytest.fixture
def guarded(cluster: Cluster, namespace: str) -> Iterator["Guarded"]:
    """A namespace under the policy, with the operator's permissions."""
    for name in ("namespace", "serviceaccount", "rbac", "holds-policy"):
        cluster.apply((INSTALL / f"{name}.yaml").read_text())
    enforced(cluster, namespace)
    yield Guarded(cluster, namespace)
    unguarded(cluster)


class Guarded:
    """Somebody who writes holds, as whom a test says."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.tenant = f"tenant-of-{namespace}"
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "holds"}}
        self._kubectl("apply", "-f", "-", stdin=json.dumps({**role, "rules": [WRITES_HOLDS]}))
        self._kubectl("create", "rolebinding", "holds", "--role=holds", f"--user={self.tenant}")

    def hold(self, *flags: str, verb: str = "create", **changes: Any) -> str:
        body = {**HOLD, "spec": {**HOLD["spec"], **changes}}
        return self._kubectl(verb, "-f", "-", *flags, stdin=json.dumps(body))

    def delete(self, *flags: str) -> str:
        return self._kubectl("delete", "hypercarehold", HOLD["metadata"]["name"], *flags)

    def patch(self, patch: object, *flags: str) -> str:
        command = ("patch", "hypercarehold", HOLD["metadata"]["name"], "--type=merge", "-p", json.dumps(patch))
        return self._kubectl(*command, *flags)

    def _kubectl(self, *arguments: str, stdin: str = "") -> str:
        return self.cluster.kubectl("-n", self.namespace, *arguments, stdin=stdin)


AS_OPERATOR = f"--as={OPERATOR}"
TAMPERED = {"spec": {"summary": "minReplicas 9"}}


@pytest.mark.cluster
def test_the_operator_writes_holds(guarded: Guarded) -> None:
    guarded.hold(AS_OPERATOR)
    guarded.hold(AS_OPERATOR, verb="replace", summary="minReplicas 2 -> 4")
    guarded.delete(AS_OPERATOR)


@pytest.mark.cluster
@pytest.mark.parametrize("who", ["a tenant who has the right by RBAC", "a cluster admin"])
def test_nobody_else_creates_or_changes_one(guarded: Guarded, who: str) -> None:
    flags = CLUSTER_ADMIN if who == "a cluster admin" else (f"--as={guarded.tenant}",)
    with pytest.raises(ClusterError, match="may not write HypercareHolds"):
        guarded.hold(*flags)
    guarded.hold(AS_OPERATOR)
    with pytest.raises(ClusterError, match="may not write HypercareHolds"):
        guarded.patch(TAMPERED, *flags)


@pytest.mark.cluster
@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"finalizers": ["example.com/keep"]}, id="a finalizer, which would make deletion hang"),
        pytest.param(
            {"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "1"}]},
            id="an owner, with whom it would be collected",
        ),
    ],
)
def test_nobody_else_ties_one_to_something(guarded: Guarded, metadata: dict[str, Any]) -> None:
    guarded.hold(AS_OPERATOR)
    with pytest.raises(ClusterError, match="may not write HypercareHolds"):
        guarded.patch({"metadata": metadata}, *CLUSTER_ADMIN)


@pytest.mark.cluster
def test_a_migration_that_changes_nothing_is_let_through(guarded: Guarded) -> None:
    guarded.hold(AS_OPERATOR)
    guarded.patch({"metadata": {"annotations": {"migrated": "yes"}}}, *CLUSTER_ADMIN)


@pytest.mark.cluster
def test_who_may_delete_in_one_namespace_only_may_not(guarded: Guarded) -> None:
    guarded.hold(AS_OPERATOR)
    with pytest.raises(ClusterError, match="may not delete HypercareHolds"):
        guarded.delete(f"--as={guarded.tenant}")
    guarded.delete(*CLUSTER_ADMIN)


@pytest.mark.cluster
def test_a_namespace_with_holds_is_deleted(guarded: Guarded) -> None:
    """The namespace controller deletes holds like everything else; it must not be kept from it."""
    guarded.hold(AS_OPERATOR)
    guarded.cluster.kubectl("delete", "namespace", guarded.namespace, "--timeout=60s")
    guarded.cluster.kubectl("create", "namespace", guarded.namespace)


def test_the_account_is_the_one_that_the_chart_gives_the_operator() -> None:
    values = {"crds": {"install": False}, "serviceAccount": {"name": "somebody"}, "watchNamespaces": ["shop"]}
    bodies = rendered(values, namespace="elsewhere")
    policy = of_kind(bodies, "ValidatingAdmissionPolicy")[-1]
    (condition,) = policy["spec"]["matchConditions"]
    assert condition["expression"].endswith("'system:serviceaccount:elsewhere:somebody'")
    binding = of_kind(bodies, "ValidatingAdmissionPolicyBinding")[-1]
    assert binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"][0]["values"] == ["shop"]
    assert the_one(bodies, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == "somebody"


def test_it_can_be_left_out() -> None:
    bodies = rendered({"crds": {"install": False}, "admissionPolicies": {"holds": {"create": False}}})
    assert BINDING not in {body["metadata"]["name"] for body in bodies}
