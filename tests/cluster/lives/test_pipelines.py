"""The worked pipelines of manifests/gitops, run as a pipeline would run them.

GitOps tools call an open window healthy, and one that needs a person degraded.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.lives.expectations import protected
from tests.cluster.lives.history import Version
from tests.cluster.lives.place import Place
from tests.gitops.verdicts import GITOPS, argocd_health, flux_verdicts

pytestmark = pytest.mark.cluster
PIPELINES = GITOPS / "pipelines"
PLUGIN = Path(sys.executable).parent


def verdict(body: Mapping[str, Any]) -> tuple[str, str, str]:
    """What Argo CD, kstatus and Flux say."""
    (found,) = flux_verdicts([body])
    return argocd_health(body)["status"], found["kstatus"], found["flux"]


HEALTHY, DEGRADED = ("Healthy", "Current", "Current"), ("Degraded", "Failed", "Failed")


def of_version(version: str) -> Any:
    """Protected, in a run of this version."""
    return lambda each: protected(each) and each.status["run"]["release"]["version"] == version


def stalls(version: Version) -> bool:
    """A person is needed."""
    return version.holds("Stalled")


def build(place: Place, folder: Path, profile: str, tag: str) -> Path:
    """The pipeline with one long-lived period, as a team would copy it: with its profile and the tag of the release."""
    shutil.copytree(PIPELINES / "one-period", folder, dirs_exist_ok=True)
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    patch = {"op": "add", "path": "/spec/profile", "value": profile}
    kustomization["namespace"] = place.namespace
    kustomization["images"][0]["newTag"] = tag
    kustomization["patches"] = [{"target": {"kind": "HypercarePeriod"}, "patch": yaml.safe_dump([patch])}]
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    return folder


def test_one_period_gets_the_version_of_its_workload(place: Place, tmp_path: Path) -> None:
    place.delete("deployment", "checkout")
    with place.watch("period") as period:
        place.cluster.kubectl("apply", "-k", str(build(place, tmp_path, place.namespace, "2.4.0")))
        first = period.until("the window is open", of_version("2.4.0"))
        assert verdict(first.body) == HEALTHY
        place.cluster.kubectl("apply", "-k", str(build(place, tmp_path, place.namespace, "2.5.0")))
        second = period.until("the next release has its run", of_version("2.5.0"))
        assert verdict(second.body) == HEALTHY
        assert second.status["run"]["counter"] == first.status["run"]["counter"] + 1
        place.cluster.kubectl("apply", "-k", str(build(place, tmp_path, "missing", "2.5.0")))
        assert verdict(period.until("a person is needed", stalls).body) == DEGRADED


def test_a_release_waits_until_it_is_protected(place: Place, tmp_path: Path) -> None:
    config = tmp_path / "kubeconfig"
    shutil.copyfile(place.cluster.kubeconfig, config)
    environment = {
        **os.environ,
        **place.cluster.environment,
        "PATH": f"{place.cluster.kubectl_path.parent}{os.pathsep}{PLUGIN}{os.pathsep}{os.environ['PATH']}",
        "KUBECONFIG": str(config),
        "PROFILE": place.namespace,
        "VERSION": "2.5.0",
    }
    kubectl = ["kubectl", "config", "set-context", "--current", f"--namespace={place.namespace}"]
    subprocess.run(kubectl, env=environment, check=True, capture_output=True)
    with place.watch("period", "checkout-2.5.0") as period, place.watch("deployment", "checkout") as workload:
        script = [PIPELINES / "period-per-release" / "release.sh"]
        done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        window = period.until("the window is open", of_version("2.5.0"))
        assert verdict(window.body) == HEALTHY
        tightened = next(each.at for each in period.versions if each.holds("AlertsTightened"))
        released = next(each.at for each in workload.versions if _image(each).endswith(":2.5.0"))
    assert tightened < released


def _image(version: Version) -> str:
    return str(version.body["spec"]["template"]["spec"]["containers"][0]["image"])


@pytest.mark.parametrize("version", ["", "2.5.0 extra", '2.5.0"', "$(id)", "V2"])
def test_a_version_that_is_no_name_is_refused_before_anything_is_written(version: str) -> None:
    script = [PIPELINES / "period-per-release" / "release.sh"]
    environment = {"PATH": os.environ["PATH"], "VERSION": version}
    done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "version" in done.stderr.lower()


def test_each_helm_release_opens_its_window(place: Place) -> None:
    place.delete("deployment", "checkout")
    with place.watch("period", "checkout-2.4.0") as first, place.watch("period", "checkout-2.5.0") as second:
        helm(place, "install", f"--set=hypercare.profile={place.namespace}")
        assert verdict(first.until("the window is open", of_version("2.4.0")).body) == HEALTHY
        helm(place, "upgrade", f"--set=hypercare.profile={place.namespace}", "--set=image.tag=2.5.0")
        assert verdict(second.until("the next one is open", of_version("2.5.0")).body) == HEALTHY
    with place.watch("period", "checkout-2.6.0") as third:
        helm(place, "upgrade", "--set=hypercare.profile=missing", "--set=image.tag=2.6.0")
        assert verdict(third.until("a person is needed", stalls).body) == DEGRADED
    helm(place, "uninstall")


def helm(place: Place, verb: str, *arguments: str) -> None:
    """Run helm for the release checkout of the worked chart."""
    chart = [] if verb == "uninstall" else [str(PIPELINES / "helm-hook")]
    command: list[str | Path] = [
        place.cluster.helm_path,
        verb,
        "checkout",
        *chart,
        "--namespace",
        place.namespace,
        *arguments,
    ]
    subprocess.run(command, env={**os.environ, **place.cluster.environment}, check=True, capture_output=True)
