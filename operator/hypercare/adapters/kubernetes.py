"""The API server through `kubernetes.aio`, with plain dicts in both directions.

The generated typed models are not used: they drop fields they do not know and refuse statuses they do not expect, so a
value that is to be restored exactly must not pass through them. The library gives what is hard to do well: credentials
of all kinds with their rotating tokens, TLS, and connection pooling.

Nothing is retried here. A failed request raises one error of `hypercare.ports`, and the due-queue backs off.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import quote, urlencode

import aiohttp
from kubernetes.aio import client

from hypercare import __version__
from hypercare.adapters.access import Access, Credentials, configure, credentials_of
from hypercare.domain.objects import ObjectRef, Resource
from hypercare.ports import (
    FIELD_MANAGER,
    ApiError,
    Body,
    Conflict,
    Forbidden,
    NotFound,
    Rejected,
    Unavailable,
)

PAGE = 500
RequestObserver = Callable[["Request", int, float], None]
# The library carries no annotations worth checking; what crosses this file's border is typed here.
_client: Any = client


@dataclass(frozen=True)
class Request:
    """One request; `resource` is the plural for metrics, or empty where the path names none."""

    verb: str
    method: str
    path: str
    resource: str = ""
    query: Mapping[str, str] | None = None
    body: object = None
    content_type: str = "application/json"


@dataclass(frozen=True)
class Listing:
    """All objects of a resource as of `version`, the resourceVersion of the list."""

    items: tuple[Body, ...]
    version: str


class ApiServer:
    """Implements `hypercare.ports.Objects`; create with `connect`, use as an async context manager.

    `observer` is told of every request that ended: the request, the HTTP status (0 without an answer), the seconds.
    """

    def __init__(self, access: Access, configuration: Any, observer: RequestObserver) -> None:
        self._access = access
        self._configuration = configuration
        self._observer = observer
        self._client: Any = _client.ApiClient(configuration)
        self._client.user_agent = f"hypercare/{__version__}"

    @classmethod
    async def connect(cls, access: Access, observer: RequestObserver) -> Self:
        """Load the credentials; sends no request yet."""
        return cls(access, await configure(access), observer)

    async def __aenter__(self) -> Self:
        """Nothing to do: connections open when they are needed."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        await self._client.close()

    async def credentials(self) -> Credentials:
        """Return the credentials in force now; a rotated token is read anew."""
        return await credentials_of(self._configuration)

    async def get(self, ref: ObjectRef) -> Body:
        """Read one object; raises `NotFound`."""
        return await self._send(Request("get", "GET", object_path(ref), ref.resource.plural))

    async def list(self, resource: Resource, namespace: str = "", labels: str = "", fields: str = "") -> Sequence[Body]:
        """List a resource, of all namespaces if `namespace` is empty, filtered by label and field selectors."""
        return (await self.listing(resource, namespace, labels, fields)).items

    async def listing(self, resource: Resource, namespace: str = "", labels: str = "", fields: str = "") -> Listing:
        """List a resource in pages, with the resourceVersion that the list as a whole has."""
        path = collection_path(resource, namespace)
        items: list[Body] = []
        selectors = {"labelSelector": labels, "fieldSelector": fields}
        query = {"limit": str(PAGE)} | {name: selector for name, selector in selectors.items() if selector}
        while True:
            page = await self._send(Request("list", "GET", path, resource.plural, query))
            # Items of a list carry no kind of their own, unlike those of a watch.
            items += ({"apiVersion": resource.api_version, "kind": resource.kind} | item for item in page["items"])
            metadata = page.get("metadata", {})
            if not metadata.get("continue"):
                return Listing(tuple(items), metadata.get("resourceVersion", ""))
            query["continue"] = metadata["continue"]

    async def create(self, ref: ObjectRef, body: Body) -> Body:
        """Create; raises `Conflict` when the name is taken."""
        path = collection_path(ref.resource, ref.namespace)
        return await self._send(Request("create", "POST", path, ref.resource.plural, _MANAGER, body))

    async def replace(self, ref: ObjectRef, body: Body) -> Body:
        """Write a whole object; `metadata.resourceVersion` in the body makes it compare-and-swap (`Conflict`)."""
        return await self._send(Request("update", "PUT", object_path(ref), ref.resource.plural, _MANAGER, body))

    async def json_patch(
        self, ref: ObjectRef, operations: Sequence[Mapping[str, Any]], manager: str = FIELD_MANAGER
    ) -> Body:
        """Apply an RFC 6902 patch under the name of a field manager; a failed `test` raises `Conflict`."""
        path = object_path(ref)
        content_type = "application/json-patch+json"
        return await self._send(
            Request(
                "patch", "PATCH", path, ref.resource.plural, {"fieldManager": manager}, list(operations), content_type
            )
        )

    async def apply_status(self, ref: ObjectRef, body: Body) -> Body:
        """Server-side apply of the status subresource; `resourceVersion` in the body makes it compare-and-swap."""
        path = f"{object_path(ref)}/status"
        query = _MANAGER | {"force": "true"}
        content_type = "application/apply-patch+yaml"
        return await self._send(Request("apply", "PATCH", path, ref.resource.plural, query, body, content_type))

    async def delete(self, ref: ObjectRef, uid: str, resource_version: str = "") -> None:
        """Delete this very object (precondition on UID, and version if given); gone already is success."""
        conditions = {"uid": uid} | ({"resourceVersion": resource_version} if resource_version else {})
        options = {"preconditions": conditions, "propagationPolicy": "Background"}
        try:
            await self._send(Request("delete", "DELETE", object_path(ref), ref.resource.plural, None, options))
        except NotFound:
            return

    async def serves(self, resource: Resource) -> bool:
        """Ask the discovery API whether a resource is served at all."""
        path = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
        try:
            found = await self._send(Request("discover", "GET", path))
        except NotFound:
            return False
        return any(entry.get("name") == resource.plural for entry in found.get("resources", []))

    async def reachable(self) -> bool:
        """Whether the API server answers at all (its version, which every account may read)."""
        try:
            await self._send(Request("discover", "GET", "/version"))
        except ApiError:
            return False
        return True

    async def _send(self, request: Request) -> dict[str, Any]:
        started = time.monotonic()
        status = 0
        try:
            status, text = await self._exchange(request)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            detail = str(error) or type(error).__name__
            raise Unavailable(f"{request.verb} {request.path} got no answer: {detail}") from error
        finally:
            self._observer(request, status, time.monotonic() - started)
        try:
            answer = json.loads(text)
        except ValueError:
            answer = {"message": text[:200].decode("utf-8", "replace")}
        if status >= HTTPStatus.BAD_REQUEST:
            raise error_of(request, status, answer)
        return answer if isinstance(answer, dict) else {}

    async def _exchange(self, request: Request) -> tuple[int, bytes]:
        path = f"{request.path}?{urlencode(request.query)}" if request.query else request.path
        method, url, headers, body, form = await self._client.param_serialize(
            request.method,
            path,
            header_params={"Accept": "application/json", "Content-Type": request.content_type},
            body=request.body,
            auth_settings=["BearerToken"],
        )
        timeout = aiohttp.ClientTimeout(total=self._access.timeout)
        response = await self._client.call_api(method, url, headers, body, form, _request_timeout=timeout)
        return response.status, await response.read()


_MANAGER = {"fieldManager": FIELD_MANAGER}


def collection_path(resource: Resource, namespace: str = "") -> str:
    """Return the path of a resource, of all namespaces if `namespace` is empty."""
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    within = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    return f"{root}{within}/{resource.plural}"


def object_path(ref: ObjectRef) -> str:
    """Return the path of one object, or of the view of it that is named."""
    path = f"{collection_path(ref.resource, ref.namespace)}/{quote(ref.name, safe='')}"
    return f"{path}/{ref.subresource}" if ref.subresource else path


def error_of(request: Request, status: int, answer: Mapping[str, Any]) -> ApiError:
    """Translate a refusal into the error the loop distinguishes.

    A JSON Patch that does not fit the object (failed `test`, missing path) is answered 422 with empty details, an
    object that would be invalid 422 with the offending fields (seen on Kubernetes 1.36): only the latter is final.
    """
    message = str(answer.get("message") or f"{request.verb} {request.path} was answered {status}")
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return Forbidden(message)
        case HTTPStatus.NOT_FOUND:
            return NotFound(message)
        case HTTPStatus.CONFLICT:
            return Conflict(message)
        case HTTPStatus.UNPROCESSABLE_ENTITY if request.verb == "patch" and not answer.get("details"):
            return Conflict(f"{request.resource}: the object is not as the patch expects it")
        case HTTPStatus.REQUEST_TIMEOUT | HTTPStatus.GONE | HTTPStatus.TOO_MANY_REQUESTS:
            return Unavailable(message)
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Unavailable(message)
        case _:
            return Rejected(message)
