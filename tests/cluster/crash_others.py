"""What others do to a life while its operator is down, or while one of its writes is on its way.

A GitOps tool applies the manifest again, somebody edits, the object or the period is created anew, a second period
claims the same object with other stages.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import yaml

from tests.cluster.crash_life import AUTOSCALERS, FOLDER, NAME, PERIODS, Life
from tests.cluster.crash_points import (
    ANNOUNCED,
    RAISED,
    SAVED,
    Case,
    Lives,
    Point,
    first,
    held_back,
    killed_at,
    nothing_is_left,
    originals_are_safe,
    restoring,
    succeeded,
)
from tests.cluster.write_proxy import Which

SECOND = "basket"


def applied_again_while_down(lives: Lives) -> None:
    """The floor is back at its original when the operator comes: a revert, which is left in peace for a minute."""
    with lives.life("spelled-out") as life:
        killed_at(life, first(*ANNOUNCED, 2))  # which says that the raise was read back
        apply_manifest(life)
        assert life.look().autoscaler == life.originals.autoscaler
        life.start()
        life.wait("the revert is seen", lambda: any("contested" in hold["spec"] for hold in life.holds))
        (hold,) = life.holds
        assert hold["spec"]["contested"]["manager"] == "argocd-controller", life.told("the writer is not named")
        before = len(life.lane.writes)
        life.delete_period()
        ends_as(life, life.originals.autoscaler)
        assert RAISED not in {(each.method, each.path.split("/")[-2]) for each in life.lane.writes[before:]}


def edited_while_a_write_is_on_its_way(which: Callable[[], Which]) -> Case:
    """What was decided before the edit is refused when it arrives after it, and the user's value stays to the end."""

    def case(lives: Lives) -> None:
        with lives.life("spelled-out") as life:
            held_back(life, which())
            edit(life, minReplicas=3, maxReplicas=9)
            users = life.look().autoscaler
            status = lives.proxy.deliver(life.lane)
            assert status >= 400, life.told(f"the late write was answered {status}")
            life.start()
            life.operator.wait_ready()
            life.delete_period()
            ends_as(life, users)

    return case


def object_anew_while_down(which: Callable[[], Which]) -> Case:
    """Another object of the name is raised from its own values, and gets these back; a late write does not touch it."""

    def case(lives: Lives) -> None:
        with lives.life("spelled-out") as life:
            held_back(life, which())
            create_anew(life)
            life.originals = replace(life.originals, autoscaler=life.look().autoscaler)
            lives.proxy.deliver(life.lane)
            assert life.autoscaler["spec"] == life.originals.autoscaler["spec"], life.told("a late write reached it")
            life.start()
            succeeded(life)

    return case


def period_anew_while_down(which: Callable[[], Which]) -> Case:
    """Another period of the name takes over: what its predecessor has raised comes back at its own end."""

    def case(lives: Lives) -> None:
        with lives.life() as life:
            killed_at(life, which())
            life.delete_period()
            life.wait("the period is gone", lambda: not life.period, timeout=15)
            life.begin()
            succeeded(life)

    return case


def orphaned_while_down(lives: Lives) -> None:
    """The overlay has lost its owner, so nothing but the sweep takes it away."""
    with lives.life() as life:
        killed_at(life, first(*RAISED))
        assert set(life.look().rules) > set(life.originals.rules)
        life.delete_period(orphan=True)
        life.wait("the period is gone", lambda: not life.period, timeout=30)
        (overlay,) = set(life.look().rules) - set(life.originals.rules)
        assert not life.look().rules[overlay]["metadata"]["ownerReferences"]
        life.start()
        ends_as(life, life.originals.autoscaler)


def two_periods_killed_again_and_again(lives: Lives) -> None:
    """Two periods with other stages and floors on one object, and an operator that dies after every sixth write."""
    with lives.life("spelled-out") as life:
        second_period(life)
        kills = [life.kill_after(6)]
        life.begin()
        while not over(life, SECOND) or not life.over:
            life.wait("it is killed, or over", lambda: kills[-1].is_set() or (life.over and over(life, SECOND)))
            if kills[-1].is_set():
                originals_are_safe(life)
                kills.append(life.kill_after(len(life.lane.writes) + 6))
                life.start()
        assert len(kills) > 3
        life.wait_quiet()
        nothing_is_left(life)


def one_of_two_is_deleted_while_down(lives: Lives) -> None:
    """The other one's floor stays in effect, and the last one out restores."""
    with lives.life("spelled-out") as life:
        second_period(life, least="1h")
        killed_at(life, first(*RAISED, 2))
        life.delete_period()
        life.start()
        life.wait("the second one's floor is in effect", lambda: life.autoscaler["spec"]["minReplicas"] == 3)
        assert life.autoscaler["spec"]["maxReplicas"] == life.originals.autoscaler["spec"]["maxReplicas"]
        originals_are_safe(life)
        life.kill()
        life.cluster.api.request("DELETE", f"{PERIODS.format(life.namespace)}/{SECOND}")
        life.start()
        ends_as(life, life.originals.autoscaler)


def held_once(point: Point) -> Callable[[Lives], bool]:
    """A life one of whose writes arrives only when its sender was killed and another one has started."""

    def case(lives: Lives) -> bool:
        with lives.life() as life:
            life.lane.hold(point.which())
            life.begin()
            life.wait("it is held back, or over", lambda: life.lane.wait_held(0) or life.over)
            held = life.lane.wait_held(0)
            if held:
                life.kill()
                originals_are_safe(life)
                life.start()
                life.operator.wait_ready()
                lives.proxy.deliver(life.lane)
                originals_are_safe(life)
            # A hold waits for what may still arrive, also when the period is over.
            life.wait("it is over, and nothing is held", lambda: life.over and not life.holds)
            succeeded(life, in_full=not held)
            return held

    return case


def apply_manifest(life: Life, **spec: Any) -> None:
    """Apply the autoscaler's manifest by force, as Argo CD does, with other values if a test says so."""
    (manifest,) = (
        body
        for body in yaml.safe_load_all((FOLDER / "crash_objects.yaml").read_text())
        if body["metadata"].get("labels") == life.originals.autoscaler["metadata"]["labels"]
    )
    body = {**manifest, "spec": {**manifest["spec"], **spec}}
    path = f"{AUTOSCALERS.format(life.namespace)}/{NAME}?fieldManager=argocd-controller&force=true"
    life.cluster.api.request("PATCH", path, json.dumps(body).encode(), "application/apply-patch+yaml")


def edit(life: Life, **spec: Any) -> None:
    path = f"{AUTOSCALERS.format(life.namespace)}/{NAME}?fieldManager=kubectl-edit"
    life.cluster.api.request("PATCH", path, json.dumps({"spec": spec}).encode(), "application/merge-patch+json")


def create_anew(life: Life) -> None:
    """Delete the autoscaler, and create another one with other values."""
    life.cluster.api.request("DELETE", f"{AUTOSCALERS.format(life.namespace)}/{NAME}")
    apply_manifest(life, minReplicas=1, maxReplicas=5)
    life.wait("the new one was looked at", lambda: len(life.autoscaler["status"].get("conditions") or ()) > 1)


def second_period(life: Life, least: str = "3s") -> None:
    """A period on the same object, with one stage and a smaller floor; it asks for no ceiling and no alerts."""
    body = yaml.safe_load((FOLDER / "crash_period.yaml").read_text())
    body["metadata"]["name"] = SECOND
    body["spec"]["stages"] = [{"name": "only", "strength": 50, "minDuration": least}]
    body["spec"]["window"]["duration"] = "2h"
    body["spec"]["protection"] = {"scaling": [{"target": NAME, "floor": 4}]}
    life.cluster.api.apply(f"{PERIODS.format(life.namespace)}/{SECOND}", json.dumps(body))


def over(life: Life, period: str) -> bool:
    status = life.cluster.api.get(f"{PERIODS.format(life.namespace)}/{period}").get("status", {})
    return status.get("phase") == "Completed" and bool(status.get("report"))


def ends_as(life: Life, autoscaler: Mapping[str, Any]) -> None:
    """Everything of hypercare goes, and the autoscaler is left with these values, and stays so."""
    life.wait("nothing is held", lambda: not life.holds and life.look().autoscaler == autoscaler)
    life.operator.wait_ready()
    life.wait_quiet()
    assert life.look().autoscaler == autoscaler, life.told("it did not stay")
    assert life.look().rules == life.originals.rules, life.told("an overlay is left")


OTHERS: Mapping[str, Case] = {
    "the manifest is applied again while the operator is down": applied_again_while_down,
    "the object is edited while a raise is on its way": edited_while_a_write_is_on_its_way(lambda: first(*RAISED)),
    "the object is edited while a restore is on its way": edited_while_a_write_is_on_its_way(restoring),
    "the object is created anew while a raise is on its way": object_anew_while_down(lambda: first(*RAISED)),
    "the object is created anew while a restore is on its way": object_anew_while_down(restoring),
    "the object is created anew while its hold is on its way": object_anew_while_down(lambda: first(*SAVED)),
    "the period is created anew after the originals were saved": period_anew_while_down(lambda: first(*SAVED)),
    "the period is created anew after the floor was raised": period_anew_while_down(lambda: first(*RAISED)),
    "the period is deleted with --cascade=orphan while the operator is down": orphaned_while_down,
    "two periods with other stages are killed after every sixth write": two_periods_killed_again_and_again,
    "one of two periods is deleted while the operator is down": one_of_two_is_deleted_while_down,
}
