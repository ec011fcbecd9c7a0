"""Where the programs of the tests come from: the control plane, and what only some tests need beside it.

Each `Build` is a folder with a `go.mod` and a `go.sum` that pin one set of programs. In this order: all programs of a
kind found in `KUBEBUILDER_ASSETS` or on `PATH`, else all of a build built once, into a cache folder named by the hash
of its `go.sum` and of sources of its own, if it has any; so a new build, or another version in one, leaves the others
as they are. A build happens in a folder of its own that is renamed when it is whole, so an interrupted one is never
taken for finished, and under a file lock, so two callers build once. Needs Go and a module proxy for the first build
only.
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
from dataclasses import dataclass, field
from pathlib import Path

BINARIES = Path(__file__).parent / "binaries"
VERSION_PACKAGE = "k8s.io/component-base/version"
KWOK = "sigs.k8s.io/kwok"
PROMETHEUS_OPERATOR = "github.com/prometheus-operator/prometheus-operator"
KEDA_MODULE = "github.com/kedacore/keda/v2"
# prometheus-operator leaves out each controller whose CRD it does not find; these are what a `Prometheus` and an
# `Alertmanager` need.
MONITORING_CRDS = (
    "alertmanagerconfigs",
    "alertmanagers",
    "podmonitors",
    "probes",
    "prometheuses",
    "prometheusrules",
    "servicemonitors",
)
KEDA_CRDS = (
    "eventing.keda.sh_cloudeventsources",
    "eventing.keda.sh_clustercloudeventsources",
    "keda.sh_clustertriggerauthentications",
    "keda.sh_scaledjobs",
    "keda.sh_scaledobjects",
    "keda.sh_triggerauthentications",
)
STAGES = (
    "node/fast/node-initialize.yaml",
    "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "pod/fast/pod-ready.yaml",
    "pod/fast/pod-complete.yaml",
    "pod/fast/pod-delete.yaml",
)


@dataclass(frozen=True)
class DataFile:
    """A file of `share` that is made of files of a module, one YAML document after the other."""

    target: str
    module: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Build:
    """The programs that are built together, and the data files that come with their modules.

    Attributes:
        title: What it is, for people.
        folder: Where its `go.mod` is.
        minutes: How long a first build takes on 2 cores.
        kinds: Program names by kind; one kind is taken from the machine when all of it is there.
        renamed: `go install` names a binary after the last element of its package path.
        only_built: Programs that are never taken from the machine.
        data: The files of `share`.
    """

    title: str
    folder: Path
    minutes: int
    kinds: Mapping[str, tuple[str, ...]]
    renamed: Mapping[str, str] = field(default_factory=dict)
    only_built: tuple[str, ...] = ()
    data: tuple[DataFile, ...] = ()

    @property
    def programs(self) -> tuple[str, ...]:
        """The names of all that is built."""
        return (*(name for names in self.kinds.values() for name in names), *self.only_built)


def _monitoring_crd(name: str) -> DataFile:
    source = f"example/prometheus-operator-crd/monitoring.coreos.com_{name}.yaml"
    return DataFile(f"crds/{name}.yaml", PROMETHEUS_OPERATOR, (source,))


def _keda_crd(name: str) -> DataFile:
    return DataFile(f"crds/{name.partition('_')[2]}.yaml", KEDA_MODULE, (f"config/crd/bases/{name}.yaml",))


CONTROL_PLANE = Build(
    title="the control plane",
    folder=BINARIES,
    minutes=7,
    kinds={
        "kubernetes": ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"),
        "kwok": ("kwok",),
        "prometheus": ("prometheus", "promtool"),
        "prometheus-operator": ("prometheus-operator",),
    },
    renamed={"server": "etcd", "operator": "prometheus-operator"},
    only_built=("helm",),
    data=(
        *(_monitoring_crd(name) for name in MONITORING_CRDS),
        DataFile("stages.yaml", KWOK, tuple(f"kustomize/stage/{name}" for name in STAGES)),
    ),
)
ALERTMANAGER = Build(
    title="Alertmanager",
    folder=BINARIES / "alertmanager",
    minutes=1,
    kinds={"alertmanager": ("alertmanager", "amtool")},
)
KEDA = Build(
    title="KEDA",
    folder=BINARIES / "keda",
    minutes=6,
    kinds={"keda": ("keda-operator",)},
    renamed={"operator": "keda-operator"},
    data=tuple(_keda_crd(name) for name in KEDA_CRDS),
)
GITOPS = Build(
    title="the libraries of GitOps tools",
    folder=BINARIES / "gitops",
    minutes=2,
    kinds={},
    renamed={"gitops": "gitops-verdict"},
    only_built=("gitops-verdict",),
)
BUILDS = (CONTROL_PLANE, ALERTMANAGER, KEDA, GITOPS)


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


def find_programs(build: Build = CONTROL_PLANE) -> Programs:
    """Find or build every program of one build; prints progress to standard error while building."""
    built = _built(build)
    paths = {name: built / "bin" / name for name in build.programs}
    for names in build.kinds.values():
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


def _built(build: Build) -> Path:
    sources = (build.folder / "go.sum", *sorted(build.folder.glob("*.go")))
    key = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    finished = cache_folder() / "controlplane" / key
    if _compiled(build, finished) and not _missing_data(build, finished):
        return finished
    finished.parent.mkdir(parents=True, exist_ok=True)
    with _locked(finished.parent / "lock"):
        if not _compiled(build, finished):
            _compile(build, finished)
        _share(build, finished)
    return finished


def _compiled(build: Build, folder: Path) -> bool:
    return all((folder / "bin" / name).is_file() for name in build.programs)


def _missing_data(build: Build, folder: Path) -> list[DataFile]:
    return [each for each in build.data if not (folder / "share" / each.target).is_file()]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for another build", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _compile(build: Build, finished: Path) -> None:
    if not shutil.which("go"):
        raise BuildFailed(
            f"Go is needed to build {build.title} once. Install it, or put all of {', '.join(build.programs)} on PATH"
        )
    for left in finished.parent.glob("building-*"):  # under the lock: whoever made it is gone
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix="building-", dir=finished.parent))
    log = finished.parent / f"{finished.name}.log"
    _install(build, folder / "bin", log)
    for built, name in build.renamed.items():
        (folder / "bin" / built).rename(folder / "bin" / name)
    if finished.exists():
        shutil.rmtree(finished)
    folder.rename(finished)


def _install(build: Build, target: Path, log: Path) -> None:
    flags = _linker_flags(build)
    command = ["go", "install", "-v", "-trimpath", "-tags", "remove_all_sd", "-ldflags", flags, "tool"]
    environment = {**os.environ, "GOBIN": str(target), "GOFLAGS": "", "GOWORK": "off"}
    about = f"about {build.minutes} minute{'s' if build.minutes > 1 else ''} on 2 cores"
    print(f"Building {build.title} once ({about}), log in {log}", file=sys.stderr, flush=True)
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=build.folder, env=environment, stdout=output, stderr=output)
        try:
            _show_progress(process, target, len(build.programs), log)
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode != 0:
        raise BuildFailed(f"go install ended with {process.returncode}, see {log}:\n{_last_lines(log, 15)}")


def _linker_flags(build: Build) -> str:
    """Without its version Kubernetes' API server reports v0.0.0, and clients that compare versions misbehave."""
    required = (build.folder / "go.mod").read_text()
    pinned = re.search(r"^\tk8s\.io/kubernetes (v(\d+)\.(\d+)\.\d+)\b", required, re.MULTILINE)
    if not pinned:
        return "-s -w"
    version = zip(("gitVersion", "gitMajor", "gitMinor"), pinned.groups(), strict=True)
    return " ".join(["-s -w", *(f"-X {VERSION_PACKAGE}.{name}={value}" for name, value in version)])


def _show_progress(process: subprocess.Popen[bytes], target: Path, count: int, log: Path) -> None:
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
            line = f"{elapsed // 60}:{elapsed % 60:02d}  {done} of {count} programs  {last}"
            print(f"\r\x1b[K{line}" if terminal else line, end="" if terminal else "\n", file=sys.stderr, flush=True)
        else:
            print("\r\x1b[K" if terminal else "", end="", file=sys.stderr, flush=True)
            return


def _share(build: Build, finished: Path) -> None:
    """Copy what tests need out of the modules, so that a run needs neither Go nor its module cache.

    Only what is missing is added, each file as a whole: others may be reading the folder.
    """
    for each in _missing_data(build, finished):
        source, target = _module_folder(build, each.module), finished / "share" / each.target
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        part.write_text("\n---\n".join((source / name).read_text() for name in each.sources))
        part.replace(target)


def _module_folder(build: Build, module: str) -> Path:
    command = ["go", "mod", "download", "-json", module]
    environment = {**os.environ, "GOFLAGS": "", "GOWORK": "off"}
    answer = subprocess.run(command, cwd=build.folder, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise BuildFailed(f"go mod download {module}: {answer.stderr.strip()}")
    return Path(json.loads(answer.stdout)["Dir"])


def _last_lines(log: Path, count: int) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
