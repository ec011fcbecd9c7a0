"""Whether targets run the release, judged by the objects as the API server holds them."""

from collections.abc import Mapping
from itertools import permutations
from typing import Any

import pytest

from hypercare.domain.life.release import Release, VersionMatch
from hypercare.domain.life.rollout import Rollout, RolloutState, Target, combined, rollout_of

Workload = dict[str, Any]
RELEASE = Release("2.4.0", revision="6f2c1e9")
TARGET = Target("Deployment", "checkout")


def _workload(
    images: tuple[str, ...] = ("registry:5000/shop/checkout:2.4.0",),
    label: str = "",
    replicas: int = 3,
    status: Mapping[str, int] | None = None,
) -> Workload:
    labels = {"app.kubernetes.io/version": label} if label else None
    complete = {"observedGeneration": 7, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}
    return {
        "metadata": {"name": "checkout", "generation": 7},
        "spec": {
            "replicas": replicas,
            "template": {
                "metadata": {"creationTimestamp": None, "labels": labels},
                "spec": {"containers": [{"name": f"c{i}", "image": image} for i, image in enumerate(images)]},
            },
        },
        "status": {**complete, **(status or {})},
    }


def _daemons(status: Mapping[str, int]) -> Workload:
    complete = {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2}
    workload = _workload(status={**complete, **status})
    del workload["spec"]["replicas"]
    return workload


WITHOUT_REPLICAS = _workload()
del WITHOUT_REPLICAS["spec"]["replicas"]
UNSEEN = _workload()
del UNSEEN["status"]

STATES: dict[str, tuple[Workload | None, RolloutState]] = {
    "Everything updated and available, with the version as the image's tag.": (_workload(), RolloutState.COMPLETE),
    "Nobody created it yet.": (None, RolloutState.MISSING),
    "Zero replicas prove nothing.": (_workload(replicas=0), RolloutState.ZERO_REPLICAS),
    "The controller has not seen the newest spec.": (
        _workload(status={"observedGeneration": 6}),
        RolloutState.PROGRESSING,
    ),
    "The controller has never seen it.": (UNSEEN, RolloutState.PROGRESSING),
    "One pod is of the old template.": (_workload(status={"updatedReplicas": 2}), RolloutState.PROGRESSING),
    "One pod is not available.": (_workload(status={"availableReplicas": 2}), RolloutState.PROGRESSING),
    "An old pod still runs beside the new ones.": (_workload(status={"replicas": 4}), RolloutState.PROGRESSING),
    "Absent replicas mean one.": (WITHOUT_REPLICAS, RolloutState.PROGRESSING),
    "Another version is rolled out.": (_workload(images=("checkout:2.3.9",)), RolloutState.OTHER_VERSION),
    "A tag with the letter v is the same version.": (_workload(images=("checkout:v2.4.0",)), RolloutState.COMPLETE),
    "A digest beside the tag is left aside.": (_workload(images=("checkout:2.4.0@sha256:ab",)), RolloutState.COMPLETE),
    "A digest alone carries no version.": (_workload(images=("checkout@sha256:ab",)), RolloutState.UNVERSIONED),
    "A port in the registry's name is not a tag.": (_workload(images=("registry:5000/x",)), RolloutState.UNVERSIONED),
    "The label names the version.": (_workload(images=("checkout",), label="2.4.0"), RolloutState.COMPLETE),
    "A label alone can differ.": (_workload(images=("checkout",), label="2.3.9"), RolloutState.OTHER_VERSION),
    "A sidecar's tag does not hide the version.": (
        _workload(images=("proxy:1.30", "checkout:2.4.0")),
        RolloutState.COMPLETE,
    ),
    "A longer version is another one.": (_workload(images=("checkout:2.4.0-rc1",)), RolloutState.OTHER_VERSION),
}


@pytest.mark.parametrize("sentence", STATES)
def test_a_deployment(sentence: str) -> None:
    workload, expected = STATES[sentence]
    assert rollout_of(TARGET, RELEASE, workload).state is expected


@pytest.mark.parametrize(
    ("sentence", "status", "expected"),
    [
        ("All scheduled pods are updated and available.", {}, RolloutState.COMPLETE),
        ("No node wants it.", {"desiredNumberScheduled": 0}, RolloutState.ZERO_REPLICAS),
        ("One node has the old pod.", {"updatedNumberScheduled": 1}, RolloutState.PROGRESSING),
        ("One node's pod is not available.", {"numberAvailable": 1}, RolloutState.PROGRESSING),
        ("The controller has not seen the newest spec.", {"observedGeneration": 6}, RolloutState.PROGRESSING),
    ],
)
def test_a_daemon_set(sentence: str, status: Mapping[str, int], expected: RolloutState) -> None:
    assert rollout_of(Target("DaemonSet", "agent"), RELEASE, _daemons(status)).state is expected


def test_a_stateful_set_has_no_surge() -> None:
    target = Target("StatefulSet", "queue")
    assert rollout_of(target, RELEASE, _workload(status={"replicas": 4})).state is RolloutState.COMPLETE
    assert rollout_of(target, RELEASE, _workload(status={"updatedReplicas": 1})).state is RolloutState.PROGRESSING


@pytest.mark.parametrize(
    ("match", "wanted", "image", "expected"),
    [
        (VersionMatch.PREFIX, "2.4", "checkout:2.4.7", RolloutState.COMPLETE),
        (VersionMatch.PREFIX, "2.4", "checkout:2.3.9", RolloutState.OTHER_VERSION),
        (VersionMatch.EXACT, "2.4", "checkout:2.4.7", RolloutState.OTHER_VERSION),
        (VersionMatch.EXACT, "v2.4", "checkout:2.4", RolloutState.COMPLETE),
        (VersionMatch.REVISION, "2.4", "checkout:main-6f2c1e9-17", RolloutState.COMPLETE),
        (VersionMatch.REVISION, "2.4", "checkout:2.4", RolloutState.OTHER_VERSION),
    ],
)
def test_how_a_version_is_found(match: VersionMatch, wanted: str, image: str, expected: RolloutState) -> None:
    release = Release(wanted, match=match, revision="6f2c1e9")
    assert rollout_of(TARGET, release, _workload(images=(image,))).state is expected


def test_a_target_may_have_a_version_of_its_own() -> None:
    target = Target("Deployment", "basket", version="1.9.3")
    assert rollout_of(target, RELEASE, _workload(images=("basket:1.9.3",))).state is RolloutState.COMPLETE
    assert rollout_of(target, RELEASE, _workload()).state is RolloutState.OTHER_VERSION


def test_messages_say_what_is_missing() -> None:
    progressing = rollout_of(TARGET, RELEASE, _workload(status={"updatedReplicas": 1}))
    other = rollout_of(TARGET, RELEASE, _workload(images=("checkout:2.3.9",)))
    assert progressing.message == "Deployment checkout: 1 of 3 updated, 3 available"
    assert other.message == "Deployment checkout runs 2.3.9, not 2.4.0"
    assert rollout_of(TARGET, RELEASE, None).message == "Deployment checkout does not exist"


def test_of_several_targets_the_one_furthest_from_complete_decides() -> None:
    worst_first = (
        RolloutState.MISSING,
        RolloutState.ZERO_REPLICAS,
        RolloutState.OTHER_VERSION,
        RolloutState.PROGRESSING,
        RolloutState.UNVERSIONED,
        RolloutState.COMPLETE,
    )
    for one, other in permutations(worst_first, 2):
        expected = min((one, other), key=worst_first.index)
        assert combined((Rollout(one, "one"), Rollout(other, "other"))).state is expected
