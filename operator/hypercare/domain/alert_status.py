"""What the status tells about alerts: how copies differ and what history said about them, and what is left alone."""

from collections.abc import Sequence
from typing import Any

from hypercare.domain.alerts.plan import AlertOutcome
from hypercare.domain.alerts.preflight import Tried
from hypercare.domain.alerts.tightening import Outcome, Tightened, Untouched, UntouchedReason
from hypercare.domain.durations import format_duration

ROWS_LIMIT = 20
_NAME_LENGTH, _TEXT_LENGTH = 128, 512


def render_alerts(outcomes: Sequence[AlertOutcome]) -> dict[str, Any]:
    """Render `status.alerts`. Where there are more rows than fit, copies with a moved threshold come first."""
    copied = [(each, each.result) for each in outcomes if isinstance(each.result, Tightened)]
    told = [(each.alertname, why) for each in outcomes if (why := _told(each.result)) is not None]
    shown = sorted(copied, key=lambda each: not each[1].moved)[:ROWS_LIMIT]
    return {
        "selected": len(outcomes),
        "tightened": len(copied),
        "untouched": len(outcomes) - len(copied),
        "changes": [_change(outcome, result) for outcome, result in shown],
        "refusals": [_refusal(name, why) for name, why in told[:ROWS_LIMIT]],
    }


def _change(outcome: AlertOutcome, result: Tightened) -> dict[str, Any]:
    row: dict[str, Any] = {"alert": outcome.alertname[:_NAME_LENGTH], "change": str(result)[:_TEXT_LENGTH]}
    tried = outcome.preflight
    if isinstance(tried, Tried) and tried.span_seconds:
        row |= {"history": format_duration(tried.span_seconds), "firedBefore": tried.fires}
    if isinstance(tried, Tried) and tried.told:
        row["data"] = tried.told[:_TEXT_LENGTH]
    for kept in [each for each in result.left if each.reason is not UntouchedReason.NAMESPACE_WIDE][:1]:
        row |= {"reason": kept.reason.value, "message": kept.message[:_TEXT_LENGTH]}
    return row


def _told(result: Outcome) -> Untouched | None:
    """Why an alert has no copy, or one that covers more than the targets; None where there is nothing to tell."""
    if isinstance(result, Untouched):
        return result
    return next((each for each in result.left if each.reason is UntouchedReason.NAMESPACE_WIDE), None)


def _refusal(alertname: str, why: Untouched) -> dict[str, Any]:
    return {"alert": alertname[:_NAME_LENGTH], "reason": why.reason.value, "message": why.message[:_TEXT_LENGTH]}
