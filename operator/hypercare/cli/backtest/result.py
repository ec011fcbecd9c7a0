"""What a backtest found out, ready to be shown in any form."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypercare.cli.backtest.input import BacktestInput
from hypercare.cli.backtest.reader import History
from hypercare.domain.backtest.bound_choice import Choice, choices
from hypercare.domain.backtest.criterion import Span, Stretch, first_met, seen_by, stretches
from hypercare.domain.backtest.replayed_life import ReplayedLife, replay_life
from hypercare.domain.durations import format_duration
from hypercare.domain.evidence.criteria import Criterion
from hypercare.domain.evidence.grid import GridPoint, align_down
from hypercare.domain.evidence.judgement import Judgement, Verdict
from hypercare.domain.life.facts import Exit, Outcome, Phase
from hypercare.domain.timestamps import timestamp


@dataclass(frozen=True)
class CriterionResult:
    """One criterion over the span.

    Attributes:
        criterion: Which one.
        stretches: Its verdicts.
        last: What the last visit would have said.
        first_met: When it would first have been met (Unix seconds); None for never.
        blocked_seconds: How long it stood in the way while the period was open.
        choices: What other bounds would have changed; empty without a bound to choose.
        points: What was read.
    """

    criterion: Criterion
    stretches: tuple[Stretch, ...]
    last: Judgement
    first_met: int | None
    blocked_seconds: int
    choices: tuple[Choice, ...]
    points: tuple[GridPoint, ...]

    def seconds(self, verdict: Verdict) -> int:
        """How long it had a verdict."""
        return sum(each.seconds for each in self.stretches if each.judgement.verdict is verdict)


@dataclass(frozen=True)
class Backtest:
    """Everything that was found out about a period."""

    given: BacktestInput
    criteria: tuple[CriterionResult, ...]
    life: ReplayedLife

    @property
    def span(self) -> Span:
        """The history."""
        return self.given.span

    @property
    def relaxes(self) -> bool:
        """Whether the period would have relaxed because its criteria were met."""
        return self.life.relaxing_since is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know about the answer."""
        tenancy = self.given.context.tenancy
        empty = [each.criterion.name for each in self.criteria if each.points and all(p.missing for p in each.points)]
        if not empty:
            return self.given.notes
        told = (
            f"nothing was found for {', '.join(empty)}: queries are kept to series with "
            f'{tenancy.label}="{tenancy.namespace}"; is that the namespace, and the tenancy of the profile?'
        )
        return (*self.given.notes, told)

    @property
    def answer(self) -> str:
        """The answer in one sentence."""
        start, since = self.span.start, self.life.relaxing_since
        if since is None:
            return f"Would not have begun to relax by {timestamp(self.span.end)}: {self._obstacle()}"
        begun = f"Would have begun to relax at {timestamp(since)}, {format_duration(since - start)} after the start"
        over = self.life.over_at
        if over is None:
            return f"{begun}, and not been over by {timestamp(self.span.end)} (strength {self.life.life.strength}%)"
        return f"{begun}, and been over at {timestamp(over)}"

    def _obstacle(self) -> str:
        life, evidence = self.life.life, self.life.evidence
        if life.phase is Phase.DECISION_NEEDED or life.outcome is Outcome.LIMIT_REACHED:
            return f"the hard end came without the evidence; {evidence.message}"
        if evidence.exit is not Exit.MET:
            return f"blocked by {evidence.blocked}"
        waits = f", but for stage {self.life.outlook.stage}" if self.life.outlook and self.life.outlook.stage else ""
        return f"{evidence.message}{waits}"


def analyze(given: BacktestInput, histories: Sequence[History]) -> Backtest:
    """Judge what was read."""
    life = replay_life(given.resolved, [each.trace for each in histories], given.span)
    return Backtest(given, tuple(_result(given, each, life) for each in histories), life)


def _result(given: BacktestInput, history: History, life: ReplayedLife) -> CriterionResult:
    criterion, found = history.trace.criterion, stretches(history.trace, given.span)
    evaluation = given.resolved.profile.evaluation
    last_visit = align_down(given.span.end, evaluation.interval)
    return CriterionResult(
        criterion=criterion,
        stretches=found,
        last=seen_by(history.trace, last_visit, evaluation),
        first_met=first_met(found),
        blocked_seconds=life.blocked_seconds[criterion.name],
        choices=choices(criterion, history.seen, history.trace, evaluation.step) if history.seen else (),
        points=history.points,
    )
