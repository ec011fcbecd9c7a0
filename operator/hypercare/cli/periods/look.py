"""How things look: colours, bars and signs, each with a form for terminals that know ASCII only.

Colour never says anything that is not said in words as well.
"""

from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from hypercare.cli.periods.blockers import Weight
from hypercare.cli.periods.course import Stretch
from hypercare.cli.periods.seen import Seen, SeenCriterion
from hypercare.domain.exit_criteria import NONE

PHASES = {
    "Pending": "cyan",
    "Preparing": "cyan",
    "Active": "green",
    "Extended": "yellow",
    "Relaxing": "green",
    "DecisionNeeded": "bold red",
    "Suspended": "yellow",
    "Completed": "bold green",
    "Ended": "red",
}
_WATCHED = frozenset({"Preparing", "Active", "Extended"})
VERDICTS = {"Met": "green", "Unmet": "red", "Unknown": "yellow"}
WEIGHTS = {
    Weight.PERSON: "bold red",
    Weight.WORSE: "bold red",
    Weight.UNMET: "red",
    Weight.UNKNOWN: "yellow",
    Weight.TIME: "cyan",
    Weight.PROTECTION: "yellow",
}


@dataclass(frozen=True)
class Signs:
    """What a terminal can draw."""

    full: str
    empty: str
    levels: str
    now: str
    dash: str
    dot: str


_UNICODE = Signs("█", "░", " ▁▂▃▄▅▆▇█", "▲", "—", "·")
_ASCII = Signs("#", ".", " ._-=+*%#", "^", "-", "|")


def signs_of(to: Console) -> Signs:
    """The signs that the console's encoding has."""
    return _UNICODE if to.encoding.lower().replace("-", "").startswith("utf") else _ASCII


def bar(share: float, width: int, signs: Signs) -> str:
    """A share of one as a bar."""
    full = round(max(0.0, min(1.0, share)) * width)
    return signs.full * full + signs.empty * (width - full)


def curve(stretches: tuple[Stretch, ...], now: int, width: int, signs: Signs) -> tuple[str, str]:
    """The strength over time as a line of levels, and a line that points at now; empty without a course."""
    if not stretches or stretches[-1].end <= stretches[0].start:
        return "", ""
    start, end = stretches[0].start, stretches[-1].end
    each = (end - start) / width
    levels = "".join(_level(stretches, start + (column + 0.5) * each, signs) for column in range(width))
    column = min(width - 1, max(0, int((now - start) / each)))
    return levels, " " * column + f"{signs.now} now"


def phase_of(seen: Seen) -> Text:
    """The phase in its colour, with how it ended where it has."""
    told = f"{seen.phase} ({seen.outcome})" if seen.outcome and seen.phase in {"Relaxing", "Ended"} else seen.phase
    return Text(told if seen.visited else "not seen yet", PHASES.get(seen.phase, ""))


def in_short(seen: Seen) -> Text:
    """What is in the way, in a few words where there are any; else the summary."""
    if not seen.criteria or seen.phase not in _WATCHED:
        return Text(seen.summary)
    if seen.blocked in {"", NONE}:
        return Text("Nothing blocks the exit", "green")
    return Text(f"Blocked by {seen.blocked}")


def verdict_of(criterion: SeenCriterion) -> Text:
    """The verdict in its colour; a regression stands out."""
    if criterion.regressed:
        return Text("Regressed", WEIGHTS[Weight.WORSE])
    return Text(criterion.verdict, VERDICTS.get(criterion.verdict, ""))


def _level(stretches: tuple[Stretch, ...], at: float, signs: Signs) -> str:
    strength = next((each.strength for each in reversed(stretches) if each.start <= at), 0)
    return signs.levels[max(1, round(strength / 100 * (len(signs.levels) - 1)))] if strength else signs.levels[0]
