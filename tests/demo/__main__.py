"""Runs the demo: sets the stage, tells the story, takes everything down again unless told to keep it."""

import argparse
import contextlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from rich.console import Console

from hypercare.cli.report.sections import digest
from hypercare.cli.report.text import report_view
from tests.cluster.access import operator_kubeconfig
from tests.cluster.cluster import Cluster, ClusterError, start_owned, stop
from tests.cluster.layout import Options
from tests.cluster.operator_process import OperatorFailed, OperatorProcess
from tests.cluster.programs import BuildFailed
from tests.demo.scene import NAMESPACE, PERIOD, Scene, look
from tests.demo.story import CHAPTERS, Chapter
from tests.demo.view import Stage

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".cluster" / "demo"
LOOK_SECONDS = 0.5


class DemoFailed(Exception):
    """A chapter's condition did not come."""


@dataclass(frozen=True)
class Performance:
    """The running demo. `began` on the monotonic clock, when the period was applied."""

    cluster: Cluster
    stage: Stage
    began: float

    def play(self, chapter: Chapter) -> Scene:
        """Do what the chapter does and watch until its condition holds."""
        self.stage.chapter(chapter.words, self._elapsed())
        chapter.act(self.cluster)
        deadline = time.monotonic() + chapter.patience
        while True:
            scene = look(self.cluster, self._elapsed())
            self.stage.show(scene)
            if chapter.until(scene):
                return scene
            if time.monotonic() > deadline:
                raise DemoFailed(f"not seen within {chapter.patience:g} s: {chapter.words}")
            time.sleep(LOOK_SECONDS)

    def _elapsed(self) -> float:
        return time.monotonic() - self.began


def main() -> int:
    """Run the demo; 0 when every chapter came true."""
    arguments = _arguments()
    console = Console(highlight=False)
    try:
        with _set_stage(console, keep=arguments.keep) as cluster:
            _perform(console, cluster)
    except (DemoFailed, ClusterError, OperatorFailed, BuildFailed) as error:
        console.print(f"[bold red]The demo failed:[/] {error}", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("Interrupted")
        return 130
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make demo",
        description="Run the operator on a real control plane and show one whole hypercare period.",
        epilog=f"With --keep everything is left running in {KEPT.relative_to(ROOT)}; the end says how to stop it.",
    )
    parser.add_argument("--keep", action="store_true", help="leave control plane and operator running at the end")
    return parser.parse_args()


@contextlib.contextmanager
def _set_stage(console: Console, *, keep: bool) -> Iterator[Cluster]:
    directory = KEPT if keep else Path(tempfile.mkdtemp(prefix="hypercare-demo-"))
    directory.mkdir(parents=True, exist_ok=True)
    console.print(
        "Starting etcd, the Kubernetes control plane, prometheus-operator, Prometheus and the shop", soft_wrap=True
    )
    began = time.monotonic()
    cluster, owner = start_owned(directory, Options(crds=(ROOT / "crds",)))
    operator = None
    kept = False
    try:
        _install(cluster)
        console.print(f"The cluster is ready after {time.monotonic() - began:.0f} s; starting the operator")
        operator = OperatorProcess(operator_kubeconfig(cluster), cluster.logs / "operator.log")
        operator.start()
        operator.wait_ready()
        yield cluster
        _farewell(console, cluster, operator, keep=keep)
        kept = keep
    finally:
        if kept and operator is not None:
            operator.keep(cluster)
            owner.keep()
        else:
            _take_down(console, cluster, operator)
            owner.release()


def _take_down(console: Console, cluster: Cluster, operator: OperatorProcess | None) -> None:
    if operator is not None:
        operator.stop()
    stop(cluster)
    if sys.exc_info()[0] is None:
        shutil.rmtree(cluster.directory, ignore_errors=True)
    else:
        console.print(f"Logs are kept in {cluster.logs}")


def _install(cluster: Cluster) -> None:
    """CRDs, and the operator's namespace, account and permissions; the demo runs it as a process, not as a pod."""
    cluster.apply(ROOT / "crds")
    for manifest in sorted((ROOT / "manifests" / "install").glob("*.yaml")):
        bodies = [body for body in yaml.safe_load_all(manifest.read_text()) if body]
        wanted = [body for body in bodies if body["kind"] not in {"Deployment", "Service", "Kustomization"}]
        if wanted:
            cluster.apply(yaml.safe_dump_all(wanted))
    profile = yaml.safe_load((ROOT / "manifests" / "demo" / "profile.yaml").read_text())
    profile["spec"]["prometheus"]["url"] = cluster.prometheus_url
    cluster.apply(yaml.safe_dump(profile))
    cluster.apply(ROOT / "manifests" / "demo" / "shop.yaml")
    cluster.kubectl("rollout", "status", "deployment/checkout", "-n", NAMESPACE, "--timeout=60s")


def _perform(console: Console, cluster: Cluster) -> None:
    cluster.apply(ROOT / "manifests" / "demo" / "period.yaml")
    with Stage(console) as stage:
        performance = Performance(cluster, stage, time.monotonic())
        for chapter in CHAPTERS:
            scene = performance.play(chapter)
    report = cluster.get("configmap", scene.status["report"], NAMESPACE)
    console.rule("The report")
    console.print(report_view(digest(json.loads(report["data"]["report.json"]))))
    console.rule()
    console.print(cluster.kubectl("get", "hcp", "-n", NAMESPACE), markup=False, soft_wrap=True)


def _farewell(console: Console, cluster: Cluster, operator: OperatorProcess, *, keep: bool) -> None:
    if not keep:
        console.print("Everything is stopped now. To explore it yourself: make demo KEEP=1")
        return
    relative = cluster.directory.relative_to(ROOT)
    console.print(
        "Everything is still running. Explore it:\n"
        f'  eval "$(.venv/bin/python -m tests.cluster env --dir {relative})"\n'
        f"  kubectl hypercare status {PERIOD} -n {NAMESPACE}\n"
        f"  kubectl hypercare report {PERIOD} -n {NAMESPACE}\n"
        f"  kubectl get hcp,hch -A\n"
        f"  curl {operator.url}/metrics\n"
        f"Alerts, in a browser: {cluster.prometheus_url}/alerts\n"
        "Release again: docs/tutorial.md\n"
        "Stop it:\n"
        f"  .venv/bin/python -m tests.cluster down --dir {relative}",
        markup=False,
        soft_wrap=True,
    )


if __name__ == "__main__":
    sys.exit(main())
