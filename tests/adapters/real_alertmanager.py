"""Real Alertmanager servers on loopback, and receivers that remember what they were told.

What a server answers is read here without the project's own code, so that a test can hold one against the other.
"""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import yaml

from tests.cluster.layout import free_ports
from tests.cluster.programs import ALERTMANAGER, find_programs
from tests.loopback import listening

Labels = Mapping[str, str]
STARTING_SECONDS = 60
STOPPING_SECONDS = 30
# What kube-prometheus-stack installs when nobody says otherwise (values.yaml, `alertmanager.config.inhibit_rules`).
STOCK_INHIBITION: Sequence[Mapping[str, Any]] = (
    {
        "source_matchers": ["severity = critical"],
        "target_matchers": ["severity =~ warning|info"],
        "equal": ["namespace", "alertname"],
    },
    {
        "source_matchers": ["severity = warning"],
        "target_matchers": ["severity = info"],
        "equal": ["namespace", "alertname"],
    },
    {
        "source_matchers": ["alertname = InfoInhibitor"],
        "target_matchers": ["severity = info"],
        "equal": ["namespace"],
    },
    {"target_matchers": ["alertname = InfoInhibitor"]},
)


@dataclass
class Receivers:
    """A server whose paths are receivers: what each was told is firing, in order."""

    port: int = 0
    told: dict[str, list[Labels]] = field(default_factory=dict)

    def config(self, *names: str) -> list[dict[str, Any]]:
        """Receivers for a configuration, one webhook each."""
        url = f"http://127.0.0.1:{self.port}"
        return [{"name": name, "webhook_configs": [{"url": f"{url}/{name}"}]} for name in names]

    def heard(self, receiver: str, **labels: str) -> bool:
        """Whether a receiver was told of an alert with these labels; an empty value means that it has none."""
        return any(_has(alert, labels) for alert in self.told.get(receiver, ()))


@contextmanager
def receivers() -> Iterator[Receivers]:
    """Serve receivers on a free loopback port until the block ends."""
    found = Receivers()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            firing = [alert["labels"] for alert in message["alerts"] if alert["status"] == "firing"]
            found.told.setdefault(self.path.strip("/"), []).extend(firing)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """A notification is not worth a line."""

    with listening(Handler) as found.port:
        yield found


@dataclass
class Alertmanager:
    """An Alertmanager of its own folder and port, which may answer under a path."""

    folder: Path
    port: int
    path: str = ""

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}{self.path}"

    def configure(self, config: Mapping[str, Any]) -> None:
        """Give it another configuration; raises `HTTPError` where it refuses it."""
        (self.folder / "alertmanager.yml").write_text(yaml.safe_dump(dict(config)))
        with urlopen(Request(f"{self.url}/-/reload", method="POST"), timeout=20):
            pass

    def send(self, *alerts: Labels) -> None:
        """Tell it that alerts fire, as Prometheus does."""
        self._post("alerts", [{"labels": dict(each)} for each in alerts])

    def silence(self, **matchers: str) -> str:
        """Silence alerts with these labels for an hour; returns the silence's id."""
        wanted = [{"name": name, "value": value, "isRegex": False} for name, value in matchers.items()]
        body = {
            "matchers": wanted,
            "startsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1)),
            "endsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600)),
            "createdBy": "ana",
            "comment": "known",
        }
        return str(self._post("silences", body)["silenceID"])

    def expire(self, silence: str) -> None:
        """End a silence."""
        with urlopen(Request(f"{self.url}/api/v2/silence/{silence}", method="DELETE"), timeout=20):
            pass

    def alerts(self, **labels: str) -> list[dict[str, Any]]:
        """The active alerts with these labels; an empty value means that an alert has none."""
        query = urlencode([("filter", f"{name}={json.dumps(value)}") for name, value in labels.items()])
        with urlopen(f"{self.url}/api/v2/alerts?{query}", timeout=20) as response:
            return list(json.load(response))

    def inhibited(self, **labels: str) -> list[str]:
        """The fingerprints of what inhibits the one active alert with these labels."""
        (alert,) = self.alerts(**labels)
        return list(alert["status"]["inhibitedBy"])

    def _post(self, path: str, body: object) -> Any:
        headers = {"Content-Type": "application/json"}
        request = Request(f"{self.url}/api/v2/{path}", json.dumps(body).encode(), headers, method="POST")
        with urlopen(request, timeout=20) as response:
            text = response.read()
        return json.loads(text) if text else None


@contextmanager
def alertmanager(folder: Path, config: Mapping[str, Any], path: str = "") -> Iterator[Alertmanager]:
    """Run a server with a configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(dict(config)))
    server = Alertmanager(folder, free_ports(1)[0], path)
    command: list[str | Path] = [
        find_programs(ALERTMANAGER)["alertmanager"],
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{server.port}",
        f"--web.route-prefix={path or '/'}",
        "--cluster.listen-address=",
    ]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(server, process)
        yield server
    finally:
        process.terminate()
        process.wait(STOPPING_SECONDS)


def _wait(server: Alertmanager, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"{server.url}/-/ready", timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise AssertionError((server.folder / "log").read_text()[-2000:])


def _has(alert: Labels, labels: Labels) -> bool:
    return all(alert.get(name, "") == value for name, value in labels.items())
