"""Where a run of equal points can change what is said of a streak, found without looking at each of them.

To judge at every point would cost more than all the rest of reading a day, and would say the same thing thousands of
times. After its first point a run changes what is said in one direction only (a bad point leaves the window, a streak
becomes whole), so there is nothing between two states of which the same is said.
"""

from collections.abc import Callable, Iterator, Sequence

from hypercare.domain.evidence.fold import EvidenceState, Yardstick, fold, sort_of, states
from hypercare.domain.evidence.points import Point
from hypercare.domain.evidence.streaks import Sort

Says = Callable[[EvidenceState], object]


def turns(before: EvidenceState, run: Sequence[Point], by: Yardstick, says: Says) -> Iterator[EvidenceState]:
    """The states in a run of equal points at which `says` may be another than before; the last state is among them.

    While a regression or a restart moves the start of what counts, each point is looked at.
    """
    after = fold(before, run, by)
    if after.main.floor != before.main.floor or sort_of(run[0].mark) is Sort.RESTARTED:
        yield from states(before, run, by)
        return
    first = fold(before, run[:1], by)
    yield first
    yield from _between((first, after), run[1:], by, says)


def _between(
    ends: tuple[EvidenceState, EvidenceState], run: Sequence[Point], by: Yardstick, says: Says
) -> Iterator[EvidenceState]:
    low, high = ends
    if not run:
        return
    if len(run) == 1 or says(low) == says(high):
        yield high
        return
    half = len(run) // 2
    middle = fold(low, run[:half], by)
    yield from _between((low, middle), run[:half], by, says)
    yield from _between((middle, high), run[half:], by, says)
