"""A Prometheus that knows one metric, `load`, and answers what preflight and calibration ask about it, by definition.

Nothing of the project is used for that: comparisons and subqueries are computed point by point.
"""

import math
import operator
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field

from hypercare.domain.alerts.history import Moment
from hypercare.domain.alerts.preflight import Candidate, Preflight
from hypercare.domain.alerts.rehearsal import rehearse
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.domain.samples import Answer, QueryFailed, RangeQuery, Result, Sample, Series

MINUTE, HOUR, DAY = 60, 3600, 86_400
BEFORE = 1_750_000_200
TENANCY = Tenancy("namespace", "shop")
MOMENT = Moment(BEFORE, TENANCY)
_SELECTOR = 'load{namespace="shop"}'
_COMPARISON = re.compile(re.escape(_SELECTOR) + r" (>=|<=|>|<) (\S+)")
_EXTREME = re.compile(r"(max|min)\(\s*(?:min|max)_over_time\(.*?\)\[(\S+?):(\S+?)\].* == (\d+)\s*\)", re.DOTALL)
_DURATION = re.compile(r"(\d+)(ms|[smhd])")
_UNITS = {"ms": 0.001, "s": 1, "m": MINUTE, "h": HOUR, "d": DAY}
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}

Values = Mapping[int, float]
"""By time in Unix seconds."""


@dataclass
class World:
    """The values of each pod; `failing` answers expressions that a text occurs in, whatever they are."""

    pods: Mapping[str, Values]
    failing: Mapping[str, QueryFailed] = field(default_factory=dict)
    asked: list[RangeQuery] = field(default_factory=list)

    def answer(self, query: RangeQuery) -> Result:
        self.asked.append(query)
        failure = next((each for text, each in self.failing.items() if text in query.expr), None)
        if failure is not None:
            return failure
        times = range(query.start, query.end + 1, query.step)
        if found := _EXTREME.fullmatch(query.expr):
            least, window, step, points = found.groups()
            kept = _Window(least == "max", seconds(window), int(seconds(step)), int(points))
            return Answer((series("", {t: v for t in times if (v := self._extreme(kept, t)) is not None}, times),))
        if found := _COMPARISON.fullmatch(query.expr):
            holds, bound = _OPERATORS[found[1]], float(found[2])
            each = {pod: {t: v for t, v in values.items() if holds(v, bound)} for pod, values in self.pods.items()}
            return Answer(tuple(series(pod, values, times) for pod, values in each.items() if values))
        if query.expr == f"count((({_SELECTOR}) >= -Inf))":
            numbers = [{t for t, v in values.items() if not math.isnan(v)} for values in self.pods.values()]
            counts = {t: float(sum(t in each for each in numbers)) for t in times}
            return Answer((series("", {t: count for t, count in counts.items() if count}, times),))
        assert query.expr == f"(count({_SELECTOR}) or vector(0))", query.expr
        counted = {t: float(sum(t in values for values in self.pods.values())) for t in times}
        return Answer((series("", counted, times),))

    def _extreme(self, kept: "_Window", moment: int) -> float | None:
        first = math.floor((moment - kept.seconds) / kept.step) + 1
        inside = [first * kept.step + index * kept.step for index in range(int(moment // kept.step) - first + 1)]
        outer, inner = (max, min) if kept.greater else (min, max)
        each = ([values[t] for t in inside if not math.isnan(values.get(t, math.nan))] for values in self.pods.values())
        return outer((inner(numbers) for numbers in each if len(numbers) == kept.points), default=None)


@dataclass(frozen=True)
class _Window:
    greater: bool
    seconds: float
    step: int
    points: int


def seconds(duration: str) -> float:
    return sum(int(amount) * _UNITS[unit] for amount, unit in _DURATION.findall(duration))


def series(pod: str, values: Values, times: range) -> Series:
    labels = {"__name__": "load", "namespace": "shop", "pod": pod} if pod else {}
    return Series(labels, tuple(Sample(t, values[t]) for t in times if t in values))


def verdict_on(candidate: Candidate, world: World) -> Preflight:
    """What comes of a candidate in a world."""
    return reached(rehearse(candidate, MOMENT), world)


def reached(making: Generator[Sequence[RangeQuery], Mapping[RangeQuery, Result], Preflight], world: World) -> Preflight:
    """Answer until there is a verdict."""
    try:
        wanted = next(making)
        while True:
            wanted = making.send({query: world.answer(query) for query in wanted})
    except StopIteration as end:
        verdict: Preflight = end.value
        return verdict


def simulated(active: Sequence[bool], for_seconds: int, interval: int) -> list[bool]:
    """What the state machine of an alerting rule makes of results at successive evaluations: whether it fires."""
    firing, since = [], -1
    for index, is_active in enumerate(active):
        now = index * interval
        if not is_active:
            since = -1
        elif since < 0:
            since = now
        firing.append(is_active and now - since >= for_seconds)
    return firing
