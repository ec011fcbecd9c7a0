"""What a release gives to krew: a manifest that it takes, and archives whose program runs through a link."""

import hashlib
import os
import re
import subprocess
import sys
import tarfile
from importlib import util
from pathlib import Path
from types import ModuleType

import pytest
import yaml

KREW = Path(__file__).resolve().parents[2] / "krew"


@pytest.fixture(scope="module")
def release() -> ModuleType:
    spec = util.spec_from_file_location("krew_release", KREW / "release.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_manifest_has_what_krew_asks_for(release: ModuleType, tmp_path: Path) -> None:
    for system, machine in release.PLATFORMS:
        (tmp_path / release.archive_name(system, machine)).write_text(f"{system} {machine}")
    found = yaml.safe_load(release.manifest((KREW / "hypercare.yaml").read_text(), "0.1.0", tmp_path))
    spec = found["spec"]
    assert (found["kind"], found["metadata"]["name"], spec["version"]) == ("Plugin", "hypercare", "v0.1.0")
    # The naming guide: lower case, no kube prefix; one line that fits a table.
    assert len(spec["shortDescription"]) <= 50
    platforms = {tuple(each["selector"]["matchLabels"].values()): each for each in spec["platforms"]}
    assert platforms.keys() == set(release.PLATFORMS)
    for (system, machine), each in platforms.items():
        assert re.fullmatch(rf"https://\S+/v0\.1\.0/{release.archive_name(system, machine)}", each["uri"])
        assert each["sha256"] == hashlib.sha256(f"{system} {machine}".encode()).hexdigest()
        assert each["bin"] == "kubectl-hypercare"


def test_a_manifest_without_its_archives_is_not_made(release: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        release.manifest((KREW / "hypercare.yaml").read_text(), "0.1.0", tmp_path)


def unpacked(release: ModuleType, tmp_path: Path, version: str) -> Path:
    """An archive with a plugin that tells its arguments, unpacked and linked as krew does."""
    package = tmp_path / "libraries" / version / "hypercare" / "cli"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    (package / "app.py").write_text("import sys\ndef main():\n    print(*sys.argv)\n    return 3\n")
    release.pack(tmp_path / "libraries", tmp_path / "archive.tar.gz")
    with tarfile.open(tmp_path / "archive.tar.gz") as archive:
        archive.extractall(tmp_path / "store", filter="data")
    link = tmp_path / "bin" / "kubectl-hypercare"
    link.parent.mkdir()
    link.symlink_to(tmp_path / "store" / "kubectl-hypercare")
    return link


def test_the_launcher_finds_its_libraries_through_a_link(release: ModuleType, tmp_path: Path) -> None:
    link = unpacked(release, tmp_path, f"{sys.version_info.major}.{sys.version_info.minor}")
    environment = {**os.environ, "HYPERCARE_PYTHON": sys.executable}
    ran = subprocess.run([link, "status", "a b"], env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (3, "kubectl-hypercare status a b\n", "")


def test_without_a_fitting_python_the_launcher_says_which_ones_fit(release: ModuleType, tmp_path: Path) -> None:
    link = unpacked(release, tmp_path, "2.7")
    ran = subprocess.run([link], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "error: kubectl hypercare needs on the PATH one of Python 2.7\n"


def test_equal_libraries_make_equal_archives(release: ModuleType, tmp_path: Path) -> None:
    link = unpacked(release, tmp_path, "3.11")
    release.pack(tmp_path / "libraries", tmp_path / "again.tar.gz")
    assert (tmp_path / "again.tar.gz").read_bytes() == (tmp_path / "archive.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "archive.tar.gz") as archive:
        names = archive.getnames()
    modules = ("__init__.py", "cli/__init__.py", "cli/app.py")
    assert names == ["kubectl-hypercare", "LICENSE", *(f"lib/3.11/hypercare/{name}" for name in modules)]
    assert os.access(link, os.X_OK)
