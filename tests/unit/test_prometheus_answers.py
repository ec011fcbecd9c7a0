"""Rows of an answer become columns that hold exactly what was answered."""

from typing import Any

import pytest

from hypercare.adapters.prometheus_answers import range_series
from hypercare.domain.samples import Column


def times_of(pairs: list[list[Any]]) -> Any:
    (series,) = range_series([{"metric": {"job": "a"}, "values": pairs}], 10)
    assert isinstance(series.samples, Column)
    return series.samples.times


def test_samples_a_step_apart_take_no_memory_for_their_times() -> None:
    assert times_of([[10, "1"], [20.0, "2"], [30, "NaN"]]) == range(10, 40, 10)


@pytest.mark.parametrize(
    "times",
    [
        pytest.param([10, 30], id="a gap"),
        pytest.param([10, 20, 40], id="a gap in the end"),
        pytest.param([10.5, 20.5], id="fractions of a second"),
        pytest.param([10, 20.781, 30], id="one off the grid"),
        pytest.param([], id="none"),
    ],
)
def test_other_times_are_kept_as_they_are(times: list[float]) -> None:
    found = times_of([[time, "1"] for time in times])
    assert not isinstance(found, range)
    assert list(found) == times


@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param([[10, "1"], [float("inf"), "1"]], id="no time"),
        pytest.param([[10, "1"], [float("nan"), "1"]], id="not a number for a time"),
        pytest.param([[10, "1"], [20]], id="no value"),
        pytest.param([[10, "1"], [20, "1", "2"]], id="two values"),
        pytest.param([[10, "1"], [20, "high"]], id="a word for a value"),
    ],
)
def test_what_is_no_sample_is_refused(pairs: list[list[Any]]) -> None:
    with pytest.raises(ValueError, match=r"time|values to unpack|convert"):
        times_of(pairs)
