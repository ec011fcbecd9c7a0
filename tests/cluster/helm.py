"""The chart of the project under the real helm: rendered to objects, or released into a cluster."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.programs import find_programs

CHART = Path(__file__).parents[2] / "charts" / "hypercare-operator"
NAME, NAMESPACE = "hypercare-operator", "hypercare-system"
# Helm takes these anywhere for JSON, and so they are exact: numbers stay numbers.
Values = Mapping[str, Any]
Body = dict[str, Any]


class HelmFailed(Exception):
    """Helm ended with an error; the message is what it wrote to standard error."""


def helm(*arguments: str, environment: Mapping[str, str] | None = None, stdin: str = "") -> str:
    """Run helm and return its standard output; raises `HelmFailed`."""
    command = [str(find_programs()["helm"]), *arguments]
    surroundings = {**os.environ, **(environment or {})}
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, env=surroundings, check=False)
    if done.returncode != 0:
        raise HelmFailed(f"{done.stdout.strip()}\n{done.stderr.strip()}")
    return done.stdout


def rendered(values: Values | None = None, *arguments: str, name: str = NAME, namespace: str = NAMESPACE) -> list[Body]:
    """The objects that the chart makes of these values, without asking a cluster; raises `HelmFailed`."""
    command = ("template", name, str(CHART), "--namespace", namespace, *arguments, "--values", "-")
    text = helm(*command, stdin=json.dumps(values or {}))
    # The CRDs are long: libyaml reads them in a tenth of the time.
    return [body for body in yaml.load_all(text, Loader=yaml.CSafeLoader) if body]


def of_kind(bodies: Sequence[Body], kind: str) -> list[Body]:
    """Those of one kind, in their order."""
    return [body for body in bodies if body["kind"] == kind]


def the_one(bodies: Sequence[Body], kind: str) -> Body:
    """The only one of a kind; raises `ValueError` if there is another number of them."""
    (found,) = of_kind(bodies, kind)
    return found
