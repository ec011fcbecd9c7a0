"""What becomes of capacity without one of the permissions that it needs; everything else is protected all the same."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml

from tests.cluster.lives.expectations import LASTING, promised, protected, restored
from tests.cluster.lives.lacking import HEALS, Lack, Lives, only_a_namespace, until
from tests.cluster.lives.place import PERIOD, SPEC, Place

lives = Lives()
HOLDS, SCALERS = "hypercareholds.hypercare.dev", "horizontalpodautoscalers.autoscaling"
ALERTS = {"alerts": SPEC["protection"]["alerts"]}


@lives.without((HOLDS, "get"), (HOLDS, "create"), (HOLDS, "update"), (SCALERS, "get"), (SCALERS, "patch"))
def the_floor_is_not_raised(place: Place, lack: Lack) -> None:
    """Alerts are tightened all the same."""
    with place.watch("period") as period:
        place.period(**LASTING)
        refused = lack.told_by("ScalingRaised")
        now = period.until("it is told", lambda each: refused(each) and each.holds("AlertsTightened"), promised(30))
        assert now.condition("ScalingRaised")["reason"] == "Forbidden"
        assert place.floor() == 2
        lack.give_back()
        period.until("it is protected", protected, promised(HEALS))
    assert place.floor() == 4


@lives.without((HOLDS, "delete"))
def a_hold_stays(place: Place, lack: Lack) -> None:
    """The value is restored, and that its record is left is told."""
    with place.watch("period") as period:
        place.period(**LASTING)
        period.until("it is protected", protected, promised(60))
        place.period(**LASTING, protection=ALERTS)
        period.until(
            "it is told", lambda each: lack.words in json.dumps(each.status["scaling"]).replace("\\", ""), promised(30)
        )
        assert place.floor() == 2
        assert place.all("hold")
    lack.give_back()
    until("no hold is left", lambda: not place.all("hold"), HEALS)


@lives.without((SCALERS, "patch"))
def a_raised_floor_stays(place: Place, lack: Lack) -> None:
    """Also when its period is gone: no status is left to tell it."""
    lack.give_back()
    with place.watch("period") as period:
        place.period(**LASTING)
        period.until("it is protected", protected, promised(60))
    lack.grants.without(lack.asked)
    place.delete("period", PERIOD)
    lack.await_line()
    assert place.floor() == 4
    lack.give_back()
    until("it is restored", partial(restored, place), HEALS)


OBJECTS = {
    (body["kind"], body["metadata"]["name"]): body
    for body in yaml.safe_load_all((Path(__file__).parents[1] / "permission_objects.yaml").read_text())
}


@dataclass(frozen=True)
class Changed:
    """An object whose field is changed, and what it takes: its target, and what else has to be there."""

    kind: str
    name: str
    target: tuple[str, str]
    field: str = "replicas"
    values: tuple[int, int] = (2, 4)

    def value(self, place: Place) -> int:
        return int(place.cluster.get(self.kind, self.name, place.namespace)["spec"][self.field])


API = Changed("Deployment", "api", ("Deployment", "api"))
DATA = Changed("StatefulSet", "data", ("StatefulSet", "data"))
RAMP = Changed("Rollout", "ramp", ("Rollout", "ramp"))
QUEUE = Changed("ScaledObject", "queue", ("Deployment", "queue"), "minReplicaCount")
BUDGET = Changed("PodDisruptionBudget", "api", ("Deployment", "api"), "minAvailable", (1, 3))
KINDS = {
    "deployments.apps": (API, DATA),
    "statefulsets.apps": (DATA, API),
    "rollouts.argoproj.io": (RAMP, DATA),
    "scaledobjects.keda.sh": (QUEUE, DATA),
    "poddisruptionbudgets.policy": (BUDGET, API),
}


@lives.without(
    *((kind, "get") for kind in KINDS),
    *((f"{kind}/scale", "patch") for kind in ("deployments.apps", "statefulsets.apps", "rollouts.argoproj.io")),
    ("scaledobjects.keda.sh", "patch"),
    ("poddisruptionbudgets.policy", "patch"),
    prepare=only_a_namespace,
)
def one_kind_is_not_changed(place: Place, lack: Lack) -> None:
    """Of two objects that are to be changed, the other one is."""
    refused, other = KINDS[lack.asked.resource.partition("/")[0]]
    wanted = {(each.kind, each.name) for each in (refused, other)} | {refused.target}
    bodies = [OBJECTS[each] for each in sorted(wanted)]
    place.cluster.kubectl("apply", "-n", place.namespace, "-f", "-", stdin=yaml.safe_dump_all(bodies))
    budget = {"disruption": [{"target": "api", "minAvailable": "75%"}]} if refused is BUDGET else {}
    with place.watch("period") as period:
        place.period(
            **{**LASTING, "window": {"start": {"when": "Immediately"}, "duration": "1h"}},
            targets=[{"kind": kind, "name": name} for kind, name in sorted({refused.target, other.target})],
            protection={"scaling": [{"target": "*", "floor": "200%"}], **budget},
        )
        period.until("it is told", lack.told_by("ScalingRaised"), promised(30))
        until("the other is changed", lambda: other.value(place) == other.values[1])
        assert refused.value(place) == refused.values[0]
        lack.give_back()
        until("it is changed", lambda: refused.value(place) == refused.values[1], HEALS)
        place.delete("period", PERIOD)
    until("both are restored", lambda: {refused.value(place), other.value(place)} <= {1, 2}, HEALS)
