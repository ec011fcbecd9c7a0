"""Points of an error budget for tests, written as text, one letter per point.

`g` no errors, `h` half of what is allowed, `x` exactly what is allowed, `b` five times that, `q` no traffic at all,
`m` missing, `i` idle. Each point with traffic allows one error per ten seconds, so two points allow two.
"""

from collections.abc import Sequence

from hypercare.domain.evidence.budget import BudgetMark, BudgetPoint, BudgetState, Measure, Spent, fold
from hypercare.domain.evidence.budget_judgement import BudgetTail, judge_budget
from hypercare.domain.evidence.judgement import Judgement
from hypercare.domain.evidence.points import Idle, Missing, MissingReason
from hypercare.domain.evidence.streaks import Rule

STEP = 10
MARKS: dict[str, BudgetMark] = {
    "g": Spent(0, 0.1),
    "h": Spent(0.05, 0.1),
    "x": Spent(0.1, 0.1),
    "b": Spent(0.5, 0.1),
    "q": Spent(0, 0),
    "m": Missing(MissingReason.SCRAPE_GAP, "no fresh samples"),
    "i": Idle(),
}


def measure_of(points: int = 24, missing: int = 0, gap: int = 0, part: int = 2) -> Measure:
    """A window of so many points; with the defaults twelve parts of two."""
    rule = Rule(points=points, missing=missing, gap=gap)
    return Measure(STEP, rule, part, -(-points // part) + 1, max_burn=1.0, over_seconds=points * STEP)


def points(text: str, first: int = 1) -> tuple[BudgetPoint, ...]:
    """Points at `first` x STEP and on."""
    return tuple(BudgetPoint((first + index) * STEP, MARKS[letter]) for index, letter in enumerate(text))


def folded(text: str, by: Measure) -> BudgetState:
    """The state after these points."""
    return fold(BudgetState("d", 0), points(text), by)


def judged(text: str, by: Measure) -> Judgement:
    """Judge final points."""
    return judge_budget(folded(text, by), BudgetTail(), by)


def with_tail(text: str, tail: Sequence[BudgetPoint], settled: int, by: Measure) -> Judgement:
    """Judge final points in the light of a provisional tail."""
    return judge_budget(folded(text, by), BudgetTail(tail, settled), by)
