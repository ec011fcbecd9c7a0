"""A criterion as a picture: its worst values against the bound, and a band with its verdicts, as inline SVG."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import isfinite

from hypercare.cli.backtest.result import CriterionResult
from hypercare.domain.backtest.criterion import Span
from hypercare.domain.evidence.bounds import Above, AtLeast, AtMost, Below, Between, Bound, Equals
from hypercare.domain.evidence.criteria import QueryKind, RatioKind
from hypercare.domain.evidence.grid import GridPoint
from hypercare.domain.evidence.points import Bad, Good, Point, Restarted
from hypercare.domain.timestamps import timestamp

_WIDTH, _HEIGHT, _BAND, _LEFT = 900, 150, 14, 70
_COLUMNS = 415
"""Columns of the curve: of the points in each, the lowest and the highest are drawn."""

Value = tuple[int, float]


@dataclass(frozen=True)
class _Scale:
    """From times and values to the picture."""

    span: Span
    low: float
    high: float

    def x(self, time: int) -> float:
        share = (time - self.span.start) / max(1, self.span.end - self.span.start)
        return _LEFT + (_WIDTH - _LEFT) * min(1.0, max(0.0, share))

    def y(self, value: float) -> float:
        return _HEIGHT * (1 - (value - self.low) / (self.high - self.low))


def plot(result: CriterionResult, span: Span) -> str:
    """The picture; without values only the band."""
    values = list(_values(result.points))
    limits = _limits(result)
    curve = _curve(values, limits, span) if values else ""
    top = _HEIGHT + 12 if values else 2
    height = top + _BAND + 18
    label = f"Values and verdicts of {result.criterion.name}"
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(label)}">\n'
        f"{curve}{_band(result, span, top)}{_axis(span, height - 4)}</svg>"
    )


def _values(points: Iterable[GridPoint]) -> Iterator[Value]:
    for point in points:
        if isinstance(point, Point) and isinstance(point.mark, Good | Bad | Restarted):
            value = point.mark.worst.value
            if isfinite(value):
                yield point.time, value


def _limits(result: CriterionResult) -> tuple[float, ...]:
    match result.criterion.kind:
        case QueryKind(bound=bound) | RatioKind(bound=bound):
            return _ends(bound)
    return ()


def _ends(bound: Bound) -> tuple[float, ...]:
    match bound:
        case Above(limit) | Below(limit) | AtLeast(limit) | AtMost(limit) | Equals(limit):
            return (limit,)
        case Between(low, high):
            return (low, high)


def _curve(values: Sequence[Value], limits: Sequence[float], span: Span) -> str:
    every = [value for _, value in values] + list(limits)
    low, high = min(every), max(every)
    room = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    scale = _Scale(span, low - room, high + room)
    paths = "".join(f'<polyline class="value" points="{part}"/>\n' for part in _lines(values, scale))
    bounds = "".join(
        f'<line class="bound" x1="{_LEFT}" x2="{_WIDTH}" y1="{scale.y(limit):.1f}" y2="{scale.y(limit):.1f}"/>\n'
        for limit in limits
    )
    marks = "".join(_mark(value, scale) for value in dict.fromkeys((low, high, *limits)))
    frame = f'<rect class="frame" x="{_LEFT}" y="0" width="{_WIDTH - _LEFT}" height="{_HEIGHT}"/>\n'
    return frame + paths + bounds + marks


def _mark(value: float, scale: _Scale) -> str:
    y = min(_HEIGHT - 2, max(10, scale.y(value) + 4))
    return f'<text x="{_LEFT - 6}" y="{y:.1f}" text-anchor="end">{value:.4g}</text>\n'


def _lines(values: Sequence[Value], scale: _Scale) -> Iterator[str]:
    """Lines that end where points are missing: at a hole of more than a column and two ordinary distances."""
    width = max(1, (scale.span.end - scale.span.start) // _COLUMNS)
    distances = sorted(later[0] - earlier[0] for earlier, later in pairwise(values))
    widest = width + 2 * (distances[len(distances) // 2] if distances else 0)
    line: list[Value] = []
    for value in _thinned(values, scale.span.start, width):
        if line and value[0] - line[-1][0] > widest:
            yield _points(line, scale)
            line = []
        line.append(value)
    yield _points(line, scale)


def _thinned(values: Sequence[Value], start: int, width: int) -> Iterator[Value]:
    column: list[Value] = []
    for value in values:
        if column and (value[0] - start) // width != (column[0][0] - start) // width:
            yield from _extremes(column)
            column = []
        column.append(value)
    yield from _extremes(column)


def _extremes(column: Sequence[Value]) -> list[Value]:
    return sorted({min(column, key=_by_value), max(column, key=_by_value)})


def _by_value(value: Value) -> float:
    return value[1]


def _points(line: Sequence[Value], scale: _Scale) -> str:
    # A line of one point is drawn as a dot two units wide.
    placed = [(scale.x(time), scale.y(value)) for time, value in line]
    if len(placed) == 1:
        placed = [(placed[0][0] - 1, placed[0][1]), (placed[0][0] + 1, placed[0][1])]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)


def _band(result: CriterionResult, span: Span, top: int) -> str:
    scale = _Scale(span, 0, 1)
    return "".join(
        f'<rect class="{each.judgement.verdict}" x="{scale.x(each.start):.1f}" y="{top}" '
        f'width="{max(0.5, scale.x(each.end) - scale.x(each.start)):.1f}" height="{_BAND}">'
        f"<title>{each.judgement.verdict} {timestamp(each.start)} to {timestamp(each.end)}: "
        f"{escape(each.judgement.message)}</title></rect>\n"
        for each in result.stretches
    )


def _axis(span: Span, y: int) -> str:
    middle = (span.start + span.end) // 2
    places = ((_LEFT, span.start, "start"), ((_LEFT + _WIDTH) // 2, middle, "middle"), (_WIDTH, span.end, "end"))
    return "".join(f'<text x="{x}" y="{y}" text-anchor="{end}">{timestamp(t)}</text>\n' for x, t, end in places)
