"""Periods as a table, or, where a terminal is too narrow for it, as short paragraphs. Nothing is cut."""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.text import Text

from hypercare.cli.periods.look import phase_of
from hypercare.cli.periods.seen import Seen
from hypercare.cli.periods.table import grid, indented
from hypercare.cli.periods.words import ago, ahead

_NARROW = 100


def ordered(found: Iterable[Seen]) -> tuple[Seen, ...]:
    """Those that need a person first, then the open ones, then those that are over; by name among equals."""
    return tuple(sorted(found, key=lambda seen: (_rank(seen), seen.namespace, seen.name)))


def list_view(found: Sequence[Seen], now: int, to: Console, *, with_namespace: bool) -> RenderableType:
    """A row for each, or a paragraph."""
    if to.width < _NARROW:
        return Group(*(line for seen in found for line in _paragraph(seen, now)))
    headings = ["NAME", "RELEASE", "PHASE", "STRENGTH", "MET", "BLOCKED BY", "ENDS"]
    table = grid(*(["NAMESPACE", *headings] if with_namespace else headings))
    for column in table.columns:
        column.no_wrap = column.header in {"PHASE", "STRENGTH", "MET"}
    table.columns[-4].justify = table.columns[-3].justify = "right"
    for seen in found:
        row = [Text(seen.name), Text(seen.release), phase_of(seen), _strength(seen), _met(seen), _blocked(seen)]
        table.add_row(*([Text(seen.namespace)] if with_namespace else []), *row, Text(_ends(seen, now)))
    return table


def _paragraph(seen: Seen, now: int) -> Iterator[RenderableType]:
    yield Text.assemble((f"{seen.namespace}/{seen.name}", "bold"), f" {seen.release}")
    strength = "" if seen.over else f" at {_strength(seen)}"
    ends = f", {_ends(seen, now)}" if seen.over else f", planned end {_ends(seen, now)}"
    yield indented(Text.assemble(phase_of(seen), f"{strength}, criteria met: {_met(seen)}{ends}"))
    if not seen.over:
        yield indented(Text.assemble("blocked by ", _blocked(seen)))


def needs_a_person(seen: Seen) -> bool:
    """Whether the operator waits for somebody."""
    return seen.holds("Stalled") and not seen.over


def _rank(seen: Seen) -> int:
    return 0 if needs_a_person(seen) else 2 if seen.over else 1


def _strength(seen: Seen) -> Text:
    return Text("-" if seen.over or not seen.visited else f"{seen.strength}%")


def _met(seen: Seen) -> Text:
    counted = [each for each in seen.criteria if not each.advisory]
    met = sum(each.verdict == "Met" and not each.regressed for each in counted)
    return Text(f"{met}/{len(counted)}" if counted else "-")


def _blocked(seen: Seen) -> Text:
    if needs_a_person(seen):
        return Text(seen.conditions["Stalled"].reason, "bold red")
    return Text(seen.blocked or "-", "red" if any(each.regressed for each in seen.criteria) else "")


def _ends(seen: Seen, now: int) -> str:
    if seen.over:
        return ago(seen.phase_since, now)
    return "-" if seen.window.planned_end is None else ahead(seen.window.planned_end, now)
