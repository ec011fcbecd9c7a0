"""What a visit knows when it reads evidence: a run that started ten hours ago."""

from dataclasses import replace
from typing import Any

from hypercare.domain.evidence.context import Context
from hypercare.domain.evidence.quiet import NoOverlay, Watch, Whose
from hypercare.domain.profile import Evaluation
from hypercare.domain.promql.tenancy import Tenancy
from tests.unit.prometheus_answers import Source

NOW = 1_800_000_000
STARTED = NOW - 36_000
EVALUATION = Evaluation(step=30, interval=60, delay=30, freshness=120, max_delay=600)


def context(now: int = NOW, **changes: Any) -> Context:
    whole = Context(
        now=now,
        evaluation=EVALUATION,
        tenancy=Tenancy("namespace", "shop"),
        whose=Whose("shop", "checkout", "r1"),
        started_at=STARTED,
        floor=0,
        watch=Watch((), NoOverlay()),
    )
    return replace(whole, **changes)


def dead_since(moment: int) -> Source:
    return lambda time: 10 if time < moment else None
