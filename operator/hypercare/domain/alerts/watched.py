"""What evidence knows about each alert that the protection selects: its identity, its timing, its input.

The companion series that prove quiet carry `rule_id` and `group_id` as labels `hypercare_rule` and `hypercare_group`.
"""

from dataclasses import dataclass
from enum import StrEnum


class Making(StrEnum):
    """What the overlay makes of a watched alert."""

    UNTOUCHED = "Untouched"
    TIGHTENED = "Tightened"
    ADDED = "Added"


@dataclass(frozen=True)
class WatchedAlert:
    """One alert that is watched, at the current strength.

    Attributes:
        rule_id: Value of the label `hypercare_rule` of its copy and companions.
        group_id: Value of the label `hypercare_group` of its companions and of its group's heartbeat.
        alertname: Name of original and copy.
        severity: The original's severity, or that of an added alert; empty if it has none.
        making: `UNTOUCHED` has no copy, `ADDED` has no original.
        original_for_seconds: `for` of the original; of the alert itself when it is added.
        copy_for_seconds: `for` of the copy; of the original when there is no copy.
        interval_seconds: Evaluation interval of its group.
        depends_on_input: Whether it can only fire on data, so that missing data is no proof of quiet (not `absent`).
        expr: The expression, as written.
        inputs_expr: How many series its input has, 0 without any; empty unless `depends_on_input`.
        unprovable: Why no companion series can be recorded for it, in words; empty when they are.
        labels: The labels that its rule (the original's) or its group sets, names and values; values may be templates.
        scope: Of a shared alert, matchers for the results of the original that are the tenant's; empty for others.
    """

    rule_id: str
    group_id: str
    alertname: str
    severity: str
    making: Making
    original_for_seconds: int
    copy_for_seconds: int
    interval_seconds: int
    depends_on_input: bool
    expr: str
    inputs_expr: str
    unprovable: str = ""
    labels: frozenset[tuple[str, str]] = frozenset()
    scope: str = ""
