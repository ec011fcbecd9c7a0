"""Alerting rules from files: PrometheusRule objects, and rule files as Prometheus itself reads them.

Documents of other kinds are passed over, so that whole manifests can be given. A file whose rules cannot be read is
unusable as a whole, as it is for Prometheus; every rule that is wrong is named by file, group and alert.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypercare.cli.documents import STDIN, Document, read_documents
from hypercare.cli.failures import UnusableInput
from hypercare.domain.alerts.source_rules import SourceAlert, UnreadableRule, object_name, source_alerts
from hypercare.domain.fields import InvalidField
from hypercare.domain.promql.syntax import InvalidPromQL, PromQLError, parse

_SUFFIXES = frozenset({".yaml", ".yml"})
_PLACE = re.compile(r"groups(?:\[(?P<group>[0-9]+)\](?:\.rules(?:\[(?P<rule>[0-9]+)\])?)?)?(?:\.(?P<field>.+))?$")
_OBJECT = "PrometheusRule"


@dataclass(frozen=True)
class RuleFile:
    """One document with rules. `is_object` tells a PrometheusRule from a rule file; `body` is what was read."""

    source: str
    is_object: bool
    body: Mapping[str, Any]
    alerts: tuple[SourceAlert, ...]

    @property
    def groups(self) -> Sequence[Mapping[str, Any]]:
        """The groups as they were read."""
        holder: Mapping[str, Any] = (self.body.get("spec") or {}) if self.is_object else self.body
        found: Sequence[Mapping[str, Any]] | None = holder.get("groups")
        return found or ()

    def in_groups(self) -> Iterator["FileAlert"]:
        """The alerts, each with its group."""
        groups = (
            index for index, each in enumerate(self.groups) for rule in each.get("rules") or () if _is_alert(rule)
        )
        # All of them could be read, so there are as many as there are rules, in the same order.
        for index, alert in zip(groups, self.alerts, strict=True):
            yield FileAlert(self, index, alert)


@dataclass(frozen=True)
class FileAlert:
    """One alert of a file; `group` counts its groups from 0, for nothing keeps two of them from having one name."""

    file: RuleFile
    group: int
    alert: SourceAlert

    @property
    def rule(self) -> Mapping[str, Any]:
        """The rule as it was read."""
        rule: Mapping[str, Any] = self.file.groups[self.group]["rules"][self.alert.position]
        return rule


def read_rule_files(paths: Sequence[str], *, recursive: bool, interval_seconds: int) -> tuple[RuleFile, ...]:
    """Read the rules of files, folders and the standard input.

    Raises:
        UnusableInput: nothing has rules, or rules cannot be read; the message has a line for each.
    """
    documents = [document for path in files_in(paths, recursive=recursive) for document in read_documents(path)]
    found = [_rule_file(each, interval_seconds) for each in documents if _has_rules(each)]
    mistakes = [mistake for _, mistakes in found for mistake in mistakes]
    if mistakes:
        raise UnusableInput("\n".join(mistakes))
    if not found:
        named = ", ".join("standard input" if path == STDIN else path for path in paths)
        raise UnusableInput(f"{named}: neither a PrometheusRule nor a rule file")
    return tuple(file for file, _ in found)


def files_in(paths: Sequence[str], *, recursive: bool) -> Iterator[str]:
    """The paths with the YAML files of folders in their place; raises `UnusableInput` for a folder without any."""
    for path in paths:
        if path == STDIN or not Path(path).is_dir():
            yield path
            continue
        inside = sorted(Path(path).rglob("*") if recursive else Path(path).iterdir())
        files = [str(each) for each in inside if each.suffix in _SUFFIXES and each.is_file()]
        if not files:
            raise UnusableInput(f"{path}: has no *.yaml or *.yml{'' if recursive else ', see --recursive'}")
        yield from files


def _has_rules(document: Document) -> bool:
    return document.kind == _OBJECT or ("kind" not in document.body and "groups" in document.body)


def _rule_file(document: Document, interval: int) -> tuple[RuleFile, list[str]]:
    """The rules of a document, and what is wrong with them: then they cannot be used."""
    is_object = document.kind == _OBJECT
    body = document.body if is_object else _as_texts(document.body)
    wrapped = body if is_object else {"metadata": {"name": document.source}, "spec": body}
    try:
        found = list(source_alerts(wrapped, interval))
    except InvalidField as error:
        return RuleFile(document.source, is_object, body, ()), [f"{document.source}: {error}"]
    alerts = tuple(each for each in found if isinstance(each, SourceAlert))
    mistakes = [_mistake(each, wrapped, document) for each in found if isinstance(each, UnreadableRule)]
    mistakes.extend(mistake for alert in alerts for mistake in _mistakes_of(alert, document))
    return RuleFile(document.source, is_object, body, alerts), mistakes


def _is_alert(rule: Mapping[str, Any]) -> bool:
    return rule.get("alert") is not None


def _mistakes_of(alert: SourceAlert, document: Document) -> Iterator[str]:
    try:
        parse(alert.expr)
    except InvalidPromQL as error:
        yield f"{_named(document)}: group {alert.group.name}: alert {alert.alertname}: expr: {error}"
    except PromQLError:
        # Valid for Prometheus as far as we know: an outcome of its own.
        return


def _mistake(rule: UnreadableRule, body: Mapping[str, Any], document: Document) -> str:
    place = _PLACE.search(rule.path)
    if place is None:
        return f"{_named(document)}: {rule.path}: {rule.message}"
    names = [_named(document)]
    group = _item(body["spec"].get("groups"), place["group"])
    names.append(f"group {group.get('name', place['group'])}" if place["group"] else "groups")
    if place["rule"]:
        names.append(f"alert {_item(group.get('rules'), place['rule']).get('alert', place['rule'])}")
    return ": ".join([*names, *([place["field"]] if place["field"] else []), rule.message])


def _item(items: object, index: str | None) -> Mapping[str, Any]:
    item = items[int(index)] if isinstance(items, list) and index else {}
    return item if isinstance(item, dict) else {}


def _named(document: Document) -> str:
    name = object_name(document.body) if document.kind == _OBJECT else ""
    return f"{document.source}: {_OBJECT} {name}" if name else document.source


def _as_texts(body: Mapping[str, Any]) -> dict[str, Any]:
    """A rule file with labels and annotations as texts: Prometheus takes `priority: 1` as one."""
    return {key: _group_texts(value) if key == "groups" else value for key, value in body.items()}


def _group_texts(groups: object) -> object:
    if not isinstance(groups, list):
        return groups
    return [{**each, "rules": _rule_texts(each.get("rules"))} if isinstance(each, dict) else each for each in groups]


def _rule_texts(rules: object) -> object:
    if not isinstance(rules, list):
        return rules
    return [_one_rule_texts(each) if isinstance(each, dict) else each for each in rules]


def _one_rule_texts(rule: Mapping[str, Any]) -> dict[str, Any]:
    texts = {
        key: {name: _text(each) for name, each in value.items()} for key, value in rule.items() if _is_map(key, value)
    }
    return {**rule, **texts}


def _is_map(key: str, value: object) -> bool:
    return key in ("labels", "annotations") and isinstance(value, dict)


def _text(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value
