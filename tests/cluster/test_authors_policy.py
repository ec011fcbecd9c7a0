"""Authors may only enforce what they could change themselves: the policy of the chart, asked of a real API server.

Each case is a person with some rights in a namespace who writes a period; the server admits it or says what is missing.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
import yaml

from tests.cluster.cluster import Cluster, ClusterError
from tests.cluster.helm import of_kind, rendered

pytestmark = pytest.mark.cluster
POLICY = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
PERIODS = {"apiGroups": ["hypercare.dev"], "resources": ["hypercareperiods"], "verbs": ["*"]}
RIGHTS: Mapping[str, Mapping[str, Any]] = {
    "rules": {"apiGroups": ["monitoring.coreos.com"], "resources": ["prometheusrules"], "verbs": ["create"]},
    "inhibitions": {"apiGroups": ["monitoring.coreos.com"], "resources": ["alertmanagerconfigs"], "verbs": ["create"]},
    "autoscalers": {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": ["patch"]},
    "deployments": {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["patch"]},
    "statefulsets": {"apiGroups": ["apps"], "resources": ["statefulsets/scale"], "verbs": ["patch"]},
    "keda": {"apiGroups": ["keda.sh"], "resources": ["scaledobjects"], "verbs": ["patch"]},
}
ALERTS = {"alerts": {"tighten": {"shortenFor": "50%"}}}
MUTING = {"alerts": {"inhibitOriginals": True}}
SCALING = {"scaling": [{"target": "*", "floor": "150%"}]}
WEB = {"kind": "Deployment", "name": "web"}
CLUSTER_ADMIN = ("--as=root", "--as-group=system:masters")
DATA = {"kind": "StatefulSet", "name": "data"}
NODES = {"kind": "DaemonSet", "name": "agent"}


def policy(values: Mapping[str, Any]) -> str:
    bodies = rendered({"crds": {"install": False}, "admissionPolicies": {"authors": values}})
    return yaml.safe_dump_all([body for kind in POLICY for body in of_kind(bodies, kind)])


@pytest.fixture
def author(cluster: Cluster, namespace: str) -> Iterator["Author"]:
    found = Author(cluster, namespace)
    found.may()
    yield found
    cluster.kubectl("delete", "clusterrole", namespace, "--ignore-not-found")


class Author:
    """A person of the namespace, who may write periods there, and what else `may` gives."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.name = f"author-of-{namespace}"

    def may(self, *rights: str) -> None:
        head = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "author"}}
        role = {**head, "rules": [PERIODS, *(RIGHTS[right] for right in rights)]}
        self.cluster.kubectl("apply", "-n", self.namespace, "-f", "-", stdin=json.dumps(role))
        if not self.cluster.kubectl("get", "rolebindings", "-n", self.namespace, "-o", "name"):
            command = ("create", "rolebinding", "author", "--role=author", f"--user={self.name}")
            self.cluster.kubectl(*command, "-n", self.namespace)

    def write(self, *targets: Mapping[str, str], flags: Sequence[str] = (), **spec: Any) -> str:
        """Create or change the period as this person; raises `ClusterError` with the server's words."""
        body = {
            "apiVersion": "hypercare.dev/v1alpha1",
            "kind": "HypercarePeriod",
            "metadata": {"name": "web", "namespace": self.namespace},
            "spec": {"release": {"version": "1.0.0"}, "targets": list(targets) or [WEB], **spec},
        }
        return self.cluster.kubectl("apply", "-f", "-", *(flags or (f"--as={self.name}",)), stdin=json.dumps(body))

    def refused(self, *targets: Mapping[str, str], **spec: Any) -> str:
        with pytest.raises(ClusterError) as refused:
            self.write(*targets, **spec)
        assert "ValidatingAdmissionPolicy 'hypercare-operator-authors'" in str(refused.value)
        return str(refused.value).partition("denied request: ")[2]


@pytest.fixture(scope="module")
def judged(cluster: Cluster) -> Cluster:
    """A cluster in which the policy is at work: a new binding is not enforced for a moment."""
    cluster.kubectl("create", "namespace", "judged")
    cluster.apply(policy({}))
    enforced(cluster, ALERTS)
    return cluster


def enforced(cluster: Cluster, protection: Mapping[str, Any]) -> None:
    author = Author(cluster, "judged")
    author.may()

    def denies() -> bool:
        try:
            author.write(protection=protection) if protection else author.write()
        except ClusterError as error:
            return "denied request" in str(error)
        cluster.kubectl("delete", "hypercareperiod", "web", "-n", "judged")
        return False

    cluster.wait_until("the policy is enforced", denies)


@pytest.mark.parametrize(
    ("rights", "targets", "spec"),
    [
        pytest.param([], [WEB], {}, id="a period that names no protection: the profile's are the cluster admin's word"),
        pytest.param([], [WEB], {"mode": "Observe", "protection": {**ALERTS, **SCALING}}, id="one that only observes"),
        pytest.param(["rules"], [WEB], {"protection": ALERTS}, id="alerts, of somebody who may write rules"),
        pytest.param(["rules", "inhibitions"], [WEB], {"protection": MUTING}, id="muting, of somebody who may mute"),
        pytest.param(
            ["autoscalers", "deployments"], [WEB], {"protection": SCALING}, id="capacity, of somebody who may scale"
        ),
        pytest.param(
            ["autoscalers", "deployments"],
            [WEB, DATA],
            {"protection": {"scaling": [{"target": "web", "floor": 3}]}},
            id="a target that is not scaled needs no right",
        ),
        pytest.param(["autoscalers"], [NODES], {"protection": SCALING}, id="a DaemonSet has no scale"),
    ],
)
def test_a_period_is_admitted(
    judged: Cluster, author: Author, rights: list[str], targets: list[Any], spec: Mapping[str, Any]
) -> None:
    author.may(*rights)
    assert "created" in author.write(*targets, **spec)


@pytest.mark.usefixtures("judged")
@pytest.mark.parametrize(
    ("rights", "targets", "protection", "words"),
    [
        pytest.param([], [WEB], ALERTS, ("create prometheusrules", "leave out protection.alerts"), id="alerts"),
        pytest.param(
            ["rules"], [WEB], MUTING, ("create alertmanagerconfigs", "leave out protection.alerts.inhibitOriginals"),
            id="muting, of somebody who may only write rules",
        ),
        pytest.param(
            ["rules"], [WEB], SCALING, ("patch horizontalpodautoscalers", "leave out protection.scaling"), id="capacity"
        ),
        pytest.param(
            ["autoscalers"], [WEB], SCALING, ("patch deployments/scale", "set mode: Observe"), id="Deployments"
        ),
        pytest.param(
            ["autoscalers", "deployments"], [WEB, DATA], SCALING, ("patch statefulsets/scale", "set mode: Observe"),
            id="one of two kinds",
        ),
    ],
)  # fmt: skip
def test_a_period_is_refused_with_what_is_missing(
    author: Author, rights: list[str], targets: list[Any], protection: Mapping[str, Any], words: tuple[str, str]
) -> None:
    author.may(*rights)
    missing, advice = words
    message = author.refused(*targets, protection=protection)
    assert message.startswith(f"{author.name} may not {missing} in {author.namespace}, so ")
    assert advice in message


def test_what_somebody_else_may_enforce_an_author_may_not_change_but_let_go(judged: Cluster, author: Author) -> None:
    author.write(flags=CLUSTER_ADMIN, protection=ALERTS)
    judged.kubectl("label", "hypercareperiod", "web", "seen=yes", "-n", author.namespace, f"--as={author.name}")
    assert "may not create prometheusrules" in author.refused(protection=ALERTS, suspend=True)
    assert "configured" in author.write(protection=ALERTS, mode="Observe")
    assert "may not create prometheusrules" in author.refused(protection=ALERTS)
    author.write(flags=CLUSTER_ADMIN, protection=ALERTS)
    judged.kubectl("delete", "hypercareperiod", "web", "-n", author.namespace, f"--as={author.name}")


def test_the_account_of_a_controller_is_judged_like_anyone(judged: Cluster, author: Author) -> None:
    argo = f"system:serviceaccount:{author.namespace}:argocd-application-controller"
    command = ("create", "rolebinding", "argo", "--role=author", f"--user={argo}", "-n", author.namespace)
    judged.kubectl(*command)
    with pytest.raises(ClusterError, match=f"{argo} may not create prometheusrules"):
        author.write(flags=(f"--as={argo}",), protection=ALERTS)


def test_a_right_in_another_namespace_counts_for_nothing(judged: Cluster, author: Author) -> None:
    role = ("create", "clusterrole", author.namespace, "--verb=create", "--resource=prometheusrules")
    judged.kubectl(*role)
    binding = ("create", "rolebinding", "elsewhere", f"--clusterrole={author.namespace}", f"--user={author.name}")
    judged.kubectl(*binding, "-n", "default")
    assert "may not create prometheusrules" in author.refused(protection=ALERTS)
    judged.kubectl("delete", "rolebinding", "elsewhere", "-n", "default")


def test_defaults_and_scaled_objects_are_judged_where_that_is_asked_for(judged: Cluster, author: Author) -> None:
    judged.apply(policy({"judgeDefaults": True, "scaledObjects": True}))
    try:
        enforced(judged, {})
        assert "may not create prometheusrules" in author.refused()
        author.may("rules", "autoscalers", "deployments")
        assert "may not patch scaledobjects" in author.refused(protection=SCALING)
        author.may("rules", "autoscalers", "deployments", "keda")
        assert "created" in author.write(protection=SCALING)
    finally:
        judged.apply(policy({}))


def test_the_server_finds_no_mistake_in_the_expressions(judged: Cluster) -> None:
    name = "hypercare-operator-authors"

    def checked() -> bool:
        status = judged.get("validatingadmissionpolicy", name).get("status", {})
        return "typeChecking" in status and status["observedGeneration"] >= 1

    judged.wait_until("the policy's types are checked", checked)
    assert judged.get("validatingadmissionpolicy", name)["status"]["typeChecking"] == {}
