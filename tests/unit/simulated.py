"""Latency of a service that exists only in a test: a day's season, days that differ, noise that hangs together.

`spread` is the standard deviation of the logarithm of a bin. Noise of neighbouring bins of five minutes correlates by
0.8, and whole days differ by a third of the spread, as they do where traffic, neighbours and caches differ.
"""

import math
from collections.abc import Sequence
from random import Random

from hypercare.domain.evidence.baseline import BaselineKind, compare

DAY = 86400
SUSTAINED = 6 * 3600
REFERENCES = 7
_CORRELATION = 0.8
_SEASON = 0.3


def window(random: Random, spread: float, *, step: int = 300, factor: float = 1.0) -> list[float]:
    """Six hours at some hour of a day; `factor` is how much slower the service has become."""
    kept = _CORRELATION ** (step / 300)
    fresh = math.sqrt(1 - kept * kept)
    day, state = random.gauss(0, spread / 3), random.gauss(0, 1)
    values = []
    for index in range(SUSTAINED // step):
        state = kept * state + fresh * random.gauss(0, 1)
        season = _SEASON * math.sin(2 * math.pi * (index * step + DAY / 3) / DAY)
        values.append(0.1 * factor * math.exp(season + day + spread * state))
    return values


def within(kind: BaselineKind, current: Sequence[float], references: Sequence[Sequence[float]]) -> bool:
    """Whether the criterion passes."""
    return compare(kind, kind.statistic.of(current), [kind.statistic.of(each) for each in references]).within


def pass_rate(kind: BaselineKind, spread: float, factor: float, looks: int, seed: int = 1) -> float:
    """The share of looks that pass, each at a system of its own."""
    random = Random(seed)
    passed = 0
    for _ in range(looks):
        references = [window(random, spread) for _ in range(REFERENCES)]
        passed += within(kind, window(random, spread, factor=factor), references)
    return passed / looks


def naive_pass_rate(spread: float, looks: int, seed: int = 1) -> float:
    """The share of looks at which every single sample of an unchanged system lies below the p95 of before + 10 %."""
    random = Random(seed)
    passed = 0
    for _ in range(looks):
        past = sorted(value for _ in range(REFERENCES) for value in window(random, spread, step=30))
        limit = past[round(0.95 * len(past))] * 1.1
        passed += all(value <= limit for value in window(random, spread, step=30))
    return passed / looks
