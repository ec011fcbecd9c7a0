"""Credentials from Secrets of the operator's own namespace, one `get` each; nothing is listed or watched.

What was read counts for a minute. An endpoint that refuses them makes it be read again at once, so a rotated Secret
needs no restart and loses no evaluation. A Secret that is gone or forbidden takes its credentials with it; one that
cannot be read because the API server does not answer leaves the last ones in force.
"""

import asyncio
import binascii
from base64 import b64decode
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hypercare.adapters.credentials import KEYS, Credentials, InvalidCredentials, credentials_of
from hypercare.adapters.tls import check_certificate
from hypercare.domain.objects import SECRETS, ObjectRef
from hypercare.domain.samples import FailureKind, QueryFailed
from hypercare.ports import ApiError, Body, Forbidden, NotFound, Objects

LASTS_SECONDS = 60.0
FAILURE_LASTS_SECONDS = 5.0
"""Long enough to spare the API server a request for each query, short enough to heal soon."""
REREAD_SECONDS = 2.0
"""An endpoint that goes on refusing does not make the Secret be read more often than this."""


@dataclass(frozen=True)
class _Read:
    """What was found out, and when (monotonic seconds)."""

    found: Credentials | QueryFailed
    at: float


class SecretReader:
    """Reads Secrets of one namespace; an empty one means that the operator was not told its own.

    `clock` is in monotonic seconds. Use it within one event loop.
    """

    def __init__(self, objects: Objects, own_namespace: str, clock: Callable[[], float]) -> None:
        self._objects = objects
        self._namespace = own_namespace
        self._clock = clock
        self._reads: dict[str, _Read] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def read(self, name: str) -> Credentials | QueryFailed:
        """Return the credentials of a Secret, or why there are none."""
        async with self._locks[name]:
            last = self._reads.get(name)
            if last is not None and self._clock() - last.at < _lasts(last):
                return last.found
            return await self._read(name)

    async def reread(self, name: str, refused: Credentials) -> Credentials | QueryFailed:
        """Return the credentials after an endpoint has refused some: others, if the Secret has others by now."""
        async with self._locks[name]:
            last = self._reads.get(name)
            if last is not None and (last.found != refused or self._clock() - last.at < REREAD_SECONDS):
                return last.found
            return await self._read(name)

    async def _read(self, name: str) -> Credentials | QueryFailed:
        found = await self._fetch(name)
        last = self._reads.get(name)
        silent = isinstance(found, QueryFailed) and found.kind is FailureKind.CREDENTIALS_UNREADABLE
        if silent and last is not None and isinstance(last.found, Credentials):
            found = last.found
        self._reads[name] = _Read(found, self._clock())
        return found

    async def _fetch(self, name: str) -> Credentials | QueryFailed:
        ref = ObjectRef(SECRETS, self._namespace, name)
        if not self._namespace:
            message = f"Secret {name!r} cannot be looked up: start the operator with --own-namespace"
            return QueryFailed(FailureKind.CREDENTIALS_NOT_FOUND, message)
        try:
            found = credentials_of(_keys(await self._objects.get(ref)))
            check_certificate(found.certificate)
            return found
        except NotFound:
            return QueryFailed(
                FailureKind.CREDENTIALS_NOT_FOUND, f"{ref} does not exist: create it, or name another one"
            )
        except Forbidden:
            message = f"{ref} may not be read by the operator's account: apply the Role of manifests/install"
            return QueryFailed(FailureKind.CREDENTIALS_FORBIDDEN, message)
        except InvalidCredentials as error:
            return QueryFailed(FailureKind.CREDENTIALS_INVALID, f"{ref} {error}")
        except ApiError as error:
            return QueryFailed(FailureKind.CREDENTIALS_UNREADABLE, f"{ref} could not be read: {error.message}")


def _lasts(read: _Read) -> float:
    return LASTS_SECONDS if isinstance(read.found, Credentials) else FAILURE_LASTS_SECONDS


def _keys(body: Body) -> dict[str, str]:
    data: Mapping[str, Any] = body.get("data") or {}
    return {name: _text(name, data[name]) for name in KEYS if name in data}


def _text(name: str, encoded: object) -> str:
    try:
        return b64decode(str(encoded), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        # The error itself would quote a part of the value.
        raise InvalidCredentials(f"has a key {name} that is not text") from None
