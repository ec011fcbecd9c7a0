"""Where the programs of the control plane come from.

In this order: all programs of a kind found in `KUBEBUILDER_ASSETS` or on `PATH`, else all of them built once from the
Go modules that `binaries/go.mod` and `binaries/go.sum` pin, into a cache folder named by the hash of `go.sum`. A build
happens in a folder of its own that is renamed when it is whole, so an interrupted one is never taken for finished, and
under a file lock, so two callers build once. Needs Go and a module proxy for the first build only.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BINARIES = Path(__file__).parent / "binaries"
KINDS: Mapping[str, tuple[str, ...]] = {
    "kubernetes": ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"),
    "kwok": ("kwok",),
    "prometheus": ("prometheus", "promtool"),
    "prometheus-operator": ("prometheus-operator",),
}
BUILT = (*(name for names in KINDS.values() for name in names), "helm")
# `go install` names a binary after the last element of its package path.
BUILT_UNDER_ANOTHER_NAME = {"server": "etcd", "operator": "prometheus-operator"}
VERSION_PACKAGE = "k8s.io/component-base/version"
KWOK = "sigs.k8s.io/kwok"
PROMETHEUS_OPERATOR = "github.com/prometheus-operator/prometheus-operator"
# prometheus-operator leaves out each controller whose CRD it does not find; these are what a `Prometheus` needs.
MONITORING_CRDS = ("podmonitors", "probes", "prometheuses", "prometheusrules", "servicemonitors")
STAGES = (
    "node/fast/node-initialize.yaml",
    "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "pod/fast/pod-ready.yaml",
    "pod/fast/pod-complete.yaml",
    "pod/fast/pod-delete.yaml",
)


class BuildFailed(Exception):
    """The programs could not be built; the message names the log."""


@dataclass(frozen=True)
class Programs:
    """Paths of the programs, and the folder of data files that come with their modules."""

    paths: Mapping[str, Path]
    share: Path

    def __getitem__(self, name: str) -> Path:
        """The path of one program."""
        return self.paths[name]

    @property
    def stages(self) -> Path:
        """kwok's configuration: how nodes and pods become ready, complete and go away."""
        return self.share / "stages.yaml"


def find_programs() -> Programs:
    """Find or build every program; prints progress to standard error while building."""
    built = _built()
    paths = {name: built / "bin" / name for name in BUILT}
    for names in KINDS.values():
        paths |= _installed(names)
    return Programs(paths, built / "share")


def cache_folder() -> Path:
    """`$HYPERCARE_CACHE`, else `hypercare` in `$XDG_CACHE_HOME`, else `~/.cache/hypercare`."""
    if named := os.environ.get("HYPERCARE_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hypercare"


def _installed(names: tuple[str, ...]) -> dict[str, Path]:
    """The programs of one kind, all from `KUBEBUILDER_ASSETS` or `PATH`; empty if one of them is missing."""
    search = os.pathsep.join(filter(None, (os.environ.get("KUBEBUILDER_ASSETS"), os.environ.get("PATH"))))
    found = {name: shutil.which(name, path=search) for name in names}
    if not all(found.values()):
        return {}
    return {name: Path(path) for name, path in found.items() if path}


def _built() -> Path:
    key = hashlib.sha256((BINARIES / "go.sum").read_bytes()).hexdigest()[:16]
    finished = cache_folder() / "controlplane" / key
    if _whole(finished):
        return finished
    finished.parent.mkdir(parents=True, exist_ok=True)
    with _locked(finished.parent / "lock"):
        if not _whole(finished):
            _build(finished)
    return finished


def _whole(folder: Path) -> bool:
    return (folder / "share" / "stages.yaml").is_file() and all((folder / "bin" / name).is_file() for name in BUILT)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for another build of the control plane", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(finished: Path) -> None:
    if not shutil.which("go"):
        raise BuildFailed(
            f"Go is needed to build the control plane once. Install it, or put all of {', '.join(BUILT)} on PATH"
        )
    for left in finished.parent.glob("building-*"):  # under the lock: whoever made it is gone
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix="building-", dir=finished.parent))
    log = finished.parent / f"{finished.name}.log"
    _install(folder / "bin", log)
    for built, name in BUILT_UNDER_ANOTHER_NAME.items():
        (folder / "bin" / built).rename(folder / "bin" / name)
    _share(folder / "share")
    if finished.exists():
        shutil.rmtree(finished)
    folder.rename(finished)


def _install(target: Path, log: Path) -> None:
    command = ["go", "install", "-v", "-trimpath", "-tags", "remove_all_sd", "-ldflags", _linker_flags(), "tool"]
    environment = {**os.environ, "GOBIN": str(target), "GOFLAGS": "", "GOWORK": "off"}
    print(f"Building the control plane once (about 7 minutes on 2 cores), log in {log}", file=sys.stderr, flush=True)
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=BINARIES, env=environment, stdout=output, stderr=output)
        try:
            _show_progress(process, target, log)
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode != 0:
        raise BuildFailed(f"go install ended with {process.returncode}, see {log}:\n{_last_lines(log, 15)}")


def _linker_flags() -> str:
    """Without these the API server reports version v0.0.0, and clients that compare versions misbehave."""
    pinned = re.search(r"^\tk8s\.io/kubernetes (v(\d+)\.(\d+)\.\d+)\b", (BINARIES / "go.mod").read_text(), re.MULTILINE)
    if not pinned:
        raise BuildFailed(f"{BINARIES / 'go.mod'} pins no version of k8s.io/kubernetes")
    version = zip(("gitVersion", "gitMajor", "gitMinor"), pinned.groups(), strict=True)
    return " ".join(["-s -w", *(f"-X {VERSION_PACKAGE}.{name}={value}" for name, value in version)])


def _show_progress(process: subprocess.Popen[bytes], target: Path, log: Path) -> None:
    """A line that is renewed every second on a terminal; elsewhere a new one every 20 seconds."""
    terminal = sys.stderr.isatty()
    started = time.monotonic()
    while True:
        try:
            process.wait(timeout=1 if terminal else 20)
        except subprocess.TimeoutExpired:
            elapsed = int(time.monotonic() - started)
            done = len(list(target.glob("*"))) if target.is_dir() else 0
            last = _last_lines(log, 1)[:60]
            line = f"{elapsed // 60}:{elapsed % 60:02d}  {done} of {len(BUILT)} programs  {last}"
            print(f"\r\x1b[K{line}" if terminal else line, end="" if terminal else "\n", file=sys.stderr, flush=True)
        else:
            print("\r\x1b[K" if terminal else "", end="", file=sys.stderr, flush=True)
            return


def _share(folder: Path) -> None:
    """Copy what the launcher needs out of the modules, so that a run needs neither Go nor its module cache."""
    (folder / "crds").mkdir(parents=True)
    source = _module_folder(PROMETHEUS_OPERATOR) / "example" / "prometheus-operator-crd"
    for name in MONITORING_CRDS:
        shutil.copyfile(source / f"monitoring.coreos.com_{name}.yaml", folder / "crds" / f"{name}.yaml")
    stages = _module_folder(KWOK) / "kustomize" / "stage"
    (folder / "stages.yaml").write_text("\n---\n".join((stages / name).read_text() for name in STAGES))


def _module_folder(module: str) -> Path:
    command = ["go", "mod", "download", "-json", module]
    environment = {**os.environ, "GOFLAGS": "", "GOWORK": "off"}
    answer = subprocess.run(command, cwd=BINARIES, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise BuildFailed(f"go mod download {module}: {answer.stderr.strip()}")
    return Path(json.loads(answer.stdout)["Dir"])


def _last_lines(log: Path, count: int) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
