"""The operator as a process: `python -m hypercare run`, its log in a file, stopped or killed by its pid.

It ends with the process that started it, however that ends.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.cluster import processes
from tests.cluster.api import Api
from tests.cluster.cluster import RECORDS, Cluster, running
from tests.cluster.guard import Owner, own
from tests.cluster.layout import free_ports
from tests.cluster.processes import Program

READY_SECONDS = 30.0
STOP_SECONDS = 15.0


class OperatorFailed(Exception):
    """The operator ended or did not become ready; the message holds the end of its log."""


class OperatorProcess:
    """One operator. Usable as a context manager, which waits for `/readyz` and stops it at the end.

    It can be started again after `stop` or `kill`; the log goes on in the same file.

    Attributes:
        url: Where it serves /healthz, /readyz and /metrics.
        log: Its log file.
    """

    def __init__(self, kubeconfig: Path, log: Path, arguments: Sequence[str] = (), *, wait: bool = True) -> None:
        """Prepare, but start nothing; `wait=False` does not wait for `/readyz` on entering."""
        (port,) = free_ports(1)
        listen = f"127.0.0.1:{port}"
        self.url = f"http://{listen}"
        self.log = log
        self._wait = wait
        self._records = log.with_suffix(".json")
        run = ["run", "--kubeconfig", str(kubeconfig), "--listen", listen, *arguments]
        self._argv = [sys.executable, "-m", "hypercare", *run]
        self._process: subprocess.Popen[bytes] | None = None
        self._owner: Owner | None = None

    def __enter__(self) -> "OperatorProcess":
        try:
            self.start()
            if self._wait:
                self.wait_ready()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._leave()

    @property
    def pid(self) -> int:
        """Its pid; raises `OperatorFailed` before the first start."""
        return self._started().pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and return at once."""
        if self.running:
            raise OperatorFailed(f"already running as pid {self.pid}")
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        recognised = processes.recognised(Program("operator", self._argv), self.pid, self.log)
        processes.save([recognised], self._records)
        self._owner = self._owner or own(self._records)

    def wait_ready(self, timeout: float = READY_SECONDS) -> None:
        """Wait until `/readyz` answers 200; raises `OperatorFailed` when it ends or takes too long."""
        deadline = time.monotonic() + timeout
        while not Api(self.url).answers("/readyz"):
            if not self.running:
                raise OperatorFailed(f"ended with {self._started().returncode}, see {self.log}:\n{self.tail()}")
            if time.monotonic() > deadline:
                self.stop()
                raise OperatorFailed(f"not ready within {timeout:g} s, see {self.log}:\n{self.tail()}")
            time.sleep(0.05)

    def get(self, path: str) -> str:
        """The text of `/metrics`, `/healthz` or `/readyz`; raises `HttpError`."""
        return Api(self.url).request("GET", path)

    def stop(self) -> int:
        """Ask it to end and wait; one that does not is killed. Returns its exit code, 0 if it never started."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def kill(self) -> None:
        """End it with SIGKILL, as a crash or an eviction would, and wait until it is gone."""
        self._started().kill()
        self._started().wait()

    def keep(self, cluster: Cluster) -> None:
        """Let it outlive this process, as one of the cluster's own: `status` lists it and `down` stops it."""
        (started,) = processes.read(self._records)
        processes.save([*running(cluster), started], cluster.directory / RECORDS)
        if self._owner is not None:
            self._owner.keep()
            self._owner = None

    def tail(self, lines: int = 40) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _leave(self) -> None:
        self.stop()
        if self._owner is not None:
            self._owner.release()
            self._owner = None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise OperatorFailed("never started")
        return self._process
