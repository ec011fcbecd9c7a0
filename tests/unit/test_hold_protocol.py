"""One step of the hold protocol, case by case; what many steps add up to is in test_hold_model.py."""

from dataclasses import replace

import pytest

from hypercare.domain.capacity.field_values import Present
from hypercare.domain.capacity.held_fields import MAX_REPLICAS, MIN_REPLICAS
from hypercare.domain.capacity.hold import Contest, HeldField, Hold, Pending, Untouched
from hypercare.domain.capacity.hold_protocol import (
    LATE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    SEND_WITHIN_SECONDS,
    DeleteHold,
    PatchObject,
    Release,
    Settled,
    Wait,
    WriteHold,
    backing_off,
    next_step,
)
from hypercare.domain.capacity.live_object import Gone
from hypercare.domain.capacity.quantity import Count
from tests.unit.scaled import NOW, claim, floor_field, hold, live

RAISED = hold(floor_field(2, confirmed=4))
RESTORING = hold(floor_field(2, confirmed=4), claims=())
EXPIRED = NOW - LATE_SECONDS


@pytest.mark.parametrize(
    ("stored", "found", "expected"),
    [
        pytest.param(
            hold(), live(2), WriteHold(hold(floor_field(2, pending=4))), id="a change is announced before it is made"
        ),
        pytest.param(
            hold(floor_field(2, pending=4)), live(4), WriteHold(RAISED), id="a value that has arrived is confirmed"
        ),
        pytest.param(RAISED, live(4), Settled(), id="what is as wanted is left alone"),
        pytest.param(
            hold(floor_field(2, pending=4, at=NOW - 5)),
            live(2),
            WriteHold(hold(floor_field(2, pending=4))),
            id="somebody else's announcement is renewed before it is acted on",
        ),
        pytest.param(
            hold(floor_field(2, pending=9)),
            live(2),
            Wait(LATE_SECONDS, "an earlier write may still arrive"),
            id="another value is not announced while the first may still arrive",
        ),
        pytest.param(
            hold(floor_field(2, pending=9, at=EXPIRED)),
            live(2),
            WriteHold(hold(floor_field(2, pending=4))),
            id="another value is announced once the first cannot arrive any more",
        ),
        pytest.param(
            hold(floor_field(2, pending=9, at=NOW + 3600)),
            live(2),
            WriteHold(hold(floor_field(2, pending=9))),
            id="an announcement from the future is dated back, so that nothing waits for it",
        ),
        pytest.param(
            RESTORING,
            live(4),
            WriteHold(hold(floor_field(2, confirmed=4, pending=2), claims=())),
            id="without claims the original is announced",
        ),
        pytest.param(
            hold(floor_field(2, confirmed=4, pending=2), claims=()),
            live(2),
            DeleteHold(Release.RESTORED),
            id="once the original is back the hold goes",
        ),
        pytest.param(
            hold(floor_field(2), claims=()), live(2), DeleteHold(Release.RESTORED), id="an unused hold goes at once"
        ),
        pytest.param(
            hold(floor_field(2, pending=4), claims=()),
            live(2),
            Wait(LATE_SECONDS, "an earlier write may still arrive"),
            id="a hold with a write under way is kept although nothing has changed",
        ),
        pytest.param(
            hold(floor_field(2, pending=4, at=EXPIRED), claims=()),
            live(2),
            WriteHold(hold(floor_field(2), claims=())),
            id="and not longer than that write may take",
        ),
        pytest.param(
            hold(floor_field(2, pending=4), claims=()),
            live(4),
            WriteHold(RESTORING),
            id="a raise that arrived after its claim went is ours, and is taken back",
        ),
        pytest.param(RESTORING, live(7), DeleteHold(Release.RESTORED), id="at the end a user's value stays"),
        pytest.param(
            RESTORING, live(4, appliers=("argocd",)), DeleteHold(Release.RESTORED), id="a value somebody applied stays"
        ),
        pytest.param(
            hold(floor_field(2, confirmed=4), claims=(claim(strength=50),)),
            live(4, appliers=("argocd",)),
            WriteHold(hold(floor_field(4), claims=(claim(strength=50),))),
            id="what somebody applied is not lowered by a relax step either",
        ),
        pytest.param(
            RAISED, live(4, appliers=("argocd",)), Settled(), id="that somebody applies our value is no news meanwhile"
        ),
        pytest.param(
            RAISED, live(7), WriteHold(hold(floor_field(7))), id="a value above ours stands, and becomes the original"
        ),
        pytest.param(
            RAISED,
            live(3),
            WriteHold(replace(hold(floor_field(3)), contest=Contest("argocd", 1, NOW, NOW + 60))),
            id="a value below ours is the new original, and ours pauses",
        ),
        pytest.param(
            RAISED,
            live(2),
            WriteHold(replace(hold(floor_field(2)), contest=Contest("argocd", 1, NOW, NOW + 60))),
            id="a revert to the original makes ours pause",
        ),
        pytest.param(
            hold(floor_field(2, confirmed=4, pending=2)),
            live(2),
            WriteHold(hold(floor_field(2))),
            id="a restore of ours that arrived is no revert by others",
        ),
        pytest.param(
            hold(floor_field(2)), live(3), WriteHold(hold(floor_field(3))), id="an edit before we wrote is no revert"
        ),
        pytest.param(
            hold(floor_field(2, pending=4)),
            live(3),
            WriteHold(hold(floor_field(3))),
            id="an edit makes a write under way stale: it is forgotten",
        ),
        pytest.param(RAISED, Gone(), DeleteHold(Release.VOID), id="an object that is gone is not missed"),
        pytest.param(RAISED, live(4, uid="another"), DeleteHold(Release.VOID), id="another object is not touched"),
        pytest.param(
            hold(floor_field(None)), live(1), WriteHold(hold(floor_field(None, pending=4))), id="absent is one"
        ),
    ],
)
def test_step(stored: Hold, found: object, expected: object) -> None:
    assert isinstance(found, Gone | type(live()))
    assert next_step(stored, found, NOW) == expected


def test_an_announcement_of_our_own_is_renewed_after_a_pause() -> None:
    slept = hold(floor_field(2, pending=4, at=NOW - SEND_WITHIN_SECONDS - 1))
    assert next_step(slept, live(2), NOW, written=True) == WriteHold(hold(floor_field(2, pending=4)))


def test_the_patch_tests_identity_version_and_value() -> None:
    step = next_step(hold(floor_field(2, pending=4)), live(2), NOW, written=True)
    assert step == PatchObject(
        (
            {"op": "test", "path": "/metadata/uid", "value": "uid-1"},
            {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
            {"op": "test", "path": "/spec/minReplicas", "value": 2},
            {"op": "add", "path": "/spec/minReplicas", "value": 4},
        )
    )


def test_floor_and_ceiling_come_back_in_one_patch() -> None:
    ceiling = HeldField(MAX_REPLICAS, Present(10), Present(20), Pending(Present(10), NOW))
    step = next_step(hold(floor_field(2, confirmed=15, pending=2), ceiling, claims=()), live(15, 20), NOW, written=True)
    assert isinstance(step, PatchObject)
    assert [operation["path"] for operation in step.operations if operation["op"] == "add"] == [
        MIN_REPLICAS,
        MAX_REPLICAS,
    ]


def test_an_absent_floor_is_removed_again() -> None:
    step = next_step(
        hold(replace(floor_field(None, confirmed=4), pending=Pending(floor_field(None).original, NOW)), claims=()),
        live(4),
        NOW,
        written=True,
    )
    assert isinstance(step, PatchObject)
    assert step.operations[-1] == {"op": "remove", "path": MIN_REPLICAS}


def test_the_maximum_is_saved_before_a_ceiling_raises_it() -> None:
    claims = (claim(ceiling=Count(20)),)
    step = next_step(hold(claims=claims), live(2, 10), NOW)
    assert step == WriteHold(hold(floor_field(2), HeldField(MAX_REPLICAS, Present(10)), claims=claims))


def test_a_floor_set_above_the_old_maximum_takes_it_along() -> None:
    ceiling = HeldField(MAX_REPLICAS, Present(10), Present(20))
    step = next_step(
        hold(floor_field(2, confirmed=15), ceiling, claims=(claim(floor=Count(15), ceiling=Count(20)),)),
        live(12, 20),
        NOW,
    )
    assert isinstance(step, WriteHold)
    assert [record.original for record in step.hold.fields] == [Present(12), Present(12)]


class TestReverts:
    """What happens when another writer takes the value back again and again."""

    def reverted(self, contest: Contest, now: int) -> Contest:
        step = next_step(replace(RAISED, contest=contest), live(2), now)
        assert isinstance(step, WriteHold)
        assert isinstance(step.hold.contest, Contest)
        assert isinstance(step.hold.fields[0].confirmed, Untouched)
        return step.hold.contest

    def test_each_pause_is_twice_as_long_up_to_an_hour(self) -> None:
        contest, now, pauses = Contest("argocd", 0, NOW, NOW), NOW, []
        for _ in range(9):
            contest = self.reverted(contest, now)
            pauses.append(contest.until - now)
            now = contest.until + 5
        assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
        assert (contest.reverts, contest.since) == (9, NOW)

    def test_an_hour_of_peace_is_forgiven(self) -> None:
        later = NOW + LONGEST_PAUSE_SECONDS + 1
        assert self.reverted(Contest("argocd", 5, NOW - 9, NOW), later) == Contest("argocd", 1, later, later + 60)

    def test_nothing_is_written_during_a_pause_and_the_floor_returns_after_it(self) -> None:
        paused = replace(hold(floor_field(2)), contest=Contest("argocd", 1, NOW, NOW + 60))
        assert next_step(paused, live(2), NOW + 20) == Wait(40, "another writer reverted the value")
        after = next_step(paused, live(2), NOW + 60)
        assert after == WriteHold(replace(paused, fields=(floor_field(2, pending=4, at=NOW + 60),)))

    def test_a_restore_does_not_wait_for_the_pause(self) -> None:
        ceiling = HeldField(MAX_REPLICAS, Present(10), Present(20))
        paused = replace(hold(floor_field(2), ceiling, claims=()), contest=Contest("argocd", 1, NOW, NOW + 60))
        step = next_step(paused, live(2, 20), NOW)
        assert isinstance(step, WriteHold)
        assert step.hold.fields[1].pending == Pending(Present(10), NOW)

    def test_a_pause_that_ends_far_ahead_is_bounded(self) -> None:
        clock_was_wrong = replace(RAISED, contest=Contest("argocd", 1, NOW, NOW + 10**9))
        assert backing_off(clock_was_wrong, NOW) == LONGEST_PAUSE_SECONDS
