"""Alertmanager's matchers: conditions on the labels of an alert, as routes, silences and inhibit rules write them.

A label that an alert does not have counts as empty. Regular expressions match whole values. Alertmanager reads them as
RE2; one that Python does not read alike is refused, never guessed.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from hypercare.domain.fields import Field

_WRITTEN = re.compile(
    r'\s*(?P<name>"(?:[^"\\]|\\.)*"|[^=!~"\s]+)\s*(?P<operator>=~|!~|!=|=)\s*(?P<value>.*?)\s*', re.DOTALL
)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


class MatchOperator(StrEnum):
    """How a value is compared."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"
    MATCHES_NOT = "!~"

    @property
    def negated(self) -> "MatchOperator":
        """The operator that holds exactly where this one does not."""
        opposites = {
            MatchOperator.EQUAL: MatchOperator.NOT_EQUAL,
            MatchOperator.NOT_EQUAL: MatchOperator.EQUAL,
            MatchOperator.MATCHES: MatchOperator.MATCHES_NOT,
            MatchOperator.MATCHES_NOT: MatchOperator.MATCHES,
        }
        return opposites[self]


@dataclass(frozen=True)
class LabelMatcher:
    """One condition on one label."""

    name: str
    operator: MatchOperator
    value: str

    def matches(self, value: str) -> bool:
        """Whether a value of the label meets it; empty for an alert without the label."""
        match self.operator:
            case MatchOperator.EQUAL:
                return value == self.value
            case MatchOperator.NOT_EQUAL:
                return value != self.value
            case MatchOperator.MATCHES:
                return pattern(self.value).fullmatch(value) is not None
            case MatchOperator.MATCHES_NOT:
                return pattern(self.value).fullmatch(value) is None

    def __str__(self) -> str:
        """The matcher as Alertmanager writes it."""
        return f"{self.name}{self.operator}{json.dumps(self.value, ensure_ascii=False)}"


@lru_cache(maxsize=4096)
def pattern(text: str) -> re.Pattern[str]:
    """A regular expression that has passed `checked` before."""
    return re.compile(text, re.ASCII | re.DOTALL)


def checked(field: Field, matcher: LabelMatcher) -> LabelMatcher:
    """The matcher, unless its regular expression cannot be used.

    Raises:
        InvalidField: it is not one that Alertmanager and this process understand alike.
    """
    if matcher.operator in (MatchOperator.MATCHES, MatchOperator.MATCHES_NOT):
        if re.search(r"\[:\^?[a-z]+:\]|\\[pPQCz]", matcher.value):
            raise field.error(f"the regular expression {matcher.value!r} is not read alike everywhere")
        try:
            pattern(matcher.value)
        except re.error as error:
            raise field.error(f"is no regular expression: {error}") from error
    return matcher


def written_matchers(field: Field) -> tuple[LabelMatcher, ...]:
    """Read the `matchers` of a configuration: texts such as `severity="critical"`.

    Raises:
        InvalidField: a text is not understood.
    """
    return tuple(_written(item) for item in field.items())


def read_matcher(field: Field) -> LabelMatcher:
    """Read a matcher of the HTTP API (`name`, `value`, `isRegex`, `isEqual`).

    Raises:
        InvalidField: it has another form.
    """
    regular, equal = field.get("isRegex").flag(False), field.get("isEqual").flag(True)
    operator = MatchOperator.MATCHES if regular else MatchOperator.EQUAL
    found = LabelMatcher(field.get("name").text(), operator if equal else operator.negated, field.get("value").text())
    return checked(field, found)


def possibly(matchers: tuple[LabelMatcher, ...], labels: Mapping[str, str]) -> bool:
    """Whether an alert may meet all matchers of which only `labels` are known."""
    return all(matcher.matches(labels[matcher.name]) for matcher in matchers if matcher.name in labels)


def _written(field: Field) -> LabelMatcher:
    found = _WRITTEN.fullmatch(field.text())
    if found is None:
        raise field.error("is not understood as a matcher")
    name, value = _unquoted(field, found["name"]), _unquoted(field, found["value"])
    return checked(field, LabelMatcher(name, MatchOperator(found["operator"]), value))


def _unquoted(field: Field, text: str) -> str:
    if not text.startswith('"'):
        return text
    if not _QUOTED.fullmatch(text):
        raise field.error("is not understood as a matcher")
    # Only these three are escaped (OpenMetrics); a backslash before anything else stands for itself.
    return re.sub(r'\\(["\\n])', lambda found: "\n" if found[1] == "n" else found[1], text[1:-1])
