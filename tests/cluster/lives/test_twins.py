"""An operator that is away for a while, against one that never is: the same verdicts from the same points on.

Three equal periods read the same series. While two of the operators are away, one told to stop and one killed, the
service breaks, recovers, is not scraped for a while and comes back: four changes of verdict that only one of them sees.
"""

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from hypercare.adapters.events import BURST
from tests.cluster.cluster import Cluster
from tests.cluster.lives.expectations import met, over, promised, restored
from tests.cluster.lives.twins import Pace, Service, Twin, holds_everywhere, play, twins

pytestmark = pytest.mark.cluster
NAMES = ("undisturbed", "stopped", "killed")
CRITERIA = ("errors", "queue", "patient")
CHANGES = ["Met", "Unmet", "Met", "Unknown", "Met", "Unmet", "Met"]


@pytest.mark.usefixtures("alone")
def test_an_absence_changes_no_verdict(cluster: Cluster, tmp_path: Path) -> None:
    pace = Pace()
    with twins(cluster, NAMES, tmp_path, pace) as (found, service, start):
        holds_everywhere(
            found, "the first stage is over", lambda each: each.status.get("stage") == "elevated", promised(40)
        )
        _go_away(found)
        while_away = time.time() - start
        _live_on(service, start, while_away)
        _come_back(found)
        holds_everywhere(
            found, "the hole is over", lambda each: met("errors", each) and met("queue", each), promised(30)
        )
        service.misbehave(1.5, errors=0.1, queue=100)
        holds_everywhere(found, "it breaks again", lambda each: each.verdict("errors") == "Unmet", promised(15))
        holds_everywhere(
            found, "all are met again", lambda each: all(met(name, each) for name in CRITERIA), promised(40)
        )
        for twin in found.values():
            twin.let_end(pace)
        holds_everywhere(found, "it ends", over, promised(40))
        _happened_the_same(found)
        assert all(restored(twin.place) for twin in found.values())


def _go_away(found: Mapping[str, Twin]) -> None:
    found["stopped"].operator.stop()
    found["killed"].operator.kill()


def _live_on(service: Service, start: float, now: float) -> None:
    """Broken past the regression bound, well, a hole in the data, well."""
    play(
        start,
        (now + 1, lambda: service.misbehave(3.5, errors=0.5, queue=100)),
        (now + 17, service.hide),
        (now + 25, service.show),
        (now + 33, lambda: None),
    )


def _come_back(found: Mapping[str, Twin]) -> None:
    for name in ("stopped", "killed"):
        found[name].operator.start()
    for name in ("stopped", "killed"):
        found[name].operator.wait_ready()


def _happened_the_same(found: Mapping[str, Twin]) -> None:
    reference = found["undisturbed"]
    assert [verdict for _, verdict in reference.verdicts("errors")] == CHANGES
    for other in found.values():
        assert other.transitions() == reference.transitions()
        for name in CRITERIA:
            assert other.verdicts(name) == reference.verdicts(name)
            _is_told_once(other, name, reference.verdicts(name))
            _was_the_same_wherever_it_was_read(other, reference, name)


def _is_told_once(twin: Twin, name: str, verdicts: list[tuple[str, str]]) -> None:
    """One Event for each change, also for those that the operator missed, until their budget is spent."""
    events = twin.events()
    posted = [reason.removeprefix("Criterion") for reason, message in events if message.startswith(f"{name} ")]
    posted = [verdict for verdict in posted if verdict in {"Met", "Unmet", "Unknown"}]
    every = iter(verdict for _, verdict in verdicts)
    assert all(verdict in every for verdict in posted), posted
    assert len(posted) == len(verdicts) or len(events) >= BURST


def _was_the_same_wherever_it_was_read(one: Twin, other: Twin, name: str) -> None:
    mine, theirs = one.evidence(name), other.evidence(name)
    common = mine.keys() & theirs.keys()
    assert len(common) >= 10
    assert {point: mine[point] for point in common} == {point: theirs[point] for point in common}
