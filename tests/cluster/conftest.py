"""Fixtures of the tests that need the real control plane.

`HYPERCARE_CLUSTER_DIR` names a running cluster (`python -m tests.cluster up --dir …`) to use instead of starting one:
quick while writing tests. A cluster of its own is stopped with the session, also when the session is killed.
"""

import itertools
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster, load, start_owned, stop
from tests.cluster.crds import install_crds, manifests
from tests.cluster.layout import Options

CRDS = Path(__file__).parents[2] / "crds"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A running cluster with the project's CRDs, one for the whole session."""
    if named := os.environ.get("HYPERCARE_CLUSTER_DIR"):
        found = load(Path(named))
        install_crds(found.api, manifests(CRDS))
        yield found
        return
    directory = Path(tempfile.mkdtemp(prefix="hypercare-cluster-"))
    started, owner = start_owned(directory, Options(crds=(CRDS,)))
    try:
        yield started
    finally:
        stop(started)
        owner.release()
        if request.session.testsfailed:
            print(f"\nLogs of the control plane: {started.logs}")
        else:
            shutil.rmtree(directory)


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh namespace, deleted after the test (without waiting for it)."""
    stem = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:30].strip("-")
    name = f"{stem}-{os.getpid()}-{next(_numbers)}"
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")
