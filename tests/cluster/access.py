"""Access to a cluster under an account of its own, through the API server's TokenRequest."""

import json
from pathlib import Path

from tests.cluster.cluster import Cluster
from tests.cluster.layout import kubeconfig, write_private

TOKEN_SECONDS = 24 * 3600


def service_account_token(cluster: Cluster, service_account: str, namespace: str) -> str:
    """A token of an existing ServiceAccount, as a pod of it would be given; valid for a day."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token"
    wanted = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": TOKEN_SECONDS},
    }
    answer = json.loads(cluster.api.request("POST", path, json.dumps(wanted).encode()))
    token: str = answer["status"]["token"]
    return token


def operator_kubeconfig(
    cluster: Cluster,
    service_account: str = "hypercare-operator",
    namespace: str = "hypercare-system",
    *,
    url: str = "",
) -> Path:
    """Write a kubeconfig with which a process acts as a ServiceAccount, and nothing more, and return its path.

    `url` names a lane of a `write_proxy` to go through, instead of the API server itself.
    """
    token = service_account_token(cluster, service_account, namespace)
    name = f"kubeconfig-{namespace}-{service_account}-{(url or cluster.api_url).rpartition(':')[2]}"
    path = cluster.directory / name
    authority = cluster.certificate_authority
    write_private(path, kubeconfig(url or cluster.api_url, authority, service_account, token))
    return path
