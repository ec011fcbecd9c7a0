"""What GitOps tools make of a period: Argo CD by the Lua that we ship, Flux and Helm by kstatus itself."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from lupa import lua51

from tests.cluster.programs import GITOPS as LIBRARIES
from tests.cluster.programs import find_programs

GITOPS = Path(__file__).parents[2] / "manifests" / "gitops"
CONFIG: Mapping[str, str] = yaml.safe_load((GITOPS / "argocd" / "argocd-cm.yaml").read_text(encoding="utf-8"))["data"]
HEALTH = CONFIG["resource.customizations.health.hypercare.dev_HypercarePeriod"]
KUSTOMIZATION = yaml.safe_load((GITOPS / "flux" / "kustomization.yaml").read_text(encoding="utf-8"))
(EXPRESSIONS,) = KUSTOMIZATION["spec"]["healthCheckExprs"]
# Argo CD opens the libraries base, package, table and a safe part of os (util/lua/lua.go), and none of the rest.
_SANDBOX = "for _, name in ipairs({'string', 'io', 'debug', 'math', 'coroutine'}) do _G[name] = nil end"
Body = Mapping[str, Any]


def run_lua(script: str, body: Body) -> Any:
    """Run a script as Argo CD does, with the object as `obj`; gives back what it returns, as Python values."""
    lua = lua51.LuaRuntime(unpack_returned_tuples=True)
    lua.execute(_SANDBOX)
    lua.globals()["obj"] = lua.table_from(body, recursive=True)
    return _plain(lua.execute(script))


def argocd_health(body: Body) -> Mapping[str, str]:
    """Status and message."""
    found: Mapping[str, str] = run_lua(HEALTH, body)
    return found


def flux_verdicts(bodies: Sequence[Body]) -> Sequence[Mapping[str, str]]:
    """For each object `kstatus`, and `flux`, where the health expressions that we ship decide."""
    question = {"expressions": EXPRESSIONS, "objects": bodies}
    program = find_programs(LIBRARIES)["gitops-verdict"]
    answer = subprocess.run([program], input=json.dumps(question), capture_output=True, text=True, check=True)
    found: Sequence[Mapping[str, str]] = json.loads(answer.stdout)
    return found


def _plain(value: Any) -> Any:
    """A Lua table as a dict, or as a list where its keys count from one."""
    if lua51.lua_type(value) != "table":
        return value
    items = {key: _plain(each) for key, each in value.items()}
    return list(items.values()) if items and list(items) == list(range(1, len(items) + 1)) else items
