"""Building blocks for tests about Alertmanager: what one answers, and one that is asked by the loop."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypercare.domain.alerts.alertmanager_view import View, read_view
from hypercare.domain.endpoint import Endpoint

PAGER: Mapping[str, Any] = {
    "route": {
        "receiver": "chat",
        "group_by": ["namespace"],
        "routes": [{"receiver": "pager", "matchers": ['severity="critical"']}],
    }
}


def silence(name: str = "s1", state: str = "active", **labels: str) -> dict[str, Any]:
    """A silence as the API lists it."""
    matchers = [{"name": key, "value": value, "isRegex": False, "isEqual": True} for key, value in labels.items()]
    return {"id": name, "status": {"state": state}, "matchers": matchers}


def firing(fingerprint: str, labels: Mapping[str, str], *inhibited_by: str) -> dict[str, Any]:
    """An alert as the API lists it."""
    return {"fingerprint": fingerprint, "labels": dict(labels), "status": {"inhibitedBy": list(inhibited_by)}}


@dataclass
class FakeAlertmanager:
    """Answers with what a test sets, or with `failure`; `asked` are the endpoints, in order."""

    config: Mapping[str, Any] = field(default_factory=lambda: PAGER)
    silences: list[Mapping[str, Any]] = field(default_factory=list)
    alerts: list[Mapping[str, Any]] = field(default_factory=list)
    failure: View | None = None
    asked: list[Endpoint] = field(default_factory=list)

    async def view(self, endpoint: Endpoint, namespace: str) -> View:
        self.asked.append(endpoint)
        return self.failure or read_view(self.config, self.silences, self.alerts)
