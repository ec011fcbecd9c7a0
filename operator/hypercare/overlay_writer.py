"""Writing the overlay: create it, replace it, or take it away, and never touch an object of that name that is not ours.

Every write is a compare-and-swap on UID and resourceVersion, so a write that arrives late, or one that was decided on a
stale view, changes nothing. What goes wrong is a `Problem` for the conditions; only an API server that does not answer
is an error, for the due-queue to try again.
"""

from collections.abc import Mapping
from typing import Any

from hypercare.domain.conditions import Problem
from hypercare.domain.objects import PROMETHEUS_RULES, ObjectRef
from hypercare.domain.overlay import owned_by, same_overlay
from hypercare.ports import Conflict, Forbidden, NotFound, ObjectCache, Objects, Rejected

_PATH = "spec.protection.alerts"


class OverlayWriter:
    """Converges the overlay of one period at a time; holds no state of its own."""

    def __init__(self, objects: Objects, cache: ObjectCache) -> None:
        self._objects = objects
        self._cache = cache

    async def converge(self, ref: ObjectRef, desired: Mapping[str, Any] | None, owner_uid: str) -> tuple[Problem, ...]:
        """Make the overlay what is desired; None means that there should be none.

        Raises:
            Unavailable: the API server did not answer.
        """
        present = self._cache.find(ref)
        foreign = present is not None and not owned_by(present, owner_uid)
        if desired is None:
            return () if present is None or foreign else await self._remove(ref, present)
        if foreign:
            return (_taken(ref),)
        if present is not None and same_overlay(desired, present):
            return ()
        return await self._write(ref, desired, present)

    async def _write(
        self, ref: ObjectRef, desired: Mapping[str, Any], present: Mapping[str, Any] | None
    ) -> tuple[Problem, ...]:
        try:
            if present is None:
                written = await self._objects.create(ref, desired)
            else:
                written = await self._objects.replace(ref, _over(desired, present))
        except Conflict:
            # The watch has not shown the present version yet; its event wakes the period again.
            return ()
        except NotFound as error:
            return (_not_served(error.message),) if present is None else ()
        except Forbidden as error:
            return (_forbidden(error.message),)
        except Rejected as error:
            return (Problem(_PATH, "OverlayRejected", f"the API server refused the overlay: {error.message}", True),)
        self._cache.store(PROMETHEUS_RULES, written)
        return ()

    async def _remove(self, ref: ObjectRef, present: Mapping[str, Any]) -> tuple[Problem, ...]:
        metadata = present["metadata"]
        try:
            await self._objects.delete(ref, metadata["uid"], metadata["resourceVersion"])
        except Conflict:
            return ()
        except Forbidden as error:
            return (_forbidden(error.message),)
        return ()


def _over(desired: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, Any]:
    """The desired content in place of the present one; labels and annotations of others stay."""
    metadata, wanted = dict(present["metadata"]), desired["metadata"]
    metadata["labels"] = {**metadata.get("labels", {}), **wanted["labels"]}
    metadata["annotations"] = {**metadata.get("annotations", {}), **wanted["annotations"]}
    metadata["ownerReferences"] = wanted["ownerReferences"]
    return {**desired, "metadata": metadata}


def _taken(ref: ObjectRef) -> Problem:
    message = f"{ref} exists and does not belong to this period: rename the period, or delete that object"
    return Problem(_PATH, "OverlayNameTaken", message, stalls=True)


def _not_served(message: str) -> Problem:
    advice = "the cluster does not serve PrometheusRule: install the CRDs of prometheus-operator"
    return Problem(_PATH, "PrometheusRuleNotServed", f"{advice} ({message})", stalls=True)


def _forbidden(message: str) -> Problem:
    advice = "the operator's account may not write PrometheusRules: apply the RBAC of manifests/install"
    return Problem(_PATH, "Forbidden", f"{advice} ({message})", stalls=True)
