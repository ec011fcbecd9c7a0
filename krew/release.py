"""What a release does for krew, which installs archives and no Python packages: pack them, name them in a manifest.

`archive OS ARCH LIBRARIES` writes kubectl-hypercare-OS-ARCH.tar.gz: a launcher, and beside it the libraries, a folder
for each Python version. `manifest VERSION` prints krew's manifest with the checksums of the archives in a folder.
README.md has the whole of it, with how the libraries are fetched.
"""

import argparse
import gzip
import hashlib
import io
import re
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
RELEASES = "https://github.com/hypercare-dev/hypercare-operator/releases/download"
PLATFORMS = tuple((system, machine) for system in ("linux", "darwin") for machine in ("amd64", "arm64"))
_PLACEHOLDER = re.compile(r"\$\((VERSION|RELEASES|SHA256):?([^)]*)\)")


def archive_name(system: str, machine: str) -> str:
    """Name of the archive of one platform."""
    return f"kubectl-hypercare-{system}-{machine}.tar.gz"


def manifest(template: str, version: str, folder: Path) -> str:
    """Fill in the template: the version, and the checksum of each archive that it names."""

    def value(found: re.Match[str]) -> str:
        match found[1]:
            case "VERSION":
                return version
            case "RELEASES":
                return RELEASES
            case _:
                return hashlib.sha256((folder / found[2]).read_bytes()).hexdigest()

    comments = re.compile(r"\A(#.*\n)+")
    return _PLACEHOLDER.sub(value, comments.sub("", template))


def pack(libraries: Path, target: Path) -> None:
    """Write the archive: launcher, licence, and the libraries as lib/. Equal files make equal archives."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, mode in (("kubectl-hypercare", 0o755), ("LICENSE", 0o644)):
            source = HERE / name if (HERE / name).exists() else PROJECT / name
            _add(archive, name, source.read_bytes(), mode)
        for path in sorted(libraries.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                _add(archive, f"lib/{path.relative_to(libraries).as_posix()}", path.read_bytes(), 0o644)
    # With the time of its making in it, each archive would have a checksum of its own.
    target.write_bytes(gzip.compress(content.getvalue(), mtime=0))


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def main() -> int:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("archive", help="build the archive of one platform")
    build.add_argument("system", choices=sorted({system for system, _ in PLATFORMS}))
    build.add_argument("machine", choices=sorted({machine for _, machine in PLATFORMS}))
    build.add_argument("libraries", type=Path, help="a folder for each Python version, such as 3.13")
    build.add_argument("--folder", type=Path, default=Path("dist"))
    fill = commands.add_parser("manifest", help="print the manifest")
    fill.add_argument("version")
    fill.add_argument("--folder", type=Path, default=Path("dist"))
    asked = parser.parse_args()
    if asked.command == "manifest":
        sys.stdout.write(manifest((HERE / "hypercare.yaml").read_text(), asked.version, asked.folder))
        return 0
    pack(asked.libraries, asked.folder / archive_name(asked.system, asked.machine))
    return 0


if __name__ == "__main__":
    sys.exit(main())
