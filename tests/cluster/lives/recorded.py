"""Hours of a shop as a Prometheus would have recorded them, and some minutes that are still to come.

What kube-state-metrics exposes of a Deployment and a CronJob, requests with an error budget, and a latency with days of
past. All of it is written as blocks before the server starts, so every value at every time is known to the test. The
server asks for a password.
"""

import math
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import yaml

from tests.adapters.real_prometheus import History, always, backfill
from tests.cluster.layout import free_ports
from tests.cluster.programs import find_programs

HOUR, DAY = 3600, 86400
# Of the password `test`, from https://prometheus.io/docs/guides/basic-auth/: Python has no bcrypt of its own.
USERNAME, PASSWORD = "admin", "test"
_HASH = "$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay"
_PODS = ("checkout-6d4cf56db6-x2x7k", "checkout-6d4cf56db6-bq5vz")
_OFTEN, _SELDOM = 5, 15
_STARTING_SECONDS = 60.0
_RATE = 50.0
Value = Callable[[int], float | None]


@dataclass(frozen=True)
class Shop:
    """A namespace whose day is recorded. Times in Unix seconds.

    Attributes:
        namespace: The label of all series.
        now: When it is recorded.
        breaks: From then on a container has restarted once, and the newest run of the CronJob has failed.
    """

    namespace: str
    now: int
    breaks: float = math.inf

    def write(self, folder: Path) -> None:
        """Write the blocks: five hours of everything, four days of latency, half an hour of what is to come."""
        until = self.now + 1800
        backfill(folder, self._latest(), range(self.now - 6 * HOUR, until))
        backfill(folder, self._latency(), range(self.now - 4 * DAY, until))

    def _latest(self) -> Iterator[History]:
        yield from self._requests()
        yield from self._deployment()
        yield from self._cronjob()

    def _requests(self) -> Iterator[History]:
        """Half of what an objective of 99.9 % allows to fail."""
        begin = self.now - 6 * HOUR
        for code, share in (("200", 0.9995), ("500", 0.0005)):
            labels = self._labels(service="checkout", code=code)
            yield History("http_requests_total", labels, _counted(begin, _RATE * share), _OFTEN)

    def _deployment(self) -> Iterator[History]:
        name = {"deployment": "checkout"}
        for metric in ("kube_deployment_spec_replicas", "kube_deployment_status_replicas_available"):
            yield History(metric, self._labels(**name), always(2), _OFTEN)
        condition = self._labels(**name, condition="Available", status="true")
        yield History("kube_deployment_status_condition", condition, always(1), _OFTEN)
        for pod, breaks in zip(_PODS, (self.breaks, math.inf), strict=True):
            labels = self._labels(pod=pod, uid=f"uid-{pod}", container="checkout")
            restarts = _stepped(breaks)
            yield History("kube_pod_container_status_restarts_total", labels, restarts, _OFTEN)

    def _cronjob(self) -> Iterator[History]:
        """Three runs an hour apart, and a last one that fails; Jobs are named after the minute of their schedule."""
        job = self._labels(cronjob="ingest")
        created = [self.now // HOUR * HOUR - hours * HOUR for hours in (3, 2, 1)]
        failed = [int(self.breaks) // 60 * 60] if math.isfinite(self.breaks) else []
        yield History("kube_cronjob_info", job, always(1), _OFTEN)
        yield History("kube_cronjob_status_last_schedule_time", job, _latest_of(created + failed), _OFTEN)
        for at in created + failed:
            labels = self._labels(job_name=f"ingest-{at // 60}")
            how = "kube_job_failed" if at in failed else "kube_job_complete"
            owner = {**labels, "owner_kind": "CronJob", "owner_name": "ingest"}
            yield History("kube_job_owner", owner, _from(at, 1), _OFTEN)
            yield History("kube_job_created", labels, _from(at, at), _OFTEN)
            yield History(how, {**labels, "condition": "true"}, _from(at + 60, 1), _OFTEN)

    def _latency(self) -> Iterator[History]:
        """The same wave every day."""
        labels = self._labels(service="checkout")
        yield History("checkout_latency_seconds", labels, _daily, _SELDOM)

    def _labels(self, **others: str) -> Mapping[str, str]:
        return {"namespace": self.namespace, **others}


def _daily(at: int) -> float:
    return 0.2 + 0.05 * math.sin(2 * math.pi * at / DAY)


def _counted(begin: int, rate: float) -> Value:
    return lambda at: rate * (at - begin)


def _stepped(moment: float) -> Value:
    return lambda at: 1 if at >= moment else 0


def _from(moment: int, value: float) -> Value:
    return lambda at: value if at >= moment else None


def _latest_of(moments: list[int]) -> Value:
    return lambda at: max((moment for moment in moments if moment <= at), default=None)


@contextmanager
def guarded_prometheus(folder: Path) -> Iterator[str]:
    """A server over what is in the folder that answers only who knows the password; gives its URL."""
    (folder / "prometheus.yml").write_text("{}")
    (folder / "web.yml").write_text(yaml.safe_dump({"basic_auth_users": {USERNAME: _HASH}}))
    (port,) = free_ports(1)
    flags = {
        "config.file": folder / "prometheus.yml",
        "storage.tsdb.path": folder / "data",
        "storage.tsdb.retention.time": "100y",
        "web.config.file": folder / "web.yml",
        "web.listen-address": f"127.0.0.1:{port}",
    }
    command: list[str | Path] = [find_programs()["prometheus"], *(f"--{name}={text}" for name, text in flags.items())]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _until_guarded(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(_STARTING_SECONDS)


def _until_guarded(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _STARTING_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"{url}/-/ready", timeout=2):
                raise AssertionError("it answers without a password")
        except HTTPError as error:
            if error.code == 401:
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise AssertionError("it does not start")
