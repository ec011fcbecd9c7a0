"""Kubernetes label selectors as values that can say which of their requirements a set of labels fails.

Source of the rules: Kubernetes, "Labels and Selectors" (`matchLabels`, `matchExpressions`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from hypercare.domain.fields import Field, InvalidField


class SelectorOperator(StrEnum):
    """The operators of `matchExpressions`."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@dataclass(frozen=True)
class Requirement:
    """One condition on one label key."""

    key: str
    operator: SelectorOperator
    values: tuple[str, ...] = ()

    def met_by(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels meet it; `NotIn` accepts an absent key, as Kubernetes does."""
        match self.operator:
            case SelectorOperator.IN:
                return labels.get(self.key) in self.values
            case SelectorOperator.NOT_IN:
                return labels.get(self.key) not in self.values
            case SelectorOperator.EXISTS:
                return self.key in labels
            case SelectorOperator.DOES_NOT_EXIST:
                return self.key not in labels

    def __str__(self) -> str:
        """The requirement in kubectl's notation."""
        match self.operator:
            case SelectorOperator.IN if len(self.values) == 1:
                return f"{self.key}={self.values[0]}"
            case SelectorOperator.IN:
                return f"{self.key} in ({', '.join(self.values)})"
            case SelectorOperator.NOT_IN:
                return f"{self.key} notin ({', '.join(self.values)})"
            case SelectorOperator.EXISTS:
                return self.key
            case SelectorOperator.DOES_NOT_EXIST:
                return f"!{self.key}"


@dataclass(frozen=True)
class LabelSelector:
    """All requirements together; without any it matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def unmet(self, labels: Mapping[str, str]) -> tuple[Requirement, ...]:
        """The requirements that these labels fail; empty means selected."""
        return tuple(requirement for requirement in self.requirements if not requirement.met_by(labels))

    def __str__(self) -> str:
        """The selector in kubectl's notation."""
        return ",".join(str(requirement) for requirement in self.requirements)


def parse_label_selector(field: Field) -> LabelSelector:
    """Read `matchLabels` and `matchExpressions`.

    Raises:
        InvalidField: an operator is unknown, or values are given where there must be none or missing where needed.
    """
    labels = field.get("matchLabels").text_map()
    equal = tuple(Requirement(key, SelectorOperator.IN, (value,)) for key, value in sorted(labels.items()))
    return LabelSelector(equal + tuple(_requirement(item) for item in field.get("matchExpressions").items()))


def selects(selector: object, labels: Mapping[str, str]) -> bool:
    """Whether the selector of a live object, as its body has it, selects what has these labels.

    One that is missing selects nothing, an empty one everything (apimachinery, `LabelSelectorAsSelector`); nothing is
    selected by one that cannot be read either.
    """
    if selector is None:
        return False
    try:
        return not parse_label_selector(Field("selector", selector)).unmet(labels)
    except InvalidField:
        return False


def _requirement(field: Field) -> Requirement:
    operator = field.get("operator").choice(SelectorOperator)
    values = field.get("values").texts()
    if bool(values) != (operator in (SelectorOperator.IN, SelectorOperator.NOT_IN)):
        raise field.get("values").error("must be given for In and NotIn, and only there")
    return Requirement(field.get("key").text(), operator, values)
