"""A backtest as tables for people: 80 columns are enough, and nothing depends on colours."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hypercare.cli.backtest.result import Backtest, CriterionResult
from hypercare.cli.backtest.words import after, asked, why
from hypercare.domain.backtest.criterion import Stretch
from hypercare.domain.durations import format_duration
from hypercare.domain.evidence.bounds import describe
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.timestamps import timestamp

_STYLES = {Verdict.MET: "green", Verdict.UNMET: "red", Verdict.UNKNOWN: "yellow"}
_SHOWN = 12
_INDENT = (0, 0, 0, 2)


def table_text(found: Backtest, to: Console) -> str:
    """The answer, what would have happened, and each criterion with its verdicts and other bounds."""
    with to.capture() as capture:
        _print(found, to)
    # Tables are padded to their width, which only a coloured background would show.
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _print(found: Backtest, to: Console) -> None:
    given = found.given
    title = f"{given.identity.namespace}/{given.identity.name} {given.resolved.spec.plan.release}"
    to.print(Text(title, style="bold"))
    step = format_duration(given.resolved.profile.evaluation.step)
    to.print(f"{timestamp(found.span.start)} to {timestamp(found.span.end)}, a point every {step}")
    to.print()
    to.print(Text(f"{found.answer}.", style="green" if found.relaxes else "red"), soft_wrap=False)
    _section(to, "What would have happened", _timeline(found))
    _section(to, "Criteria", _overview(found.criteria, found.span.start))
    for result in found.criteria:
        _print_criterion(result, found.span.start, to)


def _section(to: Console, title: str, table: Table) -> None:
    to.print()
    to.print(Text(title, style="bold"))
    to.print(Padding(table, _INDENT))


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", show_header=bool(headings))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _timeline(found: Backtest) -> Table:
    table = _table()
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for entry in found.life.timeline:
        table.add_row(timestamp(entry.time), Text(entry.message))
    return table


def _overview(results: Sequence[CriterionResult], start: int) -> Table:
    table = _table("name", "at the end", "first met after", "met", "unmet", "unknown", "blocked for")
    for column in table.columns[2:]:
        column.justify = "right"
    for result in results:
        whole = sum(result.seconds(verdict) for verdict in Verdict)
        shares = (_share(result.seconds(verdict), whole) for verdict in (Verdict.MET, Verdict.UNMET, Verdict.UNKNOWN))
        blocked = "-" if result.criterion.advisory else format_duration(result.blocked_seconds)
        name = f"{result.criterion.name} (advisory)" if result.criterion.advisory else result.criterion.name
        table.add_row(Text(name), _verdict(result.last.verdict), after(result.first_met, start), *shares, blocked)
    return table


def _print_criterion(result: CriterionResult, start: int, to: Console) -> None:
    to.print()
    to.print(Text.assemble((result.criterion.name, "bold"), f": {asked(result.criterion)}"))
    to.print(Padding(_stretches(result.stretches), _INDENT))
    if result.choices:
        to.print(Padding(_choices(result, start), (1, 0, 0, 2)))


def _stretches(found: Sequence[Stretch]) -> Table:
    table = _table("from", "lasted", "verdict", "why")
    table.columns[0].no_wrap = table.columns[2].no_wrap = True
    table.columns[1].justify = "right"
    for each in _some(found):
        if isinstance(each, int):
            table.add_row("", "", "", f"({each} more; -o json has all)")
            continue
        table.add_row(
            timestamp(each.start), format_duration(each.seconds), _verdict(each.judgement.verdict), Text(why(each))
        )
    return table


def _some(found: Sequence[Stretch]) -> Iterator[Stretch | int]:
    """The first and the last ones, and between them how many were left out."""
    left_out = len(found) - _SHOWN
    if left_out <= 0:
        yield from found
        return
    yield from found[: _SHOWN // 2]
    yield left_out
    yield from found[-(_SHOWN // 2) :]


def _choices(result: CriterionResult, start: int) -> Table:
    table = _table("bound", "bad points", "first met after", "")
    table.columns[1].justify = table.columns[2].justify = "right"
    for choice in result.choices:
        own = "as in the spec" if choice.own else ""
        met = after(choice.first_met, start)
        table.add_row(describe(choice.bound), f"{choice.bad_share:.2%}", met, own, style="bold" if choice.own else None)
    return table


def _verdict(verdict: Verdict) -> Text:
    return Text(verdict.value, style=_STYLES[verdict])


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "-"
