"""Which workloads of a namespace `init` makes targets of: those whose rollout a window can wait for."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from hypercare.cli.cluster_access import Body, Cluster
from hypercare.cli.failures import NotAllowed, NotThere, UnusableInput
from hypercare.cli.init.looking import workloads
from hypercare.cli.init.survey import Workload
from hypercare.cli.seen_capacity import seen_capacity
from hypercare.domain.objects import (
    AUTOSCALERS,
    DAEMONSETS,
    DEPLOYMENTS,
    HOLDS,
    ROLLOUTS,
    SCALED_OBJECTS,
    STATEFULSETS,
    ObjectRef,
    Resource,
)


class Answers(Cluster):
    """An API server that has these objects, denies some kinds, and serves what it has or denies."""

    def __init__(
        self,
        objects: Mapping[Resource, Sequence[Body]],
        denied: Sequence[Resource] = (),
        served: Sequence[Resource] = (),
    ) -> None:
        self.namespace, self.host = "shop", ""
        self._objects, self._denied, self._served = objects, denied, served

    def list(self, resource: Resource, namespace: str = "", labels: str = "", fields: str = "") -> tuple[Body, ...]:
        assert (namespace, labels, fields) == ("shop", "", "")
        if resource in self._denied:
            raise NotAllowed(f"{resource.plural} is forbidden")
        if resource not in self._objects:
            raise NotThere(f"{resource.plural} is not served")
        return tuple(self._objects[resource])

    def get(self, ref: ObjectRef) -> Body:
        found = [each for each in self._objects.get(ref.resource, ()) if each["metadata"]["name"] == ref.name]
        if not found:
            raise NotThere(f"{ref} not found")
        return found[0]

    def raw(self, path: str) -> Body:
        served = [each for each in self._served if path == f"/apis/{each.group}/{each.version}"]
        if not served:
            raise NotThere(path)
        return {"resources": [{"name": each.plural} for each in served]}


def body(name: str, replicas: int | None = 2, tag: str = "2.4.0", **others: Any) -> dict[str, Any]:
    template = {"spec": {"containers": [{"image": f"registry.example:5000/shop/{name}:{tag}"}]}}
    spec = {"template": template, **others.get("spec", {})}
    if replicas is not None:
        spec["replicas"] = replicas
    return {"metadata": {"name": name, **others.get("metadata", {})}, "spec": spec, "status": others.get("status", {})}


def served(**objects: Sequence[dict[str, Any]]) -> Answers:
    kinds = {each.plural: each for each in (DEPLOYMENTS, STATEFULSETS, DAEMONSETS, ROLLOUTS)}
    core: dict[Resource, Sequence[Body]] = {DEPLOYMENTS: (), STATEFULSETS: (), DAEMONSETS: ()}
    return Answers({**core, **{kinds[plural]: bodies for plural, bodies in objects.items()}})


OF_CANARY = {"ownerReferences": [{"kind": "Canary", "name": "checkout", "controller": True}]}
REFERENCE = {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"}}


@pytest.mark.parametrize(
    ("cluster", "targets", "left_out"),
    [
        pytest.param(
            served(
                deployments=[body("checkout")],
                statefulsets=[body("cart", 1)],
                daemonsets=[body("agent", None, status={"desiredNumberScheduled": 3})],
                rollouts=[body("web", 4)],
            ),
            [
                Workload("Deployment", "checkout", "2.4.0", 2),
                Workload("StatefulSet", "cart", "2.4.0", 1),
                Workload("DaemonSet", "agent", "2.4.0", 3),
                Workload("Rollout", "web", "2.4.0", 4),
            ],
            [],
            id="every kind",
        ),
        pytest.param(
            served(deployments=[body("checkout", None)]),
            [Workload("Deployment", "checkout", "2.4.0", 1)],
            [],
            id="a number that is not written is one",
        ),
        pytest.param(
            served(deployments=[body("checkout", 0), body("checkout-primary", metadata=OF_CANARY)]),
            [Workload("Deployment", "checkout-primary", "2.4.0", 2)],
            [("checkout", "Flagger tries releases in it, and checkout-primary serves")],
            id="what Flagger tries",
        ),
        pytest.param(
            served(deployments=[body("checkout", 0)], rollouts=[body("web", 3, spec={"template": {}, **REFERENCE})]),
            [Workload("Rollout", "web", "2.4.0", 3)],
            [("checkout", "Rollout web has its pods")],
            id="the pod template of a Rollout",
        ),
        pytest.param(
            served(deployments=[body("checkout"), body("idle", 0)]),
            [Workload("Deployment", "checkout", "2.4.0", 2)],
            [("idle", "it has no replicas, and the window would wait for them")],
            id="what has no replicas",
        ),
        pytest.param(
            served(deployments=[body("checkout")], statefulsets=[body("checkout")]),
            [Workload("Deployment", "checkout", "2.4.0", 2)],
            [("checkout", "Deployment checkout has the same name")],
            id="a name that is taken",
        ),
    ],
)
def test_what_a_window_can_wait_for_is_a_target(
    cluster: Answers, targets: Sequence[Workload], left_out: Sequence[tuple[str, str]]
) -> None:
    found = workloads(cluster, ())
    assert list(found.targets) == targets
    assert [(each.workload.name, each.why) for each in found.left_out] == left_out


def test_what_is_named_is_a_target_in_any_case() -> None:
    cluster = served(deployments=[body("checkout", 0)], rollouts=[body("web", 3, spec={"template": {}, **REFERENCE})])
    found = workloads(cluster, ("deploy/checkout", "rollouts.argoproj.io/web", "deployment/checkout"))
    assert [(each.kind, each.name, each.version) for each in found.targets] == [
        ("Deployment", "checkout", "2.4.0"),
        ("Rollout", "web", "2.4.0"),
    ]
    assert found.left_out == ()


@pytest.mark.parametrize(
    ("cluster", "wanted", "told"),
    [
        (served(), (), "namespace shop has no workload to protect (is it the right one? see -n)"),
        (served(deployments=[body("idle", 0)]), (), "no workload of namespace shop has replicas to protect"),
        (
            served(deployments=[body(f"s{number}") for number in range(33)]),
            (),
            "has 33 workloads, and a period protects",
        ),
        (
            served(deployments=[body("a")], statefulsets=[body("a")]),
            ("deploy/a", "sts/a"),
            "a is named with several kinds",
        ),
        (served(), ("checkout",), "'checkout' is no workload such as deployment/checkout"),
        (served(), ("service/checkout",), "'service/checkout' is no workload such as deployment/checkout"),
    ],
)
def test_without_targets_there_is_no_period(cluster: Answers, wanted: Sequence[str], told: str) -> None:
    with pytest.raises(UnusableInput) as failed:
        workloads(cluster, wanted)
    assert told in failed.value.format_message()


def test_a_kind_that_is_not_served_hides_nothing_and_one_that_may_not_be_listed_does() -> None:
    objects = {DEPLOYMENTS: [body("checkout")], HOLDS: []}
    found = seen_capacity(Answers(objects, denied=(SCALED_OBJECTS, ROLLOUTS), served=(SCALED_OBJECTS,)), "shop")
    assert found.unreadable == {"ScaledObject"}
    assert found.hides_replicas(["Deployment"]) == ("ScaledObject",)
    assert found.hides_replicas(["Rollout"]) == ("ScaledObject",)
    assert seen_capacity(Answers(objects, denied=(AUTOSCALERS, HOLDS)), "shop").unreadable == frozenset()
