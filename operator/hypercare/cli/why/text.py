"""What is in the way, for people: a numbered list, nothing cut."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from hypercare.cli.periods.blockers import Blocker, Weight
from hypercare.cli.periods.found import Found
from hypercare.cli.periods.look import PHASES, WEIGHTS
from hypercare.cli.periods.table import indented
from hypercare.cli.periods.words import counted, roughly, since, when

_WORDS = {
    Weight.PERSON: "needs a person",
    Weight.WORSE: "has regressed",
    Weight.UNMET: "is unmet",
    Weight.UNKNOWN: "is unknown",
    Weight.TIME: "takes its time",
    Weight.PROTECTION: "is not in effect",
}
_INDENT = 3


def why_view(found: Found) -> RenderableType:
    """The answer in a sentence, then each thing in the way, then when it can be over."""
    blocking = [each for each in found.blockers if each.weight.blocks]
    others = [each for each in found.blockers if not each.weight.blocks]
    parts: list[RenderableType] = [_answer(found, len(blocking))]
    for number, each in enumerate(blocking, 1):
        parts.extend(_blocker(f"{number}.", each, found.now))
    if others:
        parts.extend((Text(), Text("Not in effect, which does not keep the exit:", "bold")))
        for each in others:
            parts.extend(_blocker("-", each, found.now))
    return Group(*parts, *_outlook(found))


def _answer(found: Found, count: int) -> Text:
    seen = found.seen
    name = (f"{seen.namespace}/{seen.name}", "bold")
    if seen.over:
        return Text.assemble(name, " is over: ", (seen.summary or seen.phase, PHASES.get(seen.phase, "")))
    if count:
        verb = "stands" if count == 1 else "stand"
        return Text.assemble(name, f" ({seen.phase}): {counted(count, 'thing')} {verb} in the way")
    return Text.assemble(name, f" ({seen.phase}): ", ("nothing blocks", "green"), f"; {seen.summary}")


def _blocker(mark: str, each: Blocker, now: int) -> Iterator[RenderableType]:
    held = since(each.since, now)
    yield Text()
    yield Text.assemble(
        f"{mark:<{_INDENT}}",
        (each.what, "bold"),
        " ",
        (_WORDS[each.weight], WEIGHTS[each.weight]),
        f" {held}".rstrip(),
        (f" ({each.reason})" if each.reason else "", "dim"),
    )
    for label, told in (("asked", each.asked), ("seen", each.detail), ("do", each.advice)):
        if told:
            yield indented(Text.assemble((f"{label}: ", "dim"), told), _INDENT)
    if each.remaining:
        yield indented(Text.assemble(("left: ", "dim"), f"{roughly(each.remaining)} without a break"), _INDENT)


def _outlook(found: Found) -> Iterator[RenderableType]:
    moments = found.course.moments
    if moments:
        yield Text()
        for each in moments:
            note = f", {each.note}" if each.note else ""
            yield Text.assemble((f"{each.what}: ", "dim"), f"{when(each.at, found.now)}{note}")
