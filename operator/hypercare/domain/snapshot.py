"""Everything that one visit read about a period, frozen: what `decide` decides on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypercare.domain.alerts.liveness import Liveness
from hypercare.domain.alerts.muting import Muting
from hypercare.domain.alerts.plan import AlertPlan
from hypercare.domain.alerts.trials import Verdicts
from hypercare.domain.capacity.hold import Refusal
from hypercare.domain.capacity.quantity import SeenPeak
from hypercare.domain.capacity.scaling import ScalingPlan
from hypercare.domain.capacity.scaling_rows import ScalingRow
from hypercare.domain.conditions import ConditionType, Observed, Problem
from hypercare.domain.evidence.criteria import Criterion
from hypercare.domain.evidence.judgement import Judgement
from hypercare.domain.evidence.verdict_history import VerdictChange
from hypercare.domain.life.facts import Life
from hypercare.domain.life.rollout import Rollout
from hypercare.domain.period import Resolved
from hypercare.domain.status import TimelineEntry

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Identity:
    """Which object this is about; `generation` is that of the spec that was read."""

    namespace: str
    name: str
    uid: str
    generation: int


@dataclass(frozen=True)
class Stored:
    """What the status said before this visit, `alerts` as it stands."""

    conditions: Mapping[ConditionType, Observed]
    observed_generation: int
    timeline: tuple[TimelineEntry, ...]
    alerts: Body
    report: str
    reports: tuple[str, ...]


@dataclass(frozen=True)
class NotWritten:
    """The overlay that is wanted is not there yet, so there is nothing to see live."""


@dataclass(frozen=True)
class NoneWanted:
    """No overlay is wanted, and none is there."""


@dataclass(frozen=True)
class Leftover:
    """No overlay is wanted, and one of ours is still there."""


@dataclass(frozen=True)
class Overlay:
    """What is known of the overlay.

    `live_since` is when this run's first heartbeat was, Unix seconds; 0 for never. `default_interval_seconds` is how
    often groups are evaluated that name no interval. `objects` are the PrometheusRules that hold the overlay.
    `verdicts` are what history said about copies in this run; `trying`: more of them are under way.
    """

    plan: AlertPlan
    state: Liveness | NotWritten | NoneWanted | Leftover
    live_since: int
    default_interval_seconds: int
    objects: tuple[Body, ...] = ()
    verdicts: Verdicts = field(default_factory=dict)
    trying: bool = False


@dataclass(frozen=True)
class Inhibition:
    """What is known of copies that mute their originals.

    `present`: an object that lets them is there. `objects` is the AlertmanagerConfig that should be, or nothing.
    """

    requested: bool = False
    present: bool = False
    objects: tuple[Body, ...] = ()
    muting: Muting = field(default=Muting())
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Capacity:
    """What is wanted of which objects, and where each stands; `peaks` by target, where a floor is one."""

    plan: ScalingPlan
    rows: tuple[ScalingRow, ...]
    peaks: Mapping[str, SeenPeak | Refusal] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """One criterion and what its evidence says; `late_seconds` is how far it is behind what should be final.

    `changes` of the verdict are those that the status does not tell yet, the newest last. `unfinished`: the last visit
    came further and there is more to read, so the next visit should come at once.
    """

    criterion: Criterion
    judgement: Judgement
    final_through: int
    late_seconds: int
    stored: Body
    changes: tuple[VerdictChange, ...] = ()
    unfinished: bool = False


@dataclass(frozen=True)
class Snapshot:
    """One visit's view. `now` in Unix seconds; `access_problems` keep Prometheus from being asked."""

    identity: Identity
    resolved: Resolved
    life: Life
    rollout: Rollout
    target_problems: tuple[Problem, ...]
    overlay: Overlay
    capacity: Capacity
    readings: tuple[Reading, ...]
    stored: Stored
    now: int
    access_problems: tuple[Problem, ...] = ()
    inhibition: Inhibition = field(default=Inhibition())
