"""`kubectl-hypercare` as a process against a cluster, and periods in it as a real operator once left them."""

import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.api import Api
from tests.cluster.cluster import Cluster
from tests.unit.kubectl_hypercare import PROGRAM, Ran
from tests.unit.recorded_periods import recorded

HYPERCARE = "/apis/hypercare.dev/v1alpha1"
_MERGE = "application/merge-patch+json"
_DEADLINE_SECONDS = 60.0


@dataclass(frozen=True)
class Plugin:
    """The plugin with the credentials of a kubeconfig."""

    kubeconfig: Path
    namespace: str

    def run(
        self, *arguments: str, stdin: str = "", columns: int = 0, environment: Mapping[str, str] | None = None
    ) -> Ran:
        """Run it to its end, its output into pipes."""
        found = subprocess.run(
            [PROGRAM, *arguments, *self._within(arguments)],
            input=stdin,
            env=self._environment(columns, environment or {}),
            capture_output=True,
            text=True,
            timeout=_DEADLINE_SECONDS,
            check=False,
        )
        return Ran(found.returncode, found.stdout, found.stderr)

    @contextmanager
    def started(self, *arguments: str) -> Iterator["Running"]:
        """Start it, and end it at the latest at the end."""
        process = subprocess.Popen(
            [PROGRAM, *arguments, *self._within(arguments)],
            env=self._environment(0, {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield Running(process)
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def on_terminal(
        self, *arguments: str, columns: int = 80, seconds: float = 0.0, environment: Mapping[str, str] | None = None
    ) -> str:
        """What a terminal is sent: until it ends, or until ^C after some seconds."""
        here, there = pty.openpty()
        process = subprocess.Popen(
            [PROGRAM, *arguments, *self._within(arguments)],
            env=self._environment(columns, {"TERM": "xterm-256color", "LINES": "30", **(environment or {})}),
            stdin=there,
            stdout=there,
            stderr=there,
            close_fds=True,
        )
        os.close(there)
        try:
            return _read_all(here, process, seconds)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            os.close(here)

    def _within(self, arguments: tuple[str, ...]) -> tuple[str, ...]:
        named = {"-n", "-A", "--kubeconfig", "-h", "--help"} & set(arguments)
        return () if named or not self.namespace else ("-n", self.namespace)

    def _environment(self, columns: int, more: Mapping[str, str]) -> dict[str, str]:
        left_out = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"}
        plain = {name: value for name, value in os.environ.items() if name not in left_out}
        width = {"COLUMNS": str(columns)} if columns else {}
        return {**plain, "KUBECONFIG": str(self.kubeconfig), **width, **more}


class Running:
    """One that has been started."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._unread = b""

    def line(self) -> str:
        """The next line of its output."""
        assert self._process.stdout is not None
        # A buffered reader would take in lines of which `select` then knows nothing.
        output = self._process.stdout.fileno()
        while b"\n" not in self._unread:
            ready, _, _ = select.select([output], [], [], _DEADLINE_SECONDS)
            assert ready, "it says nothing"
            piece = os.read(output, 65536)
            assert piece, "it has ended"
            self._unread += piece
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode()

    def interrupt(self) -> int:
        """Press ^C, and return the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(_DEADLINE_SECONDS)

    def end(self) -> Ran:
        """Wait for its end."""
        out, err = self._process.communicate(timeout=_DEADLINE_SECONDS)
        return Ran(self._process.returncode, self._unread.decode() + out, err)


def _read_all(terminal: int, process: subprocess.Popen[bytes], seconds: float) -> str:
    found, deadline = b"", time.monotonic() + _DEADLINE_SECONDS
    interrupt_at = time.monotonic() + seconds if seconds else deadline
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 0.1)
        if ready:
            try:
                piece = os.read(terminal, 65536)
            except OSError:
                break
            found += piece
        elif process.poll() is not None:
            break
        if time.monotonic() > interrupt_at and process.poll() is None:
            process.send_signal(signal.SIGINT)
            interrupt_at = deadline
    return found.decode(errors="replace")


@dataclass(frozen=True)
class Periods:
    """The periods of a namespace, with the profile `web-<namespace>`."""

    cluster: Cluster
    namespace: str

    @property
    def profile(self) -> str:
        """Name of the profile of all that are put here."""
        return f"web-{self.namespace}"

    @property
    def _api(self) -> Api:
        return Api(self.cluster.proxy_url)

    def settle(self) -> None:
        """Write the profile."""
        spec = {"prometheus": {"url": self.cluster.prometheus_url, "timeout": "5s"}}
        body = {"apiVersion": "hypercare.dev/v1alpha1", "kind": "HypercareProfile", "spec": spec}
        manifest = json.dumps({**body, "metadata": {"name": self.profile}})
        self._api.apply(f"{HYPERCARE}/hypercareprofiles/{self.profile}", manifest)

    def leave(self) -> None:
        """Take the profile away."""
        self.cluster.kubectl("delete", "hcprof", self.profile, "--wait=false")

    def put(self, situation: str, name: str = "checkout", **status: Any) -> None:
        """Create a period whose status is as it was recorded, but for what is given."""
        body = recorded(situation)
        spec = body["spec"]
        if spec["profile"] != "absent":
            spec["profile"] = self.profile
        metadata = {"name": name, "namespace": self.namespace}
        manifest = json.dumps({**body, "metadata": metadata, "status": None})
        self._api.apply(self._path(name), manifest)
        told = {**body["status"], "observedGeneration": 1, **status}
        told["conditions"] = [{**each, "observedGeneration": 1} for each in told["conditions"]]
        self.tell(name, told)

    def tell(self, name: str, status: Mapping[str, Any]) -> None:
        """Merge into the status, as an operator would write it."""
        change = json.dumps({"status": status}).encode()
        self._api.request("PATCH", f"{self._path(name)}/status", change, _MERGE)

    def edit(self, name: str, spec: Mapping[str, Any]) -> None:
        """Merge into the spec."""
        self._api.request("PATCH", self._path(name), json.dumps({"spec": spec}).encode(), _MERGE)

    def delete(self, name: str) -> None:
        """Delete it."""
        self._api.request("DELETE", self._path(name))

    def put_report(self) -> None:
        """Write the recorded report of a run."""
        body = recorded("report")
        body["metadata"]["namespace"] = self.namespace
        path = f"/api/v1/namespaces/{self.namespace}/configmaps/{body['metadata']['name']}"
        self._api.apply(path, json.dumps(body))

    def _path(self, name: str) -> str:
        return f"{HYPERCARE}/namespaces/{self.namespace}/hypercareperiods/{name}"
