"""Whether the admission policy about authors is in force: each way in which it may be missing, weaker, or narrowed."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from hypercare.domain.author_policy import InForce, Installed, NotInForce, judge
from hypercare.shipped import authors_policy

Dict = dict[str, Any]
SHIPPED: Mapping[str, Any] = authors_policy()
NAMES_SHOP = {
    "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["shop", "cart"]}]
}
EVERYTHING: Dict = {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}}
"""What the API server makes of a part that says nothing."""


def policy(change: Callable[[Dict], object] = lambda spec: None, name: str = "care-authors") -> Dict:
    spec = copy.deepcopy(dict(SHIPPED))
    change(spec)
    return {"metadata": {"name": name}, "spec": spec}


def as_served(spec: Dict) -> None:
    """What the API server adds, as seen on Kubernetes 1.36."""
    spec["matchConstraints"] |= EVERYTHING
    for rule in spec["matchConstraints"]["resourceRules"]:
        rule["scope"] = "*"


def binding(policy: str = "care-authors", **spec: Any) -> Dict:
    return {"metadata": {"name": "bound"}, "spec": {"policyName": policy, "validationActions": ["Deny"], **spec}}


def asked(*bodies: Dict, namespace: str = "shop") -> InForce | NotInForce:
    bindings = tuple(body for body in bodies if "policyName" in body["spec"])
    policies = tuple(body for body in bodies if body not in bindings)
    return judge(Installed(True, policies, bindings), SHIPPED, namespace)


@pytest.mark.parametrize(
    "bodies",
    [
        pytest.param((policy(), binding()), id="as it ships, whatever its name"),
        pytest.param((policy(as_served), binding(matchResources=EVERYTHING)), id="with what the API server adds"),
        pytest.param((policy(), binding(validationActions=["Audit", "Deny"])), id="denied and audited"),
        pytest.param((policy(), binding(matchResources={"namespaceSelector": NAMES_SHOP})), id="bound here by name"),
        pytest.param((policy(), binding(validationActions=["Audit"]), binding()), id="one of two bindings denies"),
        pytest.param(
            (policy(lambda spec: spec.update(failurePolicy="Ignore")), policy(name="other"), binding("other")),
            id="one of two releases is as it should be",
        ),
        pytest.param((policy(lambda spec: spec.pop("failurePolicy")), binding()), id="the default failurePolicy"),
        pytest.param((policy(lambda spec: spec["validations"].reverse()), binding()), id="in another order"),
        pytest.param(
            (policy(lambda spec: spec["validations"][0].pop("messageExpression")), binding()), id="with other words"
        ),
    ],
)
def test_the_policy_is_in_force(bodies: tuple[Dict, ...]) -> None:
    assert asked(*bodies) == InForce(asks_all=False)


def test_a_further_validation_asks_more() -> None:
    stricter = policy(lambda spec: spec["validations"].append({"expression": "false"}))
    assert asked(stricter, binding()) == InForce(asks_all=True)


def weakened(change: Callable[[Dict], object]) -> tuple[Dict, Dict]:
    return policy(change), binding()


@pytest.mark.parametrize(
    ("bodies", "words"),
    [
        pytest.param((), "no ValidatingAdmissionPolicy asks", id="nothing is there"),
        pytest.param((binding(),), "no ValidatingAdmissionPolicy asks", id="a binding of nothing"),
        pytest.param((policy(),), "no ValidatingAdmissionPolicyBinding binds", id="a policy that nobody binds"),
        pytest.param((policy(), binding("other")), "no ValidatingAdmissionPolicyBinding", id="one of another policy"),
        pytest.param((policy(), binding(validationActions=["Audit"])), "bound does not deny (validationActions: Audit)",
                     id="a binding that only audits"),
        pytest.param((policy(), binding(validationActions=[])), "(validationActions: none)", id="one without actions"),
        pytest.param((policy(), binding(paramRef={"name": "x"})), "has a paramRef", id="one with parameters"),
        pytest.param(
            (policy(), binding(matchResources={"namespaceSelector": {"matchLabels": {"team": "a"}}})),
            "does not name namespace shop (matchResources.namespaceSelector)", id="one for namespaces with a label",
        ),
        pytest.param(
            (policy(), binding(matchResources={"namespaceSelector": {
                "matchExpressions": [{"key": "team", "operator": "In", "values": ["shop"]}]}})),
            "does not name namespace shop", id="one for namespaces with a label that has this namespace's name",
        ),
        pytest.param(
            (policy(), binding(matchResources={"namespaceSelector": NAMES_SHOP | {"matchLabels": {"team": "a"}}})),
            "does not name namespace shop", id="one that names it and asks for a label, too",
        ),
        pytest.param(
            (policy(), binding(matchResources={"objectSelector": {"matchLabels": {"checked": "yes"}}})),
            "is narrowed (matchResources.objectSelector)", id="one for objects with a label",
        ),
        pytest.param(
            (policy(), binding(matchResources={"excludeResourceRules": [{"operations": ["UPDATE"]}]})),
            "is narrowed (matchResources.excludeResourceRules)", id="one that excludes updates",
        ),
        pytest.param(
            (policy(), binding(matchResources={"resourceRules": [{"operations": ["CREATE"]}]})),
            "is narrowed (matchResources.resourceRules)", id="one for new periods only",
        ),
        pytest.param(
            weakened(lambda spec: spec.update(failurePolicy="Ignore")), "failurePolicy is Ignore", id="errors let pass"
        ),
        pytest.param(weakened(lambda spec: spec.update(paramKind={"kind": "X"})), "has a paramKind", id="parameters"),
        pytest.param(
            weakened(lambda spec: spec["validations"][0].update(expression="true")),
            "1 of 7 validations are missing or edited", id="an expression is edited",
        ),
        pytest.param(weakened(lambda spec: spec["validations"].pop()), "1 of 7 validations", id="a validation is gone"),
        pytest.param(
            weakened(lambda spec: spec["variables"][0].update(expression="false")), "variables differ",
            id="a variable is edited",
        ),
        pytest.param(
            weakened(lambda spec: spec["matchConditions"].append({"name": "x", "expression": "false"})),
            "matchConditions differ", id="a further condition",
        ),
        pytest.param(
            weakened(lambda spec: spec["matchConditions"][0].update(expression="false")),
            "matchConditions differ", id="an edited condition",
        ),
        pytest.param(
            weakened(lambda spec: spec["matchConstraints"]["resourceRules"][0].update(operations=["CREATE"])),
            "matchConstraints differ", id="only new periods are matched",
        ),
        pytest.param(
            weakened(lambda spec: spec["matchConstraints"].update(namespaceSelector={"matchLabels": {"a": "b"}})),
            "matchConstraints differ", id="only some namespaces are matched",
        ),
        pytest.param(
            weakened(lambda spec: spec["matchConstraints"].update(excludeResourceRules=[{"resourceNames": ["web"]}])),
            "matchConstraints differ", id="a period is left out by name",
        ),
        pytest.param(
            weakened(lambda spec: spec["matchConstraints"].update(matchPolicy="Exact")),
            "matchConstraints differ", id="only one version is matched",
        ),
    ],
)  # fmt: skip
def test_the_policy_is_not_in_force(bodies: tuple[Dict, ...], words: str) -> None:
    found = asked(*bodies)
    assert isinstance(found, NotInForce)
    assert words in found.message


def test_a_namespace_that_a_binding_does_not_name_is_not_covered() -> None:
    bound = binding(matchResources={"namespaceSelector": NAMES_SHOP})
    assert isinstance(asked(policy(), bound, namespace="cart"), InForce)
    assert isinstance(asked(policy(), bound, namespace="payment"), NotInForce)


def test_a_cluster_without_admission_policies_has_none_in_force() -> None:
    found = judge(Installed(False, (), ()), SHIPPED, "shop")
    assert isinstance(found, NotInForce)
    assert "from 1.30 on" in found.message


def test_somebody_elses_policy_about_periods_is_not_taken_for_it() -> None:
    other = policy(lambda spec: spec.update(validations=[{"expression": "has(object.metadata.labels)"}]), name="labels")
    assert asked(other, binding("labels")) == asked()


def test_the_one_that_is_nearest_is_told_of() -> None:
    found = asked(policy(lambda spec: spec.update(failurePolicy="Ignore"), name="a"), policy(name="b"))
    assert isinstance(found, NotInForce)
    assert found.message == "no ValidatingAdmissionPolicyBinding binds ValidatingAdmissionPolicy b"
