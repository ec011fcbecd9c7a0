"""The report as a ConfigMap: named by the run, without owner, so that it stays when its period is deleted.

A ConfigMap holds at most 1 MiB (Kubernetes documentation, "ConfigMaps"). A report that is larger loses list entries
first, the long lists before the short ones, then the ends of long texts, and says so.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, TypeVar

from hypercare.domain.alerts.tightening import BoundChange
from hypercare.domain.evidence.fold import Measured, Shown
from hypercare.domain.objects import CONFIG_MAPS, GROUP
from hypercare.domain.report.facts import (
    AlertReport,
    CriterionReport,
    LeftOut,
    RunReport,
    TightenedAlert,
    UntouchedAlert,
)
from hypercare.domain.report.json_report import render_json
from hypercare.domain.report.markdown import render_markdown

SIZE_LIMIT_BYTES = 900 * 1024
REPORT_LABEL = f"{GROUP}/report"
PERIOD_LABEL = f"{GROUP}/period"
_NAME_LIMIT = 253
_LABEL_LIMIT = 63
_MOST_BOUNDS = 4

T = TypeVar("T")
Cutter = Callable[[str], str]


@dataclass(frozen=True)
class _Cut:
    """How much may stay: entries of each list, characters of each text."""

    entries: int
    characters: int


_UNCUT = 10**9
# Both forms together are longer than the representation in Python: rendering what is this long would be in vain.
_HOPELESS = 2 * SIZE_LIMIT_BYTES
# The last one fits whatever the texts are: 20 entries of each list, 12 bytes for each character at worst.
_CUTS = (
    *(_Cut(entries, _UNCUT) for entries in (2000, 1000, 500, 200, 100, 50, 20)),
    *(_Cut(20, characters) for characters in (4000, 1000, 250, 80)),
)


def report_name(period: str, run_id: str) -> str:
    """The name of the report of a run, a DNS subdomain; cut with a hash where it would be too long."""
    return _fitting(f"hypercare-report-{period}-{run_id}", _NAME_LIMIT)


def configmap(report: RunReport) -> dict[str, Any]:
    """The body of the ConfigMap, with the keys `report.md` and `report.json`."""
    return {
        "apiVersion": CONFIG_MAPS.api_version,
        "kind": CONFIG_MAPS.kind,
        "metadata": {
            "name": report_name(report.name, report.run_id),
            "namespace": report.namespace,
            "labels": {
                "app.kubernetes.io/managed-by": "hypercare",
                REPORT_LABEL: "true",
                PERIOD_LABEL: _fitting(report.name, _LABEL_LIMIT),
            },
        },
        "data": _fitting_data(report),
    }


def is_report_of(metadata: Mapping[str, Any], period: str) -> bool:
    """Whether an object is a report that was written for the period of this name."""
    labels = metadata.get("labels") or {}
    return labels.get(REPORT_LABEL) == "true" and labels.get(PERIOD_LABEL) == _fitting(period, _LABEL_LIMIT)


def _fitting_data(report: RunReport) -> dict[str, str]:
    data: dict[str, str] = {}
    for smaller in chain((report,), _smaller(report)):
        if len(repr(smaller)) > _HOPELESS:
            continue
        data = _data(smaller)
        if sum(len(text.encode()) for text in data.values()) <= SIZE_LIMIT_BYTES:
            break
    return data


def _smaller(report: RunReport) -> Iterator[RunReport]:
    return (_shortened(_thinned(report, cut.entries), cut.characters) for cut in _CUTS)


def _data(report: RunReport) -> dict[str, str]:
    return {"report.md": render_markdown(report), "report.json": render_json(report)}


def _thinned(report: RunReport, most: int) -> RunReport:
    alerts = report.alerts
    kept = replace(
        report,
        timeline=_first_and_newest(report.timeline, most),
        criteria=report.criteria[:most],
        alerts=replace(
            alerts,
            detections=_first_and_newest(alerts.detections, most),
            tightened=alerts.tightened[:most],
            untouched=alerts.untouched[:most],
        ),
        scaling=report.scaling[:most],
        notes=report.notes[:most],
    )
    return replace(kept, left_out=_difference(report, kept))


def _first_and_newest(entries: tuple[T, ...], most: int) -> tuple[T, ...]:
    """How it began and how it ended say more than the middle."""
    return entries if len(entries) <= most else (*entries[:1], *entries[len(entries) - most + 1 :])


def _difference(whole: RunReport, kept: RunReport) -> LeftOut:
    def alerts(report: RunReport) -> int:
        return len(report.alerts.tightened) + len(report.alerts.untouched)

    return LeftOut(
        timeline=len(whole.timeline) - len(kept.timeline),
        criteria=len(whole.criteria) - len(kept.criteria),
        detections=len(whole.alerts.detections) - len(kept.alerts.detections),
        alerts=alerts(whole) - alerts(kept),
        scaling=len(whole.scaling) - len(kept.scaling),
        notes=len(whole.notes) - len(kept.notes),
    )


def _shortened(report: RunReport, longest: int) -> RunReport:
    """Shorten every text that nothing else bounds; names of Kubernetes objects are short by themselves."""

    def cut(text: str) -> str:
        return text if len(text) <= longest else f"{text[:longest]}…"

    release = report.release
    short = replace(
        report,
        release=replace(release, name=cut(release.name), version=cut(release.version), url=cut(release.url)),
        timeline=tuple(replace(each, message=cut(each.message)) for each in report.timeline),
        criteria=tuple(_short_criterion(each, cut) for each in report.criteria),
        alerts=_short_alerts(report.alerts, cut),
        scaling=tuple(replace(each, row=replace(each.row, message=cut(each.row.message))) for each in report.scaling),
        unrestored=cut(report.unrestored),
        notes=tuple(cut(note) for note in report.notes),
    )
    return replace(short, left_out=replace(report.left_out, texts=short != report))


def _short_criterion(criterion: CriterionReport, cut: Cutter) -> CriterionReport:
    return replace(
        criterion,
        expression=cut(criterion.expression),
        message=cut(criterion.message),
        last=_short_shown(criterion.last, cut),
        worst=_short_shown(criterion.worst, cut),
    )


def _short_shown(shown: Shown, cut: Cutter) -> Shown:
    return replace(shown, series=cut(shown.series)) if isinstance(shown, Measured) else shown


def _short_alerts(alerts: AlertReport, cut: Cutter) -> AlertReport:
    return replace(
        alerts,
        unread=cut(alerts.unread),
        detections=tuple(
            replace(each, alertname=cut(each.alertname), severity=cut(each.severity)) for each in alerts.detections
        ),
        tightened=tuple(_short_tightened(each, cut) for each in alerts.tightened),
        untouched=_short_untouched(alerts.untouched, cut),
    )


def _short_tightened(alert: TightenedAlert, cut: Cutter) -> TightenedAlert:
    history = alert.history
    return replace(
        alert,
        alertname=cut(alert.alertname),
        bounds=tuple(
            BoundChange(each.operator, cut(each.original), cut(each.copy)) for each in alert.bounds[:_MOST_BOUNDS]
        ),
        history=history and replace(history, told=cut(history.told)),
        kept=_short_untouched(alert.kept, cut),
    )


def _short_untouched(alerts: tuple[UntouchedAlert, ...], cut: Cutter) -> tuple[UntouchedAlert, ...]:
    return tuple(replace(each, alertname=cut(each.alertname), message=cut(each.message)) for each in alerts)


def _fitting(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{text[: limit - len(digest) - 1].rstrip('-.')}-{digest}"
