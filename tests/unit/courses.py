"""The judgements along a course, held against what visits on the way would have said."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from hypercare.domain.evidence.judgement import Judgement, Step, Verdict

STEP = 30


def says(judgement: Judgement) -> tuple[Verdict, str]:
    return judgement.verdict, judgement.reason


def misjudged(told: Sequence[Step], judged_at: Callable[[int], Judgement]) -> list[int]:
    """When a visit would have said something else: at a step, or between two of them, where nothing changes."""
    at_steps = [time for time, judgement in told if says(judged_at(time)) != says(judgement)]
    between = [
        after - STEP for (_, before), (after, _) in pairwise(told) if says(judged_at(after - STEP)) != says(before)
    ]
    return at_steps + between
