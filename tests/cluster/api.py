"""The few requests the launcher itself makes to an HTTP API, with the standard library only."""

import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT_SECONDS = 15.0


class HttpError(Exception):
    """An HTTP request failed; `status` is 0 when there was no answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}" if status else message)
        self.status = status


@dataclass(frozen=True)
class Api:
    """An API server with a bearer token, or any HTTP server without."""

    url: str
    token: str = ""
    certificate_authority: Path | None = None

    def request(self, method: str, path: str, body: bytes = b"", content_type: str = "application/json") -> str:
        """Send one request and return the text of its answer; raises `HttpError`."""
        request = urllib.request.Request(f"{self.url}{path}", data=body or None, method=method)
        if body:
            request.add_header("Content-Type", content_type)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=self._tls()) as answer:
                text: str = answer.read().decode()
                return text
        except urllib.error.HTTPError as error:
            raise HttpError(error.code, error.read().decode(errors="replace")[:2000]) from error
        except OSError as error:
            raise HttpError(0, f"{method} {self.url}{path}: {error}") from error

    def get(self, path: str, **parameters: str) -> Any:
        """GET and decode JSON."""
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        return json.loads(self.request("GET", path + query))

    def apply(self, path: str, manifest: str) -> None:
        """Apply one object server-side; `manifest` is YAML or JSON, `path` names the object."""
        query = "?fieldManager=launcher&force=true"
        self.request("PATCH", path + query, manifest.encode(), "application/apply-patch+yaml")

    def answers(self, path: str) -> bool:
        """Whether a GET succeeds right now."""
        try:
            self.request("GET", path)
        except HttpError:
            return False
        return True

    def _tls(self) -> ssl.SSLContext | None:
        if self.certificate_authority is None:
            return None
        return ssl.create_default_context(cafile=str(self.certificate_authority))
