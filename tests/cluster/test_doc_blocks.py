"""Every block of YAML and every command on the pages is tried: as it stands, or as the part that it is of an object.

Blocks that are part of an object are put where they belong. Commands run against the real control plane; those of the
plugin are parsed by the plugin, which is run for its own page (tests/unit/test_cli_page.py); the few that cannot be run
here are listed, with what keeps them from it.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from hypercare.cli.app import app
from tests.cluster.cluster import Cluster
from tests.cluster.lives.operating import install
from tests.cluster.programs import ALERTMANAGER, find_programs

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).parents[2]
Shell = Callable[..., None]
REPORT = "hypercare-report-checkout-r1-5f0c2a7e"
TIGHTENED = {
    "type": "AlertsTightened",
    "status": "True",
    "reason": "Live",
    "message": "",
    "lastTransitionTime": "2026-11-21T10:00:00Z",
    "observedGeneration": 1,
}
PROTECTED = {"status": {"conditions": [TIGHTENED]}}
# What a reader puts in.
STAND_INS = {
    "period.yaml": "manifests/examples/smallest.yaml",
    "profile.yaml": "manifests/examples/profile.yaml",
    "NAME": "checkout",
}
COMMANDS = typer.main.get_group(app).commands
# What is run elsewhere, or nowhere, and why.
NOT_RUN = {
    "docker": "no image can be built on a machine without a registry",
    "pipx": "it installs into the home of a person",
    "make": "these tests are run by it",
    "eval": "it is for the shell of a person",
    ".venv/bin/python": "tests/cluster/test_launcher.py starts and stops clusters",
    "kubectl patch": "the objects are those of the demo, which was followed by hand",
    "helm": "tests/cluster/test_release.py runs the life of a release",
    "kubectl-hypercare": "it changes the shell's configuration",
    "kubectl exec": "pods are simulated here; tests/cluster runs drain as a process",
    "kubectl logs": "pods are simulated here",
    "kubectl delete": "tests/cluster/test_release.py takes everything away",
    "kubectl -n hypercare-system": "tests/cluster/test_release.py installs",
}


def pages() -> Iterator[Path]:
    """The README, what contributors read, and everything under docs/ but what was decided."""
    yield from (ROOT / "README.md", ROOT / "CONTRIBUTING.md")
    yield from sorted((ROOT / "docs").glob("*.md"))


def blocks(*languages: str) -> list[Any]:
    """The blocks of these languages, as parameters named by page and line."""
    found = []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        for block in re.finditer(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, block.start()) + 1
            if block[1] in languages:
                found.append(pytest.param(block[2], id=f"{page.name}:{line}"))
    return found


def commands() -> list[Any]:
    """Each command of a block of shell, continued lines joined and comments left out."""
    found = []
    for block in blocks("sh", "console"):
        (text,) = block.values
        lines = [line.removeprefix("$ ") for line in _commands_of(text.replace("\\\n", " "))]
        found += [pytest.param(line, id=f"{block.id} {line[:50]}") for line in lines]
    return found


def _commands_of(text: str) -> list[str]:
    lines = text.splitlines()
    prompted = [line for line in lines if line.startswith("$ ")]
    return prompted or [line for line in lines if line.strip() and not line.startswith("#")]


PERIOD: Mapping[str, Any] = {
    "apiVersion": "hypercare.dev/v1alpha1",
    "kind": "HypercarePeriod",
    "metadata": {"name": "of-a-page"},
    "spec": {"release": {"version": "2.4.0"}, "targets": [{"kind": "Deployment", "name": "checkout"}]},
}
PROFILE: Mapping[str, Any] = {
    "apiVersion": "hypercare.dev/v1alpha1",
    "kind": "HypercareProfile",
    "metadata": {"name": "of-a-page"},
    "spec": {"prometheus": {"url": "http://prometheus.example:9090"}},
}
OF_A_PROFILE = frozenset({"prometheus", "tenancy", "rules", "evaluation", "limits", "alertmanager", "defaults"})


def whole(body: Any) -> dict[str, Any]:
    """The object that a block is, or is part of."""
    match body:
        case {"kind": str()}:
            return dict(body)
        case {"spec": {**spec}} if spec.keys() <= OF_A_PROFILE:
            return {**PROFILE, "spec": {**PROFILE["spec"], **spec}}
        case {"spec": {**spec}}:
            return {**PERIOD, "spec": {**PERIOD["spec"], **spec}}
        case [{"name": str()}, *_]:
            return {**PERIOD, "spec": {**PERIOD["spec"], "exitCriteria": body}}
        case {"exitCriteria": list()}:
            return {**PERIOD, "spec": {**PERIOD["spec"], **body}}
        case {**spec} if spec.keys() <= OF_A_PROFILE:
            return {**PROFILE, "spec": {**PROFILE["spec"], **spec}}
        case _:
            raise AssertionError(f"nobody knows what this is part of: {body}")


@pytest.mark.parametrize("text", blocks("yaml"))
def test_a_block_of_yaml_can_be_used(text: str, cluster: Cluster, tmp_path: Path) -> None:
    for body in yaml.safe_load_all(text):
        match body:
            case {"route": _}:
                _check_alertmanager(body, tmp_path)
            case {"image": _}:
                _check_values(body, cluster, tmp_path)
            case {"kind": "Application" | "Kustomization"} | {"spec": {"ignoreDifferences": _}}:
                # Kinds of Argo CD and Flux: read by tests/gitops, not served here.
                assert body
            case _:
                manifest = whole(body)
                manifest["metadata"] = {"name": manifest["metadata"]["name"]}
                cluster.kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(manifest))


def _check_alertmanager(body: Mapping[str, Any], folder: Path) -> None:
    receivers = [{"name": name} for name in ("default", *_receivers(body["route"]))]
    config = {"route": {"receiver": "default", **body["route"]}, "receivers": receivers}
    path = folder / "alertmanager.yml"
    path.write_text(yaml.safe_dump(config))
    subprocess.run([find_programs(ALERTMANAGER)["amtool"], "check-config", path], check=True, capture_output=True)


def _receivers(route: Mapping[str, Any]) -> Iterator[str]:
    for each in route.get("routes", ()):
        yield from (each["receiver"], *_receivers(each))


def _check_values(values: Mapping[str, Any], cluster: Cluster, folder: Path) -> None:
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump(dict(values)))
    chart = ROOT / "charts" / "hypercare-operator"
    command = [str(part) for part in (cluster.helm_path, "template", "hypercare-operator", chart, "--values", path)]
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.parametrize("line", commands())
def test_a_command_can_be_given(line: str, shop: Shell) -> None:
    first = shlex.split(re.split("[|;]", line)[0], comments=True)
    if any(" ".join(first[:words]) in NOT_RUN for words in (1, 2, 3)):
        return
    assert first[0] == "kubectl", f"add a way to try it: {line}"
    if first[1] == "hypercare":
        _parse(first[2:])
        return
    _kubectl([STAND_INS.get(each, each) for each in first[1:]], shop)


def _parse(arguments: list[str]) -> None:
    """Let the plugin read its arguments, without doing what they ask for."""
    if arguments == ["--help"]:
        return
    name, *rest = arguments
    COMMANDS[name].make_context(name, rest)


def _kubectl(arguments: list[str], shop: Shell) -> None:
    """Run what only reads as it stands, and what writes as far as the API server accepts it."""
    if arguments[0] in {"apply", "label"}:
        arguments = [*arguments, "--dry-run=server"]
    shop("kubectl", *arguments)


@pytest.fixture(scope="module")
def shop(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A namespace as the pages assume it, and kubectl at work in it."""
    install(cluster)
    config = tmp_path_factory.mktemp("shop") / "kubeconfig"
    shutil.copyfile(cluster.kubeconfig, config)
    environment = {**os.environ, **cluster.environment, "KUBECONFIG": str(config)}

    def run(*arguments: str) -> None:
        command = [str(cluster.kubectl_path), *arguments[1:]]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    run("kubectl", "create", "namespace", "shop")
    run("kubectl", "config", "set-context", "--current", "--namespace=shop")
    for name in ("checkout", "checkout-trial"):
        body = {**PERIOD, "metadata": {"name": name, "namespace": "shop"}}
        cluster.apply(yaml.safe_dump(body))
    run("kubectl", "patch", "hcp/checkout", "--subresource=status", "--type=merge", f"--patch={json.dumps(PROTECTED)}")
    run("kubectl", "create", "configmap", REPORT, "--from-literal=report.md=# Hypercare of checkout")
    yield run
    run("kubectl", "delete", "namespace", "shop", "--wait=false")


def test_what_is_not_run_is_there() -> None:
    given = [str(each.values[0]) for each in commands()]
    assert [words for words in NOT_RUN if not any(line.startswith(words) for line in given)] == []
