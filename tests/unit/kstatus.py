"""What kstatus (Flux, Helm 4, cli-utils) makes of an object: its generic rules, in their order.

Source: sigs.k8s.io/cli-utils, pkg/kstatus/status, `checkGenericProperties` and `checkReadyCondition`.
"""

from collections.abc import Mapping
from typing import Any


def kstatus(body: Mapping[str, Any]) -> str:
    """Current, InProgress, Failed or Terminating."""
    metadata, status = body["metadata"], body.get("status", {})
    if "deletionTimestamp" in metadata:
        return "Terminating"
    if status.get("observedGeneration", metadata["generation"]) != metadata["generation"]:
        return "InProgress"
    states = {each["type"]: each["status"] for each in status.get("conditions", ())}
    for each in status.get("conditions", ()):
        match each["type"], each["status"]:
            case "Reconciling", "True":
                return "InProgress"
            case "Stalled", "True":
                return "Failed"
    return "Current" if states.get("Ready", "True") == "True" else "InProgress"
