"""The marker that tells a running operator to stand still: a ConfigMap in its own namespace, with an end.

It is written by `hypercare-operator drain`, so that nothing is claimed again that has just been restored. It ends by
itself, so that one which is forgotten does not keep the next installation from working.
"""

from collections.abc import Mapping
from typing import Any

from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.life.window import parse_time
from hypercare.domain.objects import CONFIG_MAPS, ObjectRef
from hypercare.domain.timestamps import timestamp

MARKER_NAME = "hypercare-drain"
_UNTIL = "until"


def marker_ref(own_namespace: str) -> ObjectRef:
    """Where the marker is, given the operator's own namespace."""
    return ObjectRef(CONFIG_MAPS, own_namespace, MARKER_NAME)


def render_marker(own_namespace: str, until: int) -> dict[str, Any]:
    """The marker for standing still until then (Unix seconds)."""
    return {
        "apiVersion": CONFIG_MAPS.api_version,
        "kind": CONFIG_MAPS.kind,
        "metadata": {
            "name": MARKER_NAME,
            "namespace": own_namespace,
            "labels": {"app.kubernetes.io/managed-by": "hypercare"},
        },
        "data": {_UNTIL: timestamp(until)},
    }


def still_until(body: Mapping[str, Any]) -> int:
    """Until when (Unix seconds) a marker asks to stand still; one without a readable end asks for nothing."""
    try:
        return parse_time(Field("data", body.get("data") or {}).get(_UNTIL))
    except InvalidField:
        return 0
