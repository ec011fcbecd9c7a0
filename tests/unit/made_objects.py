"""Objects as the operator makes them for a period."""

import copy
from collections.abc import Mapping
from typing import Any

from hypercare.domain.alerts.overlay import OverlayIdentity, OverlayTooLarge, build_overlay

IDENTITY = OverlayIdentity("shop", "checkout", "uid-of-checkout", "r1-00000000", {"release": "prometheus"})
built = build_overlay(IDENTITY, ())
assert not isinstance(built, OverlayTooLarge)
MADE: Mapping[str, Any] = built


def overlay(**metadata: Any) -> dict[str, Any]:
    """The overlay, with other metadata; None takes some away."""
    body = copy.deepcopy(dict(MADE))
    body["metadata"] = {key: value for key, value in (body["metadata"] | metadata).items() if value is not None}
    return body
