"""How often `baseline` is wrong: simulated services, unchanged and slower, at five levels of noise.

The rates that docs/evidence.md promises come from the same simulation, with 1,000 looks each. A look at an unchanged
system is wrong at most once in (references + 1), for then it is like one more reference; tolerance makes it rarer.
"""

import pytest

from hypercare.domain.evidence.baseline import BaselineKind, Direction, Statistic
from tests.unit.simulated import REFERENCES, naive_pass_rate, pass_rate

LOOKS = 250
ERROR = 0.07
"""Three standard errors of a rate of 0.85 over so many looks."""
P95 = BaselineKind("x", 300)
MEAN = BaselineKind("x", 300, statistic=Statistic.MEAN)


@pytest.mark.parametrize(
    ("spread", "p95", "mean"),
    [(0.05, 0.99, 1.00), (0.1, 0.93, 0.97), (0.2, 0.89, 0.89), (0.3, 0.89, 0.87), (0.5, 0.89, 0.87)],
)
def test_an_unchanged_system_passes(spread: float, p95: float, mean: float) -> None:
    for kind, promised in ((P95, p95), (MEAN, mean)):
        rate = pass_rate(kind, spread, 1.0, LOOKS)
        assert abs(rate - promised) < ERROR
        assert rate > 1 - 1 / (REFERENCES + 1) - ERROR


@pytest.mark.parametrize(
    ("spread", "slower", "p95", "mean"),
    [
        (0.05, 1.25, 1.00, 1.00),
        (0.1, 1.25, 0.92, 0.99),
        (0.2, 1.25, 0.61, 0.78),
        (0.2, 1.5, 0.93, 0.99),
        (0.3, 1.5, 0.76, 0.89),
        (0.3, 2.0, 0.97, 1.00),
        (0.5, 2.0, 0.80, 0.90),
    ],
)
def test_a_slower_system_is_caught(spread: float, slower: float, p95: float, mean: float) -> None:
    for kind, promised in ((P95, p95), (MEAN, mean)):
        assert abs(1 - pass_rate(kind, spread, slower, LOOKS) - promised) < ERROR


def test_within_the_tolerance_a_slower_system_passes_where_there_is_little_noise() -> None:
    assert pass_rate(P95, 0.005, 1.08, 50) == 1.0
    assert pass_rate(P95, 0.005, 1.12, 50) == 0.0


@pytest.mark.parametrize(
    ("direction", "factor", "least", "most"),
    [("Increase", 0.5, 1.0, 1.0), ("Decrease", 0.5, 0.0, 0.0), ("Either", 0.5, 0.0, 0.0), ("Decrease", 2.0, 1.0, 1.0)],
)
def test_only_a_change_for_the_worse_counts(direction: str, factor: float, least: float, most: float) -> None:
    kind = BaselineKind("x", 300, direction=Direction(direction))
    assert least <= pass_rate(kind, 0.1, factor, 50) <= most


@pytest.mark.parametrize(("spread", "naive"), [(0.2, 0.37), (0.3, 0.27)])
def test_the_rule_that_comes_to_mind_first_refuses_an_unchanged_system_most_of_the_time(
    spread: float, naive: float
) -> None:
    rate = naive_pass_rate(spread, 60)
    assert rate < 0.5
    assert abs(rate - naive) < 0.19
    assert pass_rate(P95, spread, 1.0, LOOKS) > 0.8
