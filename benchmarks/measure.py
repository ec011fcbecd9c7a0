"""What benchmarks find, and how they measure: CPU time is the least of several runs, for others can only add to it."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One number, its unit, and what it means."""

    value: float
    unit: str
    meaning: str


def sampled(samples: re.Pattern[str], metrics: str) -> float:
    """The sum of the values that a pattern finds in a page of metrics."""
    return sum(float(value) for value in samples.findall(metrics))


def cpu_seconds(work: Callable[[], object], runs: int = 5) -> float:
    """CPU seconds of this process for one call of `work`."""
    return min(_once(work) for _ in range(runs))


def _once(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before
