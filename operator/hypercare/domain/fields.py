"""Reading a spec that has become a dict: typed values with the path of the field in every error.

The API server has already checked shapes and bounds by the CRD schema. What is read here may come from a merge of
period and profile, or from a file on somebody's disk, so nothing is taken for granted: every refusal names its field.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TypeVar

from hypercare.domain.durations import InvalidDuration, parse_duration

E = TypeVar("E", bound=StrEnum)


class InvalidField(Exception):
    """One field cannot be used. `path` is written as kubectl does (`spec.exitCriteria[0].query`)."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


class _Absent(Enum):
    ABSENT = "absent"


ABSENT = _Absent.ABSENT


@dataclass(frozen=True)
class Field:
    """A cursor into a document: the value at `path`, or `ABSENT`.

    Accessors with a `default` return it when the field is absent; without one, absence is an error.
    """

    path: str
    value: object = ABSENT

    @property
    def present(self) -> bool:
        """Whether the field was written at all (an explicit null counts as absent, as in Kubernetes)."""
        return self.value is not ABSENT and self.value is not None

    def error(self, message: str) -> InvalidField:
        """Build the refusal of this field, to be raised by the caller."""
        return InvalidField(self.path, message)

    def get(self, key: str) -> "Field":
        """Step into an object; a missing object gives an absent child."""
        path = f"{self.path}.{key}"
        if not self.present:
            return Field(path)
        if not isinstance(self.value, Mapping):
            raise self.error("must be an object")
        return Field(path, self.value.get(key, ABSENT))

    def items(self) -> tuple["Field", ...]:
        """The elements of a list, each with its index in the path; an absent list is empty."""
        if not self.present:
            return ()
        if not isinstance(self.value, Sequence) or isinstance(self.value, str):
            raise self.error("must be a list")
        return tuple(Field(f"{self.path}[{index}]", item) for index, item in enumerate(self.value))

    def text(self, default: str | None = None) -> str:
        """A string."""
        value = self._or_default(default)
        if not isinstance(value, str):
            raise self.error("must be a string")
        return value

    def integer(self, default: int | None = None) -> int:
        """A whole number; a bool is not one."""
        value = self._or_default(default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error("must be a whole number")
        return value

    def number(self, default: float | None = None) -> float:
        """A number; a bool is not one."""
        value = self._or_default(default)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.error("must be a number")
        try:
            return float(value)
        except OverflowError:
            raise self.error("is too large") from None

    def flag(self, default: bool | None = None) -> bool:
        """True or false."""
        value = self._or_default(default)
        if not isinstance(value, bool):
            raise self.error("must be true or false")
        return value

    def seconds(self, default: int | None = None) -> int:
        """A Prometheus duration, as whole seconds."""
        if not self.present and default is not None:
            return default
        try:
            return parse_duration(self.text())
        except InvalidDuration as error:
            raise self.error(str(error)) from error

    def share(self, default: float | None = None) -> float:
        """A percentage such as `95%`, as a share of one (0.95)."""
        if not self.present and default is not None:
            return default
        text = self.text()
        try:
            amount = float(text.removesuffix("%"))
        except ValueError:
            amount = -1
        if not text.endswith("%") or not 0 <= amount <= 100:
            raise self.error(f"{text!r} is not a percentage such as 95%")
        return amount / 100

    def choice(self, options: type[E], default: E | None = None) -> E:
        """One member of a string enum, by its value."""
        if not self.present and default is not None:
            return default
        text = self.text()
        try:
            return options(text)
        except ValueError:
            allowed = ", ".join(option.value for option in options)
            raise self.error(f"{text!r} is not one of {allowed}") from None

    def texts(self) -> tuple[str, ...]:
        """A list of strings; absent is empty."""
        return tuple(item.text() for item in self.items())

    def text_map(self) -> dict[str, str]:
        """An object whose values are strings (labels, headers); absent is empty."""
        if not self.present:
            return {}
        if not isinstance(self.value, Mapping):
            raise self.error("must be an object")
        return {key: self.get(key).text() for key in self.value}

    def _or_default(self, default: object) -> object:
        if self.present:
            return self.value
        if default is None:
            raise self.error("is required")
        return default
