"""What the account of a release is granted, changed verb by verb while its operator runs.

RBAC only adds, so nothing can be taken away beside a role of the chart. In a namespace, a role of its own takes the
place of the release's bindings; elsewhere the rules of the release's own role are written anew, and later put back.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tests.cluster.audit import Asked
from tests.cluster.release import Release

Rules = Sequence[Mapping[str, Any]]
RBAC = "/apis/rbac.authorization.k8s.io/v1"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_OWN_ROLE = "confined"
_PARTS = ("read", "write")


class Grants:
    """The rules of one role, with and without some verbs. `path` is the role's; `rules` are what it says in full."""

    def __init__(self, release: Release, path: str, rules: Rules, namespace: str = "") -> None:
        self._release = release
        self._path = path
        self._rules = rules
        self._namespace = namespace

    def without(self, *missing: Asked) -> None:
        """Write the role without these, and return when the API server refuses them."""
        self._write(without(self._rules, missing))
        self._await(missing, allowed=False)

    def give_back(self, *missing: Asked) -> None:
        """Write the role in full, and return when the API server permits what was missing."""
        self._write(self._rules)
        self._await(missing, allowed=True)

    def _write(self, rules: Rules) -> None:
        api = self._release.cluster.api
        body = api.get(self._path)
        api.request("PUT", self._path, json.dumps({**body, "rules": rules}).encode())

    def _await(self, asked: Collection[Asked], *, allowed: bool) -> None:
        what = f"{asked} {'permitted' if allowed else 'refused'} in {self._namespace or 'the cluster'}"
        self._release.cluster.wait_until(what, lambda: all(self._permitted(each) is allowed for each in asked))

    def _permitted(self, asked: Asked) -> bool:
        """Whether RBAC lets the release's account do this, in the namespace of the role."""
        resource, _, subresource = asked.resource.partition("/")
        plural, _, group = resource.partition(".")
        about = {"verb": asked.verb, "group": group, "resource": plural, "subresource": subresource}
        about |= {"namespace": self._namespace, "name": self._name(plural, asked.verb)}
        account = f"system:serviceaccount:{self._release.namespace}:{self._release.name}"
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": account, "resourceAttributes": about},
        }
        answer = json.loads(self._release.cluster.api.request("POST", REVIEWS, json.dumps(review).encode()))
        return bool(answer["status"]["allowed"])

    def _name(self, plural: str, verb: str) -> str:
        """The object for which alone the role permits it, if it says one."""
        named = (rule for rule in self._rules if plural in rule["resources"] and verb in rule["verbs"])
        return str(next((name for rule in named for name in rule.get("resourceNames", ())), ""))


def granted(release: Release, namespace: str, rules: Rules) -> Grants:
    """Give the release a role of its own in a namespace."""
    subjects = [{"kind": "ServiceAccount", "name": release.name, "namespace": release.namespace}]
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": _OWN_ROLE}
    _create(release, namespace, "roles", {"kind": "Role", "rules": rules})
    _create(release, namespace, "rolebindings", {"kind": "RoleBinding", "roleRef": reference, "subjects": subjects})
    return Grants(release, f"{RBAC}/namespaces/{namespace}/roles/{_OWN_ROLE}", rules, namespace)


def confine(release: Release, namespace: str) -> Grants:
    """Let a role of this namespace alone say what the release may do in it; at first as much as ever."""
    grants = granted(release, namespace, _served(release))
    for part in _PARTS:
        name = f"{RBAC}/namespaces/{namespace}/rolebindings/{release.name}-{part}"
        release.cluster.api.request("DELETE", name)
    return grants


def of_namespace(release: Release, namespace: str) -> Grants:
    """What it may do in a namespace in which it was confined."""
    return Grants(release, f"{RBAC}/namespaces/{namespace}/roles/{_OWN_ROLE}", _served(release), namespace)


def of_cluster(release: Release) -> Grants:
    """The role about what belongs to no namespace."""
    path = f"{RBAC}/clusterroles/{release.name}-cluster"
    return Grants(release, path, release.cluster.api.get(path)["rules"])


def of_own(release: Release, part: str) -> Grants:
    """The role `part` of the release in its own namespace."""
    path = f"{RBAC}/namespaces/{release.namespace}/roles/{release.name}-{part}"
    return Grants(release, path, release.cluster.api.get(path)["rules"], release.namespace)


def without(rules: Rules, missing: Collection[Asked]) -> Rules:
    """The same rules, one for each resource, with these verbs left out."""
    return [
        {**rule, "apiGroups": [group], "resources": [resource], "verbs": kept}
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        if (kept := [verb for verb in rule["verbs"] if Asked(_named(group, resource), verb) not in missing])
    ]


def _named(group: str, resource: str) -> str:
    """A resource as docs/permissions.md writes it."""
    plural, slash, subresource = resource.partition("/")
    return f"{plural}{'.' if group else ''}{group}{slash}{subresource}"


def _served(release: Release) -> Rules:
    get = release.cluster.api.get
    return [rule for part in _PARTS for rule in get(f"{RBAC}/clusterroles/{release.name}-{part}")["rules"]]


def _create(release: Release, namespace: str, plural: str, body: Mapping[str, Any]) -> None:
    whole = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": _OWN_ROLE}, **body}
    path = f"{RBAC}/namespaces/{namespace}/{plural}"
    release.cluster.api.request("POST", path, json.dumps(whole).encode())
