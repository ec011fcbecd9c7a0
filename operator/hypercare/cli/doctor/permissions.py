"""Who may do what: the operator's account against the roles that it is installed with, and the person who asks.

The roles are read from the install manifests of this version, so what is asked for is what is needed.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from hypercare.cli.cluster_access import Cluster
from hypercare.cli.doctor.diagnosis import Diagnosis, ok, problem, unchecked, warning
from hypercare.cli.failures import ClusterFailed

_REVIEWS = "/apis/authorization.k8s.io/v1"
_CHECKOUT = Path(__file__).parents[4] / "manifests" / "install" / "rbac.yaml"
_ROLES = frozenset({"ClusterRole", "Role"})
# Only `hypercare-operator drain` needs it, before an uninstall.
_NOT_RUNNING = "hypercare-operator-drain"
_VIEW, _EDIT = "view", "edit"


@dataclass(frozen=True)
class Permission:
    """One verb on one resource, `*` for all namespaces, or in the operator's own namespace."""

    group: str
    resource: str
    verb: str
    own_namespace: bool = False

    def attributes(self, namespace: str) -> dict[str, str]:
        """What an access review asks."""
        resource, _, part = self.resource.partition("/")
        asked = {"group": self.group, "resource": resource, "verb": self.verb}
        return asked | ({"subresource": part} if part else {}) | ({"namespace": namespace} if namespace else {})

    @property
    def full_name(self) -> str:
        """The resource with its group, as RBAC names it in messages."""
        return f"{self.resource}.{self.group}" if self.group else self.resource


@dataclass(frozen=True)
class Account:
    """The ServiceAccount of the operator."""

    namespace: str
    name: str

    @property
    def user(self) -> str:
        """What the API server calls it."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"


_OWN: tuple[tuple[str, Permission], ...] = (
    *((_VIEW, Permission("hypercare.dev", "hypercareperiods", verb)) for verb in ("get", "list", "watch")),
    (_VIEW, Permission("hypercare.dev", "hypercareprofiles", "get")),
    (_VIEW, Permission("hypercare.dev", "hypercareholds", "list")),
    (_VIEW, Permission("", "configmaps", "get")),
    *((_EDIT, Permission("hypercare.dev", "hypercareperiods", verb)) for verb in ("create", "patch", "delete")),
)


@cache
def needed() -> tuple[Permission, ...]:
    """What the operator needs while it runs."""
    packed = resources.files(__package__).joinpath("rbac.yaml")
    text = (packed if packed.is_file() else _CHECKOUT).read_text(encoding="utf-8")
    return tuple(dict.fromkeys(_permissions(yaml.safe_load_all(text))))


def operator_permissions(cluster: Cluster, account: Account, namespace: str) -> Iterator[Diagnosis]:
    """Ask for each permission whether the operator's account has it; in one namespace, or in all if it is empty."""
    area, missing = "operator permissions", []
    try:
        for permission in needed():
            within = account.namespace if permission.own_namespace else namespace
            spec = {
                "user": account.user,
                "groups": _groups(account),
                "resourceAttributes": permission.attributes(within),
            }
            if not _allowed(cluster, "subjectaccessreviews", "SubjectAccessReview", spec):
                missing.append(permission)
    except ClusterFailed as error:
        fix = "ask somebody who may create subjectaccessreviews (cluster admins may) to run the doctor"
        yield unchecked(area, error.format_message(), fix)
        return
    where = f"in namespace {namespace}" if namespace else "in all namespaces"
    if missing:
        told = f"{account.user} may not, {where}: {_listed(missing)}"
        fix = "apply the roles and bindings of the chart or of manifests/install (rbac.yaml)"
        yield problem(area, told, f"{fix}; is the account another one (--operator-account)?")
    else:
        yield ok(area, f"{account.user} has all {len(needed())} it needs {where}")


def own_permissions(cluster: Cluster, namespace: str) -> Iterator[Diagnosis]:
    """Ask what the person who calls may do with periods."""
    where = f"in namespace {namespace}" if namespace else "in all namespaces"
    for role in (_VIEW, _EDIT):
        area, asked = f"your permissions ({role})", [each for needs, each in _OWN if needs == role]
        try:
            missing = [each for each in asked if not _i_may(cluster, each, namespace)]
        except ClusterFailed as error:
            yield unchecked(area, error.format_message())
            continue
        if missing:
            told = f"you may not, {where}: {_listed(missing)}"
            yield warning(area, told, f"bind yourself the role {role}; manifests/install/users.yaml adds to it")
        else:
            yield ok(area, f"you may {', '.join(dict.fromkeys(each.verb for each in asked))} {where}")


def _i_may(cluster: Cluster, permission: Permission, namespace: str) -> bool:
    spec = {"resourceAttributes": permission.attributes(namespace)}
    return _allowed(cluster, "selfsubjectaccessreviews", "SelfSubjectAccessReview", spec)


def _allowed(cluster: Cluster, plural: str, kind: str, spec: Mapping[str, Any]) -> bool:
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
    answer = cluster.post(f"{_REVIEWS}/{plural}", body)
    return bool((answer.get("status") or {}).get("allowed"))


def _permissions(documents: Iterable[Any]) -> Iterator[Permission]:
    for body in documents:
        if not isinstance(body, dict) or body.get("kind") not in _ROLES or body["metadata"]["name"] == _NOT_RUNNING:
            continue
        own = body["kind"] == "Role"
        for rule in body.get("rules") or ():
            for group in rule.get("apiGroups", ()):
                for resource in rule.get("resources", ()):
                    yield from (Permission(group, resource, verb, own) for verb in rule["verbs"])


def _groups(account: Account) -> list[str]:
    return ["system:serviceaccounts", f"system:serviceaccounts:{account.namespace}", "system:authenticated"]


def _listed(missing: Iterable[Permission]) -> str:
    verbs: defaultdict[str, list[str]] = defaultdict(list)
    for each in missing:
        verbs[each.full_name].append(each.verb)
    return "; ".join(f"{', '.join(found)} {name}" for name, found in verbs.items())
