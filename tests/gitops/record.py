"""Records periods of real runs, one for each standing that a GitOps tool may meet.

`python -m tests.gitops.record` runs several lives on the real control plane and writes what the API server served, into
recorded/. Their difference is what a change of the status means for GitOps tools.
"""

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.cluster import Cluster, start_owned, stop
from tests.cluster.layout import Options
from tests.cluster.lives.expectations import LASTING, over, protected
from tests.cluster.lives.history import History, Version
from tests.cluster.lives.operating import install, operator_of
from tests.cluster.lives.place import ERRORS_CRITERION, PERIOD, Place, new_place

RECORDED = Path(__file__).parent / "recorded"
_CRDS = Path(__file__).parents[2] / "crds"
_NAMESPACE = "shop"
_SHORT = {
    "start": {"when": "RolloutComplete", "timeout": "1m"},
    "duration": "16s",
    "extension": {"by": "4s", "limit": 1},
    "atLimit": {"hold": "4s"},
}
Standing = Callable[[Version], bool]
Live = Callable[[Place], Iterator[tuple[str, Standing]]]


def in_phase(phase: str) -> Standing:
    """In this phase, with the newest spec judged."""
    return lambda each: each.phase == phase and _current(each)


def stalled(each: Version) -> bool:
    """A person has to act."""
    return each.holds("Stalled") and _current(each)


def _current(each: Version) -> bool:
    return bool(each.status.get("observedGeneration") == each.body["metadata"]["generation"])


def a_good_one(place: Place) -> Iterator[tuple[str, Standing]]:
    """From the first second to success."""
    place.period()
    yield "unseen", lambda each: "conditions" not in each.status
    yield "preparing", in_phase("Preparing")
    yield "active", protected
    yield "relaxing", in_phase("Relaxing")
    yield "completed", lambda each: over(each) and each.phase == "Completed"


def one_without_evidence(place: Place) -> Iterator[tuple[str, Standing]]:
    """Extended, held for a decision, ended at the limit."""
    place.cluster.shop.hide(place.namespace)
    place.period(window=_SHORT)
    yield "active-without-evidence", lambda each: protected(each) and "unknown" in each.status.get("blocked", "")
    yield "extended", in_phase("Extended")
    yield "decision-needed", lambda each: in_phase("DecisionNeeded")(each) and stalled(each)
    yield "ended-at-the-limit", lambda each: over(each) and each.phase == "Ended"


def one_that_waits(place: Place) -> Iterator[tuple[str, Standing]]:
    """Its start lies far ahead, then it begins, is edited and suspended."""
    window = {**LASTING["window"], "start": {"when": "At", "at": "2099-01-01T00:00:00Z"}}
    place.period(**{**LASTING, "window": window})
    yield "begun", in_phase("Pending")
    yield "pending", lambda each: in_phase("Pending")(each) and each.holds("Ready")
    place.edit("period", PERIOD, {"spec": {"window": {"start": {"when": "Immediately", "at": None}}}})
    yield "edited", lambda each: bool(each.status) and not _current(each)
    yield "active-for-days", protected
    place.edit("period", PERIOD, {"spec": {"suspend": True}})
    yield "suspended", in_phase("Suspended")


def one_that_is_rolled_back(place: Place) -> Iterator[tuple[str, Standing]]:
    """Regressed, then back to the version before."""
    errors = {**ERRORS_CRITERION, "regression": {"above": 0.1, "for": "2s"}}
    place.period(exitCriteria=[errors], **LASTING)
    yield "active-before-the-regression", protected
    place.cluster.shop.misbehave(place.namespace, errors=0.5)
    yield "regressed", lambda each: each.holds("Regressed")
    place.edit("period", PERIOD, {"spec": {"release": {"version": "2.3.9", "previous": None}}})
    place.deploy("2.3.9")
    yield "rolled-back", lambda each: over(each) and each.phase == "Ended"


def one_without_a_profile(place: Place) -> Iterator[tuple[str, Standing]]:
    """It names a profile that does not exist."""
    place.period(profile="missing", **LASTING)
    yield "without-a-profile", stalled


def one_whose_rule_is_missing(place: Place) -> Iterator[tuple[str, Standing]]:
    """It names a PrometheusRule that does not exist."""
    place.period(protection={"alerts": {"from": [{"rule": "nowhere"}]}}, **LASTING)
    yield "rule-missing", stalled


LIVES: tuple[Live, ...] = (
    a_good_one,
    one_without_evidence,
    one_that_waits,
    one_that_is_rolled_back,
    one_without_a_profile,
    one_whose_rule_is_missing,
)


@dataclass(frozen=True)
class Recording:
    """One period as the API server served it."""

    name: str
    body: Mapping[str, Any]

    def write(self) -> None:
        """Write it as YAML, without what differs from run to run and says nothing."""
        metadata = {
            key: value
            for key, value in self.body["metadata"].items()
            if key in {"name", "namespace", "generation", "uid", "creationTimestamp", "resourceVersion"}
        }
        text = yaml.safe_dump({**self.body, "metadata": metadata}, sort_keys=False, allow_unicode=True, width=120)
        text = text.replace(self.body["metadata"]["namespace"], _NAMESPACE)
        (RECORDED / f"{self.name}.yaml").write_text(text, encoding="utf-8")


def record(place: Place, live: Live) -> Iterator[Recording]:
    """Live it, and record each standing as soon as it is reached."""
    with place.watch("period") as period:
        begin = 0
        for name, standing in live(place):
            begin = _reached(place, _from(period, begin, standing), name)
            yield Recording(name, period.versions[begin].body)


def _reached(place: Place, found: Callable[[], list[int]], name: str) -> int:
    place.cluster.wait_until(name, lambda: bool(found()), timeout=90)
    return found()[0]


def _from(period: History, begin: int, standing: Standing) -> Callable[[], list[int]]:
    """The versions from `begin` on that stand so, by index: a short standing is not missed."""
    return lambda: [index for index, each in enumerate(period.versions) if index >= begin and standing(each)]


def _live_all(cluster: Cluster, folder: Path) -> None:
    install(cluster)
    with operator_of(cluster, folder / "operator.log"):
        for live in LIVES:
            with new_place(cluster, re.sub("_", "-", live.__name__)) as place:
                for recording in record(place, live):
                    recording.write()
                    sys.stderr.write(f"recorded {recording.name}\n")


def main() -> None:
    """Record everything anew."""
    folder = Path(tempfile.mkdtemp(prefix="hypercare-recording-"))
    cluster, owner = start_owned(folder, Options(crds=(_CRDS,)))
    try:
        _live_all(cluster, folder)
    finally:
        stop(cluster)
        owner.release()
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
