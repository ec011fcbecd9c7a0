"""A report as one HTML file: no script, nothing loaded from elsewhere, everything that was read is escaped."""

from collections.abc import Iterable
from html import escape

from hypercare.cli.report.sections import Digest, Section

_STYLE = """
:root { color-scheme: light dark; --text: #1c2128; --soft: #57606a; --line: #d0d7de; --page: #ffffff;
  --good: #2da44e; --bad: #cf222e; --unknown: #bf8700; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --soft: #9198a1; --line: #3d444d; --page: #0d1117;
  --good: #3fb950; --bad: #f85149; --unknown: #d29922; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); margin: 2rem auto;
  max-width: 62rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; }
.soft { color: var(--soft); } .answer { border-left: .3rem solid var(--bad); padding: .3rem .8rem; }
.answer.good { border-color: var(--good); } .Met { color: var(--good); } .Unmet { color: var(--bad); }
.Unknown { color: var(--unknown); } .wide { overflow-x: auto; }
table { border-collapse: collapse; } th { text-align: left; color: var(--soft); font-weight: normal; }
th, td { padding: .15rem .9rem .15rem 0; vertical-align: top; border-bottom: 1px solid var(--line); }
"""
_VERDICTS = frozenset({"Met", "Unmet", "Unknown"})


def report_page(found: Digest) -> str:
    """The whole page."""
    good = " good" if found.succeeded else ""
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>Hypercare of {escape(found.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
            f'<h1>{escape(found.title)}</h1>\n<p class="answer{good}">{escape(found.answer)}.</p>',
            *(f'<p class="soft">Note: {escape(note)}</p>' for note in found.notes),
            *map(_section, found.sections),
            "</body>\n</html>",
        ]
    )


def _section(found: Section) -> str:
    heading = f"<h2>{escape(found.title)}</h2>"
    if not found.rows:
        return f'{heading}\n<p class="soft">{escape(found.empty)}.</p>'
    head = f"<tr>{_cells('th', found.headings)}</tr>\n" if found.headings else ""
    body = "\n".join(f"<tr>{_cells('td', row)}</tr>" for row in found.rows)
    return f'{heading}\n<div class="wide"><table>\n{head}{body}\n</table></div>'


def _cells(tag: str, cells: Iterable[str]) -> str:
    return "".join(f"<{tag}{_class(cell)}>{escape(cell)}</{tag}>" for cell in cells)


def _class(cell: str) -> str:
    return f' class="{cell}"' if cell in _VERDICTS else ""
