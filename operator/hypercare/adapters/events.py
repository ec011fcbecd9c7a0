"""Events on hypercare objects, as `kubectl describe` shows them; implements `hypercare.ports.Events`.

Posted through the API directly and as core/v1: Kopf's own `kopf.event` works only inside its handlers, which do nothing
here but feed the cache. One Event per transition; a budget per object keeps a flapping one from flooding the namespace.
"""

import itertools
import logging
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from hypercare.domain.objects import ObjectRef, Resource
from hypercare.ports import ApiError, Body, Objects

EVENTS = Resource("", "v1", "events", "Event")
COMPONENT = "hypercare"
MESSAGE_LIMIT = 1024
BURST = 25
REFILL_SECONDS = 60.0
BUDGETS = 2048
# Where Kubernetes itself puts Events on cluster-scoped objects.
_CLUSTER_NAMESPACE = "default"
_logger = logging.getLogger(__name__)


@dataclass
class _Budget:
    left: float
    at: float


class ApiEvents:
    """Posts Events with a budget for each object: `BURST` at once, then one per `REFILL_SECONDS`.

    `clock` gives Unix seconds.
    """

    def __init__(self, api: Objects, clock: Callable[[], float] = time.time) -> None:
        self._api = api
        self._clock = clock
        self._budgets: OrderedDict[str, _Budget] = OrderedDict()
        self._instance = socket.gethostname()
        self._serial = itertools.count()

    async def post(self, about: Body, *, warning: bool, reason: str, message: str) -> None:
        """Record an Event; failing to is logged and never disturbs the loop."""
        metadata = about["metadata"]
        if not self._affordable(metadata.get("uid", "")):
            _logger.debug("Dropped an Event over the budget of its object", extra={"reason": reason})
            return
        namespace = metadata.get("namespace") or _CLUSTER_NAMESPACE
        name = f"{metadata['name']}.{int(self._clock() * 1000):x}{next(self._serial) & 0xFFF:03x}"
        ref = ObjectRef(EVENTS, namespace, name)
        try:
            await self._api.create(ref, self._body(ref, about, "Warning" if warning else "Normal", reason, message))
        except ApiError as error:
            _logger.warning("Could not post an Event: %s", error.advised, extra={"reason": reason})

    def _body(self, ref: ObjectRef, about: Body, kind: str, reason: str, message: str) -> Body:
        metadata = about["metadata"]
        now = datetime.fromtimestamp(int(self._clock()), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        cut = message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 1] + "…"
        return {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {"name": ref.name, "namespace": ref.namespace},
            "involvedObject": {
                "apiVersion": about["apiVersion"],
                "kind": about["kind"],
                "namespace": metadata.get("namespace", ""),
                "name": metadata["name"],
                "uid": metadata.get("uid", ""),
                "resourceVersion": metadata.get("resourceVersion", ""),
            },
            "type": kind,
            "reason": reason,
            "message": cut,
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT,
            "reportingInstance": self._instance,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }

    def _affordable(self, uid: str) -> bool:
        now = self._clock()
        budget = self._budgets.pop(uid, None) or _Budget(BURST, now)
        budget.left = min(float(BURST), budget.left + max(0.0, now - budget.at) / REFILL_SECONDS)
        budget.at = now
        self._budgets[uid] = budget
        while len(self._budgets) > BUDGETS:
            self._budgets.popitem(last=False)
        if budget.left < 1:
            return False
        budget.left -= 1
        return True
