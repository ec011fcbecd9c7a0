"""What the history before a run says about a copy: how far it may be tightened without having been noise.

An alert that would have fired before the release, where its original did not, tells nothing about the release. So each
copy is tried on the hours before the run, and what comes out is frozen for the run. Source of the rules:
docs/semantics.md, 2.4.
"""

from dataclasses import dataclass

from hypercare.domain.alerts.protection import Calibrated
from hypercare.domain.alerts.thresholds import KEEP_THRESHOLDS, ThresholdRule
from hypercare.domain.alerts.tightening import ForRule


@dataclass(frozen=True)
class Candidate:
    """An alert that is to be tightened, and how far at full strength.

    Attributes:
        rule_id: Identity of the alert for the run.
        expr: The original's expression as written; the reader confines it to the tenant's series.
        original_for_seconds: `for` of the original.
        interval_seconds: Evaluation interval of its group.
        for_rule: How its `for` is to be shortened.
        threshold: How its bounds are to be moved. `KEEP_THRESHOLDS` where they must stay: not asked for, or the copy
            would set labels that its results carry (`overriding_labels`).
        inputs_expr: How many series its input has, 0 without any (`inputs_of`); empty if it may fire without any.
    """

    rule_id: str
    expr: str
    original_for_seconds: int
    interval_seconds: int
    for_rule: ForRule
    threshold: ThresholdRule | Calibrated = KEEP_THRESHOLDS
    inputs_expr: str = ""


@dataclass(frozen=True)
class Tried:
    """A copy that would have been quiet.

    Attributes:
        threshold: How its bounds move: the share that was asked for, or a bound that was read from history.
        strongest: The bounds move at most as far as at this strength (1 to 100); 0 where only the `for` is shortened.
        fires: In how many episodes the copy, at its strongest, would have fired where the original did not.
        span_seconds: The length of the history that was read.
        told: The data behind it, in words for people; says why, where less than what was asked for is done.
    """

    threshold: ThresholdRule
    strongest: int
    fires: int
    span_seconds: int
    told: str = ""


@dataclass(frozen=True)
class WouldFire:
    """The copy would have been noise even with nothing but its shorter `for`, so none is made."""

    fires: int
    span_seconds: int
    message: str


@dataclass(frozen=True)
class NoHistory:
    """The history cannot be read, and why in words: thresholds stay, the `for` is shortened all the same.

    `again` is set when it may be read another time: the endpoint did not answer, or not in time. Then the verdict is
    not to be frozen before the first copy is made.
    """

    message: str
    again: bool = False


Preflight = Tried | WouldFire | NoHistory
"""The verdict on one alert."""

NOT_ASKED = Tried(KEEP_THRESHOLDS, 0, 0, 0)
