"""The grid of evidence: points a step apart, aligned to the epoch, and which of them are final.

Aligned grids let equal questions of many periods share one request. A point is final once it is older than `delay`. A
missing point younger than `maxDelay` stops finality before it, since late data may still fill it. One whose question
was not answered at all (endpoint down, timeout) stops it for as long as that lasts: the data may well be there, and
after the outage the verdict must be the one that a backtest gives.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from hypercare.domain.profile import Evaluation


class GridPoint(Protocol):
    """What was found out about one time of the grid."""

    @property
    def time(self) -> int:
        """Unix seconds."""
        ...

    @property
    def missing(self) -> bool:
        """Whether nothing can be said."""
        ...

    @property
    def unanswered(self) -> bool:
        """Whether nothing can be said because the question was not answered at all."""
        ...


P = TypeVar("P", bound=GridPoint)


def align_down(time: int, step: int) -> int:
    """The last point of the grid that is not after `time`."""
    return time - time % step


def align_up(time: int, step: int) -> int:
    """The first point of the grid that is not before `time`."""
    return -(-time // step) * step


def settled_through(now: int, evaluation: Evaluation, step: int) -> int:
    """The last point that is old enough to be final."""
    return align_down(now - evaluation.delay, step)


def final_points(points: Sequence[P], through: int, now: int, max_delay: int) -> tuple[P, ...]:
    """The points at the beginning that are final, as far as `through`; times in Unix seconds, the delay in seconds."""
    final: list[P] = []
    for point in points:
        may_fill = point.time > now - max_delay
        if point.time > through or (point.missing and (may_fill or point.unanswered)):
            break
        final.append(point)
    return tuple(final)
