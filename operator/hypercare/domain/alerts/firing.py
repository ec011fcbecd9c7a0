"""Which copies fire right now, and for how long: what has to be known before an overlay is relaxed.

A copy that is pending may fire before Prometheus has loaded another version of it, and that version would then silence
it; so what may fire until then counts as firing. What becomes of them is `held_copies`' part. When it cannot be told
what fires, every copy counts as firing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from hypercare.domain.alerts.tightening import FiringCopy
from hypercare.domain.alerts.watched import Making, WatchedAlert
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.domain.promql.text import matcher
from hypercare.domain.samples import Answer, QueryFailed, Result, Series

LOADING_SECONDS = 120
"""How long it may take until Prometheus evaluates what is written now: prometheus-operator, the kubelet's minute for a
ConfigMap, and the reload."""
_RULE_LABEL = "hypercare_rule"


def active_since_query(owner: str) -> str:
    """PromQL: the copies of a period (`namespace/name`) that are pending or fire, with the Unix time since when."""
    return f"ALERTS_FOR_STATE{{{matcher('hypercare', '=', owner)}}}"


def about_to_fire(active: Result, for_seconds: Mapping[str, int], now: float) -> Result:
    """Of the active copies those that fire, or may before another version is loaded.

    Args:
        active: The answer to `active_since_query`.
        for_seconds: By rule id, the `for` that the copies have now.
        now: Unix seconds.
    """
    if isinstance(active, QueryFailed):
        return active
    soon = now + LOADING_SECONDS
    series = (each for each in active.series if soon >= each.samples[-1].value + for_seconds.get(_rule(each), 0))
    return replace(active, series=tuple(series))


def loud_query(tenancy: Tenancy) -> str:
    """PromQL: the alerts of a tenant that fire and are not copies, one series a name."""
    ours = matcher(tenancy.label, "=", tenancy.namespace)
    return f'count by (alertname) (ALERTS{{{ours},hypercare="",alertstate="firing"}})'


def firing_copies(
    watched: Iterable[WatchedAlert], copies: Result, originals: Result, now: float
) -> Mapping[str, FiringCopy]:
    """Read what fires, and the answer to `loud_query`: by rule id, the copies that fire. `now` in Unix seconds.

    When the copies could not be read, every copy counts as having just begun to fire.
    """
    # Not only what the plan still tightens: at a weaker strength a copy that fires may have dropped out of it.
    copied = [alert for alert in watched if alert.making is not Making.ADDED]
    if isinstance(copies, QueryFailed):
        return {alert.rule_id: FiringCopy(0.0) for alert in copied}
    loud = _alertnames(originals)
    youngest: dict[str, float] = {}
    for series in copies.series:
        rule = _rule(series)
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
        found.setdefault(_rule(series), []).append(series)
    return found


def still_waiting(
    watched: Iterable[WatchedAlert], firing: Mapping[str, FiringCopy], at_zero_seconds: float
) -> Mapping[str, FiringCopy]:
    """The copies that may hold back their removal after so many seconds at strength 0.

    An original has had all the time it needs to fire once its own `for` has passed.
    """
    longer = {alert.rule_id for alert in watched if at_zero_seconds < alert.original_for_seconds}
    return {rule: copy for rule, copy in firing.items() if rule in longer}


def _rule(series: Series) -> str:
    return series.labels.get(_RULE_LABEL, "")


def _alertnames(result: Result) -> frozenset[str]:
    match result:
        case Answer(series=series):
            return frozenset(one.labels.get("alertname", "") for one in series)
        case QueryFailed():
            return frozenset()
