"""The chart as a release in a real cluster: installed, upgraded, rolled back, uninstalled, installed again."""

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import Cluster, ClusterError, start_owned, stop
from tests.cluster.helm import NAME, NAMESPACE, HelmFailed, Values, rendered
from tests.cluster.layout import Options
from tests.cluster.release import KINDS, Release

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]
PROJECT = Path(__file__).parents[2]
PLURALS = ("hypercareperiods", "hypercareprofiles", "hypercareholds")


def profile(url: str) -> Values:
    return {"create": True, "name": "from-the-chart", "spec": {"prometheus": {"url": url}}}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of its own, in which nothing of hypercare is."""
    started, owner = start_owned(tmp_path_factory.mktemp("release") / "cluster", Options())
    try:
        yield started
    finally:
        stop(started)
        owner.release()


def count(values: Values) -> int:
    """How many objects the release shall have of the kinds that are looked for."""
    return sum(body["kind"].lower() in KINDS.split(",") for body in rendered(values))


def found(cluster: Cluster, kind: str, name: str, namespace: str = "default") -> dict[str, Any]:
    """An object; empty where there is none."""
    with contextlib.suppress(ClusterError):
        return cluster.get(kind, name, namespace)
    return {}


def test_a_release_is_installed_upgraded_rolled_back_uninstalled_and_installed_again(fresh: Cluster) -> None:
    release = Release(fresh, NAME, NAMESPACE)
    values: Values = {
        "defaultProfile": profile("http://first:9090"),
        **{name: {"create": True} for name in ("podDisruptionBudget", "networkPolicy", "serviceMonitor")},
        **{name: {"create": True} for name in ("prometheusRule", "dashboards")},
    }
    assert "STATUS: deployed" in release.install(values)
    assert len(release.objects()) == count(values)
    first = fresh.get("hypercareprofile", "from-the-chart")
    assert first["spec"]["prometheus"]["url"] == "http://first:9090"
    budget = fresh.get("pdb", NAME, NAMESPACE)
    assert budget["spec"]["maxUnavailable"] == 1

    release.upgrade({**values, "defaultProfile": profile("http://second:9090"), "log": {"level": "debug"}})
    second = fresh.get("hypercareprofile", "from-the-chart")
    assert second["spec"]["prometheus"]["url"] == "http://second:9090"
    assert second["metadata"]["uid"] == first["metadata"]["uid"]
    assert "--log-level=debug" in release.arguments

    release.helm("rollback", NAME, "1", "--wait", "--timeout", "2m")
    assert "--log-level=info" in release.arguments
    assert found(fresh, "hypercareprofile", "from-the-chart")["metadata"]["uid"] == first["metadata"]["uid"]
    release.upgrade({**values, "defaultProfile": profile("http://third:9090")})
    assert fresh.get("hypercareprofile", "from-the-chart")["spec"]["prometheus"]["url"] == "http://third:9090"

    fresh.kubectl("apply", "-f", "-", stdin=json.dumps(smallest("kept")))
    release.uninstall()
    assert release.objects() == []
    events = fresh.kubectl("get", "events", "-n", NAMESPACE, "-o", "jsonpath={.items[*].message}")
    assert f"Created pod: {NAME}-drain-" in events
    assert found(fresh, "job", f"{NAME}-drain", NAMESPACE) == {}
    assert fresh.get("hypercareperiod", "kept")["metadata"]["name"] == "kept"
    assert fresh.get("hypercareprofile", "from-the-chart")["metadata"]["uid"] == first["metadata"]["uid"]

    release.install(values)
    assert fresh.get("hypercareprofile", "from-the-chart")["metadata"]["uid"] == first["metadata"]["uid"]
    assert fresh.get("hypercareperiod", "kept")["metadata"]["name"] == "kept"
    fresh.kubectl("delete", "hypercareperiod", "kept")
    release.uninstall()


def smallest(name: str) -> Values:
    return {
        "apiVersion": "hypercare.dev/v1alpha1",
        "kind": "HypercarePeriod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"release": {"version": "1.0.0"}, "targets": [{"kind": "Deployment", "name": "web"}]},
    }


def test_crds_of_another_tool_are_taken_over_once_when_that_is_asked_for(fresh: Cluster) -> None:
    release = Release(fresh, NAME, NAMESPACE)
    fresh.kubectl("delete", "crd", *(f"{plural}.hypercare.dev" for plural in PLURALS))
    fresh.kubectl("apply", "--server-side", "-f", str(PROJECT / "crds"))
    with pytest.raises(HelmFailed, match="cannot be imported into the current release"):
        release.install({})
    release.install({}, "--take-ownership")
    release.upgrade({"crds": {"annotations": {"changed": "yes"}}})
    for plural in PLURALS:
        annotations = fresh.get("crd", f"{plural}.hypercare.dev")["metadata"]["annotations"]
        assert annotations["changed"] == "yes"
    release.uninstall()


def test_a_release_without_its_crds_leaves_those_that_are_there(fresh: Cluster) -> None:
    release = Release(fresh, "other", "other-system")
    before = fresh.get("crd", "hypercareperiods.hypercare.dev")["metadata"]["resourceVersion"]
    values: Values = {"crds": {"install": False}}
    release.install(values)
    assert len(release.objects()) == count(values)
    with pytest.raises(HelmFailed, match="cannot be imported into the current release"):
        release.upgrade({"crds": {"install": True}})
    release.uninstall()
    assert fresh.get("crd", "hypercareperiods.hypercare.dev")["metadata"]["resourceVersion"] == before


def commands(page: str) -> list[str]:
    """The commands of a page that need nothing but a cluster: no registry, no log of a pod, nothing run in a pod."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if not re.match(r"docker |kubectl (?:logs|exec) ", line)]


def test_the_commands_of_the_page_about_installing_work_one_after_the_other(fresh: Cluster, tmp_path: Path) -> None:
    page = (PROJECT / "docs" / "install.md").read_text()
    (values,) = re.findall(r"^```yaml\n# values\.yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "values.yaml").write_text(values)
    for name in ("charts", "crds", "manifests"):
        (tmp_path / name).symlink_to(PROJECT / name)
    programs = f"{fresh.kubectl_path.parent}{os.pathsep}{fresh.helm_path.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **fresh.environment, "PATH": programs}
    found = commands(page)
    for command in found:
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert [line.split()[:2] for line in found if line.startswith("helm")] == [
        ["helm", verb] for verb in ("install", "upgrade", "rollback", "uninstall")
    ]
    assert "hypercare" not in fresh.kubectl("get", "crd,deployment,clusterrole", "-A", "-o", "name")
