"""Why an overlay is not evaluated, and what to do: the likely cause, with nothing claimed beyond what was read.

Never evidence: only the heartbeat proves that an overlay is evaluated. What is asked, in this order: is an object
refused, is it selected, has the endpoint loaded it, does its group fail, or does the endpoint evaluate other rules.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hypercare.domain.alerts.liveness import NotLive
from hypercare.domain.alerts.loaded_rules import LoadedGroup, LoadedResult, LoadedRule, LoadedRules
from hypercare.domain.alerts.overlay import HEARTBEAT, REVISION_LABEL, revision_of
from hypercare.domain.alerts.rule_selection import RuleLoaders
from hypercare.domain.alerts.source_rules import Body
from hypercare.domain.durations import format_duration
from hypercare.domain.samples import QueryFailed

USUAL_SECONDS = 300
"""A change of rules is loaded within this time: kubelet and config reloader pass it on (FACTS: 1m to 5m)."""
_USUAL = "usually 1m, at most 5m: ConfigMap, kubelet and config reloader come in between"
_NAMED_AT_MOST = 3
_DIAGNOSED = frozenset({"OverlayNotLoaded", "OverlayPartlyLoaded", "EvaluationStopped"})
_TEXT_LENGTH = 300


@dataclass(frozen=True)
class RuleLoading:
    """What is known of the way of the overlay into Prometheus.

    Attributes:
        parts: The objects of the overlay as they are.
        loaders: Who loads rules.
        waiting_seconds: Since when the overlay has not been seen live.
        refused: By name, the objects of the overlay that prometheus-operator refuses, with its words.
        loaded: The groups of overlay and originals that the endpoint has loaded.
        originals: Names of the groups of the originals that should have been loaded long ago.
        unread: What could not be read, and what to do about it.
    """

    parts: Sequence[Body]
    loaders: RuleLoaders
    waiting_seconds: int
    loaded: LoadedResult
    refused: Mapping[str, str] = field(default_factory=dict)
    originals: frozenset[str] = frozenset()
    unread: tuple[str, ...] = ()


def can_be_diagnosed(verdict: NotLive) -> bool:
    """Whether there is more to find out than the endpoint has said already."""
    return verdict.reason in _DIAGNOSED


def diagnose(verdict: NotLive, loading: RuleLoading) -> NotLive:
    """Name the likely cause of an overlay that is not evaluated; other verdicts are returned as they are."""
    if not can_be_diagnosed(verdict):
        return verdict
    found = _refused(loading) or _not_selected(loading) or _as_the_endpoint_says(verdict, loading)
    return replace(found, message="; ".join((found.message, *loading.unread)))


def _refused(loading: RuleLoading) -> NotLive | None:
    if not loading.refused:
        return None
    name, text = next(iter(sorted(loading.refused.items())))
    advice = "its log names the rule (invalid rule); promtool check rules does as well"
    return NotLive("OverlayRefused", f"prometheus-operator refuses PrometheusRule {name}: {_cut(text)}; {advice}")


def _not_selected(loading: RuleLoading) -> NotLive | None:
    for part in loading.parts:
        refusals = loading.loaders.refusals(part)
        if refusals:
            return NotLive("OverlayNotSelected", "; ".join(refusals[:_NAMED_AT_MOST]))
    return None


def _as_the_endpoint_says(verdict: NotLive, loading: RuleLoading) -> NotLive:
    match loading.loaded:
        case QueryFailed(message=message):
            why = f"which rules it has loaded cannot be read there either ({_cut(message)})"
            told = f"{verdict.message}; {why}: it may be evaluated by a ruler whose results this endpoint does not read"
            return NotLive("LoadedRulesUnknown", told, untold=True)
        case LoadedRules(groups=groups):
            return _of_loaded(verdict, loading, groups)


def _of_loaded(verdict: NotLive, loading: RuleLoading, groups: Sequence[LoadedGroup]) -> NotLive:
    expected = {group["name"] for part in loading.parts for group in part["spec"]["groups"]}
    owner = _owner(loading)
    ours = {group.name: group for group in groups if group.name in expected and _belongs_to(owner, group)}
    missing = expected - ours.keys()
    # Groups of other namespaces may have the same names; every loader puts the namespace into the file's name.
    here = (group.name for group in groups if loading.loaders.namespace in group.file)
    originals = frozenset(here) & loading.originals
    if ours and not missing:
        return _of_all_groups(verdict, loading, ours)
    if not ours and loading.originals and not originals:
        names = ", ".join(sorted(loading.originals)[:_NAMED_AT_MOST])
        told = (
            f"the endpoint answers, and evaluates neither the overlay nor the originals (groups {names}): "
            "name the Prometheus that loads them, or a server that reads its results (spec.prometheus.url of the "
            "HypercareProfile)"
        )
        return NotLive("OtherPrometheus", told)
    return _not_loaded_yet(verdict, loading)


def _not_loaded_yet(verdict: NotLive, loading: RuleLoading) -> NotLive:
    waited = format_duration(loading.waiting_seconds)
    told = f"{verdict.message}, written {waited} ago ({_USUAL}){_selected_by(loading)}"
    if not loading.loaders.bodies:
        told += "; no Prometheus object is in sight: who loads PrometheusRules in this cluster cannot be told"
    elif loading.waiting_seconds > USUAL_SECONDS:
        told += "; look at the logs of prometheus-operator and of the config-reloader beside Prometheus"
    return replace(verdict, message=told)


def _selected_by(loading: RuleLoading) -> str:
    names = loading.loaders.selecting(loading.parts[0])[:_NAMED_AT_MOST]
    return f"; it is selected by {', '.join(names)}" if names else ""


def _of_all_groups(verdict: NotLive, loading: RuleLoading, ours: Mapping[str, LoadedGroup]) -> NotLive:
    """All groups are there, and still no heartbeat."""
    beats = [(name, rule) for name, group in ours.items() for rule in group.rules if rule.name == HEARTBEAT]
    failing = next(((name, rule) for name, rule in beats if rule.health == "err"), None)
    if failing is not None:
        return NotLive("RuleGroupFails", f"group {failing[0]} fails: {_cut(failing[1].last_error)}")
    revision = revision_of(loading.parts[0])
    if any(_revision(rule) != revision for _, rule in beats):
        waited = format_duration(loading.waiting_seconds)
        return replace(verdict, message=f"an earlier version is still loaded, written {waited} ago ({_USUAL})")
    if any(rule.health != "ok" for _, rule in beats):
        return replace(verdict, message="loaded, and its first evaluation is awaited")
    told = (
        "the endpoint has loaded every group and evaluates it, but the results cannot be read there: "
        "a ruler that keeps none, or one that writes them elsewhere; name the server that holds them"
    )
    return NotLive("ResultsElsewhere", told, untold=True)


def _owner(loading: RuleLoading) -> str:
    """Value of the label `hypercare` on what the overlay records."""
    rules = (rule for part in loading.parts for group in part["spec"]["groups"] for rule in group["rules"])
    return next((str(rule["labels"]["hypercare"]) for rule in rules if rule.get("record") == HEARTBEAT), "")


def _belongs_to(owner: str, group: LoadedGroup) -> bool:
    return any(rule.name == HEARTBEAT and rule.labels.get("hypercare") == owner for rule in group.rules)


def _revision(rule: LoadedRule) -> str:
    return rule.labels.get(REVISION_LABEL, "")


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT_LENGTH else text[: _TEXT_LENGTH - 1] + "…"
