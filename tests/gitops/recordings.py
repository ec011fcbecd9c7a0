"""The recorded periods, and what each GitOps tool is to make of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

RECORDED = Path(__file__).parent / "recorded"

IN_PROGRESS = {"unseen", "begun", "edited", "preparing"}
NEEDS_A_PERSON = {"decision-needed", "without-a-profile", "rule-missing"}
WITHOUT_EVIDENCE_FOR_LONG = {"extended"}
"""Recorded while Prometheus had nothing: then a period is not Ready, and nobody but Prometheus can help."""


def recording(name: str) -> Mapping[str, Any]:
    """One recorded period."""
    body: Mapping[str, Any] = yaml.safe_load((RECORDED / f"{name}.yaml").read_text(encoding="utf-8"))
    return body


NAMES = sorted(path.stem for path in RECORDED.glob("*.yaml"))


def expected(name: str) -> str:
    """Current, InProgress or Failed: what kstatus, and so Flux and Helm, are to say."""
    if name in NEEDS_A_PERSON:
        return "Failed"
    return "InProgress" if name in IN_PROGRESS | WITHOUT_EVIDENCE_FOR_LONG else "Current"
