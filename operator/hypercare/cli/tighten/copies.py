"""The copies as rule files that can be loaded beside the originals: what `-o yaml` of `tighten` prints.

Each copy has severity warning, as periods give it by default, and labels of its own: rules that make equal alerts
disturb each other, and with their severities alike many would.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from hypercare.cli.rule_files import RuleFile
from hypercare.cli.tighten.results import Result
from hypercare.domain.alerts.copies import CHANGE_ANNOTATION
from hypercare.domain.alerts.source_rules import identity

_PREFIX = "hypercare-"
_LABELS = {"severity": "warning", "hypercare": "copy"}
_FRAME = ("name", "interval", "query_offset", "labels", "partial_response_strategy")
# What tools track their objects by: a copy with such a label would be taken for one of theirs, and pruned.
_TRACKING = frozenset({"app.kubernetes.io/managed-by", "app.kubernetes.io/instance", "helm.sh/chart"})
_TRACKING_PREFIXES = ("argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/")


class _Dumper(yaml.SafeDumper):
    """Expressions of several lines as blocks, so that they can be read."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def copies_as_yaml(results: Sequence[Result]) -> str:
    """One document for the copies from all rule files, and one for each PrometheusRule that has any."""
    copied = [each for each in results if each.copied is not None]
    files = {id(each.found.file): each.found.file for each in results}.values()
    documents: list[Mapping[str, Any]] = []
    if any(not file.is_object for file in files):
        plain = [group for file in files if not file.is_object for group in _groups(file, copied)]
        documents.append({"groups": _distinct(plain)})
    for file in files:
        groups = list(_groups(file, copied)) if file.is_object else []
        if groups:
            documents.append({**_frame_of_object(file), "spec": {"groups": groups}})
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)


def _groups(file: RuleFile, copied: Sequence[Result]) -> Iterator[dict[str, Any]]:
    rules = defaultdict[int, list[dict[str, Any]]](list)
    for each in copied:
        if each.found.file is file:
            rules[each.found.group].append(_copy(each))
    for index in sorted(rules):
        group = file.groups[index]
        yield {**{key: group[key] for key in _FRAME if group.get(key)}, "rules": rules[index]}


def _copy(result: Result) -> dict[str, Any]:
    found = result.found
    rule = {key: value for key, value in found.rule.items() if value is not None}
    rule_id = identity(found.file.source, str(found.group), found.alert.group.name, str(found.alert.position))
    return {
        **rule,
        **(result.copied or {}),
        "labels": {**rule.get("labels", {}), **_LABELS, "hypercare_rule": rule_id},
        "annotations": {**rule.get("annotations", {}), CHANGE_ANNOTATION: str(result.outcome)},
    }


def _distinct(groups: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Groups with names of their own: those of several files come together in one."""
    seen: Counter[str] = Counter()
    renamed = []
    for group in groups:
        seen[group["name"]] += 1
        count = seen[group["name"]]
        renamed.append(group if count == 1 else {**group, "name": f"{group['name']} ({count})"})
    return renamed


def _frame_of_object(file: RuleFile) -> dict[str, Any]:
    metadata = file.body.get("metadata") or {}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if not _tracks(key)}
    kept = {"namespace": metadata.get("namespace"), "labels": labels}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": _PREFIX + str(metadata.get("name", "")),
            **{key: value for key, value in kept.items() if value},
        },
    }


def _tracks(label: str) -> bool:
    return label in _TRACKING or label.startswith(_TRACKING_PREFIXES)
