"""Tightening alerts: which are chosen, how each is rewritten, the overlay of the copies, the proof that it is live.

Where to look:

- which alerts: `protection` is what the spec says, `scope` whose may be taken, `selection` what comes of both;
  `source_rules`, `candidates`, `mentions`, `narrowing` and `name_patterns` serve it. Alerts that are added:
  `added_alerts`, `indicator_alerts`.
- one alert and its copy: `judgement` decides with `rewriting`, by two levers: `tightening` (the `for`) and `thresholds`
  (the bounds, which `deciding` and `comparisons` find). `syntax`, `result_labels` and `closed_labels` read expressions;
  `copies` writes the rules, whose texts `rule_templates` makes sound by `template_tokens`.
- what history says of a copy: question and answers are in `preflight`; `trials` asks, `rehearsal` answers with
  `replay`, `calibration` and `history`, `verdict_memory` remembers.
- the overlay: `plan` is the seam to the loop; `overlay` is the object, `overlay_plan` and `overlay_parts` divide it,
  `held_copies` and `firing` keep what fires, `left_out` leaves out what is refused, `contest` and `orphans` are about
  others who change it or have lost it.
- whether it is live: `liveness`; why not: `diagnosis`, with `loaded_rules`, `rule_selection` and `rule_refusals`.
- Alertmanager: `alertmanager_view` is what was read, with `matchers`, `routing` and `silences`. `paging` says whom a
  copy reaches, `inhibition` and `muting` let it mute its original, by an `alertmanager_config`.
- what evidence and the report know of alerts: `watched`, `episodes`.
"""
