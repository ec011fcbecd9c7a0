"""The PrometheusRule of a period: reading what it depends on, writing it, and proving that it is evaluated.

- `reader` says what is wanted and how far it is in effect, with `firing` (what must not be silenced) and `diagnosis`
  (why it is not evaluated).
- `preflight` tries copies on the time before the run, and asks `history` for that.
- `writer` writes it, and `inhibition` reads what belongs to the AlertmanagerConfig beside it.
"""
