"""Giving up what we own of an object: which entries of its managed fields go, and how."""

import pytest

from hypercare.domain.capacity.ownership import disowning

TESTS = [
    {"op": "test", "path": "/metadata/uid", "value": "u"},
    {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
]


def removed(index: int, manager: str) -> list[dict[str, object]]:
    return [
        {"op": "test", "path": f"/metadata/managedFields/{index}/manager", "value": manager},
        {"op": "remove", "path": f"/metadata/managedFields/{index}"},
    ]


@pytest.mark.parametrize(
    ("managers", "changes"),
    [
        pytest.param((), None, id="nobody owns anything"),
        pytest.param(("kubectl", "argocd-controller"), None, id="only others do"),
        pytest.param(("kubectl", "hypercare"), removed(1, "hypercare"), id="our entry goes"),
        pytest.param(
            ("hypercare", "kubectl", "hypercare-restored", "hypercare"),
            removed(3, "hypercare") + removed(2, "hypercare-restored") + removed(0, "hypercare"),
            id="all of ours go, the last first, so that no number changes before it is used",
        ),
        pytest.param(
            ("hypercare", "hypercare-restored"),
            [{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}],
            id="an empty list would be ignored",
        ),
    ],
)
def test_our_entries_go(managers: tuple[str, ...], changes: list[dict[str, object]] | None) -> None:
    assert list(disowning("u", "7", managers)) == ([] if changes is None else TESTS + changes)
