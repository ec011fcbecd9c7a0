"""What tightening with the default levers makes of each alert of the corpus, as reviewed text.

`python -m tests.corpus.outcomes` writes the tables anew; their difference is what a change means for users.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path

from hypercare.domain.alerts.protection import Deliver, Tighten
from hypercare.domain.alerts.rewriting import CopyLabels, Levers, tighten_alert
from hypercare.domain.alerts.selection import SelectedAlert
from hypercare.domain.alerts.source_rules import SourceAlert, source_alerts
from hypercare.domain.alerts.thresholds import ThresholdRule
from hypercare.domain.alerts.tightening import ForRule, MovedThreshold, Outcome, Tightened, Untouched
from tests.corpus.rules import FILES, FOLDER, rule_objects

LEVERS = Levers(ForRule(Tighten()), ThresholdRule(Fraction(1, 5)))
LABELS = CopyLabels({}, frozenset({"namespace"}))


def table(file: str) -> Path:
    """Where the reviewed outcomes of a file are."""
    return FOLDER / f"{Path(file).stem}.outcomes"


def outcomes(file: str, strength: int = 100) -> Iterator[tuple[SourceAlert, Outcome]]:
    """Each alert of a file, in order, with its outcome."""
    for body in rule_objects(file):
        for alert in source_alerts(body, 30):
            assert isinstance(alert, SourceAlert), alert
            yield alert, tighten_alert(SelectedAlert(alert, Deliver.NOTIFY), LEVERS, LABELS, strength)[0]


def lines(file: str) -> Iterator[str]:
    """The table: the counts, then a line for each alert."""
    found = list(outcomes(file))
    for title, counts in summary(outcome for _, outcome in found).items():
        yield f"# {title}: {', '.join(f'{name} {count}' for name, count in counts.most_common())}"
    for alert, outcome in found:
        yield " | ".join([alert.group.name, alert.alertname, *words(outcome)])


def summary(found: Iterator[Outcome]) -> Mapping[str, Counter[str]]:
    """How many alerts came to which outcome: by what was changed, and by the reason of what was not."""
    changed, untouched, kept = Counter[str](), Counter[str](), Counter[str]()
    for outcome in found:
        match outcome:
            case Tightened():
                changed[levers(outcome)] += 1
                kept.update(each.reason.value for each in outcome.left)
            case Untouched():
                untouched[outcome.reason.value] += 1
    total = Counter({"Tightened": changed.total(), "Untouched": untouched.total()})
    return {"Outcome": total, "Tightened by": changed, "Untouched for": untouched, "Kept in part for": kept}


def levers(outcome: Tightened) -> str:
    """What was changed."""
    moved = isinstance(outcome.threshold, MovedThreshold)
    shorter = outcome.copy_for_seconds < outcome.original_for_seconds
    return " and ".join(["threshold"] * moved + ["for"] * shorter)


def words(outcome: Outcome) -> list[str]:
    """The outcome in words: the change and what was kept, or the reason."""
    match outcome:
        case Tightened():
            return [str(outcome), *(f"kept: {each.reason.value}" for each in outcome.left)]
        case Untouched():
            return [f"untouched: {outcome.reason.value}"]


if __name__ == "__main__":
    for each in FILES:
        table(each).write_text("\n".join(lines(each)) + "\n", encoding="utf-8")
