"""Points of a life at which something happens to its operator, and what must hold before and after.

A point is told by what is written, as the order of writes of different kinds differs from life to life.
"""

import itertools
import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.cluster.cluster import Cluster
from tests.cluster.crash_life import FOLDER, FORMS, NAME, PERIODS, Life
from tests.cluster.write_proxy import Which, Write, WriteProxy

# Told once each, in this order. What is told beside it (alerts live, criteria met) depends on how long a start takes.
COURSE = ("RunStarted", "WindowStarted", "StageChanged", "RelaxingStarted", "Relaxed", "Relaxed", "Completed")


@dataclass
class Lives:
    """Makes lives, numbered, in both forms by turns; after `stop` no more."""

    cluster: Cluster
    proxy: WriteProxy
    logs: Path
    stopped: threading.Event = field(default_factory=threading.Event)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def life(self, form: str = "") -> Life:
        if self.stopped.is_set():
            raise InterruptedError("the tests are over")
        number = next(self.numbers)
        name = f"life-{os.getpid()}-{number}"
        return Life(self.cluster, self.proxy, name, form or FORMS[number % len(FORMS)], self.logs)


Kind = tuple[str, str]
RAISED = ("PATCH", "horizontalpodautoscalers")
STATUS = ("PATCH", "hypercareperiods/status")
SAVED = ("POST", "hypercareholds")
ANNOUNCED = ("PUT", "hypercareholds")
TIGHTENED = ("POST", "prometheusrules")
REMOVED = ("DELETE", "prometheusrules")
REPORTED = ("POST", "configmaps")
EVERY_KIND = {RAISED, STATUS, SAVED, ANNOUNCED, TIGHTENED, REMOVED, REPORTED, ("DELETE", "hypercareholds")}
Case = Callable[[Lives], None]


@dataclass(frozen=True)
class Point:
    """The `number`-th write of its kind. In which order writes of different kinds come differs from life to life."""

    kind: Kind
    number: int

    def which(self) -> Which:
        """It, among the writes of one life."""
        return first(*self.kind, self.number)


def points(writes: tuple[Write, ...]) -> list[Point]:
    """All writes of a life, as points of any life."""
    seen: Counter[Kind] = Counter()
    found = []
    for write in writes:
        seen[kind_of(write)] += 1
        found.append(Point(kind_of(write), seen[kind_of(write)]))
    return found


def first(method: str, resource: str, number: int = 1) -> Which:
    """The first write (or the `number`-th) with this method to this resource; a subresource counts as its own."""
    seen = itertools.count(1)
    return lambda write: kind_of(write) == (method, resource) and next(seen) == number


def restoring() -> Which:
    """The write that restores the autoscaler: the overlay goes before."""
    removed: list[Write] = []

    def chosen(write: Write) -> bool:
        removed.extend([write] if kind_of(write) == REMOVED else [])
        return bool(removed) and kind_of(write) == RAISED

    return chosen


def kind_of(write: Write) -> Kind:
    """Its method and the resource it is about, with the subresource if there is one."""
    _, resource, *name = write.path.partition("?")[0].split("/namespaces/")[1].split("/")
    return write.method, "/".join((resource, *name[1:]))


def originals_are_safe(life: Life) -> None:
    """With the operator dead: whatever is changed, a hold knows what it was."""
    fields = {record["path"]: record for hold in life.holds for record in hold["spec"]["fields"]}
    now, before = life.autoscaler["spec"], life.originals.autoscaler["spec"]
    for name in ("minReplicas", "maxReplicas"):
        if now[name] != before[name]:
            assert f"/spec/{name}" in fields, life.told(f"{name} is changed and no hold knows of it")
        if record := fields.get(f"/spec/{name}"):
            assert record["original"] == {"present": True, "value": before[name]}, life.told(f"{name} is lost")


def nothing_is_left(life: Life) -> None:
    assert life.look() == life.originals, life.told(f"not as before: {life.look()}")
    assert life.holds == [], life.told("a hold is left")


def succeeded(life: Life, *, in_full: bool = True) -> None:
    """At the end of a life: it went its course, everything is as before, and it was told once.

    A life whose operator was away for long may have nothing left to protect when it comes back: not `in_full`.
    """
    life.wait("the life is over", lambda: life.over)
    life.wait_quiet()
    nothing_is_left(life)
    (report,) = life.reports
    period = life.period
    assert period["status"]["report"] == report
    assert "finalizers" not in period["metadata"]
    told = [entry["reason"] for entry in period["status"]["timeline"]]
    assert tuple(reason for reason in told if reason in COURSE) == COURSE, life.told(str(told))
    conditions = {each["type"]: each["status"] for each in period["status"]["conditions"]}
    assert (conditions["Restored"], conditions["Succeeded"]) == ("True", "True"), life.told(str(conditions))
    kinds = {kind_of(write) for write in life.lane.writes}
    assert not in_full or kinds >= EVERY_KIND, life.told(f"never written: {EVERY_KIND - kinds}")


def begin_long(life: Life) -> None:
    """Begin a life that does not end by itself before it is drained."""
    body = yaml.safe_load((FOLDER / "crash_period.yaml").read_text())
    body["spec"]["window"]["duration"] = "2h"
    body["spec"]["stages"][0]["minDuration"] = "1h"
    life.cluster.api.apply(f"{PERIODS.format(life.namespace)}/{NAME}", json.dumps(body))
    life.start()


def killed_at(life: Life, which: Which) -> None:
    killed = life.kill_after(which)
    life.begin()
    life.wait("it is killed", killed.is_set)
    originals_are_safe(life)


def held_back(life: Life, which: Which) -> None:
    life.lane.hold(which)
    life.begin()
    assert life.lane.wait_held(60), life.told("that write was never sent")
    life.kill()
    originals_are_safe(life)
