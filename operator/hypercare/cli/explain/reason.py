"""What one reason means and what to do about it, as the reference has it."""

from difflib import get_close_matches

from hypercare.cli.failures import UnusableInput
from hypercare.cli.options import Output
from hypercare.cli.periods.advice import known, what_to_do
from hypercare.cli.printing import object_text

_NEAREST = 3


def explained(reason: str, output: Output) -> str:
    """The explanation of a reason; upper and lower case are not told apart.

    Raises:
        UnusableInput: there is no such reason; the message names those that are written alike.
    """
    names = {name.lower(): name for name in known()}
    if reason.lower() not in names:
        raise UnusableInput(f"explain: there is no reason {reason}{_alike(reason, names)}")
    found = known()[names[reason.lower()]]
    if output is not Output.TABLE:
        return object_text({"reason": found.reason, "means": found.means, "do": what_to_do(found)}, output)
    do = what_to_do(found)
    return f"{found.reason}: {found.means}." + (f"\ndo: {do}" if do else "")


def _alike(reason: str, names: dict[str, str]) -> str:
    alike = [names[each] for each in get_close_matches(reason.lower(), names, _NEAREST)]
    return f"; did you mean {' or '.join(alike)}?" if alike else "; docs/reference/reasons.md has them all"
