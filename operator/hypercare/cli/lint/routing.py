"""Whether copies that are to page would reach whom their originals reach, by a configuration of Alertmanager in a file.

The Alertmanager of a profile has an address within the cluster and credentials in a Secret, so it is not asked from
here. What it delivers by can be had as a file without secrets: it masks them itself when it shows its configuration.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from hypercare.cli.documents import read_documents, shown_as
from hypercare.cli.failures import UnusableInput
from hypercare.cli.lenient import map_of
from hypercare.cli.lint.findings import Finding, Source
from hypercare.cli.periods.advice import advice
from hypercare.domain.alerts.alertmanager_view import RoutesUnread
from hypercare.domain.alerts.overlay import Body
from hypercare.domain.alerts.paging import pages_elsewhere
from hypercare.domain.alerts.plan import plan_alerts
from hypercare.domain.alerts.preflight import Candidate, Tried
from hypercare.domain.alerts.routing import Route, read_routes
from hypercare.domain.alerts.source_rules import SourceAlert, made_by_hypercare, source_alerts
from hypercare.domain.alerts.thresholds import ThresholdRule
from hypercare.domain.alerts.trials import Verdict, digest
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.objects import PROMETHEUS_RULES
from hypercare.domain.overlay_context import overlay_context
from hypercare.domain.period import Mode, Resolved
from hypercare.domain.snapshot import Identity

Routes = Route | RoutesUnread
INTERVAL_SECONDS = 30
_ANY_BOUND = ThresholdRule(Fraction(1, 5))
"""Stands for a bound that is read from history: whom a page reaches does not depend on it."""
_SHOW = "`amtool config show` prints it whole"


def routes_in(path: str) -> Routes:
    """The routes of a configuration of Alertmanager, as its own file or `amtool config show` has them.

    Raises:
        UnusableInput: it has none, or some that cannot be judged.
    """
    if not path:
        return RoutesUnread("no configuration was given")
    shown, body = shown_as(path), read_documents(path)[0].body
    if "kind" in body:
        raise UnusableInput(f"{shown}: {body['kind']} is not the configuration that Alertmanager loads: {_SHOW}")
    if not isinstance(body.get("route"), Mapping):
        raise UnusableInput(f"{shown}: has no route, so it is no configuration of Alertmanager: {_SHOW}")
    try:
        return read_routes(Field("config", body))
    except InvalidField as error:
        raise UnusableInput(f"{shown}: {error.path.removeprefix('config.')}: {error.message}") from error


def routing_findings(
    source: Source, identity: Identity, resolved: Resolved, rules: Sequence[Body], routes: Routes
) -> Iterator[Finding]:
    """What the operator would say at full strength; `rules` are the PrometheusRules of the period's namespace."""
    protection = resolved.spec.alerts
    if isinstance(routes, RoutesUnread) or not protection.asks_to_page:
        return
    enforced = Resolved(replace(resolved.spec, mode=Mode.ENFORCE), resolved.profile)
    context = overlay_context(identity, enforced, "lint", 100, INTERVAL_SECONDS)
    asking = plan_alerts(protection, rules, context)
    overlay = plan_alerts(protection, rules, replace(context, verdicts=_all_quiet(asking.candidates))).overlay
    if overlay is None:
        message = "whom its pages would reach cannot be said: no alert of it is in the files or the cluster"
        yield source.warning("spec.protection.alerts", "NoAlertSelected", message, "give its rules too, or --server")
        return
    for problem in pages_elsewhere(protection, [overlay], dict(_originals(rules)), routes):
        yield source.warning(problem.path, problem.reason, problem.message, advice(problem.reason))


def _all_quiet(candidates: Sequence[Candidate]) -> dict[str, Verdict]:
    """As if every copy had been quiet in the past, which is not asked here: then there are the most of them."""
    rules = {each: each.threshold if isinstance(each.threshold, ThresholdRule) else _ANY_BOUND for each in candidates}
    return {each.rule_id: Verdict(digest(each), Tried(rule, 100, 0, 0)) for each, rule in rules.items()}


def rules_in(sources: Sequence[Source], namespace: str) -> tuple[Body, ...]:
    """The PrometheusRules of the files that would be in this namespace."""
    found = (each.document.body for each in sources if each.document.kind == PROMETHEUS_RULES.kind)
    placed = ({**body, "metadata": {"namespace": namespace, **map_of(body, "metadata")}} for body in found)
    return tuple(body for body in placed if body["metadata"]["namespace"] == namespace)


def _originals(rules: Sequence[Body]) -> Iterator[tuple[str, SourceAlert]]:
    for body in rules:
        if not made_by_hypercare(body):
            found = source_alerts(body, INTERVAL_SECONDS)
            yield from ((alert.rule_id, alert) for alert in found if isinstance(alert, SourceAlert))
