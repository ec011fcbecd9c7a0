"""What a Prometheus says of the rules it has loaded: `/api/v1/rules`, read for a diagnosis only, never as evidence.

Servers that know the filters of the question (Prometheus 2.53, Thanos 0.36, vmalert) answer with the groups that were
asked for, others with all of them; so groups are always looked for by name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.samples import QueryFailed


@dataclass(frozen=True)
class RulesQuery:
    """Which groups, by name, and which of their rules: all rules of groups that many namespaces have are megabytes."""

    groups: tuple[str, ...]
    rules: tuple[str, ...]


@dataclass(frozen=True)
class LoadedRule:
    """One rule; `health` is `ok`, `err` or `unknown` (not evaluated yet), `last_error` empty without one."""

    name: str
    health: str
    last_error: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class LoadedGroup:
    """One group, with the file it was loaded from, as the server names it; of its rules those that were asked for."""

    name: str
    file: str
    rules: tuple[LoadedRule, ...]


@dataclass(frozen=True)
class LoadedRules:
    """The groups that were asked for and are loaded."""

    groups: tuple[LoadedGroup, ...]


LoadedResult = LoadedRules | QueryFailed


def read_loaded_rules(body: object, query: RulesQuery) -> LoadedRules:
    """Read a response of `/api/v1/rules`.

    Raises:
        InvalidField: it does not have the form of one.
    """
    data = Field("rules", body).get("data")
    if not data.present:
        raise InvalidField("rules", "has no data")
    wanted = frozenset(query.groups)
    groups = (each for each in data.get("groups").items() if each.get("name").text("") in wanted)
    return LoadedRules(tuple(_group(each) for each in groups))


def _group(field: Field) -> LoadedGroup:
    return LoadedGroup(field.get("name").text(""), field.get("file").text(""), tuple(_rules(field)))


def _rules(group: Field) -> Iterator[LoadedRule]:
    for rule in group.get("rules").items():
        yield LoadedRule(
            name=rule.get("name").text(""),
            health=rule.get("health").text("unknown"),
            last_error=rule.get("lastError").text(""),
            labels=rule.get("labels").text_map(),
        )
