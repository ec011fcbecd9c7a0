"""What the operator measures of itself, for Prometheus; docs/reference/metrics.md is made from it.

- `form` is what a metric is defined with.
- `telemetry` has those that are counted as things happen, `present` those that are computed when they are scraped, and
  `periods` those that name periods, on a path of their own.
"""
