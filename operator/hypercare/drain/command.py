"""`hypercare-operator drain`: the command line, with what it says to people and to scripts."""

import asyncio
import json
import logging
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from typing import Any

from hypercare.adapters.access import Access
from hypercare.adapters.kubernetes import ApiServer
from hypercare.config import Settings
from hypercare.domain.drained import Drained, Fate, Result
from hypercare.domain.timestamps import timestamp
from hypercare.drain.drain import Clock, Drain, Wishes
from hypercare.drain.options import OWN_NAMESPACE
from hypercare.ports import ApiError

ALL_RESTORED, SOMETHING_LEFT, FAILED = 0, 1, 2
_TITLES = {
    Fate.LEFT: "Left as it is",
    Fate.KEPT: "Kept for another writer",
    Fate.GONE: "Not there any more",
}


def drain(settings: Settings, given: Namespace) -> int:
    """Drain with these settings, and return the exit code."""
    wishes = Wishes(settings.namespaces, settings.own_namespace or OWN_NAMESPACE, given.timeout, given.still_for)
    # The result tells what the operator would log of the same objects.
    logging.getLogger("hypercare").addHandler(logging.NullHandler())
    access = Access(settings.kubeconfig, settings.context, settings.api_timeout)
    try:
        result = asyncio.run(_drained(access, wishes))
    except (ApiError, OSError) as error:
        sys.stderr.write(f"hypercare-operator drain: {error}\n")
        return FAILED
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted, which is safe; run it again to go on\n")
        return FAILED
    text = json.dumps(document(result), indent=2) if given.output == "json" else "\n".join(summary(result))
    sys.stdout.write(f"{text}\n")
    return SOMETHING_LEFT if result.of(Fate.LEFT) else ALL_RESTORED


async def _drained(access: Access, wishes: Wishes) -> Result:
    async with await ApiServer.connect(access, lambda *_: None) as api:
        return await Drain(api, wishes, _told, Clock(time.time)).run()


def _told(drained: Drained) -> None:
    """A line for each object, for a person who waits."""
    if sys.stderr.isatty():
        sys.stderr.write(f"{_line(drained)}\n")


def summary(result: Result) -> Iterator[str]:
    """The summary for people."""
    counts = ", ".join(f"{len(result.of(fate))} {fate.lower()}" for fate in Fate if result.of(fate))
    yield f"Drained: {counts or 'there was nothing to restore or remove'}"
    for fate, title in _TITLES.items():
        if found := result.of(fate):
            yield f"\n{title}:"
            yield from (f"  {each.ref}: {each.message}" for each in found)
    if result.remarks or result.still_until:
        yield ""
    yield from result.remarks
    if result.still_until:
        yield f"A running operator stands still until {timestamp(result.still_until)}"


def document(result: Result) -> dict[str, Any]:
    """The summary for scripts."""
    return {
        **{fate.lower(): [_entry(each) for each in result.of(fate)] for fate in Fate},
        "standsStillUntil": timestamp(result.still_until) if result.still_until else None,
        "remarks": list(result.remarks),
    }


def _entry(drained: Drained) -> dict[str, str]:
    ref = drained.ref
    entry = {"kind": ref.resource.kind, "namespace": ref.namespace, "name": ref.name}
    return {**entry, "message": drained.message} if drained.message else entry


def _line(drained: Drained) -> str:
    return f"{drained.fate:<8}  {drained.ref}" + (f": {drained.message}" if drained.message else "")
