"""Render manifests/install and manifests/uninstall from the Helm chart, or check that they are current.

Each template of the chart that renders something with the default values becomes the file of the same name; its one
hook, the drain, belongs to uninstalling. What is about Helm itself is left out: its labels and annotations, and the
CRDs, which are applied from crds/. Written by hand are the namespace, which Helm makes by itself, and the
Kustomization.

Usage: `python -m manifests.generate [--check]`; with `--check` nothing is written and the exit code 1 says what is
stale. The helm that the cluster tests build is used.
"""

import argparse
import re
import sys
from pathlib import Path

from tests.cluster.helm import CHART, NAME, NAMESPACE, helm

MANIFESTS = Path(__file__).parent
INSTALL = MANIFESTS / "install"
UNINSTALLING = frozenset({"drain.yaml"})
NOTICE = "# Rendered by manifests/generate.py from charts/hypercare-operator/templates/{name}. Edit that.\n"
OF_HELM = re.compile(
    r"^ *(?:app\.kubernetes\.io/managed-by|helm\.sh/chart): .*\n|^  annotations:\n(?:    (?:helm\.sh/|#).*\n)+",
    re.MULTILINE,
)
SOURCE = re.compile(r"^# Source: \S+/templates/(\S+)\n", re.MULTILINE)
# What Helm writes of a list in the values stands no deeper than its key.
FLAT_LIST = re.compile(r"^( *)([\w-]+:)\n((?:\1- .*\n)+)", re.MULTILINE)


def main() -> int:
    """Write every manifest, or with `--check` name those that are not what the chart says."""
    parser = argparse.ArgumentParser(description="Render the plain manifests from the chart, or check them.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a manifest is stale")
    check = parser.parse_args().check
    wanted = rendered()
    found = {str(path.relative_to(MANIFESTS)): path.read_text() for path in MANIFESTS.glob("*install/*.yaml")}
    left = [name for name, text in found.items() if text.startswith(_notice(name)) and name not in wanted]
    stale = [*left, *(name for name, text in wanted.items() if found.get(name) != text)]
    if check and stale:
        sys.stderr.write(f"stale: {', '.join(f'manifests/{name}' for name in stale)}; run make manifests\n")
        return 1
    for name in stale:
        if name in wanted:
            (MANIFESTS / name).write_text(wanted[name])
        else:
            (MANIFESTS / name).unlink()
    return 0


def rendered() -> dict[str, str]:
    """The text of each manifest by its path below manifests/."""
    text = helm("template", NAME, str(CHART), "--namespace", NAMESPACE, "--set", "crds.install=false")
    by_name: dict[str, list[str]] = {}
    for part in re.split(r"^---\n", text, flags=re.MULTILINE):
        if source := SOURCE.search(part):
            folder = "uninstall" if source[1] in UNINSTALLING else "install"
            by_name.setdefault(f"{folder}/{source[1]}", []).append(_plain(part))
    return {name: _notice(name) + "---\n" + "---\n".join(parts) for name, parts in by_name.items()}


def _notice(name: str) -> str:
    return NOTICE.format(name=Path(name).name)


def _plain(part: str) -> str:
    text = OF_HELM.sub("", SOURCE.sub("", part)).strip() + "\n"
    return FLAT_LIST.sub(
        lambda found: f"{found[1]}{found[2]}\n" + re.sub(r"^", "  ", found[3].rstrip(), flags=re.M) + "\n", text
    )


if __name__ == "__main__":
    sys.exit(main())
