"""A control plane that is there for one benchmark alone."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Finding
from tests.cluster.cluster import Cluster, ClusterError, start_owned
from tests.cluster.layout import Options

Measure = Callable[[Cluster], tuple[Finding, ...]]


def on_its_own(options: Options, measure: Measure) -> tuple[Finding, ...]:
    """What is measured on a new control plane; where none can be started, that is the finding."""
    directory = Path(tempfile.mkdtemp(prefix="hypercare-benchmark-"))
    try:
        cluster, owner = start_owned(directory / "cluster", options)
    except (ClusterError, OSError) as error:
        shutil.rmtree(directory)
        return (Finding(0, "runs", f"no control plane to measure on: {error}"),)
    try:
        return measure(cluster)
    finally:
        owner.release()
        shutil.rmtree(directory, ignore_errors=True)
