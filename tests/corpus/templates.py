"""Templates of annotations as people write them, and as nobody should: the material of the test with promtool."""

import random

WRITTEN = (
    "{{ $value }}",
    "{{$labels.instance}} is down",
    '{{ $labels.pod }} in {{ $labels.namespace }} restarted {{ printf "%.2f" $value }} times',
    "{{ $value | humanizePercentage }} of {{ $labels.job | title | toUpper }}",
    '{{ with query "up" }}{{ . | first | value | humanize }}{{ end }}',
    '{{ range query "up == 0" }}{{ .Labels.instance }} {{ end }}',
    '{{ if eq $labels.severity "critical" }}now{{ else if ne $labels.severity "info" }}soon{{ else }}later{{ end }}',
    "{{- $value -}} and {{/* a comment */}} text {{- /* another */ -}}",
    '{{ $x := query "up" | first | value }}{{ $x }}',
    '{{ (index $labels "a-b") }} {{ .Labels.job }} {{ .Value }} {{ $externalURL }} {{ $externalLabels.cluster }}',
    '{{ reReplaceAll "(.*):.*" "$1" $labels.instance }} {{ `raw }} string` }}',
    '{{ and (gt $value 1.0) (lt $value 2.5) }} {{ not true }} {{ len "x" }} {{ nil | print }}',
    '{{ "quoted \\" brace }}" }} {{ print true }}',
    "no template, only } } and { {",
    "{{\n  $value\n}}",
)
BROKEN = (
    "{{ $value",
    "{{ $unknown }}",
    "{{ nosuch $value }}",
    "{{ end }}",
    "{{ if true }}",
    "{{ else }}",
    "{{ if true }}{{ else }}{{ else }}{{ end }}",
    "{{ | humanize }}",
    "{{ $value | 5 }}",
    '{{ (index $labels "a" }}',
    '{{ "open }}',
    "{{ 'a }}",
    "{{ }}",
    "{{}}",
    "{{ $value }} {{ template }}",
    "{{ .Labels..x }}",
    "{{ $labels.a-b }}",
    "{{ 1..2 }}",
    '{{ "a".b }}',
    "{{-$value-}}",
    "{{/* open }}",
    "{{ /* spaced */ }}",
    "{{ if }}x{{ end }}",
    "{{ with $x := 1 }}{{ end }}{{ $x }}",
    "{{ range }}{{ end }}",
    '{{ define "x" }}',
    "{{ break }}",
    "{{ := 1 }}",
    "{{ $value.x.y }} {{ true.x }}",
    "{{ $value }}}} {{{{",
    "{{ # }} {{ ! }} {{ \\ }}",
    '{{ "\\q" }} {{ "\\u00e9" }}',
)
_PIECES = (
    "{{",
    "}}",
    "{{-",
    "-}}",
    " ",
    " ",
    " ",
    "$value",
    "$labels",
    "$x",
    ":=",
    "=",
    ".",
    ".Labels",
    ".job",
    "|",
    "(",
    ")",
    "if",
    "else",
    "end",
    "range",
    "with",
    "humanize",
    "printf",
    "query",
    "first",
    "nosuch",
    '"a"',
    '"',
    "`b`",
    "`",
    "1",
    "2.5",
    "true",
    "nil",
    ",",
    "-",
    "/*",
    "*/",
    "\n",
    "é",
    "'",
    "\\",
    "text",
)


def made_up(count: int, seed: int) -> list[str]:
    """Templates put together from pieces of the language; with this seed always the same ones."""
    chance = random.Random(seed)
    return [_made_up(chance) for _ in range(count)]


def _made_up(chance: random.Random) -> str:
    if chance.random() < 0.3:
        return "".join(chance.choices(_PIECES, k=chance.randint(1, 14)))
    # Mostly whole actions, so that much of it parses.
    actions = (" ".join(chance.choices(_PIECES[7:], k=chance.randint(1, 6))) for _ in range(chance.randint(1, 3)))
    return "".join(f"{{{{ {action} }}}}{chance.choice(('', ' text '))}" for action in actions)
