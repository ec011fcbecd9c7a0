"""Prometheus durations: text at the edge, whole seconds inside.

The API accepts the units of Prometheus rule files from years to seconds (`1h30m`, `7d`), each unit at most once and
in falling order, and no milliseconds: nothing that hypercare times is shorter than a second.
Source of the notation: Prometheus, "Querying basics", section on time durations.
"""

import re

_UNITS = {"y": 365 * 86400, "w": 7 * 86400, "d": 86400, "h": 3600, "m": 60, "s": 1}
# Twelve digits are more than any time has; without a bound, Python refuses thousands of them with an error of its own.
_PATTERN = re.compile("".join(f"(?:([0-9]{{1,12}}){unit})?" for unit in _UNITS))


class InvalidDuration(ValueError):
    """The text is not a Prometheus duration of at least whole seconds."""


def parse_duration(text: str) -> int:
    """Return the duration in seconds.

    Raises:
        InvalidDuration: the text is empty, has an unknown unit, a unit twice or units out of order.
    """
    found = _PATTERN.fullmatch(text)
    if text == "0":
        return 0
    if not text or found is None:
        raise InvalidDuration(f"{text!r} is not a duration such as 90s, 30m, 12h, 7d or 1h30m")
    amounts = (int(group or 0) for group in found.groups())
    return sum(amount * size for amount, size in zip(amounts, _UNITS.values(), strict=True))


def format_duration(seconds: int) -> str:
    """Write seconds as people do in rule files: largest units first, days at most (`36h` is `1d12h`)."""
    if seconds <= 0:
        return "0s"
    parts = []
    for unit in ("d", "h", "m", "s"):
        amount, seconds = divmod(seconds, _UNITS[unit])
        if amount:
            parts.append(f"{amount}{unit}")
    return "".join(parts)
