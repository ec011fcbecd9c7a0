"""What one run leaves behind: the facts of the report, gathered when the run is over.

The report is for people who were not there. `markdown` and `json_report` write it, `configmap` makes it
fit into a ConfigMap. Evidence that could not be read is a note, never a gap that looks like quiet.
"""

from dataclasses import dataclass, replace

from hypercare.domain.alerts.episodes import AlertHistory, Episode
from hypercare.domain.alerts.plan import AlertOutcome
from hypercare.domain.alerts.preflight import Tried
from hypercare.domain.alerts.tightening import BoundChange, MovedThreshold, Tightened, Untouched
from hypercare.domain.capacity.scaling_rows import ScalingRow
from hypercare.domain.evidence import baseline, runs, slo, workload
from hypercare.domain.evidence.baseline import BaselineKind
from hypercare.domain.evidence.bounds import describe
from hypercare.domain.evidence.criteria import AlertsKind, Criterion, Include, QueryKind, RatioKind
from hypercare.domain.evidence.fold import Shown
from hypercare.domain.evidence.judgement import Judgement, Verdict
from hypercare.domain.evidence.runs import RunsKind
from hypercare.domain.evidence.slo import SloKind
from hypercare.domain.evidence.workload import WorkloadKind
from hypercare.domain.life.facts import Outcome
from hypercare.domain.life.release import Release
from hypercare.domain.status import TimelineEntry

_WHOSE = {Include.ORIGINALS: "originals", Include.COPIES: "copies", Include.BOTH: "originals and copies"}


@dataclass(frozen=True)
class CriterionReport:
    """One exit criterion and its last verdict. `expression` is as the spec has it, `bound` in words.

    `met_for_seconds` is how far the last streak got, of the `sustained_seconds` that were asked for.
    """

    name: str
    kind: str
    expression: str
    bound: str
    sustained_seconds: int
    advisory: bool
    verdict: Verdict
    reason: str
    message: str
    met_for_seconds: int
    last: Shown
    worst: Shown


@dataclass(frozen=True)
class Detection:
    """One problem as alerts told it: when the copy fired, when the original did, or only one of them."""

    alertname: str
    severity: str
    copy: Episode | None
    original: Episode | None

    @property
    def gain_seconds(self) -> int | None:
        """By how much earlier the copy fired; negative when it was later; None unless both fired."""
        return self.original.start - self.copy.start if self.original and self.copy else None


@dataclass(frozen=True)
class UntouchedAlert:
    """A selected alert that had no copy, and why; or why a lever changed nothing."""

    alertname: str
    reason: str
    message: str


@dataclass(frozen=True)
class TriedBefore:
    """What history showed about a copy: how often it would have fired without its original in so many seconds."""

    span_seconds: int
    fires: int
    told: str


@dataclass(frozen=True)
class TightenedAlert:
    """An alert that had a copy, at the strength of the first stage.

    Attributes:
        alertname: Name of original and copy.
        original_for_seconds: `for` of the original.
        copy_for_seconds: `for` of the copy.
        bounds: The moved bounds, each as it was and as it was moved; empty where none was.
        history: What it was tried on; None where that was not possible.
        kept: Why a lever that was asked for changed nothing.
    """

    alertname: str
    original_for_seconds: int
    copy_for_seconds: int
    bounds: tuple[BoundChange, ...] = ()
    history: TriedBefore | None = None
    kept: tuple[UntouchedAlert, ...] = ()


@dataclass(frozen=True)
class AlertReport:
    """What alerts did. Times of detections are exact to `step_seconds`, the grid on which they were read.

    `unread` says why it is not known which alerts fired; then no detections mean nothing. Empty when it is known.
    """

    step_seconds: int
    detections: tuple[Detection, ...] = ()
    tightened: tuple[TightenedAlert, ...] = ()
    untouched: tuple[UntouchedAlert, ...] = ()
    unread: str = ""

    @property
    def gains(self) -> tuple[int, ...]:
        """The detection gain, in seconds, wherever copy and original both fired."""
        return tuple(each.gain_seconds for each in self.detections if each.gain_seconds is not None)


@dataclass(frozen=True)
class ScalingReport:
    """One raised object. Replica counts of its minimum; `raised_to` is the highest floor that was asked for."""

    row: ScalingRow
    raised_to: int


@dataclass(frozen=True)
class LeftOut:
    """How much was cut for the report to fit; `texts` tells whether long texts were shortened."""

    timeline: int = 0
    criteria: int = 0
    detections: int = 0
    alerts: int = 0
    scaling: int = 0
    notes: int = 0
    texts: bool = False


@dataclass(frozen=True)
class RunReport:
    """One run, told when it is over. Times in Unix seconds.

    Attributes:
        namespace: Of the period and of the report.
        name: Of the period.
        run_id: Of the run, `r<counter>-<hash>`.
        release: As the spec had it at the end.
        outcome: Why the run relaxed, or was superseded.
        observe: Whether the run ended in mode Observe.
        started_at: When the window started; None when the run ended before.
        ended_at: When everything was restored, or when the next run took over.
        extensions_used: How many extensions were.
        timeline: What happened, oldest first.
        criteria: The exit criteria of the spec at the end.
        alerts: Alerts that fired, were tightened, or were left alone.
        scaling: What was raised and where it stands now.
        unrestored: What is not restored, or was left to another writer; empty when everything is back.
        notes: What the reader must know to trust the rest, such as evidence that could not be read.
        left_out: What is missing for want of space.
    """

    namespace: str
    name: str
    run_id: str
    release: Release
    outcome: Outcome
    observe: bool
    started_at: int | None
    ended_at: int
    extensions_used: int
    timeline: tuple[TimelineEntry, ...]
    criteria: tuple[CriterionReport, ...]
    alerts: AlertReport
    scaling: tuple[ScalingReport, ...]
    unrestored: str
    notes: tuple[str, ...] = ()
    left_out: LeftOut = LeftOut()

    @property
    def succeeded(self) -> bool:
        """Whether the run ended with its exit criteria met."""
        return self.outcome is Outcome.MET

    def noting(self, note: str) -> "RunReport":
        """The same report with one more note."""
        return replace(self, notes=(*self.notes, note))


def report_criterion(criterion: Criterion, judgement: Judgement) -> CriterionReport:
    """Put what was asked and what was found side by side."""
    expression, bound = asked_of(criterion)
    return CriterionReport(
        name=criterion.name,
        kind=criterion.kind_name,
        expression=expression,
        bound=bound,
        sustained_seconds=criterion.sustained_seconds,
        advisory=criterion.advisory,
        verdict=judgement.verdict,
        reason=judgement.reason,
        message=judgement.message,
        met_for_seconds=judgement.met_for_seconds,
        last=judgement.last,
        worst=judgement.worst,
    )


def report_alerts(
    histories: tuple[AlertHistory, ...], outcomes: tuple[AlertOutcome, ...], step_seconds: int
) -> AlertReport:
    """Pair what originals and copies did, and sort out what was tightened.

    `outcomes` are those at the first stage's strength: at the end, when strength is 0, nothing is tightened.
    """
    detections = [each for history in histories for each in _detections(history)]
    return AlertReport(
        step_seconds=step_seconds,
        detections=tuple(sorted(detections, key=_first_fired)),
        tightened=tuple(_tightened(each, result) for each in outcomes if isinstance(result := each.result, Tightened)),
        untouched=tuple(
            UntouchedAlert(each.alertname, result.reason.value, result.message)
            for each in outcomes
            if isinstance(result := each.result, Untouched)
        ),
    )


def _tightened(outcome: AlertOutcome, result: Tightened) -> TightenedAlert:
    tried = outcome.preflight
    history = None
    if isinstance(tried, Tried) and tried.span_seconds:
        history = TriedBefore(tried.span_seconds, tried.fires, tried.told)
    return TightenedAlert(
        alertname=outcome.alertname,
        original_for_seconds=result.original_for_seconds,
        copy_for_seconds=result.copy_for_seconds,
        bounds=result.threshold.bounds if isinstance(result.threshold, MovedThreshold) else (),
        history=history,
        kept=tuple(UntouchedAlert(outcome.alertname, each.reason.value, each.message) for each in result.left),
    )


def asked_of(criterion: Criterion) -> tuple[str, str]:
    """What a criterion asks, as the spec has it, and its bound in words."""
    match criterion.kind:
        case QueryKind(query=query, bound=bound):
            return query, describe(bound)
        case RatioKind(errors=errors, total=total, bound=bound):
            return f"({errors}) / ({total})", describe(bound)
        case AlertsKind() as alerts:
            states = " or ".join(sorted(alerts.states))
            labels = [f'{name}="{value}"' for name, value in alerts.labels]
            which = [*alerts.severities, *alerts.names, *labels] or ["all that are selected"]
            return f"alerts ({', '.join([_WHOSE[alerts.include], *which])})", f"none {states}"
        case SloKind() as kind:
            return slo.described(kind)
        case BaselineKind() as kind:
            return baseline.described(kind)
        case WorkloadKind() as kind:
            return workload.described(kind)
        case RunsKind() as kind:
            return runs.described(kind)


def _detections(history: AlertHistory) -> list[Detection]:
    """One for each episode of the original, with the first copy that shared it, and one for each other copy."""
    alert = history.alert
    shared = [
        Detection(
            alert.alertname, alert.severity, min(history.copies_with(original), key=_start, default=None), original
        )
        for original in history.originals
    ]
    warnings = [Detection(alert.alertname, alert.severity, copy, None) for copy in history.warnings_only]
    return shared + warnings


def _start(episode: Episode) -> int:
    return episode.start


def _first_fired(detection: Detection) -> tuple[int, str]:
    episodes = (detection.copy, detection.original)
    return min(episode.start for episode in episodes if episode), detection.alertname
