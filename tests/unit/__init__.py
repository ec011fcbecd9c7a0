"""Tests of the rules, and of the loop in memory. Modules whose names do not begin with `test_` are builders.

Where to look:

- things that a test needs one of: lives of periods (`lives`, `journeys`, `triggers`), snapshots and findings
  (`snapshots`, `assessments`), statuses (`statuses`), alerts and overlays (`alert_rules`, `made_objects`), scalers and
  claims (`scaled`), exit criteria and their context (`criteria`, `evidence_contexts`), reports (`run_reports`), what
  `init` finds (`surveys`).
- points written as text: `evidence_points`, `budget_points`. What a service or a CronJob does: `simulated`, `cronjob`.
- the cluster in memory: `api_server`, checked by `schema`; `metric_source` with `prometheus_answers` is a Prometheus,
  `range_server` one on loopback, `histories` a past, `alertmanagers` an Alertmanager.
- namespaces with a part of the operator at work: `loop` has all of it; `overlay_shop`, `evidence_shop` and `hold_shop`
  have one reader or reconciler each, `quiet_world` and `preflight_worlds` what is asked about alerts.
- holds as a model, explored to its end: `hold_world`, `hold_states`, `state_graph`.
- what others make of a result: `kstatus`; `courses` holds verdicts against visits, `backtests` against the loop.
- the command line: `kubectl_hypercare` runs it, `recorded_periods` and `cli_examples` are what it shows.
"""
