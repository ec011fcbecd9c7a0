"""An operator that ends in the middle, told to or not: no streak is reset or skipped, and what was missed is done."""

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.lives.expectations import LASTING, await_protection, met, phases, promised
from tests.cluster.lives.history import History, Version
from tests.cluster.lives.place import ERRORS_CRITERION, OVERLAY, PERIOD, Place, new_place
from tests.cluster.operator_process import OperatorProcess

pytestmark = pytest.mark.cluster
AWAY_SECONDS = 3.0
SUSTAINED_SECONDS = 20
LONG_STREAK = {**ERRORS_CRITERION, "sustainedFor": f"{SUSTAINED_SECONDS}s"}
# rate[5s] reads that far behind the start of the window.
WARM_UP_SECONDS = 5
# delay, step and interval of the profile, a first visit after a start, and some for a busy machine.
LATE_SECONDS = 7


@pytest.fixture
def places(cluster: Cluster, operator: OperatorProcess) -> Iterator[dict[str, Place]]:
    """A place for each fate, all protected and with a streak of twenty seconds to build up."""
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(new_place(cluster, f"restart-{name}"))
            for name in ("untouched", "broken", "deleted", "gone")
        }


def restart(operator: OperatorProcess, end: Callable[[], object], meanwhile: Callable[[], None]) -> None:
    """End the operator, let something happen while it is away, and start it again."""
    end()
    began = time.monotonic()
    meanwhile()
    time.sleep(max(0.0, AWAY_SECONDS - (time.monotonic() - began)))
    operator.start()
    operator.wait_ready()


def test_restarts_in_the_middle(places: dict[str, Place], operator: OperatorProcess) -> None:
    with contextlib.ExitStack() as stack:
        histories = {name: stack.enter_context(place.watch("period")) for name, place in places.items()}
        for place in places.values():
            place.period(exitCriteria=[LONG_STREAK], **LASTING)
        for history in histories.values():
            await_protection(history)
        time.sleep(6)
        runs = {name: history.latest.status["run"]["id"] for name, history in histories.items()}

        restart(operator, operator.stop, lambda: _something_happens(places))
        started = time.time()
        _what_was_missed_is_done(places, started)
        time.sleep(2)
        restart(operator, operator.kill, lambda: None)

        _the_streak_went_on(histories["untouched"])
        _the_breach_was_found(histories["broken"])
        for name in ("untouched", "broken"):
            assert histories[name].latest.status["run"]["id"] == runs[name]
            assert phases(histories[name]) == ["Pending", "Preparing", "Active"]
            assert places[name].floor() == 4


def _something_happens(places: dict[str, Place]) -> None:
    places["broken"].cluster.shop.misbehave(places["broken"].namespace, errors=0.5, lasting=2)
    places["deleted"].delete("period", PERIOD)
    gone = places["gone"]
    gone.cluster.kubectl("delete", "namespace", gone.namespace, "--timeout=30s")


def _what_was_missed_is_done(places: dict[str, Place], started: float) -> None:
    deleted = places["deleted"]
    deleted.cluster.wait_until("it is restored", lambda: deleted.floor() == 2 and not deleted.all("hold"), promised(5))
    print(f"start after a deletion -> restored: {time.time() - started:.1f} s")
    deleted.cluster.wait_until("its overlay is collected", lambda: not deleted.find("rules", OVERLAY), timeout=10)


def _the_streak_went_on(history: History) -> None:
    """Met when an operator that was never away would have found it: not later for the restarts, and not earlier."""
    whole = history.until("the streak is whole", lambda each: met("errors", each), timeout=40)
    due = _window_start(whole) + WARM_UP_SECONDS + SUSTAINED_SECONDS
    print(f"a streak over two restarts was whole {whole.at - due:.1f} s after its last second")
    assert 0 <= whole.at - due <= promised(LATE_SECONDS)
    assert not any(each.verdict("errors") == "Unmet" for each in history.versions)


def _the_breach_was_found(history: History) -> None:
    found = [each for each in history.versions if each.verdict("errors") == "Unmet"]
    assert found, "what happened while the operator was away counts"
    whole = history.until("the streak is whole", lambda each: met("errors", each), timeout=40)
    last_bad = datetime.fromisoformat(found[-1].criterion("errors")["lastBad"]).timestamp()
    assert SUSTAINED_SECONDS <= whole.at - last_bad <= SUSTAINED_SECONDS + promised(LATE_SECONDS)


def _window_start(version: Version) -> float:
    return datetime.fromisoformat(version.status["window"]["startedAt"]).timestamp()
