"""What becomes of the alerts of kube-prometheus when they are shared with a namespace, as reviewed text.

`python -m tests.corpus.shared` writes the table anew; its difference is what a change means for users.
"""

from collections import Counter
from collections.abc import Iterator

from hypercare.domain.alerts.narrowing import Narrowed, narrow
from hypercare.domain.alerts.source_rules import SourceAlert, source_alerts
from hypercare.domain.alerts.tightening import Untouched
from hypercare.domain.life.rollout import Target
from hypercare.domain.promql.tenancy import Tenancy
from tests.corpus.rules import FILES, FOLDER, rule_objects

LINES = FOLDER / "kube-prometheus.shared"
TENANCY = Tenancy("namespace", "shop")
TARGETS = (Target("Deployment", "checkout"),)


def narrowed_alerts() -> Iterator[tuple[SourceAlert, Narrowed | Untouched]]:
    """Each alert with what a Deployment called checkout, in the namespace shop, gets of it."""
    for body in rule_objects(FILES[0]):
        for alert in source_alerts(body, 30):
            if isinstance(alert, SourceAlert):
                yield alert, narrow(alert, TENANCY, TARGETS)


def narrowings() -> Iterator[str]:
    """The table: the counts, then a line for each alert with its scope or the reason."""
    found = list(narrowed_alerts())
    counts = Counter(_word(each) for _, each in found)
    yield f"# {len(found)} alerts: {', '.join(f'{word} {count}' for word, count in counts.most_common())}"
    for alert, each in found:
        told = each.scope if isinstance(each, Narrowed) else each.message
        yield " | ".join([alert.group.name, alert.alertname, _word(each), told])


def _word(found: Narrowed | Untouched) -> str:
    return f"narrowed to {found.reach.value}" if isinstance(found, Narrowed) else found.reason.value


if __name__ == "__main__":
    LINES.write_text("\n".join(narrowings()) + "\n", encoding="utf-8")
