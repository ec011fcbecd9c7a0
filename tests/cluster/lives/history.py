"""What happened to one object: every version of it that the API server told of, and when.

A watch misses nothing that was stored, so a test can say what never happened, and how long something took, without
asking again and again.
"""

import http.client
import json
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

Body = Mapping[str, Any]


class NotSeen(AssertionError):
    """What was awaited did not happen in time."""


@dataclass(frozen=True)
class Version:
    """One version of the object, empty once it is deleted. `at`: when the watch told of it, in Unix seconds."""

    at: float
    body: Body

    @property
    def status(self) -> Body:
        """Its status; empty where it has none."""
        found: Body = self.body.get("status", {})
        return found

    @property
    def phase(self) -> str:
        """Phase of a period; `-` before the first visit."""
        return str(self.status.get("phase", "-"))

    def condition(self, kind: str) -> Body:
        """One condition; Unknown with empty texts before the first visit."""
        found = (each for each in self.status.get("conditions", ()) if each["type"] == kind)
        return next(found, {"status": "Unknown", "reason": "", "message": ""})

    def holds(self, kind: str) -> bool:
        """Whether a condition is True."""
        return bool(self.condition(kind)["status"] == "True")

    def criterion(self, name: str) -> Body:
        """One criterion; Unknown before it is judged."""
        found = (each for each in self.status.get("criteria", ()) if each["name"] == name)
        return next(found, {"verdict": "Unknown", "reason": "", "message": ""})

    def verdict(self, name: str) -> str:
        """Verdict of one criterion."""
        return str(self.criterion(name)["verdict"])


class History:
    """Watches one object through `kubectl proxy`. Use as a context manager."""

    def __init__(self, proxy_url: str, collection: str, name: str) -> None:
        self._address = urllib.parse.urlsplit(proxy_url).netloc
        selector = urllib.parse.urlencode({"watch": "1", "fieldSelector": f"metadata.name={name}"})
        self._path = f"{collection}?{selector}"
        self._what = f"{collection}/{name}"
        self._versions: list[Version] = []
        self._news = threading.Condition()
        self._stopping = False
        self._connection = http.client.HTTPConnection(self._address)
        self._reader = threading.Thread(target=self._read, name=f"watch {name}", daemon=True)

    def __enter__(self) -> "History":
        self._connection.request("GET", self._path)
        self._socket: socket.socket = self._connection.sock
        self._reader.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopping = True
        self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(timeout=10)
        self._connection.close()

    @property
    def versions(self) -> tuple[Version, ...]:
        """All versions so far, oldest first."""
        with self._news:
            return tuple(self._versions)

    @property
    def latest(self) -> Version:
        """The newest version; an empty one before there is any."""
        return (self.versions or (Version(0.0, {}),))[-1]

    def since(self, moment: float) -> tuple[Version, ...]:
        """The versions told after a moment in Unix seconds."""
        return tuple(each for each in self.versions if each.at >= moment)

    def until(self, what: str, holds: Callable[[Version], bool], timeout: float = 30.0) -> Version:
        """Wait for a version with a property: the newest one now, or any later one. Raises `NotSeen`."""
        deadline = time.monotonic() + timeout
        with self._news:
            position = max(0, len(self._versions) - 1)
            while True:
                for version in self._versions[position:]:
                    if holds(version):
                        return version
                position = len(self._versions)
                if not self._news.wait(max(0.0, deadline - time.monotonic())):
                    raise NotSeen(f"not within {timeout:g} s: {what}\n{self._what} is now:\n{self._shown()}")

    def _shown(self) -> str:
        body = self._versions[-1].body if self._versions else {}
        status = body.get("status", {})
        lines = [f"phase {status.get('phase')}, strength {status.get('strength')}, blocked {status.get('blocked')}"]
        lines += ["{type}={status} {reason}: {message}".format(**each) for each in status.get("conditions", ())]
        lines += ["{name}: {verdict} {reason}: {message}".format(**each) for each in status.get("criteria", ())]
        lines += ["{time} {reason}: {message}".format(**each) for each in status.get("timeline", ())]
        return "\n".join(lines) if status else json.dumps(body, indent=1)

    def _read(self) -> None:
        try:
            response = self._connection.getresponse()
            while line := response.readline():
                self._take(json.loads(line))
        except (OSError, http.client.HTTPException):
            if not self._stopping:
                raise

    def _take(self, event: Mapping[str, Any]) -> None:
        version = Version(time.time(), {} if event["type"] == "DELETED" else event["object"])
        with self._news:
            self._versions.append(version)
            self._news.notify_all()
