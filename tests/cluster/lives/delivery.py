"""An Alertmanager of a place, configured by prometheus-operator, and the two processes that a cluster has around it.

prometheus-operator makes the configuration of an `Alertmanager` object from a Secret and from AlertmanagerConfigs, and
writes it, compressed, into another Secret; the kubelet and a sidecar bring it to the server, and Prometheus sends it
the alerts. There are neither pods nor a notifier here, so one thread does both.
"""

import base64
import contextlib
import gzip
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import yaml

from tests.adapters.real_alertmanager import STOCK_INHIBITION, Alertmanager, Receivers, alertmanager, receivers
from tests.cluster.api import HttpError
from tests.cluster.lives.place import Place

SELECTED = {"alertmanagerConfig": "main"}
_PERIOD_SECONDS = 0.3
_MONITORING = "/apis/monitoring.coreos.com/v1/namespaces/{}/alertmanagers/{}"


@dataclass(frozen=True)
class Delivery:
    """The server, and who was told."""

    server: Alertmanager
    people: Receivers

    @property
    def profile(self) -> Mapping[str, Any]:
        """What a profile says of it."""
        return {"alertmanager": {"url": self.server.url, "timeout": "3s", "labels": SELECTED}}


@contextlib.contextmanager
def delivering(place: Place, folder: Path) -> Iterator[Delivery]:
    """Deliver the alerts of a place: critical ones page, the others inform."""
    stop = threading.Event()
    with receivers() as people, alertmanager(folder, _config(people)) as server:
        _configure(place, people)
        thread = threading.Thread(target=_serve, args=(place, server, stop), daemon=True)
        thread.start()
        try:
            yield Delivery(server, people)
        finally:
            stop.set()
            thread.join()


def _config(people: Receivers) -> dict[str, Any]:
    return {
        "route": {
            "receiver": "chat",
            "group_by": ["namespace"],
            "group_wait": "1s",
            "group_interval": "1s",
            "routes": [{"receiver": "pager", "matchers": ["severity = critical"]}],
        },
        "receivers": people.config("chat", "pager"),
        "inhibit_rules": list(STOCK_INHIBITION),
    }


def _configure(place: Place, people: Receivers) -> None:
    """As an administrator does: a Secret with what is there anyway, and which AlertmanagerConfigs are selected."""
    namespace = place.namespace
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "alertmanager-main"},
        "stringData": {"alertmanager.yaml": yaml.safe_dump(_config(people))},
    }
    place.api.apply(f"/api/v1/namespaces/{namespace}/secrets/alertmanager-main", json.dumps(secret))
    main = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "Alertmanager",
        "metadata": {"name": "main"},
        "spec": {"replicas": 1, "version": "v0.28.1", "alertmanagerConfigSelector": {"matchLabels": SELECTED}},
    }
    place.api.apply(_MONITORING.format(namespace, "main"), json.dumps(main))


def _serve(place: Place, server: Alertmanager, stop: threading.Event) -> None:
    loaded = ""
    while not stop.wait(_PERIOD_SECONDS):
        with contextlib.suppress(HttpError, URLError, OSError):
            generated = _generated(place)
            if generated and generated != loaded:
                server.configure(yaml.safe_load(generated))
                loaded = generated
            server.send(*_firing(place))


def _generated(place: Place) -> str:
    """The configuration that prometheus-operator has written; empty as long as it has written none."""
    secret = place.api.get(f"/api/v1/namespaces/{place.namespace}/secrets/alertmanager-main-generated")
    packed = secret.get("data", {}).get("alertmanager.yaml.gz", "")
    return gzip.decompress(base64.b64decode(packed)).decode() if packed else ""


def _firing(place: Place) -> list[Mapping[str, str]]:
    with urlopen(f"{place.cluster.prometheus_url}/api/v1/alerts", timeout=5) as answer:
        alerts = json.load(answer)["data"]["alerts"]
    found = [each["labels"] for each in alerts if each["state"] == "firing"]
    return [labels for labels in found if labels.get("namespace") == place.namespace]
