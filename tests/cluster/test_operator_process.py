"""The operator as a process: ready, stopped, killed, started again, and failing with its log."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cluster import processes
from tests.cluster.cluster import RECORDS, Cluster, running
from tests.cluster.operator_process import OperatorFailed, OperatorProcess

PROJECT = Path(__file__).parents[2]
pytestmark = pytest.mark.cluster


def test_it_becomes_ready_survives_a_kill_and_stops_when_asked(cluster: Cluster, tmp_path: Path) -> None:
    with OperatorProcess(cluster.kubeconfig, tmp_path / "operator.log") as operator:
        first = operator.pid
        assert "process_resident_memory_bytes" in operator.get("/metrics")
        operator.kill()
        assert not operator.running
        operator.start()
        operator.wait_ready()
        assert operator.pid != first
        assert operator.stop() == 0
    assert operator.tail().count("Starting hypercare") == 2


def test_an_operator_that_ends_is_reported_with_its_log(tmp_path: Path) -> None:
    operator = OperatorProcess(tmp_path / "nowhere", tmp_path / "operator.log")
    with pytest.raises(OperatorFailed, match="nowhere"), operator:
        raise AssertionError("it became ready without an API server")
    assert not operator.running


def test_it_ends_with_the_process_that_started_it(cluster: Cluster, tmp_path: Path) -> None:
    starter = (
        "import os, signal, sys; from pathlib import Path; from tests.cluster.operator_process import OperatorProcess;"
        "OperatorProcess(Path(sys.argv[1]), Path(sys.argv[2])).start(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    log = tmp_path / "operator.log"
    command = [sys.executable, "-c", starter, str(cluster.kubeconfig), str(log)]
    assert subprocess.run(command, cwd=PROJECT, check=False).returncode == -signal.SIGKILL
    (orphan,) = processes.read(log.with_suffix(".json"))
    deadline = time.monotonic() + 20
    while orphan.alive:
        assert time.monotonic() < deadline, "it outlived its starter"
        time.sleep(0.05)


def test_one_that_is_kept_outlives_its_starter_and_is_stopped_with_the_cluster(
    cluster: Cluster, tmp_path: Path
) -> None:
    starter = (
        "import sys; from pathlib import Path; from tests.cluster.cluster import load;"
        "from tests.cluster.operator_process import OperatorProcess; cluster = load(Path(sys.argv[1]));"
        "operator = OperatorProcess(cluster.kubeconfig, Path(sys.argv[2])); operator.start(); operator.keep(cluster)"
    )
    command = [sys.executable, "-c", starter, str(cluster.directory), str(tmp_path / "operator.log")]
    subprocess.run(command, cwd=PROJECT, check=True)
    kept = cluster.process("operator")
    try:
        assert kept.alive
    finally:
        processes.terminate([kept])
        others = [process for process in running(cluster) if process != kept]
        processes.save(others, cluster.directory / RECORDS)
