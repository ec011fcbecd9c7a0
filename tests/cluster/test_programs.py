"""Where the programs come from, with a stand-in for Go that is quick."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cluster.programs import (
    ALERTMANAGER,
    BUILDS,
    CONTROL_PLANE,
    KEDA,
    STAGES,
    Build,
    BuildFailed,
    cache_folder,
    find_programs,
)

PROJECT = Path(__file__).parents[2]
# What `go install` calls them.
TOOLS = {name for build in BUILDS for name in (*build.programs, *build.renamed)} - {
    name for build in BUILDS for name in build.renamed.values()
}
FAKE_GO = f"""#!/bin/sh
case "$1" in
install)
    basename "$PWD" >> "$BUILDS"
    mkdir -p "$GOBIN"
    touch "$GOBIN/etcd-is-half-done"
    sleep "${{BUILD_SECONDS:-0}}"
    rm "$GOBIN/etcd-is-half-done"
    for name in {" ".join(sorted(TOOLS))}; do touch "$GOBIN/$name"; done
    exit "${{BUILD_CODE:-0}}" ;;
mod)
    printf '{{"Dir": "%s"}}' "$MODULE" ;;
esac
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a stand-in for Go on its PATH and an empty cache."""
    programs, module = tmp_path / "path", tmp_path / "module"
    programs.mkdir()
    install(programs / "go", FAKE_GO)
    for tool in ("sh", "mkdir", "touch", "sleep", "rm", "basename"):
        (programs / tool).symlink_to(shutil.which(tool) or tool)
    for source in (source for build in BUILDS for each in build.data for source in each.sources):
        write(module / source)
    environment = {
        "PATH": str(programs),
        "HYPERCARE_CACHE": str(tmp_path / "cache"),
        "BUILDS": str(tmp_path / "builds"),
        "MODULE": str(module),
    }
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def install(path: Path, text: str = "#!/bin/sh\n") -> None:
    path.write_text(text)
    path.chmod(0o755)


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("kind: Something\n")


def builds(machine: Path) -> int:
    return len((machine / "builds").read_text().splitlines()) if (machine / "builds").exists() else 0


def finding(machine: Path, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    script = "from tests.cluster.programs import find_programs; print(find_programs()['etcd'])"
    return subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=PROJECT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def test_what_was_built_once_is_not_built_again(machine: Path) -> None:
    first = find_programs()
    assert find_programs() == first
    assert builds(machine) == 1
    assert first["etcd"].name == "etcd"
    assert first.stages.read_text().count("kind: Something") == len(STAGES)


def test_what_only_some_tests_need_is_built_when_they_ask_and_leaves_the_rest_as_it_is(machine: Path) -> None:
    find_programs()
    keda = find_programs(KEDA)
    assert keda["keda-operator"].is_file()
    assert (keda.share / "crds" / "scaledobjects.yaml").is_file()
    assert find_programs(ALERTMANAGER)["alertmanager"].is_file()
    find_programs()
    assert (machine / "builds").read_text().split() == ["binaries", "keda", "alertmanager"]


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.title)
def test_data_that_a_later_version_of_these_tests_asks_for_is_added_without_a_build(
    build: Build, machine: Path
) -> None:
    share = find_programs(build).share
    for each in build.data[:1]:
        (share / each.target).unlink()
    find_programs(build)
    assert builds(machine) == 1
    assert all((share / each.target).is_file() for each in build.data)


def test_the_command_builds_everything(machine: Path) -> None:
    command = [sys.executable, "-m", "tests.cluster", "build"]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, timeout=60)
    assert builds(machine) == len(BUILDS)


def test_two_callers_at_once_build_once(machine: Path) -> None:
    callers = [finding(machine, {"BUILD_SECONDS": "1"}) for _ in range(2)]
    said = {caller.communicate(timeout=60)[0] for caller in callers}
    assert [caller.returncode for caller in callers] == [0, 0]
    assert len(said) == 1
    assert builds(machine) == 1


def test_a_build_that_was_killed_is_not_taken_for_finished(machine: Path) -> None:
    killed = finding(machine, {"BUILD_SECONDS": "5"})
    while not list(cache_folder().glob("controlplane/building-*/bin/etcd-is-half-done")):
        assert killed.poll() is None
        time.sleep(0.02)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert find_programs()["etcd"].is_file()
    assert builds(machine) == 2
    assert not list(cache_folder().glob("controlplane/building-*"))


def test_a_build_that_fails_says_where_its_log_is(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILD_CODE", "3")
    with pytest.raises(BuildFailed, match=r"go install ended with 3, see .*\.log"):
        find_programs()


def test_a_kind_that_is_installed_whole_is_used_and_one_that_is_not_is_built(machine: Path) -> None:
    for name in (*CONTROL_PLANE.kinds["prometheus"], "kubectl"):
        install(machine / "path" / name)
    found = find_programs()
    assert found["promtool"] == machine / "path" / "promtool"
    assert found["kubectl"] != machine / "path" / "kubectl"


def test_assets_named_by_the_environment_come_before_the_path(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assets = machine / "assets"
    assets.mkdir()
    for folder in (assets, machine / "path"):
        install(folder / "kwok")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    assert find_programs()["kwok"] == assets / "kwok"


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"HYPERCARE_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/hypercare"),
        ({"HOME": "/home/ana"}, "/home/ana/.cache/hypercare"),
    ],
)
def test_the_cache_folder_follows_the_environment(
    environment: Mapping[str, str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HYPERCARE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == Path(folder)
