"""The catalog itself: which entries it takes, and that it is installed with the operator."""

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from hypercare.catalog import documents
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.indicators import parse_indicator, parse_source

ROOT = Path(__file__).parents[2]
SOURCE: dict[str, Any] = {
    "title": "Shop",
    "about": "The shop.",
    "references": ["https://example.com"],
    "indicators": {
        "errors": {
            "description": "Errors",
            "unit": "errors",
            "worse": "Higher",
            "query": "sum(errors{service=$(target)})",
            "data": "errors{service=$(target)}",
            "alert": {"above": 1, "for": "1m"},
        }
    },
}


def test_every_file_of_the_catalog_is_in_the_wheel(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")

    packed = zipfile.ZipFile(wheel).namelist()
    assert sorted(name for name in packed if name.startswith("hypercare/catalog/") and name.endswith(".yaml")) == [
        f"hypercare/catalog/{source}.yaml" for source in sorted(documents())
    ]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"query": "sum(errors{service=$(targt)})"}, "has unknown placeholders: targt"),
        ({"query": "sum(errors{service=$(target)"}, "InvalidPromQL"),
        ({"query": "info(errors{service=$(target)})"}, "UnsupportedPromQL"),
        ({"worse": "Sideways"}, "is not one of Higher, Lower"),
        ({"worse": "Lower"}, "alert.below: is required"),
        ({"ratio": {"errors": "a", "total": "b", "minTotal": 0}}, "exactly one of query and ratio"),
        ({"query": {"Deployment": "sum(errors)"}}, "query.StatefulSet: is required"),
        ({"data": None}, "data: must be a string|data: is required"),
    ],
)
def test_an_entry_that_cannot_be_used_is_refused(changes: dict[str, Any], says: str) -> None:
    body = {**SOURCE, "indicators": {"errors": {**SOURCE["indicators"]["errors"], **changes}}}
    with pytest.raises(InvalidField, match=says):
        parse_source("shop", Field("catalog/shop", body))


def test_an_entry_has_a_name_of_source_and_key() -> None:
    (found,) = parse_source("shop", Field("catalog/shop", SOURCE)).indicators

    assert (found.name, found.alert_bound, found.criterion_bound) == ("shop/errors", "above", "below")
    assert parse_indicator(Field("x", "istio/http-latency")).unit == "milliseconds"
