"""The outcome of tightening for people: a diff of each alert, or a table, and a summary."""

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from hypercare.cli.tighten.results import Result
from hypercare.domain.alerts.tightening import Tightened, Untouched

_CONTEXT_LINES = 2
_WORDS = re.compile(r"[\w.]+|\W")
_COLUMN_GAP = "  "


def print_diff(console: Console, results: Sequence[Result]) -> None:
    """Each alert with the lines that change, and why others stay."""
    place = ""
    for result in results:
        if result.place != place:
            place = result.place
            _print(console, Text(place, "bold"))
        _print(console, _title(result))
        for line in _changed_lines(result):
            _print(console, line)
        for kept in result.kept if isinstance(result.outcome, Tightened) else ():
            _print(console, Text(f"      kept: {kept.reason.value}: {kept.message}", "dim"))


def print_table(console: Console, results: Sequence[Result]) -> None:
    """One line for each alert."""
    rows = [("GROUP", "ALERT", "OUTCOME", "CHANGE OR REASON")]
    rows.extend((each.alert.group.name, each.alert.alertname, _word(each), _in_short(each)) for each in results)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for index, row in enumerate(rows):
        cells = [cell.ljust(width) for cell, width in zip(row, (*widths, 0), strict=True)]
        line = Text(_COLUMN_GAP.join(cells).rstrip())
        if index:
            start = sum(widths[:2]) + 2 * len(_COLUMN_GAP)
            line.stylize("green" if row[2] == "Tightened" else "yellow", start, start + len(row[2]))
        else:
            line.stylize("bold")
        _print(console, line)


def print_summary(console: Console, results: Sequence[Result]) -> None:
    """How many alerts came to which outcome, and for which reasons."""
    tightened = [each for each in results if isinstance(each.outcome, Tightened)]
    by_lever = Counter(each.levers for each in tightened)
    untouched = Counter(each.outcome.reason.value for each in results if isinstance(each.outcome, Untouched))
    kept = Counter(kept.reason.value for each in tightened for kept in each.kept)
    total = f"{len(results)} alert{'' if len(results) == 1 else 's'}"
    _print(console, Text(f"{total}: {len(tightened)} tightened, {len(results) - len(tightened)} untouched", "bold"))
    for title, counts in (("tightened by", by_lever), ("untouched", untouched), ("kept in part", kept)):
        if counts:
            listed = ", ".join(f"{name} {count}" for name, count in counts.most_common())
            _print(console, Text(f"  {title}: {listed}"))


def _print(console: Console, line: Text) -> None:
    # As wide as it is: what is cut or wrapped can be neither read nor copied.
    console.print(line, soft_wrap=True)


def _word(result: Result) -> str:
    return "Untouched" if isinstance(result.outcome, Untouched) else "Tightened"


def _in_short(result: Result) -> str:
    return result.outcome.reason.value if isinstance(result.outcome, Untouched) else str(result.outcome)


def _title(result: Result) -> Text:
    name = (f"  {result.alert.alertname}", "bold")
    match result.outcome:
        case Tightened() as change:
            return Text.assemble(name, (f"  {change}", "green"))
        case Untouched() as kept:
            return Text.assemble(name, (f"  untouched: {kept.reason.value}", "yellow"), (f": {kept.message}", "dim"))


def _changed_lines(result: Result) -> Iterator[Text]:
    if result.copied is None:
        return
    before, after = result.original, result.copied
    if before["expr"] != after["expr"]:
        yield from _diff(before["expr"].rstrip().splitlines(), after["expr"].rstrip().splitlines())
    if before["for"] != after["for"]:
        yield from _diff([f"for: {before['for']}"], [f"for: {after['for']}"])


def _diff(before: list[str], after: list[str]) -> Iterator[Text]:
    """The changed lines with their neighbours; what differs within a line stands out."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for group in matcher.get_grouped_opcodes(_CONTEXT_LINES):
        for kind, first, last, new_first, new_last in group:
            if kind == "equal":
                yield from (Text(f"      {line}", "dim") for line in before[first:last])
                continue
            removed, added = before[first:last], after[new_first:new_last]
            yield from (_line("-", "red", line, added[i : i + 1]) for i, line in enumerate(removed))
            yield from (_line("+", "green", line, removed[i : i + 1]) for i, line in enumerate(added))


def _line(sign: str, style: str, line: str, others: Sequence[str]) -> Text:
    words = _WORDS.findall(line)
    differing = [True] * len(words)
    for other in others:
        matcher = difflib.SequenceMatcher(None, words, _WORDS.findall(other), autojunk=False)
        for block in matcher.get_matching_blocks():
            differing[block.a : block.a + block.size] = [False] * block.size
    text = Text(f"    {sign} ", style)
    for word, differs in zip(words, differing, strict=True):
        text.append(word, "bold underline" if differs and others else "")
    return text
