"""Writing PromQL: label matchers whose values come from elsewhere, quoted so that they stay values."""

import re
from collections.abc import Iterable

_PLAIN = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def matcher(label: str, operator: str, value: str) -> str:
    """One label matcher, such as `job="api"`."""
    return f'{label_name(label)}{operator}"{quoted(value)}"'


def label_name(label: str) -> str:
    """The name of a label, quoted where it has to be."""
    return label if _PLAIN.fullmatch(label) else f'"{quoted(label)}"'


def quoted(value: str) -> str:
    """The inside of a double-quoted PromQL string."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def one_of(values: Iterable[str]) -> str:
    """A regular expression (RE2) that matches exactly these values, in a stable order."""
    return "|".join(re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", value) for value in sorted(set(values)))
