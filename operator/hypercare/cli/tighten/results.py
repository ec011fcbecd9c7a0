"""What became of each alert of some rule files, as the outputs of `kubectl hypercare tighten` need it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from hypercare.cli.rule_files import FileAlert
from hypercare.domain.alerts.protection import Deliver
from hypercare.domain.alerts.rewriting import CopyLabels, Levers, tighten_alert
from hypercare.domain.alerts.selection import SelectedAlert
from hypercare.domain.alerts.source_rules import SourceAlert
from hypercare.domain.alerts.tightening import MovedThreshold, Outcome, Untouched
from hypercare.domain.durations import format_duration

_LABELS = CopyLabels({}, frozenset({"namespace"}))


@dataclass(frozen=True)
class Result:
    """One alert of a file, with its outcome."""

    found: FileAlert
    outcome: Outcome

    @property
    def alert(self) -> SourceAlert:
        """The alert as the rules for tightening see it."""
        return self.found.alert

    @property
    def place(self) -> str:
        """Where it is, for people: the object or file, and the group."""
        return f"{self.alert.group.object_name}: {self.alert.group.name}"

    @property
    def original(self) -> dict[str, str]:
        """Expression and `for` as they are written; a `for` that is not there is 0s."""
        return {"expr": self.alert.expr, "for": str(self.found.rule.get("for") or "0s")}

    @property
    def copied(self) -> dict[str, str] | None:
        """Expression and `for` of the copy; None without one."""
        if isinstance(self.outcome, Untouched):
            return None
        moved, shorter = self.outcome.threshold, self.outcome.copy_for_seconds < self.outcome.original_for_seconds
        return {
            "expr": moved.expr if isinstance(moved, MovedThreshold) else self.alert.expr,
            "for": format_duration(self.outcome.copy_for_seconds) if shorter else self.original["for"],
        }

    @property
    def levers(self) -> str:
        """What was changed: `threshold and for`, one of them, or nothing."""
        if isinstance(self.outcome, Untouched):
            return ""
        moved = isinstance(self.outcome.threshold, MovedThreshold)
        shorter = self.outcome.copy_for_seconds < self.outcome.original_for_seconds
        return " and ".join(["threshold"] * moved + ["for"] * shorter)

    @property
    def kept(self) -> tuple[Untouched, ...]:
        """Why something was not changed; for an alert without a copy, why there is none."""
        return (self.outcome,) if isinstance(self.outcome, Untouched) else self.outcome.left

    def as_json(self) -> dict[str, Any]:
        """The object that `-o json` prints for it."""
        untouched = isinstance(self.outcome, Untouched)
        return {
            "file": self.found.file.source,
            "group": self.alert.group.name,
            "alert": self.alert.alertname,
            "outcome": "Untouched" if untouched else "Tightened",
            "reason": self.outcome.reason.value if isinstance(self.outcome, Untouched) else "",
            "message": self.outcome.message if isinstance(self.outcome, Untouched) else str(self.outcome),
            "original": self.original,
            "tightened": self.copied,
            "kept": [] if untouched else [{"reason": each.reason.value, "message": each.message} for each in self.kept],
        }


def tighten_all(alerts: Iterable[FileAlert], levers: Levers, strength: int) -> Iterator[Result]:
    """Decide about every alert, in order."""
    for found in alerts:
        selected = SelectedAlert(found.alert, Deliver.NOTIFY)
        outcome, _ = tighten_alert(selected, levers, _LABELS, strength)
        yield Result(found, outcome)
