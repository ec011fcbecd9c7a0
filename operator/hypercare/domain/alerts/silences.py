"""Silences of an Alertmanager, and whether one may hide a copy.

A silenced copy still inhibits: with a rule that lets a copy mute its original, a silence on the copy would hide both.
Of a copy not every label is known: its instances differ, and Prometheus may add labels of its own. What is not known
counts as matching, since the cost of that is a second page, and the cost of the opposite is none at all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hypercare.domain.alerts.matchers import LabelMatcher, possibly, read_matcher
from hypercare.domain.fields import Field


@dataclass(frozen=True)
class Silence:
    """An active silence; `silence_id` is Alertmanager's."""

    silence_id: str
    matchers: tuple[LabelMatcher, ...]

    def may_hide(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert of which these labels are known may be silenced by it."""
        return possibly(self.matchers, labels)

    def __str__(self) -> str:
        """The silence for people."""
        return f"{self.silence_id} ({', '.join(map(str, self.matchers))})"


def read_silences(field: Field) -> tuple[Silence, ...]:
    """Read the answer of `/api/v2/silences`; those that have expired or are still to come are left out.

    Raises:
        InvalidField: the answer has another form, or a matcher that cannot be judged.
    """
    return tuple(
        Silence(item.get("id").text(), tuple(read_matcher(each) for each in item.get("matchers").items()))
        for item in field.items()
        if item.get("status").get("state").text() == "active"
    )


def hiding(silences: Iterable[Silence], copies: Iterable[Mapping[str, str]]) -> Silence | None:
    """A silence that may hide one of the copies; None if there is none."""
    known = list(copies)
    return next((each for each in silences if any(each.may_hide(labels) for labels in known)), None)
