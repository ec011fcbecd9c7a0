"""A circuit breaker for one endpoint: after failures in a row it is left in peace for a while, longer each time.

The pause has jitter, so that many operators do not come back at the same instant, and is at least as long as the
endpoint asks for (`Retry-After`). Once it is over, one question at a time is let through; its answer closes the
circuit, its failure opens it again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from hypercare.domain.samples import Answer, FailureKind, QueryFailed, Result

_ENDPOINT_FAILURES = frozenset(
    {FailureKind.UNREACHABLE, FailureKind.TIMEOUT, FailureKind.REFUSED, FailureKind.UNAUTHORIZED}
)


@dataclass
class CircuitBreaker:
    """Counts failures of the endpoint itself; a bad query says nothing about it.

    Attributes:
        clock: Monotonic seconds.
        random: Uniform in [0, 1).
        threshold: Failures in a row that open the circuit.
        first_pause: Seconds of the first pause, doubled each time up to `longest_pause`.
    """

    clock: Callable[[], float]
    random: Callable[[], float]
    threshold: int = 5
    first_pause: float = 1.0
    longest_pause: float = 30.0
    _failures: int = field(default=0, init=False)
    _open_until: float = field(default=0.0, init=False)
    _probing: bool = field(default=False, init=False)
    _last: QueryFailed | None = field(default=None, init=False)

    def refusal(self) -> QueryFailed | None:
        """Why nothing must be asked now; None allows one question, whose result must be told to `record`."""
        if self._last is None or self._failures < self.threshold:
            return None
        if self._probing or self.clock() < self._open_until:
            return self._last
        self._probing = True
        return None

    def record(self, result: Result, wait_seconds: float = 0.0) -> None:
        """Take note of a result; `wait_seconds` is the pause that the endpoint asks for, which begins at once."""
        self._probing = False
        match result:
            case QueryFailed(kind) if kind in _ENDPOINT_FAILURES:
                self._last = result
                # Told to wait, there is nothing left to find out by asking.
                self._failures = max(self._failures + 1, self.threshold if wait_seconds > 0 else 0)
                beyond = self._failures - self.threshold
                if beyond >= 0:
                    pause = min(self.longest_pause, self.first_pause * 2.0 ** min(beyond, 10)) * (0.5 + self.random())
                    self._open_until = self.clock() + max(pause, wait_seconds * (1 + self.random() / 10))
            case Answer() | QueryFailed():
                self._failures = 0
                self._last = None
