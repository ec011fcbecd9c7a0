"""CPU time of a piece of work: the least of several runs, for everything else that runs can only add."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One number, its unit, and what it means."""

    value: float
    unit: str
    meaning: str


def cpu_seconds(work: Callable[[], object], runs: int = 5) -> float:
    """CPU seconds of this process for one call of `work`."""
    return min(_once(work) for _ in range(runs))


def _once(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before
