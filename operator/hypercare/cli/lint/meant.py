"""What somebody may have meant who wrote a value that a field does not take: values that are nearly the same.

Only guesses; whoever asks keeps those that the field does take.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches

from hypercare.domain.durations import format_duration

Scalar = bool | int | float | str
_UNITS = {"y": 31536000, "w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_WORDS = r"years?|weeks?|days?|hours?|hrs?|minutes?|mins?|seconds?|secs?|[ywdhms]"
_PART = re.compile(rf"([0-9]+(?:\.[0-9]+)?)\s*({_WORDS})\s*", re.IGNORECASE)
_TRUE, _FALSE = frozenset({"true", "yes", "on"}), frozenset({"false", "no", "off"})
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_SHARE = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?)\s*%")
_PATTERN_OF_DURATIONS = "([0-9]{1,6}y)?"


def near(value: object, options: Iterator[str] | list[str]) -> str:
    """The option that is nearest to a value, as `did you mean`; empty where none is."""
    named = {each.lower(): each for each in options}
    found = get_close_matches(str(value).lower(), named, 1, 0.5)
    return f"did you mean {named[found[0]]}?" if found else ""


def is_duration(pattern: str) -> bool:
    """Whether a pattern asks for a duration."""
    return pattern.startswith(f"^{_PATTERN_OF_DURATIONS}")


def variants(value: Scalar) -> Iterator[Scalar]:
    """Values that somebody may have meant, the most likely first."""
    match value:
        case bool():
            yield str(value).lower()
        case int() | float():
            yield str(value)
            yield f"{value}%"
            if isinstance(value, float):
                yield f"{round(value * 100)}%"
        case str():
            yield from _of_text(value.strip())


def written(value: Scalar, instead_of: Scalar) -> str:
    """How to write a value instead of another one."""
    if isinstance(value, str):
        same = not isinstance(instead_of, str) and str(instead_of).lower() == value
        return f'write "{value}" in quotes' if same else f"write {value}"
    plain = str(value).lower() if isinstance(value, bool) else f"{value:g}"
    return f"write {plain} without quotes" if plain == str(instead_of) else f"write {plain}"


def _of_text(text: str) -> Iterator[Scalar]:
    if text.lower() in _TRUE | _FALSE:
        yield text.lower() in _TRUE
    if _NUMBER.fullmatch(text):
        yield float(text) if "." in text else int(text)
        yield f"{text}%"
    yield "".join(text.split())
    yield text.lower()
    if share := _SHARE.fullmatch(text):
        number = float(share[1])
        yield f"{100 + int(number)}%"
        yield number / 100
        yield int(number)
    yield from _duration(text)
    yield f"http://{text}"


def _duration(text: str) -> Iterator[str]:
    parts = _PART.findall(text)
    if parts and not _PART.sub("", text).strip():
        seconds = sum(float(count) * _UNITS[unit[0].lower()] for count, unit in parts)
        yield format_duration(int(seconds))
