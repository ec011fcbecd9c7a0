"""Results that need not be asked for again, bounded by the samples that they hold and by their age."""

from collections import OrderedDict
from dataclasses import dataclass

from hypercare.domain.samples import Answer, InstantQuery, RangeQuery, Result

Query = RangeQuery | InstantQuery
_LABELS_WEIGH = 64
"""A question, and each label set of its answer, takes about as much memory as so many samples."""


@dataclass(frozen=True)
class _Kept:
    result: Result
    asked_at: float
    weight: int


class AnswerMemory:
    """Keeps results for at most `seconds`, and of all together at most so many `samples`; the least used go first."""

    def __init__(self, samples: int, seconds: float) -> None:
        self._limit = samples
        self._seconds = seconds
        self._kept: OrderedDict[Query, _Kept] = OrderedDict()
        self._weight = 0

    @property
    def weight(self) -> int:
        """How much is kept, in samples."""
        return self._weight

    def find(self, query: Query, since: float) -> Result | None:
        """What this question resulted in, if it was asked at or after `since` (Unix seconds)."""
        kept = self._kept.get(query)
        if kept is None or kept.asked_at < since:
            return None
        self._kept.move_to_end(query)
        return kept.result

    def keep(self, query: Query, result: Result, asked_at: float) -> None:
        """Keep the result of a question of `asked_at` (Unix seconds), and drop what is too old or too much."""
        self._drop(query)
        series = result.series if isinstance(result, Answer) else ()
        weight = _LABELS_WEIGH + sum(_LABELS_WEIGH + len(each.samples) for each in series)
        self._kept[query] = _Kept(result, asked_at, weight)
        self._weight += weight
        while self._kept:
            oldest, kept = next(iter(self._kept.items()))
            if self._weight <= self._limit and asked_at - kept.asked_at < self._seconds:
                break
            self._drop(oldest)

    def _drop(self, query: Query) -> None:
        kept = self._kept.pop(query, None)
        if kept is not None:
            self._weight -= kept.weight
