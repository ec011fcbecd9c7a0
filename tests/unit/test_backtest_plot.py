"""The picture of a criterion: extremes are drawn, holes are holes, bound and verdicts are where they belong."""

import re
from collections.abc import Sequence

import pytest

from hypercare.cli.backtest.plot import plot
from hypercare.cli.backtest.result import CriterionResult
from hypercare.domain.backtest.criterion import Span, Stretch
from hypercare.domain.evidence.judgement import Judgement, Verdict
from hypercare.domain.evidence.points import Bad, Good, Measurement, Missing, MissingReason, Point
from tests.unit.backtests import resolved

LEFT, WIDTH, HEIGHT = 70.0, 900.0, 150.0


def picture(values: Sequence[float | None], step: int = 30, name: str = "c") -> str:
    """Points a step apart, with these values; None is missing."""
    (criterion,) = resolved([{"name": name, "query": "x", "below": 5, "sustainedFor": "3m"}]).spec.criteria
    points = tuple(Point(index * step, mark(value)) for index, value in enumerate(values))
    end = (len(values) - 1) * step
    said = Judgement(Verdict.MET, "Sustained", "a < b & c", 0, 0)
    unmet = Judgement(Verdict.UNMET, "BoundViolated", "no", 0, 0)
    stretches = (Stretch(0, end // 2, said, ()), Stretch(end // 2, end, unmet, ()))
    return plot(CriterionResult(criterion, stretches, said, None, 0, (), points), Span(0, end))


def mark(value: float | None) -> Good | Bad | Missing:
    if value is None:
        return Missing(MissingReason.NO_DATA, "none")
    return Good(Measurement(value, {})) if value < 5 else Bad(Measurement(value, {}))


def lines(svg: str) -> list[list[tuple[float, float]]]:
    found = re.findall(r'<polyline class="value" points="([^"]*)"', svg)
    return [[(float(x), float(y)) for x, y in (pair.split(",") for pair in line.split())] for line in found]


def test_a_peak_of_one_point_among_thousands_is_drawn() -> None:
    values = [1.0] * 20_000
    values[12_345] = 9.0
    (line,) = lines(picture(values))
    assert len(line) < 2000
    top = min(y for _, y in line)
    assert [x for x, y in line if y == top] == [pytest.approx(LEFT + (WIDTH - LEFT) * 12_345 / 19_999, abs=0.1)]


def test_a_hole_is_a_hole() -> None:
    drawn = lines(picture([1.0] * 50 + [None] * 20 + [2.0] * 50))
    assert len(drawn) == 2
    assert drawn[0][-1][0] < drawn[1][0][0]


def test_a_lonely_point_is_seen() -> None:
    drawn = lines(picture([None] * 50 + [1.0] + [None] * 50))
    assert [len(line) for line in drawn] == [2]


def test_the_bound_lies_within_the_picture_and_between_what_keeps_it_and_what_does_not() -> None:
    svg = picture([1.0, 9.0] * 20)
    (bound,) = re.findall(r'<line class="bound"[^>]* y1="([0-9.]+)"', svg)
    ys = {y for line in lines(svg) for _, y in line}
    assert 0 <= min(ys) < float(bound) < max(ys) <= HEIGHT


def test_the_band_has_the_verdicts_one_after_the_other() -> None:
    found = re.findall(r'<rect class="(Met|Unmet)" x="([0-9.]+)" [^>]*width="([0-9.]+)"', picture([1.0] * 101))
    assert found == [("Met", "70.0", "415.0"), ("Unmet", "485.0", "415.0")]


def test_what_was_read_is_escaped() -> None:
    svg = picture([1.0], name="<b>")
    assert "<b>" not in svg
    assert "a &lt; b &amp; c" in svg


@pytest.mark.parametrize("values", [[None] * 10, [float("inf")] * 10])
def test_without_numbers_only_the_band_is_drawn(values: list[float | None]) -> None:
    svg = picture(values)
    assert lines(svg) == []
    assert 'class="Met"' in svg
