"""A backtest as one HTML file: no script, nothing loaded from elsewhere, everything that was read is escaped."""

from collections.abc import Iterable
from html import escape

from hypercare.cli.backtest.plot import plot
from hypercare.cli.backtest.result import Backtest, CriterionResult
from hypercare.cli.backtest.words import asked, why
from hypercare.domain.backtest.bound_choice import Choice
from hypercare.domain.backtest.criterion import Stretch
from hypercare.domain.durations import format_duration
from hypercare.domain.evidence.bounds import describe
from hypercare.domain.report.facts import asked_of
from hypercare.domain.timestamps import timestamp

_MOST_ROWS = 200
_STYLE = """
:root { color-scheme: light dark; --text: #1c2128; --soft: #57606a; --line: #d0d7de; --page: #ffffff;
  --met: #2da44e; --unmet: #cf222e; --unknown: #bf8700; --value: #0969da; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --soft: #9198a1; --line: #3d444d; --page: #0d1117;
  --met: #3fb950; --unmet: #f85149; --unknown: #d29922; --value: #58a6ff; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); margin: 2rem auto;
  max-width: 62rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; }
p { margin: .3rem 0; } .soft { color: var(--soft); }
.answer { border-left: .3rem solid var(--unmet); padding: .3rem .8rem; margin: 1rem 0; }
.answer.relaxes { border-color: var(--met); }
table { border-collapse: collapse; margin: .5rem 0; } th { text-align: left; color: var(--soft); font-weight: normal; }
th, td { padding: .15rem .9rem .15rem 0; vertical-align: top; border-bottom: 1px solid var(--line); }
td { font-variant-numeric: tabular-nums; } td:first-child { white-space: nowrap; }
code { overflow-wrap: anywhere; } .wide { overflow-x: auto; }
.Met { color: var(--met); } .Unmet { color: var(--unmet); } .Unknown { color: var(--unknown); }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--soft); font-size: 11px; }
rect.Met { fill: var(--met); } rect.Unmet { fill: var(--unmet); } rect.Unknown { fill: var(--unknown); }
.value { fill: none; stroke: var(--value); stroke-width: 1.2; } .bound { stroke: var(--unmet); stroke-dasharray: 5 3; }
.frame { fill: none; stroke: var(--line); }
"""


def html_page(found: Backtest) -> str:
    """The whole page."""
    given = found.given
    title = f"{given.identity.namespace}/{given.identity.name} {given.resolved.spec.plan.release}"
    relaxes = " relaxes" if found.relaxes else ""
    span = f"{timestamp(found.span.start)} to {timestamp(found.span.end)}"
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>Backtest of {escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
            f"<h1>{escape(title)}</h1>",
            f'<p class="soft">{span}, a point every {format_duration(given.resolved.profile.evaluation.step)}</p>',
            f'<p class="answer{relaxes}">{escape(found.answer)}.</p>',
            *(f'<p class="soft">Note: {escape(note)}</p>' for note in found.notes),
            "<h2>What would have happened</h2>",
            _table(("time", "what"), ((timestamp(each.time), escape(each.message)) for each in found.life.timeline)),
            *(_criterion(found, result) for result in found.criteria),
            "</body>\n</html>",
        ]
    )


def _criterion(found: Backtest, result: CriterionResult) -> str:
    criterion = result.criterion
    expression, _ = asked_of(criterion)
    met = "never met" if result.first_met is None else f"first met at {timestamp(result.first_met)}"
    blocked = "advisory" if criterion.advisory else f"blocked for {format_duration(result.blocked_seconds)}"
    parts = [
        f'<h2>{escape(criterion.name)} <span class="{result.last.verdict}">{result.last.verdict}</span></h2>',
        f"<p>{escape(asked(criterion))}; {met}; {blocked}</p>\n<p><code>{escape(expression)}</code></p>",
        plot(result, found.span),
        _stretches(result),
    ]
    return "\n".join([*parts, _choices(result.choices)] if result.choices else parts)


def _stretches(result: CriterionResult) -> str:
    shown = result.stretches[:_MOST_ROWS]
    more = len(result.stretches) - len(shown)
    rest = f'<p class="soft">{more} more; -o json has all.</p>' if more else ""
    return _table(("from", "lasted", "verdict", "why"), map(_stretch, shown)) + rest


def _stretch(stretch: Stretch) -> tuple[str, ...]:
    verdict = stretch.judgement.verdict
    return (
        timestamp(stretch.start),
        format_duration(stretch.seconds),
        f'<span class="{verdict}">{verdict}</span>',
        escape(why(stretch)),
    )


def _choices(found: Iterable[Choice]) -> str:
    rows = (
        (
            escape(describe(each.bound)) + (" (as in the spec)" if each.own else ""),
            f"{each.bad_share:.2%}",
            "never" if each.first_met is None else timestamp(each.first_met),
        )
        for each in found
    )
    return _table(("bound", "bad points", "first met"), rows)


def _table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{heading}</th>" for heading in headings)
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table>\n<tr>{head}</tr>\n{body}\n</table></div>'
