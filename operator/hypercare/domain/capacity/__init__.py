"""Raising capacity, and the holds that bring every changed value back.

Where to look:

- what is asked for: `scaling` and `disruption` plan it, in `wishes` and amounts (`quantity`, `peak`).
- of which object: `capacity_objects` are those of a namespace, `scalers` finds the one; `revert_forecast` says who
  would take a change back.
- what is changed of it: `kinds` of objects, `held_fields` and their `field_values`; `live_object` is one as it was
  read, `ownership` whose its fields are.
- how it is changed and comes back: a `hold`, stored by `hold_record`, moved by `hold_protocol`, made and found again by
  `hold_recovery`; of several claims the `strictest` counts.
- what is told: `scaling_status`, `scaling_rows`, `readiness`.
"""
