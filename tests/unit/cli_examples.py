"""The examples of docs/cli.md, as the commands show them today: `python -m tests.unit.cli_examples` writes them anew.

Each stands in the page behind a line `<!-- example: name -->`. They are made from what a real operator left behind
(`recorded_periods`), so that nobody has to keep them up by hand.
"""

import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from hypercare.cli.cluster_access import Body, Cluster
from hypercare.cli.doctor.diagnosis import Diagnosis, ok
from hypercare.cli.doctor.permissions import Account, operator_permissions, own_permissions
from hypercare.cli.doctor.text import doctor_view
from hypercare.cli.doctor.working import endpoint, heartbeat, rules_in_force, stalled
from hypercare.cli.init.template import period_file
from hypercare.cli.list.text import list_view, ordered
from hypercare.cli.periods.changes import changes, first_look
from hypercare.cli.periods.reading import read_period
from hypercare.cli.periods.seen import Seen
from hypercare.cli.report.sections import digest
from hypercare.cli.report.text import report_view
from hypercare.cli.status.text import status_view
from hypercare.cli.wait.command import Goal
from hypercare.cli.wait.result import Result, judge
from hypercare.cli.why.text import why_view
from hypercare.domain.timestamps import timestamp
from tests.unit.kubectl_hypercare import PROGRAM
from tests.unit.recorded_periods import NOW, found, lines, page, recorded
from tests.unit.surveys import survey

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "cli.md"
BLOCK = re.compile(r"(<!-- example: (?P<name>[a-z-]+) -->\n```[a-z]*\n)(?P<text>.*?)(\n?```\n)", re.DOTALL)
MISTAKEN = """\
apiVersion: hypercare.dev/v1alpha1
kind: HypercarePeriod
metadata: {name: checkout, namespace: shop}
spec:
  release: {version: 2.4}
  targets:
    - {kind: Deployment, name: checkout}
  window: {duration: 2h}
  exitCriterias:
    - {name: errors, query: 'sum(rate(errors_total[5m]))', below: 1, sustainedFor: 6h}
"""


def _shown(command: str, view: RenderableType, width: int = 80) -> str:
    return "\n".join([f"$ kubectl hypercare {command}", *lines(view, page(width))])


def _status() -> str:
    return _shown("status checkout -n shop", status_view(found(recorded("held-up")), page()))


def _why() -> str:
    return _shown("why checkout -n shop", why_view(found(recorded("held-up"))))


def _named(situation: str, namespace: str, name: str) -> Seen:
    body = recorded(situation)
    body["metadata"] |= {"namespace": namespace, "name": name}
    return read_period(body)


def _list() -> str:
    seen = [
        _named("held-up", "shop", "checkout"),
        _named("stalled", "shop", "cart"),
        _named("completed", "pay", "ledger"),
    ]
    return _shown("list -A", list_view(ordered(seen), NOW, page(130), with_namespace=True), 130)


def _watch() -> str:
    before, after = read_period(recorded("preparing")), read_period(recorded("active"))
    told = [first_look(before, NOW - 130), *changes(before, after, NOW)]
    printed = [f"{timestamp(each.time)} shop/checkout {each.text}" for each in told]
    return "\n".join(["$ kubectl hypercare watch checkout -n shop | cat", *printed])


def _wait() -> str:
    result = judge(read_period(recorded("active")), Goal.PROTECTED)
    assert isinstance(result, Result)
    asked = "$ kubectl hypercare wait checkout -n shop --for protected --timeout 10m -q; echo $?"
    return "\n".join([asked, f"shop/checkout: {result.message}", str(int(result.code))])


def _explain() -> str:
    path = "manifests/examples/smallest.yaml"
    return _process(f"explain -f {path}", ROOT)


def _explain_reason() -> str:
    return _process("explain --reason OverlayNotSelected", ROOT)


def _lint() -> str:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "period.yaml").write_text(MISTAKEN)
        return _process("lint period.yaml", Path(folder))


def _process(command: str, folder: Path) -> str:
    ran = subprocess.run([PROGRAM, *command.split()], cwd=folder, capture_output=True, text=True, check=False)
    return "\n".join([f"$ kubectl hypercare {command}", *ran.stdout.splitlines()])


class _Answers(Cluster):
    """An API server that knows access reviews only, and denies whatever is about disruption budgets."""

    def __init__(self) -> None:
        self.namespace, self.host = "shop", ""

    def post(self, path: str, body: Body) -> Body:
        asked: Mapping[str, Any] = body["spec"]["resourceAttributes"]
        return {"status": {"allowed": asked["resource"] != "poddisruptionbudgets"}}


def _doctor() -> str:
    cluster, periods = _Answers(), [_named("stalled", "shop", "cart")]
    late = recorded("held-up")
    late["status"]["criteria"][0] |= {"reason": "PrometheusUnauthorized", "message": "Prometheus answered 401"}
    periods.append(read_period(late))
    told: list[Diagnosis] = [
        ok("API server", "https://203.0.113.7:6443 answers, Kubernetes v1.36.3"),
        ok("CRD hypercareperiods", "v1alpha1 is served, as this plugin knows it"),
        ok("operator", "Deployment hypercare-system/hypercare-operator is ready"),
        *operator_permissions(cluster, Account("hypercare-system", "hypercare-operator"), ""),
        *own_permissions(cluster, ""),
        heartbeat(periods, NOW + 3600),
        endpoint(periods, NOW + 3600),
        rules_in_force(periods, NOW + 3600),
        *stalled(periods),
    ]
    return _shown("doctor", doctor_view(told))


def _init() -> str:
    return f"$ kubectl hypercare init deployment/checkout -n shop --profile web\n{period_file(survey()).rstrip()}"


def _report() -> str:
    facts = json.loads(recorded("report")["data"]["report.json"])
    return _shown("report checkout -n shop", report_view(digest(facts)))


EXAMPLES: Mapping[str, Callable[[], str]] = {
    "status": _status,
    "list": _list,
    "why": _why,
    "watch": _watch,
    "wait": _wait,
    "explain": _explain,
    "explain-reason": _explain_reason,
    "lint": _lint,
    "doctor": _doctor,
    "init": _init,
    "report": _report,
}


def written_anew(text: str) -> str:
    """The page with the examples as they are today."""
    return BLOCK.sub(lambda block: f"{block[1]}{EXAMPLES[block['name']]()}\n```\n", text)


if __name__ == "__main__":
    PAGE.write_text(written_anew(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
