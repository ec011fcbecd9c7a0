"""The alerts of the corpus as PrometheusRule objects, one per group: group names repeat across its sources."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
FILES = ("kube-prometheus.yaml", "awesome-prometheus-alerts.yaml")


@cache
def groups(file: str) -> list[dict[str, Any]]:
    """The groups of one file."""
    found: list[dict[str, Any]] = yaml.safe_load((FOLDER / file).read_text(encoding="utf-8"))["groups"]
    return found


def rule_objects(file: str) -> list[dict[str, Any]]:
    """One PrometheusRule per group, named in order."""
    return [
        {"metadata": {"name": f"rules-{number:03}", "uid": f"uid-{number}"}, "spec": {"groups": [group]}}
        for number, group in enumerate(groups(file))
    ]


def alerting_rules(file: str) -> list[dict[str, Any]]:
    """All alerting rules of one file."""
    return [rule for group in groups(file) for rule in group["rules"] if "alert" in rule]
