"""Reading the history before a run: how far each alert may be tightened without having been noise before the release."""

from collections.abc import Mapping, Sequence

from hypercare.domain.alerts.preflight import Candidate, NoHistory, Preflight
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.ports import MetricSource


class HistoryReader:
    """Tries copies on history, many at a time, and asks each question once."""

    async def read(
        self, asked: Sequence[Candidate], before: int, tenancy: Tenancy, source: MetricSource
    ) -> Mapping[str, Preflight]:
        """The verdict on each candidate, by rule id.

        Args:
            asked: The alerts to be tried; each rule id once.
            before: The start of the run in Unix seconds. History ends there, so a restart finds the same.
            tenancy: Where the series of the period's namespace are: expressions are confined to it.
            source: Where to ask. Whatever it cannot answer becomes `NoHistory`; nothing is raised.
        """
        return {each.rule_id: NoHistory("history is not read yet", again=True) for each in asked}
