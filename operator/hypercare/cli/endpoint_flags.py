"""Which Prometheus a command asks, and how: the endpoint of a profile, as flags change it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from hypercare.adapters.credentials import ANONYMOUS, TOKEN, Credentials, InvalidCredentials, credentials_of
from hypercare.cli.failures import UnusableInput
from hypercare.domain.durations import InvalidDuration, parse_duration
from hypercare.domain.endpoint import parse_endpoint
from hypercare.domain.fields import Field, InvalidField

_DEFAULT_TIMEOUT = "1m"
_FLAGS = {"url": "--prometheus", "timeout": "--timeout", "headers": "--header", "caBundle": "--ca-file"}


class EndpointFlags(Protocol):
    """The flags, as they were written; empty where they were not."""

    @property
    def prometheus(self) -> str:
        """The URL."""
        ...

    @property
    def timeout(self) -> str:
        """A duration."""
        ...

    @property
    def header(self) -> list[str] | None:
        """Each `NAME: VALUE`."""
        ...

    @property
    def bearer_token_file(self) -> str:
        """A path."""
        ...

    @property
    def ca_file(self) -> str:
        """A path."""
        ...


def endpoint_spec(source: str, written: Mapping[str, Any], asked: EndpointFlags) -> Mapping[str, Any]:
    """`spec.prometheus` of a profile as the flags change it, checked; the Secret that it names stays in the cluster.

    Raises:
        UnusableInput: a flag, or a field of the profile (which is in the file `source`), cannot be used.
    """
    flags: dict[str, Any] = {}
    if asked.prometheus:
        flags["url"] = asked.prometheus
    if asked.timeout or "timeout" not in written:
        flags["timeout"] = duration_flag("--timeout", asked.timeout) if asked.timeout else _DEFAULT_TIMEOUT
    if asked.header:
        headers = written.get("headers") if isinstance(written.get("headers"), Mapping) else {}
        flags["headers"] = {**(headers or {}), **dict(_header(each) for each in asked.header)}
    if asked.ca_file:
        flags["caBundle"] = _text("--ca-file", asked.ca_file)
    merged = {key: value for key, value in {**written, **flags}.items() if key != "secretRef"}
    if asked.prometheus.startswith("http://") and not asked.ca_file:
        # The profile's authority is for the profile's address.
        merged.pop("caBundle", None)
    if not merged.get("url"):
        raise UnusableInput("--prometheus: is required, for no profile names a URL")
    try:
        parse_endpoint(Field("prometheus", merged))
    except InvalidField as error:
        key = error.path.removeprefix("prometheus.").partition(".")[0]
        place = _FLAGS[key] if key in flags and key in _FLAGS else f"{source}: spec.{error.path}"
        raise UnusableInput(f"{place}: {error.message}") from error
    return merged


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or not value.strip():
        raise UnusableInput(f"--header: {text!r} is not 'NAME: VALUE'")
    return name.strip(), value.strip()


def duration_flag(flag: str, text: str) -> str:
    """Return the text of a flag that must be a duration longer than zero."""
    try:
        seconds = parse_duration(text)
    except InvalidDuration as error:
        raise UnusableInput(f"{flag}: {error}") from error
    if not seconds:
        raise UnusableInput(f"{flag}: must be longer than zero")
    return text


def read_credentials(asked: EndpointFlags) -> Credentials:
    """Read what proves to the endpoint who is asking; nothing without a flag for it."""
    if not asked.bearer_token_file:
        return ANONYMOUS
    try:
        return credentials_of({TOKEN: _text("--bearer-token-file", asked.bearer_token_file)})
    except InvalidCredentials as error:
        raise UnusableInput(f"--bearer-token-file: {asked.bearer_token_file} {error}") from error


def _text(flag: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UnusableInput(f"{flag}: {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UnusableInput(f"{flag}: {path}: is not text") from error
