"""One release of the chart in a cluster, and the operator as its pod would run it: account, arguments, namespace."""

import json
import subprocess
import sys
from pathlib import Path

import yaml

from tests.cluster.access import operator_kubeconfig
from tests.cluster.cluster import Cluster
from tests.cluster.helm import CHART, Values, helm, the_one
from tests.cluster.operator_process import OperatorProcess

KINDS = "serviceaccount,clusterrole,clusterrolebinding,role,rolebinding,service,deployment,validatingadmissionpolicy"


class Release:
    """One release of the chart in a cluster."""

    def __init__(self, cluster: Cluster, name: str, namespace: str) -> None:
        self.cluster = cluster
        self.name = name
        self.namespace = namespace

    def helm(self, *arguments: str, values: Values | None = None) -> str:
        given = ("--values", "-") if values is not None else ()
        command = (*arguments, "--namespace", self.namespace, *given)
        return helm(*command, environment=self.cluster.environment, stdin=json.dumps(values or {}))

    def install(self, values: Values, *flags: str) -> str:
        command = ("install", self.name, str(CHART), "--create-namespace", "--wait", "--timeout", "2m")
        return self.helm(*command, *flags, values=values)

    def upgrade(self, values: Values) -> str:
        return self.helm("upgrade", self.name, str(CHART), "--wait", "--timeout", "2m", values=values)

    def uninstall(self) -> str:
        return self.helm("uninstall", self.name, "--wait", "--timeout", "2m")

    @property
    def arguments(self) -> list[str]:
        """What the Deployment of the release tells the operator."""
        deployment = self.cluster.get("deployment", self.name, self.namespace)
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        return list(container["args"])

    def objects(self) -> list[str]:
        """What of the release there is, in all namespaces."""
        label = f"app.kubernetes.io/instance={self.name}"
        return self.cluster.kubectl("get", KINDS, "-A", "-l", label, "-o", "name").split()

    def operator(self, log: Path, *, wait: bool = True) -> OperatorProcess:
        """The operator as the pod would be: account, arguments and namespace; it listens where a test can ask it."""
        command, listen, *arguments = self.arguments
        assert (command, listen) == ("run", "--listen=0.0.0.0:8080")
        return OperatorProcess(self.kubeconfig(), log, [*arguments, "--own-namespace", self.namespace], wait=wait)

    def kubeconfig(self) -> Path:
        return operator_kubeconfig(self.cluster, self.name, self.namespace)

    def drain(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run what the pre-delete Job would, with its account; `arguments` come after its own and so win."""
        hooks = [body for body in yaml.safe_load_all(self.helm("get", "hooks", self.name)) if body]
        (container,) = the_one(hooks, "Job")["spec"]["template"]["spec"]["containers"]
        access = ("--kubeconfig", str(self.kubeconfig()), "--own-namespace", self.namespace)
        command = [sys.executable, "-m", "hypercare", *container["args"], *access, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)
