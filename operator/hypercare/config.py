"""The operator's settings: each once, with its flag, its environment variable, its unit and its default.

A flag wins over the environment, which wins over the default. What concerns periods (endpoints, limits, intervals) is
not here: platform admins set that in `HypercareProfile`, where it can change while the operator runs.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

E = TypeVar("E", bound=StrEnum)


class LogFormat(StrEnum):
    """How log lines look: for people, or for a log store."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """The least severe level that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class _Switch(StrEnum):
    ON = "true"
    OFF = "false"


class InvalidSetting(ValueError):
    """A flag or environment variable cannot be used; the message names it."""


@dataclass(frozen=True)
class Listen:
    """Where `/healthz`, `/readyz` and `/metrics` are served."""

    host: str
    port: int


@dataclass(frozen=True)
class Settings:
    """All settings of a running operator. Durations are in seconds.

    Attributes:
        kubeconfig: File with the API server's address and credentials; empty for the pod's own service account.
        context: Context of that file; empty for its current one.
        namespaces: Namespaces whose periods are served; empty for all.
        listen: Address of the health and metrics server.
        log_format: Text for people or JSON for a log store.
        log_level: Least severe level that is logged.
        workers: How many objects are visited at the same time.
        api_timeout: Limit for each request to the API server as a whole.
        resync: Pause between full listings, which find what a watch gap has hidden.
        stuck_after: How late the loop may be before `/healthz` fails.
        own_namespace: Where the Secrets are that profiles name; empty for nowhere.
        allow_unchecked_authors: Whether periods enforce although no admission policy asks what their authors may do.
    """

    kubeconfig: str
    context: str
    namespaces: tuple[str, ...]
    listen: Listen
    log_format: LogFormat
    log_level: LogLevel
    workers: int
    api_timeout: float
    resync: float
    stuck_after: float
    own_namespace: str
    allow_unchecked_authors: bool


@dataclass(frozen=True)
class _Option:
    name: str
    placeholder: str
    default: str
    help: str
    switch: bool = False

    @property
    def flag(self) -> str:
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        return f"HYPERCARE_{self.name.upper().replace('-', '_')}"


_OPTIONS = (
    _Option("kubeconfig", "FILE", "", "kubeconfig file; default: the pod's service account, else your kubeconfig"),
    _Option("context", "NAME", "", "context of the kubeconfig; default: its current one"),
    _Option("namespace", "NAME", "", "serve this namespace only; repeat for several; default: all"),
    _Option("listen", "HOST:PORT", "0.0.0.0:8080", "address of /healthz, /readyz and /metrics"),
    _Option("log-format", "FORMAT", "text", "text or json"),
    _Option("log-level", "LEVEL", "info", "debug, info, warning or error"),
    _Option("workers", "N", "32", "how many objects are visited at the same time"),
    _Option("api-timeout", "SECONDS", "10", "limit for each request to the API server"),
    _Option("resync", "SECONDS", "600", "pause between full listings, which find what a watch gap has hidden"),
    _Option("stuck-after", "SECONDS", "120", "how late the loop may be before /healthz fails"),
    _Option("own-namespace", "NAME", "", "namespace of the Secrets that profiles name; default: none can be read"),
    _Option(
        "allow-enforce-without-author-check",
        "",
        "false",
        "let periods enforce although no admission policy asks what their authors may do",
        switch=True,
    ),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare every flag, with its environment variable and default in its help."""
    for option in _OPTIONS:
        shown = f" (default {option.default})" if option.default and not option.switch else ""
        told = f"{option.help}{shown} [{option.variable}]"
        if option.switch:
            parser.add_argument(option.flag, action="append_const", const="true", help=told)
        else:
            parser.add_argument(option.flag, metavar=option.placeholder, action="append", help=told)


def settings_from(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Settings:
    """Read the settings.

    Raises:
        InvalidSetting: a value cannot be used.
    """
    given = {option.name: _Given(option, *_source(option, arguments, environment)) for option in _OPTIONS}
    return Settings(
        kubeconfig=given["kubeconfig"].last,
        context=given["context"].last,
        namespaces=tuple(dict.fromkeys(name for value in given["namespace"].values for name in _names(value))),
        listen=_listen(given["listen"]),
        log_format=_choice(given["log-format"], LogFormat),
        log_level=_choice(given["log-level"], LogLevel),
        workers=int(_number(given["workers"], least=1, most=1000)),
        api_timeout=_number(given["api-timeout"], least=0.1, most=300),
        resync=_number(given["resync"], least=10, most=86400),
        stuck_after=_number(given["stuck-after"], least=1, most=86400),
        own_namespace=given["own-namespace"].last.strip(),
        allow_unchecked_authors=_choice(given["allow-enforce-without-author-check"], _Switch) is _Switch.ON,
    )


@dataclass(frozen=True)
class _Given:
    option: _Option
    source: str
    values: tuple[str, ...]

    @property
    def last(self) -> str:
        return self.values[-1]

    def invalid(self, expected: str) -> InvalidSetting:
        return InvalidSetting(f"{self.source}: {self.last!r} is not {expected}")


def _source(
    option: _Option, arguments: argparse.Namespace, environment: Mapping[str, str]
) -> tuple[str, tuple[str, ...]]:
    flags: Sequence[str] | None = getattr(arguments, option.name.replace("-", "_"), None)
    if flags:
        return option.flag, tuple(flags)
    if environment.get(option.variable):
        return option.variable, (environment[option.variable],)
    return "default", (option.default,)


def _names(value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _listen(given: _Given) -> Listen:
    host, _, port = given.last.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise given.invalid("an address such as 0.0.0.0:8080")
    return Listen(host, int(port))


def _number(given: _Given, least: float, most: float) -> float:
    expected = f"a number from {least:g} to {most:g}"
    try:
        value = float(given.last)
    except ValueError:
        raise given.invalid(expected) from None
    if not least <= value <= most:
        raise given.invalid(expected)
    return value


def _choice(given: _Given, options: type[E]) -> E:
    try:
        return options(given.last)
    except ValueError:
        raise given.invalid("one of " + ", ".join(options)) from None
