"""Times at which alerts are quiet without more ado: evaluated, with data behind them, not true, and in no state at all.

Nearly all alerts are, nearly always, so these times are told apart by looking through each series once. All others are
left to `quiet_marks`, which comes to the same about these.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hypercare.domain.evidence.quiet import Role, Subject
from hypercare.domain.evidence.quiet_marks import Board, Place, condition_place, heartbeat_place, inputs_place

Times = set[int]


@dataclass(frozen=True)
class _Loud:
    """When anything was in a state: originals by their name, copies by their rule."""

    originals: Mapping[str, Times]
    copies: Mapping[str, Times]

    def at(self, subject: Subject) -> Times:
        """When this alert may have been in a state."""
        if subject.role is Role.ORIGINAL:
            return self.originals.get(subject.alert.alertname, set())
        return self.copies.get(subject.alert.rule_id, set())


def plainly_quiet(chosen: Iterable[Subject], answers: Board) -> Times:
    """The times (Unix seconds) at which each of these alerts is proven quiet."""
    if any(index.failures for index in answers.indexes.values()):
        return set()
    loud = _loud(answers)
    each = [_quiet(subject, answers) - loud.at(subject) for subject in chosen]
    return set.intersection(*each) if each else set()


def _loud(answers: Board) -> _Loud:
    questions = answers.questions
    return _Loud(
        originals=_by_first_label(answers, (expr for some in questions.originals.values() for expr in some)),
        copies=_by_first_label(answers, questions.copies.values()),
    )


def _by_first_label(answers: Board, expressions: Iterable[str]) -> Mapping[str, Times]:
    found: dict[str, Times] = defaultdict(set)
    for expr in expressions:
        for key, column in answers.indexes[expr].values.items():
            found[key[0]].update(column)
    return found


def _quiet(subject: Subject, answers: Board) -> Times:
    """When its rule is evaluated and its condition is not true."""
    alert = subject.alert
    if alert.unprovable or alert.rule_id in answers.questions.refused:
        return set()
    times = {time for time, active in _column(condition_place(subject, answers)).items() if active <= 0}
    beats = heartbeat_place(subject, answers)
    if beats is not None:
        times &= _column(beats).keys()
    if alert.depends_on_input:
        times &= {time for time, series in _column(inputs_place(subject, answers)).items() if series > 0}
    return times


def _column(place: Place) -> Mapping[int, float]:
    index, key = place
    return index.values.get(key, {})
