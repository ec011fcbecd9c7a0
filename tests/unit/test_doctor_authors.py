"""What the doctor says of the policy about authors, for the namespaces that the operator serves."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from hypercare.cli.cluster_access import Cluster
from hypercare.cli.doctor.authors import author_check
from hypercare.cli.doctor.diagnosis import Diagnosis, State
from hypercare.cli.failures import ClusterFailed, NotAllowed, NotThere
from hypercare.cli.periods.reading import read_period
from hypercare.domain.authorship import FLAG
from hypercare.domain.objects import POLICIES, Resource
from hypercare.shipped import authors_policy
from tests.unit.recorded_periods import recorded

Body = Mapping[str, Any]
IN_SHOP = {"namespaceSelector": {"matchExpressions": [
    {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["shop"]}]}}  # fmt: skip
KEDA = {"expression": "authorizer.group('keda.sh').resource('scaledobjects').check('patch').allowed()"}


class Policies:
    """A cluster that lists admission policies, or fails to."""

    def __init__(self, *validations: Body, failure: ClusterFailed | None = None, **bound: Any) -> None:
        spec = copy.deepcopy(dict(authors_policy()))
        spec["validations"] += validations
        self._policy = {"metadata": {"name": "authors"}, "spec": spec}
        binding = {"policyName": "authors", "validationActions": ["Deny"], **bound}
        self._binding = {"metadata": {"name": "authors"}, "spec": binding}
        self._failure = failure

    def list(self, resource: Resource) -> Sequence[Body]:
        if self._failure is not None:
            raise self._failure
        return (self._policy if resource == POLICIES else self._binding,)


def told(policies: Policies, *arguments: str, enforcing: Sequence[str] = (), keda: bool = False) -> Diagnosis:
    periods = []
    for namespace in enforcing:
        body = recorded("held-up")
        body["metadata"]["namespace"] = namespace
        periods.append(read_period(body))
    (found,) = author_check(cast(Cluster, policies), periods, arguments, keda=keda)
    return found


def test_a_policy_in_force_is_well() -> None:
    assert told(Policies()).state is State.OK


@pytest.mark.parametrize(
    ("policies", "arguments", "enforcing", "state"),
    [
        pytest.param(Policies(matchResources=IN_SHOP), ["--namespace=shop"], [], State.OK, id="where it serves"),
        pytest.param(Policies(matchResources=IN_SHOP), ["--namespace=cart"], [], State.PROBLEM, id="but elsewhere"),
        pytest.param(Policies(matchResources=IN_SHOP), [], [], State.PROBLEM, id="but it serves all namespaces"),
        pytest.param(Policies(matchResources=IN_SHOP), [], ["cart"], State.PROBLEM, id="but not of a period"),
        pytest.param(Policies(validationActions=["Audit"]), [], [], State.PROBLEM, id="only audited"),
        pytest.param(Policies(validationActions=["Audit"]), [FLAG], [], State.WARNING, id="the operator does without"),
        pytest.param(Policies(failure=NotThere("no such kind")), [], [], State.PROBLEM, id="no such kind"),
        pytest.param(Policies(failure=NotAllowed("may not list")), [], [], State.UNCHECKED, id="may not be listed"),
    ],
)
def test_the_policy_is_judged_as_the_operator_does(
    policies: Policies, arguments: list[str], enforcing: list[str], state: State
) -> None:
    assert told(policies, *arguments, enforcing=enforcing).state is state


def test_a_problem_says_what_is_weak_and_each_way_out() -> None:
    found = told(Policies(validationActions=["Audit"]))
    assert found.message.endswith("does not deny (validationActions: Audit), so nothing new is enforced")
    assert "authors-policy.yaml of manifests/install" in found.fix
    assert FLAG in found.fix


def test_with_keda_the_policy_should_ask_about_scaled_objects() -> None:
    found = told(Policies(), keda=True)
    assert (found.state, "not about ScaledObjects" in found.message) == (State.WARNING, True)
    assert told(Policies(KEDA), keda=True).state is State.OK
