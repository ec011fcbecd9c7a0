"""Log lines: text for people or JSON for a log store, each with the period, run and reason it is about.

A message starts with a capital letter and ends without a period. What it is about goes into fields: given with the call
(`extra={"run": …, "reason": …}`), or, for everything logged during a visit, taken from the visited object.
"""

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

from hypercare.config import LogFormat, LogLevel
from hypercare.domain.objects import HOLDS, PERIODS, ObjectRef
from hypercare.ports import Forbidden

FIELDS = ("period", "hold", "run", "reason")
_FIELD_OF = {PERIODS: "period", HOLDS: "hold"}
# Kopf tells at INFO of every handler that ran; here handlers only feed the cache.
_TOO_CHATTY = ("kopf.objects", "kopf.activities", "kopf._core.engines.activities")
_REFUSED = re.compile(r"APIForbiddenError\('(.*?)', \{")
_visited: ContextVar[ObjectRef | None] = ContextVar("visited", default=None)


@contextmanager
def about(ref: ObjectRef) -> Iterator[None]:
    """Name the object that every line logged within is about."""
    token = _visited.set(ref)
    try:
        yield
    finally:
        _visited.reset(token)


def fields_of(record: logging.LogRecord) -> dict[str, str]:
    """Return the fields of a line, in the order of `FIELDS`."""
    found: dict[str, str] = {}
    ref = _visited.get()
    if ref is not None and ref.resource in _FIELD_OF:
        found[_FIELD_OF[ref.resource]] = f"{ref.namespace}/{ref.name}"
    found |= {name: str(getattr(record, name)) for name in FIELDS if getattr(record, name, None)}
    return {name: found[name] for name in FIELDS if name in found}


class TextFormatter(logging.Formatter):
    """`2026-11-21T12:00:00.000Z INFO hypercare.reconcile: Entered stage elevated  period=shop/checkout run=r1-…`."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record, with its traceback if it has one."""
        fields = "".join(f" {name}={value}" for name, value in fields_of(record).items())
        line = f"{_time(record)} {record.levelname} {record.name}: {record.getMessage()}{' ' if fields else ''}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the fields, and `exception` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class RetryFilter(logging.Filter):
    """Lets one line in `seconds` pass of those that Kopf writes for each attempt at each watch during an outage.

    What is refused is no outage: it is told of each resource and namespace, with what to do.
    """

    def __init__(self, seconds: float = 30.0) -> None:
        super().__init__()
        self._seconds = seconds
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be logged."""
        if not (record.name.startswith("kopf.") and record.getMessage().startswith("Request attempt")):
            return True
        refused = _REFUSED.search(record.getMessage())
        about = refused.group(1) if refused else ""
        if record.created - self._last.get(about, -self._seconds) < self._seconds:
            return False
        self._last[about] = record.created
        if about:
            advised = Forbidden(about).advised
            record.msg, record.args = f"Changes are not seen as they happen, which is tried again: {advised}", ()
        return True


def configure_logging(form: LogFormat, level: LogLevel, stream: TextIO = sys.stderr) -> None:
    """Send every log line of the process to `stream` in one format, Kopf's and the libraries' among them."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if form is LogFormat.JSON else TextFormatter())
    if level is not LogLevel.DEBUG:
        handler.addFilter(RetryFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.value.upper())
    for name in _TOO_CHATTY:
        logging.getLogger(name).setLevel(logging.DEBUG if level is LogLevel.DEBUG else logging.WARNING)
    for name in ("aiohttp.access", "asyncio", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
