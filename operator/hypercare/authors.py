"""Whether the spec of a period may be enforced: the admission policy as the watch cache has it."""

from functools import partial

from hypercare.domain.author_policy import Check, Installed, Waived, judge
from hypercare.domain.authorship import Authorship, authorship
from hypercare.domain.objects import POLICIES, POLICY_BINDINGS
from hypercare.ports import Body, ObjectCache
from hypercare.shipped import authors_policy


class AuthorCheck:
    """Judges periods. `waived`: the operator was told to enforce without the policy."""

    def __init__(self, cache: ObjectCache, *, waived: bool) -> None:
        self._cache = cache
        self._waived = waived

    def of(self, period: Body) -> Authorship:
        """Judge the spec of a period as it is now."""
        return authorship(period, partial(self._check, period["metadata"]["namespace"]))

    def _check(self, namespace: str) -> Check:
        if self._waived:
            return Waived()
        served = self._cache.served(POLICIES) and self._cache.served(POLICY_BINDINGS)
        found = Installed(served, self._cache.select(POLICIES), self._cache.select(POLICY_BINDINGS))
        return judge(found, authors_policy(), namespace)
