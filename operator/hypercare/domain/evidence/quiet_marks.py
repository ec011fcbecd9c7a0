"""Whether the selected alerts are proven quiet at a time of the grid.

A point is good only where the rules are seen to be evaluated, the alert has data behind it, it is in none of the bad
states, and it does not fail silently: a condition that holds for longer than its `for` and two intervals, while
`ALERTS` shows neither pending nor firing, means that the rule does not work (or that the original is not loaded).

The states of an original whose series carry no namespace count as its own if its name is unique among all loaded
rules; else a state that might be somebody else's makes the point missing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hypercare.domain.alerts.overlay import ALERT_INPUTS, HEARTBEAT
from hypercare.domain.evidence.criteria import AlertsKind, AlertState
from hypercare.domain.evidence.points import Bad, Good, Mark, Measurement, Missing, MissingReason, heaviest, tabulate
from hypercare.domain.evidence.quiet import Questions, Role, Subject, Watch, condition_series, is_template, window
from hypercare.domain.samples import Result

QUIET = Good(Measurement(0, {}))
"""No alert is in a bad state, and that is proven."""
_STATES = frozenset(AlertState)


@dataclass(frozen=True)
class Index:
    """One answer by label values, then by time; and the times that have no answer."""

    values: Mapping[tuple[str, ...], Mapping[int, float]]
    failures: Mapping[int, Missing]

    def at(self, key: tuple[str, ...], time: int) -> float | Missing | None:
        """The value; None where the answer has no such series at this time."""
        if time in self.failures:
            return self.failures[time]
        return self.values.get(key, {}).get(time)


Place = tuple[Index, tuple[str, ...]]
"""An answer, and the label values of the series in it that is meant."""


def index(result: Result, times: range, labels: tuple[str, ...]) -> Index:
    """Sort an answer by the values of some labels; an absent label is empty, as in PromQL."""
    table = tabulate(result, times)
    values: dict[tuple[str, ...], dict[int, float]] = {}
    for series, column in table.columns:
        values.setdefault(tuple(series.get(label, "") for label in labels), {}).update(column)
    return Index(values, table.failures)


@dataclass(frozen=True)
class Board:
    """All answers of one criterion, ready to be looked up."""

    questions: Questions
    indexes: Mapping[str, Index]
    watch: Watch
    namespace: str
    step: int


def board(
    questions: Questions, results: Mapping[str, Result], times: range, watch: Watch, place: tuple[str, int]
) -> Board:
    """Index the results, which come by expression. `place` is the namespace and the step of the grid."""
    label_sets = _label_sets(questions)
    indexes = {expr: index(results[expr], times, labels) for expr, labels in label_sets.items()}
    return Board(questions, indexes, watch, *place)


def _label_sets(questions: Questions) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {
        expr: ("hypercare_group",) if name == HEARTBEAT else ("hypercare_rule",)
        for (name, _), expr in questions.recorded.items()
    }
    copies: tuple[str, ...] = ("hypercare_rule", "alertstate")
    observed: tuple[str, ...] = ("hypercare_part",)
    original = ("alertname", "severity", "alertstate", questions.tenant_label)
    found |= dict.fromkeys(questions.copies.values(), copies) | dict.fromkeys(questions.observed.values(), observed)
    return found | {expr: original for some in questions.originals.values() for expr in some}


def newest_heartbeat(chosen: Iterable[Subject], answers: Board) -> int:
    """The last evaluation (Unix seconds) that all groups of these alerts are known to have had; 0 for never."""
    newest: dict[str, float] = {}
    for subject in chosen:
        expr = answers.questions.recorded[HEARTBEAT, window(subject, answers.step)]
        beats = answers.indexes[expr].values.get((subject.alert.group_id,), {})
        newest[subject.alert.group_id] = max(beats.values(), default=0)
    return int(min(newest.values(), default=0))


def mark(chosen: tuple[Subject, ...], kind: AlertsKind, answers: Board, time: int) -> Mark:
    """Judge all alerts of a criterion at one time; the value of a bad point is how many are in a bad state."""
    if not chosen:
        return Missing(MissingReason.NO_ALERTS, "no alert is selected, so quiet proves nothing")
    marks = [_mark_one(each, kind, answers, time) for each in chosen]
    match heaviest(marks):
        case Bad(worst):
            return Bad(Measurement(sum(isinstance(each, Bad) for each in marks), worst.series))
        case other:
            return other


def _mark_one(subject: Subject, kind: AlertsKind, answers: Board, time: int) -> Mark:
    name = subject.alert.alertname
    match _states(subject, answers, time):
        case Missing() as failure:
            return failure
        case _States(judged=judged) if judged & kind.states:
            return Bad(Measurement(1, {"alertname": name}))
        case _States(doubtful=doubtful) if doubtful:
            detail = f"an alert {name} is active, but its series carry no namespace and several rules have this name"
            return Missing(MissingReason.UNATTRIBUTED, detail)
    lacking = next(_lacking(subject, answers, time), None)
    return lacking or QUIET


@dataclass(frozen=True)
class _States:
    """States that are the alert's own, those of them whose severity is judged, and those that may be another's."""

    certain: frozenset[AlertState]
    judged: frozenset[AlertState]
    doubtful: frozenset[AlertState]


def _states(subject: Subject, answers: Board, time: int) -> _States | Missing:
    width = window(subject, answers.step)
    if subject.role is Role.ORIGINAL:
        return _original_states(subject, answers, time)
    if width not in answers.questions.copies:
        return _States(frozenset(), frozenset(), frozenset())
    found = answers.indexes[answers.questions.copies[width]]
    if time in found.failures:
        return found.failures[time]
    rule = subject.alert.rule_id
    # Which severity the original of a copy would have had is not known, so all of them are judged.
    certain = frozenset(s for s in _STATES if found.at((rule, s.value), time) is not None)
    return _States(certain, certain, frozenset())


def _original_states(subject: Subject, answers: Board, time: int) -> _States | Missing:
    certain: set[AlertState] = set()
    judged: set[AlertState] = set()
    doubtful: set[AlertState] = set()
    for expr in answers.questions.originals[window(subject, answers.step)]:
        found = answers.indexes[expr]
        if time in found.failures:
            return found.failures[time]
        for tenant in ("", answers.namespace):
            seen = {state: _severities(found, subject, (state.value, tenant), time) for state in _STATES}
            ours = tenant or not answers.questions.tenant_label or subject.alert.alertname in answers.watch.unique_names
            (certain if ours else doubtful).update(state for state, severities in seen.items() if severities)
            judged.update(state for state, severities in seen.items() if ours and _judged(subject, severities))
    return _States(frozenset(certain), frozenset(judged), frozenset(doubtful - certain))


def _judged(subject: Subject, severities: frozenset[str]) -> bool:
    return bool(severities & subject.severities if subject.severities else severities)


def _severities(found: Index, subject: Subject, state_and_tenant: tuple[str, str], time: int) -> frozenset[str]:
    """With which severities the alert is in a state."""
    name, severity = subject.alert.alertname, subject.alert.severity
    if severity and not is_template(severity):
        return frozenset({severity} if found.at((name, severity, *state_and_tenant), time) is not None else ())
    # A template can have any value, and where the rule sets no severity its result may carry one.
    keys = (key for key in found.values if key[0] == name and key[2:] == state_and_tenant)
    return frozenset(key[1] for key in keys if time in found.values[key])


def _lacking(subject: Subject, answers: Board, time: int) -> Iterator[Missing]:
    """What is lacking for the proof that a silent alert is quiet, the most telling first."""
    alert = subject.alert
    refusal = alert.unprovable or answers.questions.refused.get(alert.rule_id, "")
    if refusal:
        yield Missing(MissingReason.UNPROVABLE, f"{alert.alertname}: {refusal}")
        return
    not_evaluated = Missing(
        MissingReason.RULES_NOT_EVALUATED, f"the rules that prove {alert.alertname} quiet are not seen"
    )
    for place in (heartbeat_place(subject, answers), condition_place(subject, answers)):
        value = _at(place, time)
        if value is None or isinstance(value, Missing):
            yield value or not_evaluated
    if alert.depends_on_input:
        match _at(inputs_place(subject, answers), time):
            case Missing() as failure:
                yield failure
            case None:
                yield not_evaluated
            case 0:
                yield Missing(MissingReason.NO_INPUT, f"there is no data behind {alert.alertname}")
    if _fails(subject, answers, time):
        detail = f"the condition of {alert.alertname} holds for longer than its `for`, but the alert is not pending"
        yield Missing(MissingReason.RULE_FAILS, detail)


def heartbeat_place(subject: Subject, answers: Board) -> Place | None:
    """Where the heartbeat of the alert's group is; None where there is none, as in mode Observe."""
    expr = answers.questions.recorded.get((HEARTBEAT, window(subject, answers.step)))
    return None if expr is None else (answers.indexes[expr], (subject.alert.group_id,))


def condition_place(subject: Subject, answers: Board) -> Place:
    """Where it is told whether the alert's condition is true."""
    return _companion_place(subject, answers, (condition_series(subject.role), "active"))


def inputs_place(subject: Subject, answers: Board) -> Place:
    """Where it is told how many series the alert has behind it."""
    return _companion_place(subject, answers, (ALERT_INPUTS, "inputs"))


def _companion_place(subject: Subject, answers: Board, names: tuple[str, str]) -> Place:
    recorded, part = names
    rule = subject.alert.rule_id
    if rule in answers.questions.observed:
        return answers.indexes[answers.questions.observed[rule]], (part,)
    return answers.indexes[answers.questions.recorded[recorded, window(subject, answers.step)]], (rule,)


def _at(place: Place | None, time: int) -> float | Missing | None:
    return 0.0 if place is None else place[0].at(place[1], time)


def _fails(subject: Subject, answers: Board, time: int) -> bool:
    patience = subject.for_seconds + 2 * subject.alert.interval_seconds
    start = time - (patience // answers.step + 1) * answers.step
    return all(_silent_but_true(subject, answers, moment) for moment in range(time, start - 1, -answers.step))


def _silent_but_true(subject: Subject, answers: Board, time: int) -> bool:
    condition = _at(condition_place(subject, answers), time)
    if condition is None or isinstance(condition, Missing) or not condition > 0:
        return False
    match _states(subject, answers, time):
        case _States(certain=certain, doubtful=doubtful):
            return not certain and not doubtful
    return False
