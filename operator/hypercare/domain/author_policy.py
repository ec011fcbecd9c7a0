"""Whether the API server asks what authors of periods may do: the judgement of the live admission policy.

The policy is known by its content and not by its name, so a renamed release is as good as any other. Only what weakens
it counts: conditions, constraints and variables must be those that ship with this version, each shipped validation must
be there, others may be added. That the API server takes a policy up about a second after it was written is not seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Body = Mapping[str, Any]
NAME_LABEL = "kubernetes.io/metadata.name"
_DENY = "Deny"
_GROUP = "hypercare.dev"


@dataclass(frozen=True)
class Installed:
    """What there is of admission policies. `served` is whether the cluster knows the two kinds at all."""

    served: bool
    policies: Sequence[Body]
    bindings: Sequence[Body]


@dataclass(frozen=True)
class InForce:
    """Whoever writes a period that enforces is asked. `asks_all`: also where the period itself names no protection."""

    asks_all: bool


@dataclass(frozen=True)
class NotInForce:
    """Nobody is asked, or not everybody; the message says why, as the end of a sentence."""

    message: str


@dataclass(frozen=True)
class Waived:
    """The operator was told to enforce without the policy."""


Check = InForce | NotInForce | Waived


def judge(installed: Installed, shipped: Body, namespace: str) -> InForce | NotInForce:
    """Judge for one namespace: a binding may leave others out. `shipped` is the spec of the policy of this version."""
    if not installed.served:
        return NotInForce("this cluster does not serve ValidatingAdmissionPolicies (Kubernetes does from 1.30 on)")
    candidates = sorted(
        (body for body in installed.policies if resembles(body, shipped)),
        key=lambda body: (bool(_deviation(body["spec"], shipped)), body["metadata"]["name"]),
    )
    judged = [_judge(body, installed.bindings, shipped, namespace) for body in candidates]
    best = next((each for each in judged if isinstance(each, InForce)), None)
    return best or next(
        iter(judged), NotInForce("no ValidatingAdmissionPolicy asks what the authors of periods may do")
    )


def resembles(policy: Body, shipped: Body) -> bool:
    """Whether this is the policy, or was: it has one of its validations, as no other policy about periods has."""
    spec = policy.get("spec", {})
    return _concerns_periods(spec) and not _expressions(spec).isdisjoint(_expressions(shipped))


def _judge(policy: Body, bindings: Sequence[Body], shipped: Body, namespace: str) -> InForce | NotInForce:
    name, spec = policy["metadata"]["name"], policy["spec"]
    if deviation := _deviation(spec, shipped):
        return NotInForce(f"ValidatingAdmissionPolicy {name} is not the one of this version: {deviation}")
    found = [body for body in bindings if body.get("spec", {}).get("policyName") == name]
    if not found:
        return NotInForce(f"no ValidatingAdmissionPolicyBinding binds ValidatingAdmissionPolicy {name}")
    wrong = [(body["metadata"]["name"], _weakness(body["spec"], namespace)) for body in found]
    if any(not weakness for _, weakness in wrong):
        return InForce(asks_all=_expressions(spec) > _expressions(shipped))
    binding, weakness = wrong[0]
    return NotInForce(f"ValidatingAdmissionPolicyBinding {binding} {weakness}")


def _deviation(spec: Body, shipped: Body) -> str:
    """What makes a policy weaker than the shipped one; empty when nothing does. A field left out has its default."""
    if spec.get("failurePolicy", "Fail") != "Fail":
        return f"failurePolicy is {spec['failurePolicy']}"
    if spec.get("paramKind"):
        return "it has a paramKind"
    for part in ("matchConditions", "variables"):
        if _named(spec, part) != _named(shipped, part):
            return f"{part} differ"
    if _constraints(spec.get("matchConstraints")) != _constraints(shipped.get("matchConstraints")):
        return "matchConstraints differ"
    missing = len(_expressions(shipped) - _expressions(spec))
    return f"{missing} of {len(_expressions(shipped))} validations are missing or edited" if missing else ""


def _weakness(spec: Body, namespace: str) -> str:
    """Why a binding does not deny in a namespace; empty when it does."""
    actions = spec.get("validationActions") or ()
    if _DENY not in actions:
        return f"does not deny (validationActions: {', '.join(actions) or 'none'})"
    if spec.get("paramRef"):
        return "has a paramRef"
    limits = _constraints(spec.get("matchResources"))
    selector = limits.pop("namespaceSelector", None)
    if limits:
        return f"is narrowed (matchResources.{next(iter(limits))})"
    if selector and namespace not in _names(selector):
        return f"does not name namespace {namespace} (matchResources.namespaceSelector)"
    return ""


def _names(selector: Body) -> Sequence[str]:
    """The namespaces that a selector names, as the chart writes it. Any other selector may change with a label."""
    match selector:
        case {"matchExpressions": [{"key": key, "operator": "In", "values": values}]} if len(selector) == 1:
            return list(values) if key == NAME_LABEL else []
        case _:
            return []


def _constraints(matched: Body | None) -> dict[str, Any]:
    """Which requests are matched, without what the API server adds where it is left out, and without an order."""
    kept: dict[str, Any] = {}
    for key, value in (matched or {}).items():
        if key in {"resourceRules", "excludeResourceRules"}:
            kept[key] = frozenset(_rule(each) for each in value or ())
        elif key.endswith("Selector"):
            kept[key] = {name: part for name, part in (value or {}).items() if part}
        else:
            kept[key] = value
    return {key: value for key, value in kept.items() if value and (key, value) != ("matchPolicy", "Equivalent")}


def _rule(rule: Body) -> tuple[tuple[str, frozenset[str]], ...]:
    parts = {"scope": [rule.get("scope") or "*"]} | {key: value for key, value in rule.items() if key != "scope"}
    return tuple(sorted((key, frozenset(value)) for key, value in parts.items() if value))


def _concerns_periods(spec: Body) -> bool:
    rules = (spec.get("matchConstraints") or {}).get("resourceRules") or ()
    return any(_GROUP in (rule.get("apiGroups") or ()) for rule in rules)


def _named(spec: Body, part: str) -> list[tuple[str, str]]:
    return [(str(each.get("name")), str(each.get("expression"))) for each in spec.get(part) or ()]


def _expressions(spec: Body) -> frozenset[str]:
    return frozenset(str(each.get("expression")) for each in spec.get("validations") or ())
