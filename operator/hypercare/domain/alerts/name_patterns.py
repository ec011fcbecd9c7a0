"""Regular expressions over alert names, anchored at both ends, in time that nobody can make explode.

They run in a backtracking engine inside an operator that many tenants share, and tenants choose both the pattern and
the names. So the patterns that can take exponential time are refused: repeated groups, and more than three repetitions.
"""

import re

from hypercare.domain.fields import Field

_MAX_REPETITIONS = 3
_ATOMS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]")
_REPETITION = re.compile(r"[*+]|\{[0-9]*,?[0-9]*\}")


def parse_name_pattern(field: Field) -> re.Pattern[str]:
    """Compile the pattern, to be used with `fullmatch`.

    Raises:
        InvalidField: it is no regular expression, or one that could take exponential time.
    """
    text = field.text()
    skeleton = _ATOMS.sub("x", text)
    if "(?" in skeleton.replace("(?:", "("):
        raise field.error("lookarounds, flags and named groups are not supported in a name pattern")
    if re.search(r"\)[*+{]", skeleton):
        raise field.error("a repeated group is not supported in a name pattern")
    if len(_REPETITION.findall(skeleton)) > _MAX_REPETITIONS:
        raise field.error(f"more than {_MAX_REPETITIONS} repetitions are not supported in a name pattern")
    try:
        return re.compile(text)
    except re.error as error:
        raise field.error(f"{text!r} is not a regular expression: {error}") from error
