"""The API server as the person who calls sees it: the kubeconfig's credentials, plain objects in both directions.

The official client gives what is hard to do well: kubeconfig files and their merging, credential plugins, rotating
tokens, TLS. Its generated models are not used. It is imported only here, when a command asks a cluster: a quarter of a
second that `--help` does not wait for.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

import urllib3
import yaml
from kubernetes import client, config

from hypercare import __version__
from hypercare.cli.failures import ClusterFailed, NoCluster, NotAccepted, NotAllowed, NotThere
from hypercare.cli.options import ClusterArguments
from hypercare.domain.objects import ObjectRef, Resource

Body = Mapping[str, Any]
_CONNECT_SECONDS, _READ_SECONDS = 10.0, 30.0
_WATCH_SECONDS = 240
_PAGE = 500
_LIBRARY = re.compile(
    r"^(?:<?HTTPS?Connection\w*\(.*?\)>?: )?(?:Failed to establish a new connection: )?(?:\[Errno -?\d+\] )?"
)
_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
# Both carry no annotations worth checking; what crosses this file's border is typed here.
_client: Any = client
_config: Any = config


@dataclass(frozen=True)
class Change:
    """What a watch tells: an object as it is now, or as it was when it was deleted."""

    deleted: bool
    body: Body


@dataclass(frozen=True)
class _Ask:
    method: str
    path: str
    query: Mapping[str, str]
    body: Body | None = None
    content_type: str = "application/json"


class Cluster:
    """A connection; make it with `connect`, and close it by leaving its context.

    Attributes:
        namespace: The one that is meant where none is named.
        host: Address of the API server, for messages.
    """

    def __init__(self, api: Any, namespace: str) -> None:
        self._api = api
        self.namespace = namespace
        self.host = str(api.configuration.host)

    @classmethod
    def connect(cls, asked: ClusterArguments) -> Self:
        """Load the credentials; sends no request yet, unless a credential plugin does.

        Raises:
            NoCluster: there are none, or they cannot be used.
        """
        configuration = _client.Configuration()
        # A refused connection is told at once; what is worth waiting for is asked again by `wait` and `watch`.
        configuration.retries = False
        try:
            named = _load(asked, configuration)
        except (config.ConfigException, OSError, yaml.YAMLError, TypeError, ValueError, KeyError) as error:
            where = asked.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
            raise NoCluster(f"no cluster: {where}: {_one_line(error)}") from error
        api = _client.ApiClient(configuration)
        api.user_agent = f"kubectl-hypercare/{__version__}"
        return cls(api, asked.namespace or named or "default")

    def __enter__(self) -> Self:
        """Nothing to do: connections open when they are needed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all connections."""
        self._api.close()

    def get(self, ref: ObjectRef) -> Body:
        """Read one object; raises `NotThere`."""
        return self._json(_Ask("GET", object_path(ref), {}))

    def find(self, ref: ObjectRef) -> Body | None:
        """Read one object, None if it does not exist."""
        try:
            return self.get(ref)
        except NotThere:
            return None

    def list(self, resource: Resource, namespace: str = "", labels: str = "", fields: str = "") -> tuple[Body, ...]:
        """List a resource, of all namespaces if `namespace` is empty."""
        return self._listing(resource, namespace, labels, fields)[0]

    def post(self, path: str, body: Body) -> Body:
        """Create something that is only an answer, such as an access review."""
        return self._json(_Ask("POST", path, {}, body))

    def dry_run(self, ref: ObjectRef, body: Body) -> None:
        """Ask whether the server would take this object, under strict field validation; raises `NotAccepted`."""
        query = {"dryRun": "All", "fieldValidation": "Strict", "fieldManager": "kubectl-hypercare", "force": "true"}
        self._json(_Ask("PATCH", object_path(ref), query, body, "application/apply-patch+yaml"))

    def raw(self, path: str) -> Body:
        """GET a path of the server, such as `/version`."""
        return self._json(_Ask("GET", path, {}))

    def time(self) -> datetime | None:
        """The server's clock, to the second; None where it does not tell."""
        response = self._send(_Ask("GET", "/version", {}), _READ_SECONDS)
        told = response.getheader("Date")
        return parsedate_to_datetime(told) if told else None

    def follow(self, resource: Resource, namespace: str = "", fields: str = "") -> Iterator[Change | None]:
        """Tell every object as it is, then every change of any; ends when the server ends the watch.

        None comes first after the objects that were there, and then at the end of each pause of the server.
        """
        items, version = self._listing(resource, namespace, "", fields)
        yield from (Change(deleted=False, body=item) for item in items)
        yield None
        query = {"watch": "1", "resourceVersion": version, "timeoutSeconds": str(_WATCH_SECONDS)}
        ask = _Ask("GET", collection_path(resource, namespace), query | ({"fieldSelector": fields} if fields else {}))
        response = self._send(ask, _WATCH_SECONDS + _READ_SECONDS)
        try:
            for line in _lines(response.response):
                event = json.loads(line)
                if event.get("type") not in {"ADDED", "MODIFIED", "DELETED"}:
                    return
                yield Change(event["type"] == "DELETED", event["object"])
        except urllib3.exceptions.HTTPError:
            return
        finally:
            response.response.close()

    def _listing(self, resource: Resource, namespace: str, labels: str, fields: str) -> tuple[tuple[Body, ...], str]:
        path, items = collection_path(resource, namespace), []
        selectors = {"labelSelector": labels, "fieldSelector": fields}
        query = {"limit": str(_PAGE)} | {name: text for name, text in selectors.items() if text}
        while True:
            page = self._json(_Ask("GET", path, query))
            kind = {"apiVersion": resource.api_version, "kind": resource.kind}
            items += [kind | item for item in page.get("items") or ()]
            metadata = page.get("metadata", {})
            if not metadata.get("continue"):
                return tuple(items), str(metadata.get("resourceVersion", ""))
            query["continue"] = metadata["continue"]

    def _json(self, ask: _Ask) -> Body:
        answer = _decoded(self._send(ask, _READ_SECONDS).read())
        return answer

    def _send(self, ask: _Ask, read_seconds: float) -> Any:
        path = f"{ask.path}?{urlencode(ask.query)}" if ask.query else ask.path
        headers = {"Accept": "application/json", "Content-Type": ask.content_type}
        try:
            # urllib3 itself encodes only what the client calls JSON; a text passes as it is.
            method, url, headers, _, form = self._api.param_serialize(
                ask.method, path, header_params=headers, auth_settings=["BearerToken"]
            )
            body = json.dumps(ask.body) if ask.content_type.startswith("application/apply") else ask.body
            timeout = (_CONNECT_SECONDS, read_seconds)
            response = self._api.call_api(method, url, headers, body, form, _request_timeout=timeout)
        except (urllib3.exceptions.HTTPError, _client.ApiException, OSError) as error:
            raise NoCluster(f"no answer from {self.host}: {_why(error)}") from error
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise _refusal(response.status, _decoded(response.read()), ask)
        return response


def collection_path(resource: Resource, namespace: str = "") -> str:
    """Return the path of a resource, of all namespaces if `namespace` is empty."""
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    within = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    return f"{root}{within}/{resource.plural}"


def object_path(ref: ObjectRef) -> str:
    """Return the path of one object."""
    return f"{collection_path(ref.resource, ref.namespace)}/{quote(ref.name, safe='')}"


def _load(asked: ClusterArguments, configuration: Any) -> str:
    """Fill in the configuration; returns the namespace of the context, if it names one."""
    if asked.kubeconfig and not Path(asked.kubeconfig).is_file():
        raise FileNotFoundError("no such file")
    file = asked.kubeconfig or None
    try:
        contexts, current = _config.list_kube_config_contexts(file)
    except config.ConfigException:
        if asked.kubeconfig or asked.context or os.environ.get("KUBECONFIG"):
            raise
        _config.load_incluster_config(client_configuration=configuration)
        return _POD_NAMESPACE.read_text(encoding="utf-8").strip()
    names = [str(each["name"]) for each in contexts]
    if asked.context and asked.context not in names:
        raise ValueError(f"has no context {asked.context}, only {', '.join(names)}")
    _config.load_kube_config(
        config_file=file, context=asked.context or None, client_configuration=configuration, persist_config=False
    )
    used = next((each for each in contexts if each["name"] == asked.context), current)
    return str(used.get("context", {}).get("namespace") or "")


def _decoded(raw: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(raw)
    except ValueError:
        answer = {"message": raw[:200].decode("utf-8", "replace")}
    return answer if isinstance(answer, dict) else {}


def _lines(response: Any) -> Iterator[bytes]:
    pending = b""
    # A read of what is there; `stream` would wait until a whole block is full.
    while piece := response.read1():
        *whole, pending = (pending + piece).split(b"\n")
        yield from (line for line in whole if line.strip())


def _refusal(status: int, answer: Mapping[str, Any], ask: _Ask) -> ClusterFailed:
    message = str(answer.get("message") or f"{ask.method} {ask.path} was answered {status}")
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return NotAllowed(f"the API server does not know this account ({message})")
        case HTTPStatus.FORBIDDEN:
            return NotAllowed(message)
        case HTTPStatus.NOT_FOUND:
            return NotThere(message)
        case HTTPStatus.BAD_REQUEST | HTTPStatus.UNPROCESSABLE_ENTITY:
            causes = (answer.get("details") or {}).get("causes") or ()
            named = [(str(each.get("field", "")), str(each.get("message", ""))) for each in causes]
            return NotAccepted(message, tuple((field, text) for field, text in named if field != "<nil>"))
        case _:
            return ClusterFailed(message)


def _why(error: Exception) -> str:
    """The innermost reason, without the names of the library's objects."""
    reason = getattr(error, "reason", None) or error
    return _LIBRARY.sub("", _one_line(reason)) or type(error).__name__


def _one_line(error: object) -> str:
    return " ".join(str(error).split())
