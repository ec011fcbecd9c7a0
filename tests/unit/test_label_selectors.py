"""Label selectors of Kubernetes: which labels they select."""

from typing import Any

import pytest

from hypercare.domain.label_selectors import selects

LABELS = {"app": "checkout", "tier": "front"}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        pytest.param(None, False, id="a missing one selects nothing"),
        pytest.param({}, True, id="an empty one everything"),
        pytest.param({"matchLabels": {"app": "checkout"}}, True, id="one label of two"),
        pytest.param({"matchLabels": {"app": "checkout", "tier": "back"}}, False, id="all labels must match"),
        pytest.param(
            {"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "checkout"]}]}, True, id="in"
        ),
        pytest.param(
            {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["checkout"]}]}, False, id="not in"
        ),
        pytest.param(
            {"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["x"]}]}, True, id="not there"
        ),
        pytest.param({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, True, id="exists"),
        pytest.param({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, False, id="does not"),
        pytest.param({"matchExpressions": [{"key": "tier", "operator": "Like"}]}, False, id="an operator to come"),
        pytest.param(
            {"matchLabels": {"app": "checkout"}, "matchExpressions": [{"key": "zone", "operator": "Exists"}]},
            False,
            id="both must match",
        ),
    ],
)
def test_selectors(selector: dict[str, Any] | None, expected: bool) -> None:
    assert selects(selector, LABELS) is expected
