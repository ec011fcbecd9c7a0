"""How fast an error budget burns: a pure fold over the points of a `slo` criterion.

Two things are kept. The presence of points, as a streak in which every present point is good: it says whether the
window is full, after the floor, with enough points and no long hole, as for every other kind. And a ledger of sums:
errors, and errors that the objective allows (total x share), by parts of a twelfth of the window in active points, at
most thirteen. So the long window covers between `over` and `over` and a twelfth, the short one one to two twelfths.

Sums are never a mean of ratios. They are made of the points in their order, each rounded to ten digits, so batches
and restarts change nothing. What is older than the window is forgotten part by part: no old surplus of events pays for
a later burst or hole.

Sloth records shares of errors over whole windows instead. The newest of them take the place of the sums, and count only
once their window holds nothing from before the floor.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil
from sys import float_info

from hypercare.domain.evidence.criteria import Criterion
from hypercare.domain.evidence.fold import Measured, NotMeasured, Shown, window_rule
from hypercare.domain.evidence.points import Idle, Marked, Missing
from hypercare.domain.evidence.slo import SHORT_WINDOWS, SloKind, Sloth
from hypercare.domain.evidence.streaks import Rule, Sort, Streak, push

MAX_PARTS = SHORT_WINDOWS + 1
"""The parts of a whole window, and the one that is being filled."""
ENOUGH_ALLOWED = 3.0
"""Rule of three: without a single error, fewer events than would allow three prove the objective at no 95 %."""
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Spent:
    """Errors, and errors that the objective allows, both per second."""

    errors: float
    allowed: float


@dataclass(frozen=True)
class Burns:
    """How fast the budget burned over the window and over its twelfth, as recorded."""

    long: float
    short: float


BudgetMark = Spent | Burns | Missing | Idle


@dataclass(frozen=True)
class BudgetPoint(Marked):
    """One time of the grid (Unix seconds)."""

    time: int
    mark: BudgetMark


@dataclass(frozen=True)
class Sums:
    """Sums of `Spent` over points."""

    errors: float = 0.0
    allowed: float = 0.0

    @property
    def burn(self) -> float:
        """How fast the budget burns; 0 where nothing happened at all."""
        return self.errors / self.allowed if self.allowed > 0 else 0.0

    def above(self, max_burn: float) -> bool:
        """Whether it burns faster than this; what rounding alone makes of exactly as fast is not faster."""
        return self.errors > max_burn * self.allowed * (1 + _ROUNDING)


Ledger = tuple[Sums, ...]
"""By part, the newest last; of recorded shares the long window and the short one, with an allowance of 1."""
_EMPTY_STREAK = Streak()
_NOT_MEASURED = NotMeasured()
_NOTHING = Sums()


@dataclass(frozen=True)
class BudgetState:
    """All that a `slo` criterion keeps between visits.

    Attributes:
        definition: Hash of everything that was asked; another one starts anew.
        final_through: The last final point (Unix seconds); points after it will be read again.
        presence: Which points were there. Its floor is the streak floor.
        ledger: What was spent.
        filled: Active points in the newest part of the ledger.
        last: How fast the budget burned over the window so far, at the newest point.
        worst: How fast it burned at worst over the short window; forgotten when it is older than `over`.
    """

    definition: str
    final_through: int
    presence: Streak = _EMPTY_STREAK
    ledger: Ledger = ()
    filled: int = 0
    last: Shown = _NOT_MEASURED
    worst: Shown = _NOT_MEASURED

    @classmethod
    def begun(cls, definition: str, at: int) -> "BudgetState":
        """Nothing yet; only points after `at` (Unix seconds) will count."""
        return cls(definition, at, presence=Streak(floor=at))

    def restarted(self, at: int, step: int) -> "BudgetState":
        """Start anew after `at` (Unix seconds), unless that was done before.

        Sums cannot be cut at a time, so the points after `at` are read again where they had been taken in.
        """
        if at <= self.presence.floor:
            return self
        return BudgetState(self.definition, final_through=at - at % step, presence=Streak(floor=at))


@dataclass(frozen=True)
class Measure:
    """Everything of a `slo` criterion that the fold needs.

    Attributes:
        step: The distance of points, in seconds.
        rule: What the presence of points must look like.
        part: How many active points a part of the ledger has.
        parts: How many parts are kept: those of a whole window, and the one that is being filled.
        max_burn: How fast the budget may burn.
        over_seconds: The length of the window, in words and for recorded shares.
        recorded: Whether shares are read that cover a window each, so that events cannot be counted.
        since: Recorded shares count only when their window begins after this (Unix seconds).
    """

    step: int
    rule: Rule
    part: int
    parts: int
    max_burn: float
    over_seconds: int
    recorded: bool = False
    since: int = 0

    def enough(self, sums: Sums) -> bool:
        """Whether there were events enough to judge by."""
        return sums.allowed > 0 if self.recorded else self.allowed_errors(sums) >= ENOUGH_ALLOWED

    def allowed_errors(self, sums: Sums) -> float:
        """How many errors the objective allows among all events that were seen."""
        return sums.allowed * self.step

    def long(self, ledger: Ledger) -> Sums:
        """What the whole window spent."""
        return ledger[0] if self.recorded and ledger else _total(ledger)

    def short(self, ledger: Ledger) -> Sums:
        """What the short window spent."""
        return _total(ledger[1:] if self.recorded else ledger[-2:])


def measure(criterion: Criterion, kind: SloKind, step: int, since: int) -> Measure:
    """Translate times into numbers of points. `since`: where the window starts, in Unix seconds."""
    rule = window_rule(criterion, step)
    part = ceil(kind.over_seconds / (SHORT_WINDOWS * step))
    return Measure(
        step=step,
        rule=rule,
        part=part,
        parts=ceil(rule.points / part) + 1,
        max_burn=kind.max_burn,
        over_seconds=kind.over_seconds,
        recorded=isinstance(kind.source, Sloth),
        since=since,
    )


def states(state: BudgetState, points: Iterable[BudgetPoint], by: Measure) -> Iterator[BudgetState]:
    """The state after each of these points, oldest first, each one step after the one before."""
    for point in points:
        state = _take(state, point, by)
        yield state


def fold(state: BudgetState, points: Iterable[BudgetPoint], by: Measure) -> BudgetState:
    """Take points in, as `states` does."""
    for following in states(state, points, by):
        state = following
    return state


def _take(state: BudgetState, point: BudgetPoint, by: Measure) -> BudgetState:
    ledger, filled = _entered(state, point, by)
    absent = isinstance(point.mark, Missing | Idle)
    return BudgetState(
        definition=state.definition,
        final_through=point.time,
        presence=push(state.presence, _sort(point.mark), point.time, by.rule, by.step),
        ledger=ledger,
        filled=filled,
        last=state.last if absent else _measured(by.long(ledger), point.time),
        worst=state.worst if absent else _worse(state.worst, _measured(by.short(ledger), point.time), by),
    )


def _sort(mark: BudgetMark) -> Sort:
    match mark:
        case Missing():
            return Sort.MISSING
        case Idle():
            return Sort.IDLE
    return Sort.GOOD


def _entered(state: BudgetState, point: BudgetPoint, by: Measure) -> tuple[Ledger, int]:
    match point.mark:
        case Idle():
            return state.ledger, state.filled
        case Burns() as burns:
            return _recorded(burns, point.time - max(by.since, state.presence.floor), by), 0
        case Missing() if by.recorded:
            return state.ledger, 0
        case Missing():
            spent = _NOTHING
        case Spent(errors, allowed):
            spent = _rounded(errors, allowed)
    if not state.ledger or state.filled >= by.part:
        return (*state.ledger, spent)[-by.parts :], 1
    newest = state.ledger[-1]
    summed = _rounded(newest.errors + spent.errors, newest.allowed + spent.allowed)
    return (*state.ledger[:-1], summed), state.filled + 1


def _rounded(errors: float, allowed: float) -> Sums:
    # 0.1 ten times is 0.9999999999999999, and thirteen pairs of such numbers make a long status. Rounded is at each
    # point, not where the state is written, so it changes nothing whether it was.
    return Sums(float(f"{errors:.10g}"), float(f"{allowed:.10g}"))


def _recorded(burns: Burns, inside_seconds: int, by: Measure) -> Ledger:
    """Both windows, each from when on it reads nothing from before the floor."""
    return (
        Sums(burns.long, 1.0) if inside_seconds >= by.over_seconds else _NOTHING,
        Sums(burns.short, 1.0) if inside_seconds >= by.over_seconds // SHORT_WINDOWS else _NOTHING,
    )


def _worse(worst: Shown, newest: Measured, by: Measure) -> Shown:
    if isinstance(worst, NotMeasured) or worst.time <= newest.time - by.rule.points * by.step:
        return newest
    return newest if newest.value >= worst.value else worst


def _measured(sums: Sums, time: int) -> Measured:
    # JSON has no infinities.
    return Measured(min(sums.burn, float_info.max), "", time)


def _total(ledger: Ledger) -> Sums:
    errors = allowed = 0.0
    for part in ledger:
        errors += part.errors
        allowed += part.allowed
    return Sums(errors, allowed)
