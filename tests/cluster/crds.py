"""Installing CRDs: side by side, and served when it returns."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.cluster.api import Api, HttpError

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SERVED_SECONDS = 30.0
POLL_SECONDS = 0.05


def manifests(folder: Path) -> list[Path]:
    """The YAML files directly in a folder."""
    return sorted(folder.glob("*.yaml"))


def install_crds(api: Api, files: Sequence[Path]) -> None:
    """Apply CRDs, one in each file, and wait until all are served; raises `HttpError` with what the server refuses."""
    with ThreadPoolExecutor(4) as pool:
        names = list(pool.map(lambda path: _install(api, path), files))
    deadline = time.monotonic() + SERVED_SECONDS
    while missing := [name for name in names if not holds(api.get(f"{CRDS}/{name}"), "Established")]:
        if time.monotonic() > deadline:
            raise HttpError(0, f"not served within {SERVED_SECONDS:g} s: {', '.join(missing)}")
        time.sleep(POLL_SECONDS)


def holds(body: Mapping[str, Any], condition: str) -> bool:
    """Whether an object's status has this condition with status True."""
    conditions = body.get("status", {}).get("conditions") or []  # null where the server has set none yet
    return any(found["type"] == condition and found["status"] == "True" for found in conditions)


def _install(api: Api, path: Path) -> str:
    text = path.read_text()
    # Parsing the big ones takes seconds in Python; the first name of two spaces' depth is the object's own.
    name = next(line.split()[1] for line in text.splitlines() if line.startswith("  name: "))
    api.apply(f"{CRDS}/{name}", text)
    return name
