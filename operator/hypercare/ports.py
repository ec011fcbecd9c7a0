"""What the loop needs from outside, as Protocols; `hypercare.adapters` implements each.

API objects cross these ports as plain dicts, as the API server wrote them: typed clients drop fields they do not know
and refuse statuses they do not expect, and a value that is to be restored exactly must not pass through such a model.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from hypercare.domain.alerts.alertmanager_view import View
from hypercare.domain.alerts.loaded_rules import LoadedResult, RulesQuery
from hypercare.domain.endpoint import Endpoint
from hypercare.domain.objects import ObjectRef, Resource
from hypercare.domain.samples import InstantQuery, RangeQuery, Result
from hypercare.domain.snapshot import Reading

Body = Mapping[str, Any]
FIELD_MANAGER = "hypercare"
_APPLY_ROLES = "apply the RBAC of manifests/install"
_LACKS_A_VERB = re.compile(r"\bcannot \w+ resource\b")


class ApiError(Exception):
    """A request to the API server did not succeed; `message` is the server's, for people."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def advised(self) -> str:
        """The message, with what to do where that is known."""
        return self.message


class NotFound(ApiError):
    """The object or the resource does not exist (404)."""


class Conflict(ApiError):
    """Somebody else was faster: stale resourceVersion, failed JSON Patch test, object exists (409, 422 on a test)."""


class Forbidden(ApiError):
    """The operator's account may not do this (401, 403)."""

    @property
    def advised(self) -> str:
        """The message, and what to do where it names the verb and the resource that a role lacks.

        A quota, or a namespace that is being deleted, refuses in the same way, and no role changes that.
        """
        return f"{self.message}: {_APPLY_ROLES}" if _LACKS_A_VERB.search(self.message) else self.message


class Rejected(ApiError):
    """The server will never accept this body (400, 422)."""


class Unavailable(ApiError):
    """No answer, or one that says try again (timeouts, connection errors, 429, 5xx). The write may still arrive."""


class Objects(Protocol):
    """The API server itself: reads that are never stale, and every write the operator makes."""

    async def get(self, ref: ObjectRef) -> Body:
        """Read one object; raises `NotFound`."""
        ...

    async def list(self, resource: Resource, namespace: str = "", labels: str = "", fields: str = "") -> Sequence[Body]:
        """List a resource, of all namespaces if `namespace` is empty, filtered by label and field selectors."""
        ...

    async def create(self, ref: ObjectRef, body: Body) -> Body:
        """Create; raises `Conflict` when the name is taken."""
        ...

    async def replace(self, ref: ObjectRef, body: Body) -> Body:
        """Write a whole object; `metadata.resourceVersion` in the body makes it compare-and-swap (`Conflict`)."""
        ...

    async def json_patch(
        self, ref: ObjectRef, operations: Sequence[Mapping[str, Any]], manager: str = FIELD_MANAGER
    ) -> Body:
        """Apply an RFC 6902 patch under the name of a field manager; a failed `test` raises `Conflict`."""
        ...

    async def apply_status(self, ref: ObjectRef, body: Body) -> Body:
        """Server-side apply of the status subresource; `resourceVersion` in the body makes it compare-and-swap."""
        ...

    async def delete(self, ref: ObjectRef, uid: str, resource_version: str = "") -> None:
        """Delete this very object (precondition on UID, and version if given); gone already is success."""
        ...


class ObjectCache(Protocol):
    """What the watches have seen. Never asks the server, so it may lag by a moment."""

    def find(self, ref: ObjectRef) -> Body | None:
        """The newest version seen, or None when there is none.

        Raises:
            Forbidden: something of its namespace may not be listed, so that no decision can rest on what is seen there.
        """
        ...

    def seen(self, ref: ObjectRef) -> Body | None:
        """The newest version seen, whatever else of its namespace may not be: to tell, not to decide."""
        ...

    def select(self, resource: Resource, namespace: str = "") -> Sequence[Body]:
        """All objects of a resource, of all namespaces if `namespace` is empty, in the order of their names."""
        ...

    def served(self, resource: Resource) -> bool:
        """Whether the API server serves this resource at all (a missing CRD does not)."""
        ...

    def store(self, resource: Resource, body: Body) -> None:
        """Remember a body that a write has just returned, so that the next visit does not decide on an older one."""
        ...


class MetricSource(Protocol):
    """One Prometheus-compatible endpoint. Never raises for what a server can do: failures are values."""

    async def range(self, query: RangeQuery) -> Result:
        """Evaluate over a grid."""
        ...

    async def instant(self, query: InstantQuery) -> Result:
        """Evaluate once."""
        ...


class RuleSource(MetricSource, Protocol):
    """An endpoint that may also tell which rules it has loaded."""

    async def rules(self, query: RulesQuery) -> LoadedResult:
        """Tell which rules are loaded; for a diagnosis, never as evidence."""
        ...


class Alertmanagers(Protocol):
    """The Alertmanagers that profiles name. Never raises for what a server can do: failures are values."""

    async def view(self, endpoint: Endpoint, namespace: str) -> View:
        """Look at routes, silences, and the alerts that carry this namespace."""
        ...


class Events(Protocol):
    """Kubernetes Events on the period, posted on transitions only."""

    async def post(self, about: Body, *, warning: bool, reason: str, message: str) -> None:
        """Record an Event; failing to is logged and never disturbs the loop."""
        ...


class EvidenceObserver(Protocol):
    """Told what the evidence of each period says, for metrics."""

    def evaluated(self, period: ObjectRef, readings: Sequence[Reading]) -> None:
        """All criteria of a running window, at least one."""
        ...

    def forget(self, period: ObjectRef) -> None:
        """The period is gone."""
        ...
