"""Equal periods in namespaces of their own, each with an operator of its own, over the very same series.

What they read is a service of nobody's namespace, through metrics that their profiles share, and their windows start at
a set time. So all that can differ between them is what happens to their operators.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.cluster.cluster import Cluster
from tests.cluster.lives.history import Body, History, Version
from tests.cluster.lives.operating import operator_of
from tests.cluster.lives.place import PERIOD, Place, new_place
from tests.cluster.operator_process import OperatorProcess

NOBODY = "twins"
# What the next visit goes on from: a function of the points through `finalThrough`, whenever it was written.
EVIDENCE = (
    "definition",
    "finalThrough",
    "gaps",
    "lastBad",
    "streakFloor",
    "regression",
    "worst",
    "worstAt",
    "worstSeries",
)
# What is told of what is observed at a visit, beside what the life goes through.
OBSERVED = frozenset({"AlertsTightened", "ScalingRaised", "Regressed", "EvidenceStale"})


@dataclass(frozen=True)
class Pace:
    """How long things take, in seconds: streaks, the range of rates, the stages."""

    sustained: int = 5
    range_: int = 5
    first_stage: int = 4
    last_stage: int = 300


@dataclass(frozen=True)
class Service:
    """The service that all of them read."""

    cluster: Cluster
    name: str

    def misbehave(self, lasting: float, **numbers: float) -> None:
        """Change its behaviour for a time."""
        self.cluster.shop.misbehave(NOBODY, self.name, lasting=lasting, **numbers)

    def hide(self) -> None:
        """Stop exposing its series."""
        self.cluster.shop.hide(NOBODY, self.name)

    def show(self) -> None:
        """Expose them again."""
        self.cluster.shop.show(NOBODY, self.name)


Step = tuple[float, Callable[[], object]]


def play(start: float, *steps: Step) -> None:
    """Do each thing at its time, in seconds after the start (Unix seconds)."""
    for after, act in sorted(steps, key=lambda step: step[0]):
        time.sleep(max(0.0, start + after - time.time()))
        act()


@dataclass(frozen=True)
class Twin:
    """One of the periods."""

    place: Place
    operator: OperatorProcess
    period: History

    def verdicts(self, name: str) -> list[tuple[str, str]]:
        """From which point on which verdict held, as the timeline tells it."""
        changes = [each for each in self.period.latest.status["timeline"] if each["reason"].startswith("Criterion")]
        mine = [each for each in changes if each["message"].startswith(f"{name} ")]
        return [(each["time"], each["reason"].removeprefix("Criterion")) for each in mine]

    def let_end(self, pace: Pace) -> None:
        """Let the last stage end, so that the run relaxes when its criteria are met."""
        self.place.edit("period", PERIOD, {"spec": {"stages": stages(replace(pace, last_stage=1))}})

    def transitions(self) -> list[str]:
        """What the life went through, in its order."""
        timeline = self.period.latest.status["timeline"]
        reasons = [each["reason"] for each in timeline if each["reason"] not in OBSERVED]
        return [reason for reason in reasons if not reason.startswith("Criterion")]

    def events(self) -> list[tuple[str, str]]:
        """What Events told, in the order of their names, which is that of time: the reason and the message."""
        found = sorted(self.place.all("event"), key=lambda each: str(each["metadata"]["name"]))
        mine = [each for each in found if each["involvedObject"]["name"] == PERIOD]
        return [(each["reason"], each["message"]) for each in mine]

    def evidence(self, name: str) -> dict[str, Body]:
        """What the evidence of a criterion was, by how far it was read."""
        seen = [version.criterion(name) for version in self.period.versions]
        return {
            each["finalThrough"]: {key: each[key] for key in EVIDENCE if key in each}
            for each in seen
            if "finalThrough" in each
        }


def criteria(service: str, pace: Pace) -> list[dict[str, Any]]:
    """A ratio with a regression bound, a gauge that is judged while there is traffic, and one that tolerates much."""
    errors, total = (
        f'sum by (service) (rate(http_requests_total{{service="{service}"{code}}}[{pace.range_}s]))'
        for code in (', code=~"5.."', "")
    )
    ratio = {"ratio": {"errors": errors, "total": total}, "below": 0.02}
    queue = f'max by (service) (queue_oldest_age_seconds{{service="{service}"}})'
    return [
        {
            **ratio,
            "name": "errors",
            "sustainedFor": f"{pace.sustained}s",
            "regression": {"above": 0.3, "for": f"{max(2, pace.sustained // 5)}s"},
        },
        {
            "name": "queue",
            "query": queue,
            "below": 60,
            "sustainedFor": f"{pace.sustained}s",
            "activeWhen": {"query": total, "above": 1},
        },
        {
            **ratio,
            "name": "patient",
            "sustainedFor": f"{4 * pace.sustained}s",
            "allowBad": "60%",
            "coverage": "50%",
            "maxGap": f"{2 * pace.sustained}s",
            "advisory": True,
        },
    ]


def stages(pace: Pace) -> list[dict[str, Any]]:
    """Two stages; the second lasts until the test lets it end."""
    return [
        {"name": "intensive", "strength": 100, "minDuration": f"{pace.first_stage}s"},
        {"name": "elevated", "strength": 50, "minDuration": f"{pace.last_stage}s"},
    ]


def spec(service: str, start: float, pace: Pace) -> Mapping[str, Any]:
    """What every twin has, protections as usual."""
    return {
        "window": {
            "start": {"when": "At", "at": datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")},
            "duration": f"{pace.first_stage + pace.last_stage}s",
            "extension": {"by": "10s", "limit": 1},
            "atLimit": {"hold": "5s"},
        },
        "stages": stages(pace),
        "exitCriteria": criteria(service, pace),
    }


@contextlib.contextmanager
def twins(
    cluster: Cluster, names: Sequence[str], logs: Path, pace: Pace, ahead: float = 3.0
) -> Iterator[tuple[Mapping[str, Twin], Service, float]]:
    """The twins by name, the service that they read, and when their windows start (Unix seconds, `ahead` of now)."""
    with contextlib.ExitStack() as stack:
        places = {name: stack.enter_context(new_place(cluster, f"twin-{name}")) for name in names}
        service = Service(cluster, f"{NOBODY}-{next(iter(places.values())).namespace}")
        cluster.shop.add(NOBODY, service.name)
        stack.callback(cluster.shop.remove, NOBODY, service.name)
        found = {}
        for name, place in places.items():
            place.profile({"tenancy": {"shared": ["http_requests_total", "queue_oldest_age_seconds"]}})
            operator = operator_of(cluster, logs / f"{name}.log", ("--namespace", place.namespace))
            stack.enter_context(operator)
            found[name] = Twin(place, operator, stack.enter_context(place.watch("period")))
        start = float(int(time.time() + ahead) + 1)
        for twin in found.values():
            twin.place.period(**spec(service.name, start, pace))
        yield found, service, start


def holds_everywhere(found: Mapping[str, Twin], what: str, holds: Callable[[Version], bool], timeout: float) -> None:
    """Wait until it holds for each of the twins."""
    for name, twin in found.items():
        twin.period.until(f"{name}: {what}", holds, timeout)
