"""Exit criteria and the evidence for them: from samples to points and verdicts, each kind by its rules.

Where to look:

- what is asked for: `criteria`, which `criterion_field` reads from a spec, with `bound_field` and `bounds`. The kinds
  `slo`, `baseline`, `workload` and `runs` have modules of their names.
- the seam to the loop: `reading`, with a `context`; `resuming` goes on from what is stored, `grid` says what is final.
- `query`, `ratio`, `alerts` and `workload` are streaks: `streak_reading` asks and answers. Marks come from
  `value_marks`, `quiet` with `quiet_marks`, and `workload_marks`; `points` and `streaks` are what is folded in `fold`
  and judged in `judgement`. `plain_points`, `plain_quiet` and `streak_turns` do many equal points at once,
  `streak_history` tells the way there.
- `slo`: `budget_reading`, `budget_marks`, `budget`, `budget_judgement`.
- `baseline`: `baseline_reading`, `baseline_bins`, `baseline_judgement`.
- `runs`: `runs_reading`, `run_marks`, `run_record`, `runs_judgement`.
- what is told of a verdict: `judged_steps`, `verdict_history`, `advice`, `unknown_causes`.
- what the status keeps: `status`, with `state_fields`, `budget_status`, `baseline_status` and `runs_status`.
"""
