"""Exit criteria, parsed from elements of `spec.exitCriteria`."""

from typing import Any

from hypercare.domain.evidence.criteria import Criterion
from hypercare.domain.evidence.criterion_field import parse_criterion
from hypercare.domain.fields import Field

QUERY: dict[str, Any] = {"name": "volume", "query": "sum(x)", "above": 5, "sustainedFor": "6h"}
RATES: dict[str, Any] = {"objective": 99.9, "errors": "sum(rate(e[5m]))", "total": "sum(rate(t[5m]))", "over": "1d"}
SLOTH: dict[str, Any] = {"sloth": {"service": "shop", "slo": "requests"}, "over": "1d"}
PYRRA: dict[str, Any] = {"pyrra": {"name": "checkout-errors"}, "over": "12h"}


def parse(**changes: Any) -> Any:
    """A criterion that asks for a volume, but for these changes; None removes a field."""
    return parse_criterion(Field("spec.exitCriteria[0]", {k: v for k, v in (QUERY | changes).items() if v is not None}))


def parse_slo(slo: dict[str, Any], **more: Any) -> Criterion:
    """A criterion of an error budget; None removes a field of `slo`."""
    kept = {key: value for key, value in slo.items() if value is not None}
    return parse_criterion(Field("spec.exitCriteria[0]", {"name": "budget", "slo": kept, **more}))


def parse_runs(runs: dict[str, Any], **more: Any) -> Criterion:
    return parse_criterion(Field("spec.exitCriteria[0]", {"name": "loads", "runs": runs, **more}))
