"""What one account has asked the API server for, from the audit log of a cluster that was started with `audited`."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from tests.cluster.cluster import Cluster


@dataclass(frozen=True, order=True)
class Asked:
    """One kind of request. `resource` is written as in docs/permissions.md: `plural.group/subresource`."""

    resource: str
    verb: str


@dataclass(frozen=True)
class Request:
    """One request; `namespace` and `name` are empty where it names none, and `permitted` is the word of RBAC."""

    asked: Asked
    namespace: str
    name: str
    permitted: bool


def told_so_far(cluster: Cluster) -> int:
    """How long the log is by now, to read on from there."""
    return (cluster.logs / "audit").stat().st_size


def requests(cluster: Cluster, namespace: str, service_account: str, since: int = 0) -> Iterator[Request]:
    """All requests of an account about resources, in the order of their answers; a watch is told when it begins.

    `since` is what `told_so_far` said: only what has been told after it.
    """
    user = f"system:serviceaccount:{namespace}:{service_account}"
    with (cluster.logs / "audit").open("rb") as log:
        log.seek(since)
        # The last line may still be under way.
        lines = log.read().decode().rpartition("\n")[0].splitlines()
    for line in lines:
        event = json.loads(line)
        about = event.get("objectRef")
        if event["user"]["username"] == user and about is not None:
            subresource = f"/{about['subresource']}" if about.get("subresource") else ""
            group = f".{about['apiGroup']}" if about.get("apiGroup") else ""
            asked = Asked(f"{about['resource']}{group}{subresource}", event["verb"])
            permitted = event["annotations"]["authorization.k8s.io/decision"] == "allow"
            yield Request(asked, about.get("namespace", ""), about.get("name", ""), permitted)
