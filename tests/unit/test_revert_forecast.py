"""Which tool is going to take a raised value back, by who has applied it."""

from typing import Any

import pytest

from hypercare.domain.capacity.kinds import HORIZONTAL_POD_AUTOSCALER
from hypercare.domain.capacity.quantity import Count
from hypercare.domain.capacity.revert_forecast import expected_reverts
from tests.unit.scaled import autoscaler, claim

NOTHING: list[str] = []


def entry(manager: str, *fields: str, **others: Any) -> dict[str, Any]:
    owned: dict[str, Any] = {"f:spec": {f"f:{name}": {} for name in fields}}
    return {"manager": manager, "operation": "Apply", "fieldsV1": owned} | others


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param((), NOTHING, id="nobody is known to have written it"),
        pytest.param((entry("kubectl", "minReplicas", "maxReplicas"),), NOTHING, id="a person has"),
        pytest.param((entry("argocd-controller", "minReplicas"),), ["Argo CD applies minReplicas"], id="Argo CD"),
        pytest.param(
            (entry("argocd-controller", "minReplicas", operation="Update"),),
            ["Argo CD applies minReplicas"],
            id="Argo CD that applies client-side",
        ),
        pytest.param((entry("kustomize-controller", "maxReplicas"),), ["Flux applies maxReplicas"], id="Flux"),
        pytest.param(
            (entry("argocd-controller", "minReplicas", subresource="status"),), NOTHING, id="a tool, but its status"
        ),
        pytest.param((entry("argocd-controller", "metrics"),), NOTHING, id="a tool, but not this field"),
        pytest.param(
            (
                entry("argocd-controller", "minReplicas", time="2026-01-01T00:00:00Z"),
                entry("kubectl", "minReplicas", time="2026-01-02T00:00:00Z"),
            ),
            ["Argo CD applies minReplicas"],
            id="a person has applied the same value since",
        ),
    ],
)
def test_the_tool_is_named(entries: tuple[dict[str, Any], ...], expected: list[str]) -> None:
    body = autoscaler(metadata={"managedFields": list(entries)})
    found = list(expected_reverts(HORIZONTAL_POD_AUTOSCALER, body, (claim(ceiling=Count(20)),)))
    assert [told.partition(" of ")[0] for told in found] == expected


def test_a_field_that_nobody_asks_to_change_is_not_told() -> None:
    body = autoscaler(metadata={"managedFields": [entry("argocd-controller", "maxReplicas")]})
    assert list(expected_reverts(HORIZONTAL_POD_AUTOSCALER, body, (claim(),))) == NOTHING
