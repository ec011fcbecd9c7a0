"""Whose visit it is: what every reader of a snapshot has to know of a period."""

from dataclasses import dataclass

from hypercare.domain.conditions import ConditionStatus, ConditionType
from hypercare.domain.life.facts import Life
from hypercare.domain.period import Resolved
from hypercare.domain.promql.tenancy import Tenancy, tenancy_of
from hypercare.domain.snapshot import Identity, Stored


@dataclass(frozen=True)
class Subject:
    """One period at one time. `live_since` is the one that status remembers, 0 for none; `now` in Unix seconds."""

    identity: Identity
    resolved: Resolved
    life: Life
    stored: Stored
    live_since: int
    now: int

    @property
    def tenancy(self) -> Tenancy:
        """Where the series of the period's namespace are."""
        return tenancy_of(self.resolved.profile.tenancy, self.identity.namespace)

    @property
    def owner(self) -> str:
        """Value of the label `hypercare` on everything the overlay makes."""
        return f"{self.identity.namespace}/{self.identity.name}"

    @property
    def unverified_seconds(self) -> int:
        """For how long the overlay has not been seen live."""
        seen = self.stored.conditions.get(ConditionType.ALERTS_TIGHTENED)
        if seen is None or seen.condition.status is ConditionStatus.TRUE:
            return 0
        return self.now - seen.since
