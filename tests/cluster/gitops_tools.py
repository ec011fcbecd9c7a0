"""What GitOps tools do to an object when they sync it, with the settings of manifests/gitops: real server-side apply.

Only what decides about fields that hypercare changes is repeated here, from the tools' own code: Argo CD's
`normalizeTargetResources` (controller/sync.go) with `Normalize` of util/argo/managedfields, and the ignore rules of
fluxcd/pkg/ssa.
"""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.api import Api, HttpError

SETTINGS = Path(__file__).parents[2] / "manifests" / "gitops"
ARGO_CD, FLUX = "argocd-controller", "kustomize-controller"
_APPLY = "application/apply-patch+yaml"
_ALL_APPLICATIONS = "resource.customizations.ignoreDifferences."
Body = Mapping[str, Any]
_ABSENT = object()


def apply_as(api: Api, manager: str, path: str, manifest: Body) -> None:
    """Apply with force, as both tools do; `path` names the object."""
    body = json.dumps(manifest).encode()
    api.request("PATCH", f"{path}?fieldManager={manager}&force=true", body, _APPLY)


def argo_cd_syncs(api: Api, path: str, manifest: Body) -> None:
    """Sync with RespectIgnoreDifferences: what trusted managers have changed is copied from the live object."""
    live, target = _live(api, path), copy.deepcopy(dict(manifest))
    managers = set(trusted(*_kind_of(manifest)))
    for entry in live.get("metadata", {}).get("managedFields", ()):
        for keys in _leaves(entry.get("fieldsV1", {})) if entry["manager"] in managers else ():
            wanted, found = _at(target, keys), _at(live, keys)
            if _ABSENT not in (wanted, found) and wanted != found:
                _set(target, keys, found)
    apply_as(api, ARGO_CD, path, target)


def flux_syncs(api: Api, path: str, manifest: Body) -> None:
    """Sync with `spec.ignore`: ignored fields keep the live value, unless another manager has applied them."""
    live, target = _live(api, path), copy.deepcopy(dict(manifest))
    for keys in ignored(*_kind_of(manifest)):
        if (found := _at(live, keys)) is not _ABSENT:
            _set(target, keys, found)
    apply_as(api, FLUX, path, target)


def owners(body: Body, *keys: str) -> list[str]:
    """The managers of a field, sorted."""
    entries = body["metadata"].get("managedFields", ())
    return sorted(entry["manager"] for entry in entries if list(keys) in list(_leaves(entry.get("fieldsV1", {}))))


def _kind_of(manifest: Body) -> tuple[str, str]:
    return manifest["apiVersion"].rpartition("/")[0], manifest["kind"]


def _live(api: Api, path: str) -> Any:
    try:
        return api.get(path)
    except HttpError as error:
        if error.status == 404:
            return {}
        raise


def trusted(group: str, kind: str) -> Iterator[str]:
    """Whose changes Argo CD ignores in such an object, by the settings for one application and for all of them."""
    (application,) = yaml.safe_load_all((SETTINGS / "argocd" / "application.yaml").read_text())
    assert "RespectIgnoreDifferences=true" in application["spec"]["syncPolicy"]["syncOptions"]
    for each in application["spec"]["ignoreDifferences"]:
        if (each["group"], each["kind"]) == (group, kind):
            yield from each["managedFieldsManagers"]
    everywhere = yaml.safe_load((SETTINGS / "argocd" / "argocd-cm.yaml").read_text())["data"]
    if found := everywhere.get(f"{_ALL_APPLICATIONS}{group}_{kind}"):
        yield from yaml.safe_load(found)["managedFieldsManagers"]


def ignored(group: str, kind: str) -> Iterator[list[str]]:
    """Which fields Flux leaves alone in such an object."""
    kustomization = yaml.safe_load((SETTINGS / "flux" / "kustomization.yaml").read_text())
    for rule in kustomization["spec"]["ignore"]:
        if (rule["target"]["group"], rule["target"]["kind"]) == (group, kind):
            yield from (
                [key.replace("~1", "/").replace("~0", "~") for key in path.split("/")[1:]] for path in rule["paths"]
            )


def _leaves(fields: Body, above: tuple[str, ...] = ()) -> Iterator[list[str]]:
    """The paths of fields in an entry of managed fields; elements of lists are left out."""
    for key, inside in fields.items():
        if not key.startswith("f:"):
            continue
        here = (*above, key.removeprefix("f:"))
        if inside:
            yield from _leaves(inside, here)
        else:
            yield list(here)


def _at(body: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        if not isinstance(body, Mapping) or key not in body:
            return _ABSENT
        body = body[key]
    return body


def _set(body: Any, keys: Sequence[str], value: object) -> None:
    for key in keys[:-1]:
        body = body.setdefault(key, {})
    body[keys[-1]] = copy.deepcopy(value)
