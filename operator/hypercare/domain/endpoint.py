"""How a Prometheus-compatible endpoint is reached: its address, its headers, whom to trust, which Secret opens it.

A profile may be read by many, so nothing in it is secret: credentials come from a Secret, and headers and addresses
that would carry them are refused.
"""

import re
import ssl
from dataclasses import dataclass, field, replace
from functools import lru_cache
from urllib.parse import urlsplit

from hypercare.domain.fields import Field

DEFAULT_TIMEOUT_SECONDS = 10
MAX_TIMEOUT_SECONDS = 300
_HEADER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
# Credentials belong into a Secret, the others to the HTTP client.
_RESERVED_HEADERS = frozenset(
    {
        "accept-encoding",
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


@dataclass(frozen=True)
class Endpoint:
    """A Prometheus-compatible query endpoint, as a profile describes it.

    Attributes:
        url: Base address; the paths of the API are appended to it.
        timeout_seconds: How long one request may take.
        headers: Sent with every request, such as the name of a tenant.
        ca_bundle: PEM certificates that are trusted instead of the public ones; empty for those.
        secret: Name of the Secret with the credentials; empty for none.
    """

    url: str
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    ca_bundle: str = field(default="", repr=False)
    secret: str = ""


def parse_endpoint(spec: Field) -> Endpoint:
    """Read `spec.prometheus` of a profile.

    Raises:
        InvalidField: a field cannot be used, or would carry credentials.
    """
    url = _parse_url(spec.get("url"))
    return Endpoint(
        url=url,
        timeout_seconds=_parse_timeout(spec.get("timeout")),
        headers=_parse_headers(spec.get("headers")),
        ca_bundle=_parse_ca_bundle(spec.get("caBundle"), url),
        secret=spec.get("secretRef").get("name").text() if spec.get("secretRef").present else "",
    )


def parse_replicas(spec: Field, endpoint: Endpoint) -> tuple[Endpoint, ...]:
    """Read `spec.prometheus.replicas` of a profile: servers that are reached like the endpoint, each by its own URL.

    Raises:
        InvalidField: a URL cannot be used, or is named twice.
    """
    urls = [_parse_url(each) for each in spec.items()]
    if len(set(urls)) < len(urls):
        raise spec.error("names a server twice")
    return tuple(replace(endpoint, url=url) for url in urls)


def _parse_url(spec: Field) -> str:
    url = spec.text().rstrip("/")
    try:
        parts = urlsplit(url)
        usable = url.startswith(("http://", "https://")) and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise spec.error("must be an http or https URL")
    if parts.username is not None or parts.password is not None:
        raise spec.error("must not hold a user or a password: put them into a Secret and name it in secretRef")
    if parts.query or parts.fragment:
        raise spec.error("must have no query and no fragment: the paths of the API are appended to it")
    return url


def _parse_timeout(spec: Field) -> int:
    seconds = spec.seconds(DEFAULT_TIMEOUT_SECONDS)
    if not 0 < seconds <= MAX_TIMEOUT_SECONDS:
        raise spec.error("must be longer than zero and at most 5m")
    return seconds


def _parse_headers(spec: Field) -> tuple[tuple[str, str], ...]:
    headers = spec.text_map()
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise spec.error(f"{name!r} is not the name of a header (letters, digits, dashes and underscores)")
        if name.lower() in _RESERVED_HEADERS:
            raise spec.get(name).error("cannot be set here: credentials come from secretRef, the rest is the client's")
        if not _HEADER_VALUE.fullmatch(value):
            raise spec.get(name).error("must be printable ASCII, without spaces at its ends")
    if len({name.lower() for name in headers}) < len(headers):
        raise spec.error("names of headers must be unique, also without regard to upper and lower case")
    return tuple(sorted(headers.items()))


def _parse_ca_bundle(spec: Field, url: str) -> str:
    if not spec.present:
        return ""
    bundle = spec.text()
    if not url.startswith("https://"):
        raise spec.error("has no effect on an http address: use https")
    if "PRIVATE KEY" in bundle:
        raise spec.error("holds a private key, which everybody can read who may read profiles: certificates only")
    defect = _defect(bundle) if bundle.strip() else "it is empty"
    if defect:
        raise spec.error(f"does not hold PEM certificates: {defect}")
    return bundle


@lru_cache(maxsize=64)
def _defect(bundle: str) -> str:
    """Why these are no certificates; empty when they are. A profile is read at each visit, and this takes a while."""
    try:
        ssl.create_default_context(cadata=bundle)
    except ssl.SSLError as error:
        return error.reason or "it cannot be parsed"
    except (ValueError, TypeError):
        return "it is not ASCII"
    return ""
