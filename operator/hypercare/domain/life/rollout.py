"""Whether the targets run the release: rollout state from the workload's status, version from its pod template.

Sources: the completeness rules are those of `kubectl rollout status` for each kind, with "available" in place of
"ready"; `app.kubernetes.io/version` is the recommended label of the Kubernetes documentation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hypercare.domain.life.release import Release, VersionMatch
from hypercare.domain.objects import DAEMONSETS, DEPLOYMENTS, ROLLOUTS, STATEFULSETS, TARGETS

VERSION_LABEL = "app.kubernetes.io/version"
SETTLE_SECONDS = 60


@dataclass(frozen=True)
class Target:
    """A workload of the period's namespace; `version` is empty where the release's own applies."""

    kind: str
    name: str
    version: str = ""


class RolloutState(StrEnum):
    """How far one target, or all of them, have come."""

    COMPLETE = "RolloutComplete"
    UNVERSIONED = "VersionNotMatched"
    PROGRESSING = "RolloutInProgress"
    OTHER_VERSION = "OtherVersion"
    ZERO_REPLICAS = "ZeroReplicas"
    MISSING = "TargetNotFound"


@dataclass(frozen=True)
class Rollout:
    """The state with a sentence for people. `UNVERSIONED`: complete, but no version could be read."""

    state: RolloutState
    message: str


def rollout_of(target: Target, release: Release, workload: Mapping[str, Any] | None) -> Rollout:
    """Judge one target by the object that the API server holds."""
    name = f"{target.kind} {target.name}"
    if workload is None:
        return Rollout(RolloutState.MISSING, f"{name} does not exist")
    wanted, updated, available = _replicas(target.kind, workload)
    if wanted == 0:
        return Rollout(RolloutState.ZERO_REPLICAS, f"{name} has zero replicas")
    if not _observed(workload) or updated < wanted or available < wanted or _leftover(target.kind, workload, wanted):
        return Rollout(RolloutState.PROGRESSING, f"{name}: {updated} of {wanted} updated, {available} available")
    return _version_of(target, release, workload, name)


def combined(rollouts: tuple[Rollout, ...]) -> Rollout:
    """Judge all targets together: the one that is furthest from complete decides."""
    order = list(reversed(RolloutState))
    return min(rollouts, key=lambda rollout: order.index(rollout.state))


def _version_of(target: Target, release: Release, workload: Mapping[str, Any], name: str) -> Rollout:
    versions = _versions(workload)
    wanted = release.revision if release.match is VersionMatch.REVISION else target.version or release.version
    if not versions:
        return Rollout(RolloutState.UNVERSIONED, f"{name} is rolled out; its pod template carries no version to match")
    if any(_matches(version, wanted, release.match) for version in versions):
        return Rollout(RolloutState.COMPLETE, f"{name} runs {wanted}")
    return Rollout(RolloutState.OTHER_VERSION, f"{name} runs {', '.join(versions)}, not {wanted}")


def _matches(version: str, wanted: str, match: VersionMatch) -> bool:
    version, wanted = version.removeprefix("v"), wanted.removeprefix("v")
    match match:
        case VersionMatch.EXACT:
            return version == wanted
        case VersionMatch.PREFIX:
            return version.startswith(wanted)
        case VersionMatch.REVISION:
            return wanted in version


def _versions(workload: Mapping[str, Any]) -> tuple[str, ...]:
    template = workload.get("spec", {}).get("template", {})
    label = (template.get("metadata", {}).get("labels") or {}).get(VERSION_LABEL)
    images = (container.get("image", "") for container in template.get("spec", {}).get("containers", ()))
    tags = (_tag(image) for image in images)
    return tuple(dict.fromkeys(version for version in (label, *tags) if version))


def _tag(image: str) -> str:
    name = image.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2]


def _replicas(kind: str, workload: Mapping[str, Any]) -> tuple[int, int, int]:
    spec, status = workload.get("spec", {}), workload.get("status", {})
    match TARGETS[kind]:
        case resource if resource == DAEMONSETS:
            keys = ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
            wanted, updated, available = (int(status.get(key, 0)) for key in keys)
            return wanted, updated, available
        case resource if resource in (DEPLOYMENTS, STATEFULSETS, ROLLOUTS):
            available = int(status.get("availableReplicas", 0))
            return int(spec.get("replicas", 1)), int(status.get("updatedReplicas", 0)), available
        case resource:
            raise AssertionError(f"no rollout rule for {resource.kind}")


def _observed(workload: Mapping[str, Any]) -> bool:
    generation = int(workload.get("metadata", {}).get("generation", 0))
    observed = str(workload.get("status", {}).get("observedGeneration", ""))
    # Argo Rollouts writes a text.
    return observed.isdecimal() and int(observed) >= generation


def _leftover(kind: str, workload: Mapping[str, Any], wanted: int) -> bool:
    """Old pods that still run beside the new ones (the surge of a Deployment, the old version of a Rollout)."""
    return kind in {DEPLOYMENTS.kind, ROLLOUTS.kind} and int(workload.get("status", {}).get("replicas", 0)) > wanted
