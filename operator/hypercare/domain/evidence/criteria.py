"""Exit criteria: what is asked, which values pass, and for how long.

A criterion that was read from a spec (`criterion_field`) can be asked: its PromQL has been parsed, found replayable and
found confinable to a namespace. What it says about data is in `points` and `quiet`, how points become a verdict in
`fold`, and the seam that the loop uses in `reading`.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from hypercare.domain.evidence.baseline import BaselineKind
from hypercare.domain.evidence.bounds import Above, Below, Bound
from hypercare.domain.evidence.runs import RunsKind
from hypercare.domain.evidence.slo import SloKind
from hypercare.domain.evidence.workload import WorkloadKind


@dataclass(frozen=True)
class QueryKind:
    """The values of a PromQL expression; fewer than `min_series` of them are no evidence."""

    query: str
    bound: Bound
    min_series: int = 1


@dataclass(frozen=True)
class RatioKind:
    """Errors over total. Errors that are absent while the total is above `min_total` count as 0."""

    errors: str
    total: str
    bound: Bound
    min_total: float = 0.0


class Include(StrEnum):
    """Whose alerts must be quiet: the team's own, the tightened copies, or both."""

    ORIGINALS = "Originals"
    COPIES = "Copies"
    BOTH = "Both"


class AlertState(StrEnum):
    """States of an alert, as the label `alertstate` has them."""

    PENDING = "pending"
    FIRING = "firing"


@dataclass(frozen=True)
class AlertsKind:
    """No selected alert is in one of the states. Empty severities, names or labels: all that is watched.

    Attributes:
        severities: The original's severity is one of these.
        names: The whole name matches one of these regular expressions.
        states: The states that count as bad.
        include: Whose states count.
        labels: The alert's rule sets all of these labels to these values, sorted by name.
    """

    severities: tuple[str, ...]
    names: tuple[str, ...]
    states: frozenset[AlertState] = frozenset({AlertState.FIRING})
    include: Include = Include.ORIGINALS
    labels: tuple[tuple[str, str], ...] = ()


Kind = QueryKind | RatioKind | AlertsKind | SloKind | BaselineKind | WorkloadKind | RunsKind


@dataclass(frozen=True)
class AlwaysActive:
    """Every point counts."""


@dataclass(frozen=True)
class ActiveWhen:
    """Points count only while every value of the query satisfies the bound; no value at all means not active."""

    query: str
    bound: Above | Below


@dataclass(frozen=True)
class NoRegression:
    """No second bound."""


@dataclass(frozen=True)
class Regression:
    """Regressed once values have been past the bound for `for_seconds` on end."""

    bound: Above | Below
    for_seconds: int


@dataclass(frozen=True)
class Criterion:
    """One exit criterion. Times are seconds of active time, shares are parts of one.

    `sustained_seconds` is how long evidence takes at least: `sustainedFor`, for `slo` its `over`, for `runs` 0.
    """

    name: str
    kind: Kind
    sustained_seconds: int
    coverage: float
    max_gap_seconds: int
    allow_bad: float = 0.0
    active_when: AlwaysActive | ActiveWhen = AlwaysActive()
    regression: NoRegression | Regression = NoRegression()
    advisory: bool = False

    @property
    def kind_name(self) -> str:
        """The key of the spec that holds the kind."""
        match self.kind:
            case QueryKind():
                return "query"
            case RatioKind():
                return "ratio"
            case AlertsKind():
                return "alerts"
            case SloKind():
                return "slo"
            case BaselineKind():
                return "baseline"
            case WorkloadKind():
                return "workload"
            case RunsKind():
                return "runs"


def definition_hash(criterion: Criterion, *asked_with: object) -> str:
    """Hash of all that changes what the criterion asks; its name and `advisory` do not.

    `asked_with` is what the reading adds: the grid, and the expressions as they are asked; plain values only.
    """
    asked = (
        criterion.kind,
        criterion.sustained_seconds,
        criterion.coverage,
        criterion.max_gap_seconds,
        criterion.allow_bad,
        criterion.active_when,
        criterion.regression,
        *asked_with,
    )
    return hashlib.sha256(repr(_stable(asked)).encode()).hexdigest()[:12]


def _stable(value: object) -> object:
    """The same with sets in order, for `repr` of a set differs between processes."""
    match value:
        case AlertsKind():
            named = (sorted(value.severities), sorted(value.names), sorted(value.states), value.include)
            return ("alerts", *named, *value.labels)
        case tuple():
            return tuple(_stable(each) for each in value)
    return value
