"""What can be said of files without a cluster: schema, merged spec, expressions, names that they give each other."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hypercare.cli.lint.expressions import criterion_doubts, promql_hint, promql_message
from hypercare.cli.lint.findings import Finding, Source
from hypercare.cli.lint.meant import near
from hypercare.cli.lint.routing import Routes, routing_findings, rules_in
from hypercare.cli.lint.server_rules import is_meant, kind_findings, server_findings
from hypercare.cli.periods.advice import advice
from hypercare.domain.alerts.source_rules import UnreadableRule, source_alerts
from hypercare.domain.conditions import Problem
from hypercare.domain.durations import format_duration
from hypercare.domain.effective import effective_spec
from hypercare.domain.fields import InvalidField
from hypercare.domain.objects import PERIODS, PROFILES, PROMETHEUS_RULES, WORKLOADS
from hypercare.domain.period import Resolved, profile_name, resolve
from hypercare.domain.promql.syntax import InvalidPromQL, PromQLError, parse
from hypercare.domain.snapshot import Identity

_INTERVAL = 30
_NAMED_ELEMENT = re.compile(r"^spec\.(exitCriteria|protection\.alerts\.add)\[(\d+)\]")
_SAID = frozenset({"InvalidPromQL", "InvalidCriterion", "InvalidSpec", "UnsupportedPromQL"})
_RULE_PLACE = re.compile(r"spec\.groups.*$")
_ANY_PROFILE: Mapping[str, Any] = {"spec": {"prometheus": {"url": "http://prometheus:9090"}}}


def check(sources: Sequence[Source]) -> Iterator[Finding]:
    """Everything that is wrong with the objects of some files, taken together."""
    for source in sources:
        for path in source.positions.twice:
            yield source.error(path, "Duplicate", "is written twice in the same object", "keep one of them")
        match source.document.kind:
            case PERIODS.kind:
                yield from list(server_findings(source, PERIODS)) or _period(source, sources)
            case PROFILES.kind:
                yield from list(server_findings(source, PROFILES)) or _profile(source)
            case PROMETHEUS_RULES.kind:
                yield from rules_of(source)
            case _ if is_meant(source):
                yield from kind_findings(source)
    yield from _same_names(sources)


def check_routing(sources: Sequence[Source], routes: Routes) -> Iterator[Finding]:
    """Whether the pages of copies reach whom their originals reach, by the rules that are in the files."""
    for source in of_kind(sources, PERIODS.kind):
        resolved = resolved_of(source, _profile_of(source, sources))
        if isinstance(resolved, Resolved):
            namespace = str(source.document.body["metadata"].get("namespace") or "default")
            identity = Identity(namespace, name_of(source), "lint", 1)
            rules = rules_in(sources, namespace)
            yield from routing_findings(source, identity, resolved, rules, routes)


def of_kind(sources: Sequence[Source], kind: str) -> list[Source]:
    """The objects of a kind."""
    return [each for each in sources if each.document.kind == kind]


def name_of(source: Source) -> str:
    """The name of an object, empty if it has none."""
    metadata = source.document.body.get("metadata")
    return str(metadata.get("name") or "") if isinstance(metadata, Mapping) else ""


def resolved_of(source: Source, profile: Mapping[str, Any] | None) -> Resolved | Problem:
    """A period of a file merged with its profile; without a namespace it counts as one of `default`."""
    body = source.document.body
    metadata = {"namespace": "default", **body["metadata"]}
    return resolve({**body, "metadata": metadata, "status": {}}, profile)


def own_path(path: str, period: Mapping[str, Any], profile: Mapping[str, Any] | None) -> str | None:
    """Where in the period a path of the merged spec points to; None where it is the profile's or built-in."""
    found = _NAMED_ELEMENT.match(path)
    if found is None:
        return path
    defaults = ((profile or {}).get("spec") or {}).get("defaults") or {}
    merged = _at(effective_spec(period, defaults), found[1])
    element = merged[int(found[2])] if int(found[2]) < len(merged) else None
    own = _at(period, found[1])
    return path.replace(f"[{found[2]}]", f"[{own.index(element)}]", 1) if element in own else None


def rules_of(source: Source) -> Iterator[Finding]:
    """What Prometheus, or prometheus-operator, would not take of a PrometheusRule."""
    try:
        for alert in source_alerts(source.document.body, _INTERVAL):
            if isinstance(alert, UnreadableRule):
                yield source.error(_rule_path(alert.path), "InvalidRule", alert.message)
    except InvalidField as error:
        yield source.error(_rule_path(error.path), "InvalidRule", error.message)
        return
    for path, expression in _expressions(source.document.body):
        try:
            parse(expression)
        except InvalidPromQL as error:
            yield source.error(path, "InvalidPromQL", str(error), promql_hint(str(error), expression))
        except PromQLError as error:
            yield source.warning(path, "UnsupportedPromQL", str(error), "hypercare will leave the alert as it is")


def _period(source: Source, sources: Sequence[Source]) -> Iterator[Finding]:
    profile = _profile_of(source, sources)
    resolved = resolved_of(source, profile)
    yield from spec_findings(source, resolved, profile)
    if isinstance(resolved, Resolved):
        yield from _doubts(source, resolved)
    yield from _targets(source, sources)


def _profile_of(source: Source, sources: Sequence[Source]) -> Mapping[str, Any]:
    """The profile of the files; where they have none, one that leaves all to the period and the built-in defaults."""
    name = profile_name(source.document.body)
    given = [each.document.body for each in of_kind(sources, PROFILES.kind) if name_of(each) == name]
    return given[0] if given else {"metadata": {"name": name}, **_ANY_PROFILE}


def spec_findings(source: Source, resolved: Resolved | Problem, profile: Mapping[str, Any]) -> Iterator[Finding]:
    """What the operator could not work with in the merged spec."""
    spec = source.document.body["spec"]
    if isinstance(resolved, Problem):
        problems: Sequence[Problem] = (resolved,)
    else:
        problems = (*resolved.spec.unreadable, *resolved.spec.unreadable_advice)
    for problem in problems:
        own = own_path(problem.path, spec, profile)
        where = "" if own is not None else f"from profile {profile_name(source.document.body)}: {problem.path}: "
        path = own if own is not None else "spec.profile"
        message = f"{where}{promql_message(problem.message)}"
        yield source.error(path, problem.reason, message, fix_of(problem, _text_at(spec, own or "")))


def fix_of(problem: Problem, expression: str = "") -> str:
    """What to do about a problem; nothing where the advice would be to do what is being done."""
    if problem.reason == "InvalidPromQL":
        return promql_hint(problem.message, expression)
    return "" if problem.reason in _SAID else advice(problem.reason)


def _text_at(spec: Mapping[str, Any], path: str) -> str:
    """The text of a field such as `spec.exitCriteria[0].query`; empty where there is none."""
    value: Any = {"spec": spec}
    for part in re.findall(r"[^.\[\]]+", path):
        match value:
            case Mapping():
                value = value.get(part)
            case list() if part.isdigit() and int(part) < len(value):
                value = value[int(part)]
            case _:
                return ""
    return value if isinstance(value, str) else ""


def _doubts(source: Source, resolved: Resolved) -> Iterator[Finding]:
    window = resolved.spec.plan.window
    if window.limited:
        longest = format_duration(window.max_seconds)
        message = f"the profile's limits.maxDuration cuts the window with its extensions to {longest}"
        yield source.warning("spec.window", "LimitedByProfile", message, "shorten the window or its extensions")
    for index, criterion in enumerate(source.document.body["spec"].get("exitCriteria") or ()):
        yield from criterion_doubts(source, index, criterion)
        known = next((each for each in resolved.spec.criteria if each.name == criterion.get("name")), None)
        if known is not None and known.sustained_seconds > window.duration_seconds:
            needed, lasts = format_duration(known.sustained_seconds), format_duration(window.duration_seconds)
            message = f"asks for {needed}, and the window is planned for {lasts}: it always takes an extension"
            path = f"spec.exitCriteria[{index}].sustainedFor"
            yield source.warning(path, "LongerThanWindow", message, "shorten it, or lengthen window.duration")


def _targets(source: Source, sources: Sequence[Source]) -> Iterator[Finding]:
    """Targets that are not among the workloads of the files, where these have any."""
    workloads = {(each.document.kind, name_of(each)) for kind in WORKLOADS for each in of_kind(sources, kind)}
    if not workloads:
        return
    for index, target in enumerate(source.document.body["spec"]["targets"]):
        if (target.get("kind"), target.get("name")) not in workloads:
            message = f"no {target.get('kind')} {target.get('name')} is in the files"
            path = f"spec.targets[{index}].name"
            names = [name for kind, name in workloads if kind == target.get("kind")]
            fix = near(target.get("name"), names) or "correct the name, or ignore this if it exists already"
            yield source.warning(path, "TargetNotFound", message, fix)


def _profile(source: Source) -> Iterator[Finding]:
    """What is wrong with a profile by itself, seen with the smallest period that uses it."""
    name = name_of(source)
    smallest = {
        "metadata": {"name": "any", "namespace": "default"},
        "spec": {
            "profile": name,
            "release": {"version": "1"},
            "targets": [{"kind": "Deployment", "name": "any"}],
        },
    }
    body = source.document.body
    anywhere = {
        **body,
        "spec": {**body["spec"], "limits": {**(body["spec"].get("limits") or {}), "allowNamespaces": ["*"]}},
    }
    resolved = resolve(smallest, anywhere)
    problems = (
        (resolved,) if isinstance(resolved, Problem) else (*resolved.spec.unreadable, *resolved.spec.unreadable_advice)
    )
    for problem in problems:
        own = problem.path.removeprefix(f"HypercareProfile/{name}: ")
        path = own if own != problem.path else problem.path.replace("spec.", "spec.defaults.", 1)
        yield source.error(path, problem.reason, problem.message, fix_of(problem))


def _same_names(sources: Sequence[Source]) -> Iterator[Finding]:
    seen: set[tuple[str, str, str]] = set()
    for source in sources:
        metadata = source.document.body.get("metadata")
        namespace = str(metadata.get("namespace") or "") if isinstance(metadata, Mapping) else ""
        key = (source.document.kind, namespace, name_of(source))
        if source.document.kind in {PERIODS.kind, PROFILES.kind} and key in seen:
            message = f"another {source.subject} is in the files: the later one would replace it"
            yield source.warning("metadata.name", "Duplicate", message, "rename one, or check them one at a time")
        seen.add(key)


def _expressions(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    groups = (body.get("spec") or {}).get("groups")
    for group, each in enumerate(groups if isinstance(groups, list) else ()):
        rules = each.get("rules") if isinstance(each, Mapping) else None
        for index, rule in enumerate(rules if isinstance(rules, list) else ()):
            expression = rule.get("expr") if isinstance(rule, Mapping) else None
            if isinstance(expression, str):
                yield f"spec.groups[{group}].rules[{index}].expr", expression


def _rule_path(path: str) -> str:
    """`PrometheusRule shop/x spec.groups[0]…`: the part that is a path."""
    found = _RULE_PLACE.search(path)
    return found[0] if found else "spec"


def _at(spec: Mapping[str, Any], path: str) -> list[Any]:
    value: Any = spec
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, list) else []
