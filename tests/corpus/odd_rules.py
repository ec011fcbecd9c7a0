"""Expressions that no corpus has: each shape by hand, and many by chance, sound to tighten or not."""

import random
from collections.abc import Iterator

BY_HAND = (
    "a_seconds > 5 or b_seconds > 10",
    "a_seconds > 5 or on (x) b_seconds > 10",
    "a_seconds > 5 or ignoring (instance) b_seconds > 10",
    "a_seconds > 5 unless b_seconds > 10",
    "a_seconds > 5 unless on (x) b_seconds > 10",
    "a_seconds > 5 and on (x) b_seconds > 10",
    "5 < a_seconds",
    "500 >= a_seconds",
    "-5 > a_seconds",
    "a_seconds > -5",
    "a_ratio < 0.95",
    "a_percent <= 95",
    "3 <= a_seconds < 20",
    "a_ratio > 0.5 < 1",
    "count(a_seconds > 5) > 2",
    "count by (x) (a_seconds < 500) >= 1",
    "count by (x) (a_seconds > 5 and on (x) b_seconds > 1) > 0",
    "sum by (x) (a_seconds > 5)",
    "max without (instance) (a_seconds > 5 or b_seconds > 10)",
    "quantile by (x) (0.5, a_seconds > 5)",
    "a_bytes > 2 * b_bytes",
    "0.5 * b_bytes >= a_bytes",
    "a_bytes < on (x, instance) group_left 0.9 * b_bytes",
    "sum by (x) (a_bytes) > on (x) 2 * sum by (x) (b_bytes)",
    "a_bytes > -2 * b_bytes",
    "a_bytes > scalar(max(b_bytes)) * 0.5",
    "max(a_bytes) > min(b_bytes * 0.8)",
    "rate(a_total[5m]) > 14.4 * 0.1 and rate(a_total[15m]) > 14.4 * 0.1",
    "max(a:ratio_rate5m > (14.4 * 0.01)) without (x) and max(a:ratio_rate1h > (14.4 * 0.01)) without (x)",
    "rate(a_total[5m]) > 2 * rate(b_total[5m])",
    "a_seconds > 60 * 5",
    "a_seconds > 100 / 3",
    "time() - a_timestamp > 3600",
    "a_seconds offset 1m > 5 # > 6",
    "max_over_time((a_seconds > 5)[5m:1m]) > 7",
    "absent(a_seconds > 5) or b_seconds > 3.5",
    "topk by (x) (1, a_seconds) > 5",
    "a_seconds > 5 and topk(2, b_seconds > 3)",
)

LOSES = (
    ("a_seconds > 500 or on (x) b_seconds > 0.5", "a_seconds > 50 or on (x) b_seconds > 0.5", "the left of or with on"),
    ("a_seconds > 2 unless b_seconds > 500", "a_seconds > 2 unless b_seconds > 50", "the right of unless"),
    ("absent(a_seconds > 5)", "absent(a_seconds > 2)", "under absent"),
    ("count by (x) (a_seconds > 500) < 2", "count by (x) (a_seconds > 5) < 2", "a count that must stay small"),
    ("5 < a_seconds", "5000 < a_seconds", "a constant on the left, taken for one on the right"),
    ("a_seconds > 5 == 5.25", "a_seconds > 5 == 6", "the comparison that has no direction"),
    ("sum(b_seconds) > 5", "sum(b_seconds) > 500", "a bound moved away"),
    ("min(a_seconds > 50) > 60", "min(a_seconds > 0.5) > 60", "the least of what passed"),
    ("a_seconds > 2 * b_seconds", "a_seconds > 200 * b_seconds", "a factor moved away"),
    (
        "0 - a_seconds > 50 * (0 - b_seconds)",
        "0 - a_seconds > 0.5 * (0 - b_seconds)",
        "a factor of a negative value",
    ),
    ("a_seconds < 5 * 300", "a_seconds < 2 * 3", "a factor that shrinks for <"),
    ("a_seconds > bool 5000 == 0", "a_seconds > bool 50 == 0", "the answers of bool"),
    ("sum by (x) (a_seconds) > 5", "sum by (instance) (a_seconds) > 4", "other labels"),
    ("a_seconds > 5", "sum(a_seconds) > 4", "labels dropped"),
)
"""Original, a copy that is wrong, and what is wrong with it."""

_VECTORS = (
    "a_seconds",
    "b_bytes",
    "rate(c_total[5m])",
    "kube_d_seconds",
    "sum by (x) (a_seconds)",
    "max without (x) (b_bytes)",
    "avg by (instance, x) (e_count)",
    "count by (x) (b_bytes)",
    "(a_seconds - b_bytes)",
    "a_seconds / b_bytes",
    "abs(a_seconds)",
)
_OPERATORS = (">", ">=", "<", "<=")
_BOUNDS = ("0.5", "5", "-5", "95", "1e2", "2.5 * 3", "0.1", "-(7)", "60", "1", "0")
_MATCHINGS = ("", "", "on (x)", "on (instance)", "ignoring (x)", "on (x) group_left ()", "ignoring (x) group_right ()")


def by_chance(seed: int, count: int) -> Iterator[str]:
    """Expressions of up to a few levels, the same for the same seed; some fail at evaluation, some never fire."""
    chance = random.Random(seed)
    for _ in range(count):
        yield _condition(chance, chance.randint(1, 3))


def _condition(chance: random.Random, depth: int) -> str:
    if depth == 0 or chance.random() < 0.2:
        return _comparison(chance)
    inner, other = (_condition(chance, depth - 1) for _ in range(2))
    matching = chance.choice(["", "", "on (x)", "on (instance)", "ignoring (x)"])
    number = chance.randint(0, 3)
    return chance.choice(
        [
            f"({inner}) and {matching} ({other})",
            f"({inner}) or {matching} ({other})",
            f"({inner}) unless {matching} ({other})",
            f"count by (x) ({inner}) {chance.choice(_OPERATORS)} {number}",
            f"sum by (x) ({inner})",
            f"max without (x) ({inner})",
            f"min({inner}) {chance.choice(_OPERATORS)} 5",
            f"absent({inner})",
            f"({inner}) * 2 {chance.choice(_OPERATORS)} 10",
            f"({inner}) {chance.choice(_OPERATORS)} {chance.choice(_BOUNDS)}",
            f'label_replace({inner}, "instance", "$1", "x", "(.*)")',
        ]
    )


def _comparison(chance: random.Random) -> str:
    left, right = chance.choice(_VECTORS), chance.choice(_VECTORS)
    operator, bound = chance.choice(_OPERATORS), chance.choice(_BOUNDS)
    return chance.choice(
        [
            f"{left} {operator} {bound}",
            f"{left} {operator} {bound}",
            f"{bound} {operator} {left}",
            f"{left} {operator} {bound} {chance.choice(_OPERATORS)} {chance.choice(_BOUNDS)}",
            f"{left} {operator} {chance.choice(_MATCHINGS)} {bound} * {right}",
            f"{right} * {bound} {operator} {chance.choice(_MATCHINGS)} {left}",
        ]
    )
