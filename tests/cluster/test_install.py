"""The install manifests on a real API server: they apply in one command, and they grant what is needed and no more.

Who may do what is asked of the server itself (SubjectAccessReview), not read from the manifests.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from hypercare import __version__
from tests.cluster.audit import Asked
from tests.cluster.cluster import Cluster, ClusterError
from tests.cluster.permissions import CLUSTER, OWN, SERVED, told

INSTALL = Path(__file__).parents[2] / "manifests" / "install"
BODIES = [body for path in sorted(INSTALL.glob("*.yaml")) for body in yaml.safe_load_all(path.read_text()) if body]
OPERATOR = "system:serviceaccount:hypercare-system:hypercare-operator"


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [body for body in BODIES if body["kind"] == kind]


def allowed(cluster: Cluster, user: str, verb: str, resource: str, namespace: str = "default") -> bool:
    """Whether a user may; `resource` is written as `plural.group/subresource`, as kubectl does."""
    plural, _, subresource = resource.partition("/")
    plural, _, group = plural.partition(".")
    attributes = {"verb": verb, "group": group, "resource": plural, "subresource": subresource, "namespace": namespace}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "resourceAttributes": attributes},
    }
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    answer: Mapping[str, Any] = json.loads(cluster.api.request("POST", path, json.dumps(review).encode()))
    return bool(answer["status"]["allowed"])


@pytest.fixture(scope="module")
def installed(cluster: Cluster) -> Cluster:
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(INSTALL))
    return cluster


@pytest.mark.parametrize("role", [*of_kind("ClusterRole"), *of_kind("Role")], ids=lambda role: role["metadata"]["name"])
def test_no_role_has_a_wildcard(role: Mapping[str, Any]) -> None:
    for rule in role["rules"]:
        assert not any("*" in part for part in (*rule["apiGroups"], *rule["resources"], *rule["verbs"]))


def granted(kind: str, *names: str) -> set[Asked]:
    """What the roles of these names grant; a subresource stands behind the group, as in kubectl."""
    rules = [rule for role in of_kind(kind) if role["metadata"]["name"] in names for rule in role["rules"]]
    return {
        Asked("/".join((f"{plural}.{group}".rstrip("."), *subresource)), verb)
        for rule in rules
        for group in rule["apiGroups"]
        for plural, *subresource in (resource.split("/") for resource in rule["resources"])
        for verb in rule["verbs"]
    }


def test_the_page_about_permissions_explains_each_verb_and_no_other() -> None:
    assert told(CLUSTER) == granted("ClusterRole", "hypercare-operator-cluster")
    assert told(SERVED) == granted("ClusterRole", "hypercare-operator-read", "hypercare-operator-write")
    assert told(OWN) == granted("Role", "hypercare-operator-secrets", "hypercare-operator-drain")


def test_the_image_has_the_version_of_the_code() -> None:
    (deployment,) = of_kind("Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"].rpartition(":")[2] == __version__


@pytest.mark.cluster
def test_everything_is_applied_in_one_command(installed: Cluster) -> None:
    names = installed.kubectl("get", "-k", str(INSTALL), "-o", "name").split()
    assert len(names) == len(BODIES) + 3
    assert "customresourcedefinition.apiextensions.k8s.io/hypercareperiods.hypercare.dev" in names
    assert "deployment.apps/hypercare-operator" in names


DRAIN = yaml.safe_load((INSTALL.parent / "uninstall" / "drain.yaml").read_text())


@pytest.mark.cluster
@pytest.mark.parametrize("workload", [*of_kind("Deployment"), DRAIN], ids=lambda workload: workload["kind"])
def test_the_pod_meets_the_restricted_pod_security_standard(installed: Cluster, workload: Mapping[str, Any]) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "operator", "namespace": "hypercare-system"},
        "spec": workload["spec"]["template"]["spec"],
    }
    assert "created (server dry run)" in installed.kubectl(
        "create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod)
    )
    del pod["spec"]["securityContext"]["seccompProfile"]
    with pytest.raises(ClusterError, match="violates PodSecurity"):
        installed.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))


NEEDED: dict[str, set[str]] = {}
for each in told(CLUSTER, SERVED):
    NEEDED.setdefault(each.resource, set()).add(each.verb)
FORBIDDEN = {
    "secrets": "get list watch create",
    "pods": "get list create delete",
    "pods/exec": "create",
    "nodes": "get list",
    "deployments.apps": "create update patch delete",
    "deployments.apps/scale": "update",
    "leases.coordination.k8s.io": "get create update",
    "roles.rbac.authorization.k8s.io": "get create bind escalate",
    "serviceaccounts/token": "create",
}
VERBS = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]


@pytest.mark.cluster
@pytest.mark.parametrize("resource", sorted(NEEDED))
def test_the_operator_may_do_exactly_what_it_needs(installed: Cluster, resource: str) -> None:
    granted = {verb for verb in VERBS if allowed(installed, OPERATOR, verb, resource)}
    assert granted == NEEDED[resource]


@pytest.mark.cluster
@pytest.mark.parametrize("resource", FORBIDDEN)
def test_the_operator_may_not_touch(installed: Cluster, resource: str) -> None:
    assert [verb for verb in FORBIDDEN[resource].split() if allowed(installed, OPERATOR, verb, resource)] == []


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("namespace", "verbs"),
    [
        pytest.param("hypercare-system", ["get"], id="of its own namespace, each by its name"),
        pytest.param("kube-system", [], id="of the cluster"),
        pytest.param("default", [], id="of a tenant"),
    ],
)
def test_secrets_may_be_read(installed: Cluster, namespace: str, verbs: list[str]) -> None:
    assert [verb for verb in VERBS if allowed(installed, OPERATOR, verb, "secrets", namespace)] == verbs


@pytest.mark.parametrize("workload", [*of_kind("Deployment"), DRAIN], ids=lambda workload: workload["kind"])
def test_the_pod_knows_its_namespace(workload: Mapping[str, Any]) -> None:
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    (variable,) = (each for each in container["env"] if each["name"] == "HYPERCARE_OWN_NAMESPACE")
    assert variable["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.namespace"


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("role", "resource", "verbs"),
    [
        pytest.param("view", "hypercareperiods", "get list watch", id="viewers see periods"),
        pytest.param("view", "hypercareholds", "get list watch", id="viewers see what is changed right now"),
        pytest.param(
            "edit",
            "hypercareperiods",
            "get list watch create update patch delete deletecollection",
            id="editors begin and end periods",
        ),
        pytest.param("edit", "hypercareholds", "get list watch", id="editors do not write holds"),
        pytest.param("edit", "hypercareperiods/status", "", id="editors do not write verdicts"),
        pytest.param("admin", "hypercareholds", "get list watch", id="admins of a namespace do not write holds"),
        pytest.param(
            "admin",
            "hypercareperiods",
            "get list watch create update patch delete deletecollection",
            id="admins of a namespace begin and end periods",
        ),
    ],
)
def test_people_get_their_rights_with_the_roles_they_have(
    installed: Cluster, namespace: str, role: str, resource: str, verbs: str
) -> None:
    user = f"{role}-of-{namespace}"
    installed.kubectl("create", "rolebinding", "people", f"--clusterrole={role}", f"--user={user}", "-n", namespace)
    name = "hypercareperiods.hypercare.dev"
    installed.wait_until("the role is aggregated", lambda: allowed(installed, user, "get", name, namespace))
    plural, slash, subresource = resource.partition("/")
    full = f"{plural}.hypercare.dev{slash}{subresource}"
    assert [verb for verb in VERBS if allowed(installed, user, verb, full, namespace)] == verbs.split()
