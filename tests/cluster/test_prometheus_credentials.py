"""A period whose Prometheus asks for a token: told what is missing, healed by itself, and the token seen by nobody."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.prometheus_server import Parameters, Response, Served, grid, matrix, serving
from tests.cluster.access import operator_kubeconfig
from tests.cluster.cluster import Cluster
from tests.cluster.operator_process import OperatorProcess

pytestmark = pytest.mark.cluster
INSTALL = Path(__file__).parents[2] / "manifests" / "install"
OWN = "hypercare-system"
TOKENS = ("m4rk3r-first", "m4rk3r-second")
SPEC: Mapping[str, Any] = {
    "mode": "Observe",
    "release": {"version": "2.4.0"},
    "targets": [{"kind": "Deployment", "name": "web"}],
    "window": {"start": {"when": "Immediately"}, "duration": "1h", "extension": {"limit": 0}},
    "stages": [{"name": "only", "strength": 100}],
    "exitCriteria": [{"name": "up", "query": "up", "above": 0, "sustainedFor": "20m"}],
}


def healthy(parameters: Parameters) -> Response:
    if "time" in parameters:
        body = {"status": "success", "data": {"resultType": "vector", "result": []}}
        return Response(body=json.dumps(body).encode())
    return matrix([{"metric": {}, "values": grid(parameters)}])


@dataclass
class Shop:
    """A namespace with a period, its profile, and the endpoint that lets in who has the `accepted` token."""

    cluster: Cluster
    namespace: str
    accepted: str = TOKENS[0]
    admitted: list[str] = field(default_factory=list)
    served: Served = field(default_factory=lambda: Served(""))

    def admission(self, headers: Mapping[str, str]) -> Response | None:
        if headers.get("Authorization") == f"Bearer {self.accepted}":
            self.admitted.append(self.accepted)
            return None
        return Response(401, f"bad token {headers.get('Authorization')}".encode(), {"Content-Type": "text/plain"})

    def apply(self, kind: str, name: str, namespace: str, **content: Any) -> None:
        version = "v1" if kind == "Secret" else "hypercare.dev/v1alpha1"
        body = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **content}
        within = ("-n", namespace) if namespace else ()
        self.cluster.kubectl("apply", *within, "-f", "-", stdin=json.dumps(body))

    def secret(self, **keys: str) -> None:
        data = {name: b64encode(value.encode()).decode() for name, value in keys.items()}
        self.apply("Secret", self.namespace, OWN, data=data)

    def told(self, kind: str, reason: str) -> str:
        """Wait for a condition with this reason; its status and message."""

        def says() -> bool:
            return self.condition(kind).get("reason") == reason

        self.cluster.wait_until(f"{kind} says {reason}", says, timeout=30)
        found = self.condition(kind)
        return f"{found['status']}: {found['message']}"

    def condition(self, kind: str) -> dict[str, Any]:
        conditions = self.cluster.get("hypercareperiod", "web", self.namespace).get("status", {}).get("conditions", [])
        return next((each for each in conditions if each["type"] == kind), {})


@pytest.fixture
def shop(cluster: Cluster, namespace: str) -> Iterator[Shop]:
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(INSTALL))
    found = Shop(cluster, namespace)
    with serving(healthy, found.admission) as found.served:
        prometheus = {"url": found.served.url, "timeout": "3s", "secretRef": {"name": namespace}}
        evaluation = {"step": "1s", "interval": "1s", "delay": "1s", "freshness": "4s", "maxDelay": "5s"}
        found.apply("HypercareProfile", namespace, "", spec={"prometheus": prometheus, "evaluation": evaluation})
        found.apply("HypercarePeriod", "web", namespace, spec={**SPEC, "profile": namespace})
        yield found
        cluster.kubectl("delete", "hypercareprofile", namespace)
        cluster.kubectl("delete", "secret", namespace, "-n", OWN, "--ignore-not-found")


def operator(shop: Shop, log: Path, own_namespace: str) -> OperatorProcess:
    settings = ("--namespace", shop.namespace, "--own-namespace", own_namespace, "--log-level", "debug")
    return OperatorProcess(operator_kubeconfig(shop.cluster), log, settings)


def test_a_token_is_asked_for_rotated_and_never_shown(shop: Shop, tmp_path: Path) -> None:
    where = f"HypercareProfile/{shop.namespace}: spec.prometheus.secretRef: "
    secret = f"Secret {OWN}/{shop.namespace}"
    with operator(shop, tmp_path / "operator.log", OWN) as process:
        missing = f"{where}{secret} does not exist: create it, or name another one"
        assert shop.told("Stalled", "SecretNotFound") == f"True: {missing}"
        assert shop.told("EvidenceFresh", "SecretNotFound") == f"False: {missing}"
        assert shop.served.asked == []

        shop.secret(username="op")
        invalid = f"{where}{secret} has the key username without password"
        assert shop.told("Stalled", "SecretInvalid") == f"True: {invalid}"

        shop.secret(token=TOKENS[1])
        assert shop.told("Stalled", "NothingBlocks")
        refused = shop.told("EvidenceFresh", "PrometheusUnauthorized")
        assert refused.startswith(f"False: {where}up")
        assert "refused: 401 Unauthorized: bad token Bearer ***" in refused
        assert f"; check the Secret {shop.namespace}" in refused

        shop.secret(token=TOKENS[0])
        assert shop.told("EvidenceFresh", "Fresh")

        shop.secret(token=TOKENS[1])
        shop.accepted = TOKENS[1]
        shop.cluster.wait_until("it goes on with the new token", lambda: shop.admitted.count(TOKENS[1]) > 10)
        assert shop.told("EvidenceFresh", "Fresh")
        shown = [process.get("/metrics"), process.log.read_text()]
    kinds = "hypercareperiods,hypercareprofiles,hypercareholds,events,configmaps"
    shown += [shop.cluster.kubectl("get", kinds, "-n", shop.namespace, "-o", "yaml")]
    for token in TOKENS:
        assert token not in "".join(shown)
        assert b64encode(token.encode()).decode() not in "".join(shown)


def test_a_secret_that_may_not_be_read(shop: Shop, tmp_path: Path) -> None:
    with operator(shop, tmp_path / "operator.log", shop.namespace):
        message = shop.told("Stalled", "SecretForbidden")
    assert f"Secret {shop.namespace}/{shop.namespace} may not be read by the operator's account" in message
