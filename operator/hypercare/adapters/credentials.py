"""What proves to an endpoint who is asking, read from the keys of a Secret of the well-known types.

`username` and `password` (kubernetes.io/basic-auth), `token` (such as a service account's), `tls.crt` and `tls.key`
(kubernetes.io/tls). A client certificate may come with one of the others; user and token together contradict each
other. Other keys, such as `ca.crt`, are of no concern here.

Nothing here shows a secret: neither `repr` nor the message of an error.
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

USERNAME, PASSWORD, TOKEN, CERTIFICATE, KEY = "username", "password", "token", "tls.crt", "tls.key"
KEYS = (USERNAME, PASSWORD, TOKEN, CERTIFICATE, KEY)
"""Every key of a Secret that is read."""
_TOKEN = re.compile(r"[\x21-\x7e]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class InvalidCredentials(Exception):
    """The keys of a Secret make no credentials; the message names keys and holds no value."""


@dataclass(frozen=True)
class Anonymous:
    """No `Authorization` is sent."""


@dataclass(frozen=True)
class Basic:
    """HTTP basic authentication, in UTF-8 (RFC 7617)."""

    username: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True)
class Bearer:
    """A bearer token (RFC 6750)."""

    token: str = field(repr=False)


@dataclass(frozen=True)
class NoCertificate:
    """The client shows no certificate."""


@dataclass(frozen=True)
class ClientCertificate:
    """A chain and its private key, both PEM."""

    certificate: str = field(repr=False)
    key: str = field(repr=False)


@dataclass(frozen=True)
class Credentials:
    """How a client proves who it is: by a header, by a certificate, by both, or not at all."""

    authorization: Anonymous | Basic | Bearer = field(default=Anonymous())
    certificate: NoCertificate | ClientCertificate = field(default=NoCertificate())

    @property
    def header(self) -> str:
        """The value of `Authorization`; empty for none."""
        match self.authorization:
            case Basic(username, password):
                return f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"
            case Bearer(token):
                return f"Bearer {token}"
            case Anonymous():
                return ""

    def redact(self, text: str) -> str:
        """Return a text of the endpoint without the secrets that it may have echoed."""
        match self.authorization:
            case Basic(_, password):
                secrets = [self.header.removeprefix("Basic "), password]
            case Bearer(token):
                secrets = [token]
            case Anonymous():
                secrets = []
        for secret in secrets:
            text = text.replace(secret, "***")
        return text


ANONYMOUS = Credentials()


def credentials_of(keys: Mapping[str, str]) -> Credentials:
    """Read credentials from the keys of a Secret, or from settings that are named like them; empty ones count as given.

    Raises:
        InvalidCredentials: keys are missing, empty, or contradict each other.
    """
    given = {name: keys[name] for name in KEYS if name in keys}
    if not given:
        raise InvalidCredentials(f"has none of the keys {USERNAME} and {PASSWORD}, {TOKEN}, {CERTIFICATE} and {KEY}")
    for one, other in ((USERNAME, PASSWORD), (PASSWORD, USERNAME), (CERTIFICATE, KEY), (KEY, CERTIFICATE)):
        if one in given and other not in given:
            raise InvalidCredentials(f"has the key {one} without {other}")
    if TOKEN in given and USERNAME in given:
        raise InvalidCredentials(f"has both {TOKEN} and {USERNAME}: there can be only one of them")
    for name, value in given.items():
        if not value.strip():
            raise InvalidCredentials(f"has an empty key {name}")
    return Credentials(_authorization(given), _certificate(given))


def _authorization(given: Mapping[str, str]) -> Anonymous | Basic | Bearer:
    if TOKEN in given:
        # `echo token | kubectl create secret` leaves a line break at the end.
        token = given[TOKEN].strip()
        if not _TOKEN.fullmatch(token):
            raise InvalidCredentials(f"has a {TOKEN} with spaces or characters that no token has")
        return Bearer(token)
    if USERNAME in given:
        username, password = (given[name].rstrip("\r\n") for name in (USERNAME, PASSWORD))
        if ":" in username:
            raise InvalidCredentials(f"has a {USERNAME} with a colon, which basic authentication cannot send")
        if _CONTROL.search(username + password):
            raise InvalidCredentials(f"has a {USERNAME} or {PASSWORD} with control characters")
        return Basic(username, password)
    return Anonymous()


def _certificate(given: Mapping[str, str]) -> NoCertificate | ClientCertificate:
    if CERTIFICATE not in given:
        return NoCertificate()
    return ClientCertificate(given[CERTIFICATE], given[KEY])
