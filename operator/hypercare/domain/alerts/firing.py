"""Which copies fire right now, and for how long: what has to be known before an overlay is relaxed.

What becomes of them is `held_copies`' part. When it cannot be told what fires, every copy counts as firing.
"""

from collections.abc import Iterable, Mapping

from hypercare.domain.alerts.tightening import FiringCopy
from hypercare.domain.alerts.watched import Making, WatchedAlert
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.domain.promql.text import matcher
from hypercare.domain.samples import Answer, QueryFailed, Result, Series

_RULE_LABEL = "hypercare_rule"


def active_since_query(owner: str) -> str:
    """PromQL: the firing copies of a period (`namespace/name`), each with the Unix time since when it is active."""
    copies = matcher("hypercare", "=", owner)
    return f'ALERTS_FOR_STATE{{{copies}}} and ignoring(alertstate) ALERTS{{{copies},alertstate="firing"}}'


def loud_query(tenancy: Tenancy) -> str:
    """PromQL: the alerts of a tenant that fire and are not copies, one series a name."""
    ours = matcher(tenancy.label, "=", tenancy.namespace)
    return f'count by (alertname) (ALERTS{{{ours},hypercare="",alertstate="firing"}})'


def firing_copies(
    watched: Iterable[WatchedAlert], copies: Result, originals: Result, now: float
) -> Mapping[str, FiringCopy]:
    """Read the answers to both queries: by rule id, the copies that fire. `now` in Unix seconds.

    When the copies could not be read, every copy counts as having just begun to fire.
    """
    # Not only what the plan still tightens: at a weaker strength a copy that fires may have dropped out of it.
    copied = [alert for alert in watched if alert.making is not Making.ADDED]
    if isinstance(copies, QueryFailed):
        return {alert.rule_id: FiringCopy(0.0) for alert in copied}
    loud = _alertnames(originals)
    youngest: dict[str, float] = {}
    for series in copies.series:
        rule = series.labels.get(_RULE_LABEL, "")
        age = now - series.samples[-1].value
        youngest[rule] = min(age, youngest.get(rule, age))
    return {
        # The original of a shared alert may fire for somebody else, so nothing is concluded from that.
        alert.rule_id: FiringCopy(youngest[alert.rule_id], alert.alertname in loud and not alert.scope)
        for alert in copied
        if alert.rule_id in youngest
    }


def firing_instances(copies: Result) -> Mapping[str, list[Series]]:
    """The instances that fire, by rule id; none where that could not be read."""
    found: dict[str, list[Series]] = {}
    for series in copies.series if isinstance(copies, Answer) else ():
        found.setdefault(series.labels.get(_RULE_LABEL, ""), []).append(series)
    return found


def still_waiting(
    watched: Iterable[WatchedAlert], firing: Mapping[str, FiringCopy], at_zero_seconds: float
) -> Mapping[str, FiringCopy]:
    """The copies that may hold back their removal after so many seconds at strength 0.

    An original has had all the time it needs to fire once its own `for` has passed.
    """
    longer = {alert.rule_id for alert in watched if at_zero_seconds < alert.original_for_seconds}
    return {rule: copy for rule, copy in firing.items() if rule in longer}


def _alertnames(result: Result) -> frozenset[str]:
    match result:
        case Answer(series=series):
            return frozenset(one.labels.get("alertname", "") for one in series)
        case QueryFailed():
            return frozenset()
