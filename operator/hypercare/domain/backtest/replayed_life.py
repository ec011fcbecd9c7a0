"""The life that a period would have had over a stretch of history: the life table, on what visits would have seen.

The window starts at the beginning of the stretch. Visits come at the evaluation interval and whenever the clock alone
can change something, as the loop makes them, and see the evidence as of the beginning of their interval.

What a backtest cannot know counts as done: protections are verified, and everything is restored, at once; nobody
suspends, decides or changes anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hypercare.domain.backtest.criterion import Span, Trace, seen_by
from hypercare.domain.evidence.grid import align_down
from hypercare.domain.evidence.judgement import Judgement, Regressed, Verdict
from hypercare.domain.exit_criteria import weigh
from hypercare.domain.findings import EvidenceState
from hypercare.domain.life.due import next_change
from hypercare.domain.life.facts import Exit, Facts, Life, Outcome, Phase, Plan, Visit
from hypercare.domain.life.rollout import Rollout, RolloutState
from hypercare.domain.life.transitions import advance, begin
from hypercare.domain.life.window import StartImmediately
from hypercare.domain.outlook import Outlook, outlook
from hypercare.domain.period import Resolved
from hypercare.domain.profile import Evaluation
from hypercare.domain.snapshot import Reading
from hypercare.domain.status import TimelineEntry

_UID = "backtest"
_ROLLED_OUT = Rollout(RolloutState.COMPLETE, "the history begins with it")


@dataclass(frozen=True)
class ReplayedLife:
    """What became of the period.

    Attributes:
        life: Where it stood at the end of the history, or when it was over.
        timeline: Everything that happened.
        evidence: How the criteria stood then.
        blocked_seconds: By criterion, how long it was not met while the period was open and not relaxing.
        outlook: When it could begin to relax after the end of the history; None where nothing is waited for.
    """

    life: Life
    timeline: tuple[TimelineEntry, ...]
    evidence: EvidenceState
    blocked_seconds: Mapping[str, int]
    outlook: Outlook | None

    @property
    def relaxing_since(self) -> int | None:
        """When it began to relax because its criteria were met, for good as far as the history goes; None for never."""
        if self.life.outcome is not Outcome.MET:
            return None
        return max(each.time for each in self.timeline if each.reason == "RelaxingStarted")

    @property
    def over_at(self) -> int | None:
        """When everything was restored; None if it was not over by the end of the history."""
        return self.life.phase_since if self.life.closed else None


def replay_life(resolved: Resolved, traces: Sequence[Trace], span: Span) -> ReplayedLife:
    """Live through the span."""
    evaluation = resolved.profile.evaluation
    window = replace(resolved.spec.plan.window, start=StartImmediately())
    plan = replace(resolved.spec.plan, window=window, suspend=False)
    exits = _Exits(traces, evaluation)
    first = begin(plan, _UID, span.start)
    life = first.life
    timeline = [TimelineEntry(span.start, first.reason, first.message)]
    blocked = {trace.criterion.name: 0 for trace in traces}
    now = span.start
    while True:
        exit_, blocking = exits.at(align_down(now, evaluation.interval))
        life, entries = _moved(life, plan, exit_, now)
        timeline += entries
        following = _next_visit(life, plan, now, evaluation)
        if life.closed or following > span.end:
            break
        if life.phase is not Phase.RELAXING:
            for name in blocking:
                blocked[name] += following - now
        now = following
    evidence = exits.told(align_down(span.end, evaluation.interval))
    ahead = None if life.closed else outlook(life, plan, evidence.needed_seconds, span.end)
    return ReplayedLife(life, tuple(timeline), evidence, blocked, ahead)


def _moved(life: Life, plan: Plan, exit_: Exit, now: int) -> tuple[Life, list[TimelineEntry]]:
    """Apply the rows that apply at one moment: the loop visits again as soon as a transition is stored."""
    entries: list[TimelineEntry] = []
    while True:
        facts = Facts(now=now, period_uid=_UID, rollout=_ROLLED_OUT, exit=exit_, protected=True, restored=True)
        transition = advance(Visit(life, plan, facts))
        if transition is None:
            return life, entries
        life = transition.life
        entries.append(TimelineEntry(now, transition.reason, transition.message))


def _next_visit(life: Life, plan: Plan, now: int, evaluation: Evaluation) -> int:
    tick = now - now % evaluation.interval + evaluation.interval
    change = next_change(life, plan, now)
    return tick if change is None else min(tick, change)


class _Exits:
    """What the criteria said together at each visit; most visits see what the one before saw."""

    def __init__(self, traces: Sequence[Trace], evaluation: Evaluation) -> None:
        self._traces = traces
        self._evaluation = evaluation
        self._known: dict[tuple[tuple[Verdict, Regressed], ...], tuple[Exit, tuple[str, ...]]] = {}

    def at(self, visit: int) -> tuple[Exit, tuple[str, ...]]:
        """The exit as of a visit, and the names of the criteria that stand in its way."""
        judgements = [seen_by(trace, visit, self._evaluation) for trace in self._traces]
        key = tuple((each.verdict, each.regressed) for each in judgements)
        if key not in self._known:
            readings = [_reading(trace, each) for trace, each in zip(self._traces, judgements, strict=True)]
            blocking = tuple(each.criterion.name for each in readings if _blocks(each))
            self._known[key] = (weigh(readings, (), 0).exit, blocking)
        return self._known[key]

    def told(self, visit: int) -> EvidenceState:
        """The same in words."""
        return weigh([_reading(trace, seen_by(trace, visit, self._evaluation)) for trace in self._traces], (), 0)


def _reading(trace: Trace, judgement: Judgement) -> Reading:
    return Reading(trace.criterion, judgement, trace.final_through, late_seconds=0, stored={})


def _blocks(reading: Reading) -> bool:
    return not reading.criterion.advisory and weigh((reading,), (), 0).exit is not Exit.MET
