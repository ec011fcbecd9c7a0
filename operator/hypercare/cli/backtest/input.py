"""From the arguments of a backtest to what it works on: the period as the operator would resolve it, and its history.

Everything that is wrong is told with its file or flag and the field.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hypercare.adapters.credentials import Credentials
from hypercare.cli.backtest.command import BacktestArguments
from hypercare.cli.documents import Document, read_documents
from hypercare.cli.endpoint_flags import duration_flag, endpoint_spec, read_credentials
from hypercare.cli.failures import UnusableInput
from hypercare.cli.rule_files import RuleFile, read_rule_files
from hypercare.domain.alerts.plan import plan_alerts
from hypercare.domain.backtest.criterion import Span
from hypercare.domain.conditions import Problem
from hypercare.domain.durations import InvalidDuration, parse_duration
from hypercare.domain.evidence.context import Context
from hypercare.domain.evidence.quiet import NoOverlay, Watch, Whose
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.life.window import parse_time
from hypercare.domain.objects import PERIODS, PROFILES
from hypercare.domain.overlay_context import overlay_context
from hypercare.domain.period import Mode, Resolved, profile_name, resolve
from hypercare.domain.profile import Evaluation
from hypercare.domain.promql.tenancy import tenancy_of
from hypercare.domain.snapshot import Identity

_RUN = "backtest"
_DEFAULT_INTERVAL_SECONDS = 30
_MOST_POINTS = 500_000


@dataclass(frozen=True)
class BacktestInput:
    """What a backtest works on.

    Attributes:
        identity: The period.
        resolved: The period merged with its profile.
        credentials: For Prometheus.
        context: What evidence depends on, at the end of the history and with all of it final.
        span: The history.
        has_rules: Whether alert rules were given.
        notes: What a person should know about the answer.
    """

    identity: Identity
    resolved: Resolved
    credentials: Credentials
    context: Context
    span: Span
    has_rules: bool
    notes: tuple[str, ...]


def read_input(asked: BacktestArguments, now: int) -> BacktestInput:
    """Read everything; `now` in Unix seconds.

    Raises:
        UnusableInput: something cannot be used; the message names it.
    """
    documents = [document for path in asked.files for document in read_documents(path)]
    period = _with_namespace(_the_period(documents, asked), asked.namespace)
    profile = _the_profile(documents, asked, period)
    resolved = _resolved(period, profile, asked)
    metadata = period.body["metadata"]
    identity = Identity(metadata["namespace"], metadata["name"], _RUN, 1)
    rules = _rules(asked)
    evaluation = resolved.profile.evaluation
    span = _span(asked, evaluation, now)
    watch, notes = _watch(identity, resolved, rules)
    return BacktestInput(
        identity=identity,
        resolved=resolved,
        credentials=read_credentials(asked),
        context=Context(
            now=span.end,
            # Long after the end everything through it is final, whatever is missing in it.
            evaluation=replace(evaluation, delay=0, max_delay=0),
            tenancy=tenancy_of(resolved.profile.tenancy, identity.namespace),
            whose=Whose(identity.namespace, identity.name, _RUN),
            started_at=span.start,
            floor=0,
            watch=watch,
            targets=resolved.spec.targets,
        ),
        span=span,
        has_rules=bool(rules),
        notes=notes,
    )


def _the_period(documents: Sequence[Document], asked: BacktestArguments) -> Document:
    found = [each for each in documents if each.kind == PERIODS.kind]
    where = ", ".join(asked.files)
    if len(found) != 1:
        count = "no" if not found else f"{len(found)} objects of kind"
        raise UnusableInput(f"{where}: holds {count} {PERIODS.kind}, and one is needed")
    return _checked(found[0])


def _the_profile(documents: Sequence[Document], asked: BacktestArguments, period: Document) -> Document:
    given = [*documents, *(read_documents(asked.profile) if asked.profile else ())]
    found = [_checked(each) for each in given if each.kind == PROFILES.kind]
    if asked.profile and not any(each.source.startswith(asked.profile) for each in found):
        raise UnusableInput(f"{asked.profile}: holds no {PROFILES.kind}")
    name = profile_name(period.body)
    named = [each for each in found if each.body["metadata"]["name"] == name] or found
    if len(named) > 1:
        raise UnusableInput(f"{named[1].source}: another {PROFILES.kind} than {named[0].source}, and one is needed")
    return named[0] if named else Document("built-in profile", {"metadata": {"name": name}, "spec": {}})


def _checked(document: Document) -> Document:
    """The document, with the shape that everything else relies on."""
    metadata = document.body.get("metadata")
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("name"), str) or not metadata["name"]:
        raise UnusableInput(f"{document.source}: metadata.name: is required")
    if not isinstance(document.body.get("spec"), Mapping):
        raise UnusableInput(f"{document.source}: spec: is required, and must be an object")
    if not isinstance(metadata.get("namespace") or "", str):
        raise UnusableInput(f"{document.source}: metadata.namespace: must be a string")
    # What a cluster says of the object is no part of the question.
    return Document(document.source, {key: value for key, value in document.body.items() if key != "status"})


def _with_namespace(period: Document, flag: str) -> Document:
    written = period.body["metadata"].get("namespace") or ""
    if flag and written and flag != written:
        raise UnusableInput(f"{period.source}: metadata.namespace: is {written}, which is not --namespace {flag}")
    metadata = {**period.body["metadata"], "namespace": written or flag or "default"}
    return Document(period.source, {**period.body, "metadata": metadata})


def _resolved(period: Document, profile: Document, asked: BacktestArguments) -> Resolved:
    body = {**profile.body, "spec": _profile_spec(profile, asked)}
    try:
        found = resolve(period.body, body)
    except (TypeError, ValueError) as error:
        # Only the API server's schema guarantees the shapes that the merge relies on: names that are texts, above all.
        raise UnusableInput(f"{period.source}: spec: does not have the shape of a {PERIODS.kind}") from error
    problems = [found] if isinstance(found, Problem) else [*found.spec.unreadable, *found.spec.unreadable_advice]
    if isinstance(found, Problem) or problems:
        told = [f"{_source(problem, period, profile)}: {problem.path}: {problem.message}" for problem in problems]
        raise UnusableInput("; ".join(told))
    return found


def _source(problem: Problem, period: Document, profile: Document) -> str:
    return profile.source if problem.path.startswith(PROFILES.kind) else period.source


def _profile_spec(profile: Document, asked: BacktestArguments) -> Mapping[str, Any]:
    spec = dict(profile.body["spec"])
    if not isinstance(spec.get("defaults") or {}, Mapping):
        raise UnusableInput(f"{profile.source}: spec.defaults: must be an object")
    written = spec.get("prometheus") if isinstance(spec.get("prometheus"), Mapping) else {}
    spec["prometheus"] = endpoint_spec(profile.source, written or {}, asked)
    if asked.step:
        evaluation = spec.get("evaluation") if isinstance(spec.get("evaluation"), Mapping) else {}
        spec["evaluation"] = {**(evaluation or {}), "step": duration_flag("--step", asked.step)}
    return spec


def _span(asked: BacktestArguments, evaluation: Evaluation, now: int) -> Span:
    """The history, as far as samples have had the time to arrive."""
    start, end = _moment("--from", asked.start, now), _moment("--to", asked.end, now)
    if end > now:
        raise UnusableInput("--to: lies in the future: there is no history of it yet")
    span = Span(start, min(end, now - evaluation.delay))
    if span.end - span.start < 2 * evaluation.step:
        raise UnusableInput(f"--from: must be at least two steps ({2 * evaluation.step}s) before --to")
    if (span.end - span.start) // evaluation.step > _MOST_POINTS:
        raise UnusableInput(f"--from: needs more than {_MOST_POINTS} points a criterion: choose a longer --step")
    return span


def _moment(flag: str, text: str, now: int) -> int:
    """A moment in Unix seconds: `now`, an age such as 7d, or an RFC 3339 time."""
    if text == "now":
        return now
    try:
        return now - parse_duration(text)
    except InvalidDuration:
        pass
    try:
        return parse_time(Field(flag, text))
    except InvalidField as error:
        raise UnusableInput(
            f"{flag}: {text!r} is neither a time such as 2026-11-14T10:00:00Z nor an age such as 7d"
        ) from error


def _rules(asked: BacktestArguments) -> tuple[RuleFile, ...]:
    if not asked.rules:
        return ()
    return read_rule_files(asked.rules, recursive=True, interval_seconds=_DEFAULT_INTERVAL_SECONDS)


def _watch(identity: Identity, resolved: Resolved, rules: Sequence[RuleFile]) -> tuple[Watch, tuple[str, ...]]:
    """The alerts that the period would watch, as in mode Observe: no overlay recorded anything then."""
    observed = Resolved(replace(resolved.spec, mode=Mode.OBSERVE), resolved.profile)
    context = overlay_context(identity, observed, _RUN, 0, _DEFAULT_INTERVAL_SECONDS)
    bodies = [_as_object(each, identity.namespace) for each in rules]
    plan = plan_alerts(resolved.spec.alerts, bodies, context)
    names = [alert.alertname for each in rules for alert in each.alerts]
    unique = frozenset(name for name in names if names.count(name) == 1)
    notes = tuple(f"{each.path}: {each.message}" for each in plan.problems) if rules else ()
    return Watch(plan.watched, NoOverlay(), unique), notes


def _as_object(rules: RuleFile, namespace: str) -> Mapping[str, Any]:
    """A PrometheusRule of some namespace; a rule file, and an object without a namespace, is one of the period's."""
    if not rules.is_object:
        return {"metadata": {"name": Path(rules.source).stem, "namespace": namespace}, "spec": rules.body}
    metadata = rules.body["metadata"]
    return {**rules.body, "metadata": {**metadata, "namespace": metadata.get("namespace") or namespace}}
