"""Worlds for alerts to be tried in: series for every selector of an expression, with values around its bounds.

Each alert gets metrics of its own (names with a prefix, in its expression too), so that no other's series disturb its
joins. A world has several entities, which agree on the labels that expressions join and group by. Time is cut into
episodes, in which values stay or counters grow steadily, so that rates and averages over some minutes reach them. In
most episodes one selector is driven to a value near the bound while the others stand at a round number; in some all
are independent. Zero, negative, infinite, NaN, gaps and counters that start anew come in between. All by a seed.
"""

import math
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import promql_parser as pp

from hypercare.domain.promql.syntax import children, metric_name, nodes, parse

STEP = 30
SAMPLES = 200
ENTITIES = 4
START = 1_700_000_000
END = START + SAMPLES * STEP
TIMES = range(START, END, STEP)

_GROWING = frozenset({"rate", "irate", "increase", "resets", "deriv", "delta", "idelta", "predict_linear"})
_NEAR = (0.3, 0.55, 0.75, 0.9, 1.0, 1.05, 1.3, 2.0, 5.0)
_SPECIAL = (0.0, -1.0, math.nan, math.inf, -math.inf)
_ROUND = (1.0, 100.0, 1000.0)
_EPISODE = (8, 20)
_NEVER_NEGATIVE = re.compile(r"(?:_bytes|_total|_count|_bucket)$|_kube_|_up$")
"""What exporters name so is never below zero, and tightening relies on it."""

Sample = float | None
Series = tuple[str, Mapping[str, str], Sequence[Sample]]


@dataclass(frozen=True)
class World:
    """The series that an expression with a prefix is evaluated on."""

    series: tuple[Series, ...]


def with_own_metrics(expr: str, names: Sequence[str], prefix: str) -> str:
    """The expression with a prefix before the names of its metrics, and nothing else changed."""
    if not names:
        return expr
    choice = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(rf"(?<![\w:.$])({choice})(?![\w:.(])", rf"{prefix}\1", expr)


def names_of(expr: str) -> list[str]:
    """The metric names of an expression."""
    found = (metric_name(node) for node in nodes(parse(expr)) if isinstance(node, pp.VectorSelector))
    return sorted({name for name in found if name})


def world(expr: str, bounds: Sequence[float], seed: str) -> World:
    """Make series for every selector of an expression, with values near `bounds`."""
    tree = parse(expr)
    chance = random.Random(seed)
    uses = list(_uses(tree, grows=False, bucket=False))
    plan = _Plan.drawn(chance, _targets(tree, bounds), _equals(tree, uses), _reads_time(tree))
    made: dict[tuple[str, frozenset[tuple[str, str]]], Series] = {}
    joined, pinned = sorted(set(_joined(tree))), _pinned(uses)
    for index, use in enumerate(uses):
        for series in _Maker(chance, plan, index, joined, pinned).series(use):
            made.setdefault((series[0], frozenset(series[1].items())), series)
    return World(tuple(made.values()))


@dataclass(frozen=True)
class _Use:
    selector: pp.VectorSelector
    grows: bool
    bucket: bool


def _uses(node: pp.Expr, *, grows: bool, bucket: bool) -> Iterator[_Use]:
    if isinstance(node, pp.VectorSelector):
        yield _Use(node, grows, bucket)
        return
    if isinstance(node, pp.Call):
        grows = grows or node.func.name in _GROWING
        bucket = bucket or node.func.name == "histogram_quantile"
    for child in children(node):
        yield from _uses(child, grows=grows, bucket=bucket)


def _equals(tree: pp.Expr, uses: Sequence[_Use]) -> list[Sample]:
    """By selector, what the expression wants it to be exactly (`readonly == 0`); None where it wants no such thing."""
    wanted: dict[str, float] = {}
    for node in nodes(tree):
        if isinstance(node, pp.BinaryExpr) and str(node.op) == "==" and isinstance(node.rhs, pp.NumberLiteral):
            wanted |= {each.prettify(): node.rhs.val for each in nodes(node.lhs) if isinstance(each, pp.VectorSelector)}
    return [wanted.get(use.selector.prettify()) for use in uses]


def _reads_time(tree: pp.Expr) -> bool:
    return any(isinstance(node, pp.Call) and node.func.name == "time" for node in nodes(tree))


def _joined(tree: pp.Expr) -> Iterator[str]:
    """Every label that the expression joins or groups by."""
    yield "instance"
    for node in nodes(tree):
        if isinstance(node, pp.AggregateExpr) and node.modifier is not None:
            yield from node.modifier.labels
        if isinstance(node, pp.BinaryExpr) and node.modifier is not None and node.modifier.matching is not None:
            yield from node.modifier.matching.labels
            yield from node.modifier.group_labels or ()


def _pinned(uses: Sequence[_Use]) -> dict[str, str]:
    """Labels that some selector asks for: those it is joined with have them too, or no join would find a match."""
    matchers = (matcher for use in uses for matcher in use.selector.matchers.matchers if matcher.name != "__name__")
    return {matcher.name: _fitting(matcher, "") for matcher in matchers}


def _targets(tree: pp.Expr, bounds: Sequence[float]) -> list[float]:
    """Values that may matter: near the bounds, as they are and undoing the factors of the expression."""
    literals = {abs(node.val) for node in nodes(tree) if isinstance(node, pp.NumberLiteral) and node.val}
    factors = {1.0, *(each for each in literals if math.isfinite(each) and each > 1)}
    product = math.prod(factors)
    near = (bound * much for bound in bounds or [1.0] for much in _NEAR)
    scaled = [each * by for each in near for factor in {*factors, product} for by in (1 / factor, factor)]
    return [each for each in scaled if math.isfinite(each)]


@dataclass(frozen=True)
class _Episode:
    """Some samples long, the same for all selectors of an entity: what each of them stands at."""

    samples: range
    values: tuple[Sample, ...]


@dataclass(frozen=True)
class _Plan:
    """The episodes of each entity."""

    targets: Sequence[float]
    entities: tuple[tuple[_Episode, ...], ...]

    @staticmethod
    def drawn(chance: random.Random, targets: Sequence[float], equals: Sequence[Sample], timed: bool) -> "_Plan":
        """Draw episodes: in the first half of the time all entities have the same, so that sums see them too."""

        def draw(samples: range) -> tuple[_Episode, ...]:
            return tuple(_episodes(chance, lambda: _drawn_values(chance, targets, equals), timed, samples))

        shared = draw(range(SAMPLES // 2))
        return _Plan(targets, tuple((*shared, *draw(range(SAMPLES // 2, SAMPLES))) for _ in range(ENTITIES)))


def _episodes(
    chance: random.Random, draw: Callable[[], list[Sample]], timed: bool, samples: range
) -> Iterator[_Episode]:
    begin = samples.start
    while begin < samples.stop:
        end = min(samples.stop, begin + chance.randint(*_EPISODE))
        values = draw()
        if timed and chance.random() < 0.7:
            sign, now = chance.choice([1, -1]), START + begin * STEP
            values = [value if value is None else now + sign * value for value in values]
        yield _Episode(range(begin, end), tuple(values))
        begin = end


def _drawn_values(chance: random.Random, targets: Sequence[float], equals: Sequence[Sample]) -> list[Sample]:
    kind, uses = chance.random(), len(equals)
    if kind < 0.05:
        return [None] * uses
    level, target = chance.choice(_ROUND), chance.choice(targets)
    if kind < 0.25:
        choices = [*_SPECIAL, None, level, target, chance.choice(targets)]
        return [chance.choice(choices) for _ in range(uses)]
    driver = chance.choice([0, 0, chance.randrange(uses)])
    values: list[Sample] = [chance.choice([level, level, level, 0.0, 1.0]) if kind < 0.5 else level for _ in equals]
    values[driver] = target * level
    return [value if wanted is None or kind < 0.4 else wanted for value, wanted in zip(values, equals, strict=True)]


@dataclass(frozen=True)
class _Maker:
    """Makes the series of one selector, by what the episodes say of it."""

    chance: random.Random
    plan: _Plan
    index: int
    joined: Sequence[str]
    pinned: Mapping[str, str]

    def series(self, use: _Use) -> Iterator[Series]:
        name = metric_name(use.selector) or "anything"
        many = min(5, len(self.plan.targets))
        buckets = [*sorted({abs(each) for each in self.chance.sample(self.plan.targets, many)}), math.inf]
        for entity, episodes in enumerate(self.plan.entities):
            labels = self._labels(use.selector, entity)
            values = [each.values[self.index] for each in episodes for _ in each.samples]
            if _NEVER_NEGATIVE.search(name):
                values = [value if value is None else abs(value) for value in values]
            if use.bucket and "le" not in labels:
                yield from _histogram(name, labels, buckets, values)
            else:
                yield name, labels, list(self._growing(values)) if use.grows else values

    def _labels(self, selector: pp.VectorSelector, entity: int) -> dict[str, str]:
        labels = dict(self.pinned) if entity % 2 else {}
        # Two entities share the label `x`, so that what is joined or grouped by it alone has several series.
        own = {label: f"{label}-{entity // 2 if label == 'x' else entity}" for label in self.joined}
        labels |= {label: value for label, value in own.items() if label not in ("le", "__name__")}
        for matcher in selector.matchers.matchers:
            if matcher.name != "__name__":
                labels[matcher.name] = _fitting(matcher, labels.get(matcher.name, ""))
        return {label: value for label, value in labels.items() if value}

    def _growing(self, rates: Sequence[Sample]) -> Iterator[Sample]:
        total = self.chance.choice([0.0, 5.0, 1000.0])
        for rate in rates:
            if rate is not None and math.isfinite(rate):
                total += abs(rate) * STEP
            if self.chance.random() < 0.01:
                total = 0.0
            yield None if rate is None else total


def _histogram(
    name: str, labels: Mapping[str, str], bounds: Sequence[float], values: Sequence[Sample]
) -> Iterator[Series]:
    totals = [0.0] * len(bounds)
    rows: list[list[Sample]] = [[] for _ in bounds]
    for value in values:
        lands = next((i for i, bound in enumerate(bounds) if value is not None and abs(value) <= bound), len(bounds))
        for index in range(len(bounds)):
            totals[index] += 10.0 if index >= lands else 0.0
            rows[index].append(None if value is None else totals[index])
    for bound, row in zip(bounds, rows, strict=True):
        yield name, {**labels, "le": "+Inf" if bound == math.inf else repr(bound)}, row


def _fitting(matcher: pp.Matcher, wanted: str) -> str:
    """A value that the matcher accepts; `wanted` if it does."""
    candidates = [wanted, matcher.value, *matcher.value.split("|"), *_shown(matcher.value), "x", "5xx", "", "other-1"]
    return next((each for each in candidates if _accepts(matcher, each)), "")


def _shown(pattern: str) -> list[str]:
    """Simple texts for a pattern: each alternative with its wildcards filled in."""
    flat = re.sub(r"[()^$]|\?:", "", pattern)
    return [
        re.sub(r"\[[^]]*\]", "1", re.sub(r"\.[*+]|\.", "0", alternative)).replace("\\", "").rstrip("+*?")
        for alternative in [*flat.split("|"), *re.split(r"[|()]", pattern)]
    ]


def _accepts(matcher: pp.Matcher, value: str) -> bool:
    if matcher.op == pp.MatchOp.Equal:
        return matcher.value == value
    if matcher.op == pp.MatchOp.NotEqual:
        return matcher.value != value
    matches = re.fullmatch(matcher.value, value) is not None
    return matches if matcher.op == pp.MatchOp.Re else not matches
