"""One period on as many lines as a terminal has: what is too long ends in an ellipsis, for `status` has it whole."""

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from hypercare.cli.periods.found import Found
from hypercare.cli.periods.look import PHASES, Signs, bar, curve, in_short, phase_of, signs_of, verdict_of
from hypercare.cli.periods.seen import Seen
from hypercare.cli.periods.words import ago, ahead, since
from hypercare.domain.timestamps import timestamp

_BAR, _STRENGTH, _VERDICT, _FRAME_LINES = 12, 20, 9, 4
_WIDEST = 100


def board(found: Found, to: Console) -> RenderableType:
    """The picture of one period."""
    seen, signs = found.seen, signs_of(to)
    width = min(to.width, _WIDEST)
    head = [*_head(found, width, signs), *_criteria(seen, signs), *_ahead(found)]
    room = to.height - len(head) - _FRAME_LINES
    return Group(*head, *_latest(seen, room))


def _head(found: Found, width: int, signs: Signs) -> Iterator[RenderableType]:
    seen = found.seen
    stage = f", stage {seen.stage}" if seen.stage and not seen.over else ""
    yield _line(Text.assemble((f"{seen.namespace}/{seen.name}", "bold"), f" {seen.release}"))
    phase = Text.assemble(phase_of(seen), f"{stage} {(ago if seen.over else since)(seen.phase_since, found.now)}")
    yield _line(Text.assemble(bar(seen.strength / 100, _STRENGTH, signs), f" {seen.strength}%  ", phase))
    levels, pointer = curve(found.course.stretches, found.now, width - 1, signs)
    if levels:
        yield Text(levels, PHASES.get(seen.phase, ""))
        yield Text(pointer, "dim")
    pressing = next((each for each in found.blockers if each.weight.value == "NeedsAPerson"), None)
    if pressing is not None:
        yield _line(Text(f"{pressing.reason}: {pressing.detail}", "bold red"))
    else:
        yield _line(in_short(seen))


def _criteria(seen: Seen, signs: Signs) -> Iterator[RenderableType]:
    if not seen.criteria:
        return
    width = min(24, max(len(each.name) for each in seen.criteria))
    for each in seen.criteria:
        verdict = verdict_of(each)
        verdict.pad_right(_VERDICT - verdict.cell_len)
        name, progress = f"  {each.name:<{width}}  ", f"{bar(each.share, _BAR, signs)}  "
        yield _line(Text.assemble(name, progress, verdict, (f"  {each.message}", "dim")))


def _ahead(found: Found) -> Iterator[RenderableType]:
    if not found.course.moments:
        return
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for each in found.course.moments[:1]:
        table.add_row(Text(f"next: {each.what} {ahead(each.at, found.now)}, {each.note}".rstrip(", "), "dim"))
    yield table


def _latest(seen: Seen, room: int) -> Iterator[RenderableType]:
    for entry in seen.timeline[-max(0, room) :] if room > 0 else ():
        told = "" if entry.time is None else timestamp(entry.time)[11:19]
        yield _line(Text.assemble((f"{told} {entry.reason}", "dim"), f": {entry.message}"))


def _line(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
