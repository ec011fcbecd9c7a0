"""Every order in which things can happen to one hold, explored exhaustively (`hold_world`).

Each scenario is small enough for a test and explored to its last state; together they have every pair of disturbances.
`make model` explores all of them at once.
"""

import pytest

from hypercare.domain.capacity.hold import Contest
from tests.unit.hold_states import NOTHING, World, dead, is_for
from tests.unit.hold_world import explored, guarded, over
from tests.unit.state_graph import Graph, interleavings, stuck

A, A_HALF, A_ANEW, B = ("a",), ("a", "a at half"), ("a", "a created anew"), ("b",)
B_WEAKER = ("b weaker than a",)
SCENARIOS = {
    "two crashes or lost answers while two periods overlap": World(1, (A_HALF, B), losses=2),
    "a crash while two periods overlap of which the later one is weaker": World(1, (A_HALF, B_WEAKER), losses=1),
    "a user's edit of any kind and a crash while two periods overlap": World(
        1, (A_HALF, B), edits=(1, 2, 5, 9), losses=1
    ),
    "a manifest is applied twice, and a crash, while two periods overlap": World(1, (A_HALF, B), applies=2, losses=1),
    "an edit, an application and a crash while two periods overlap": World(
        1, (A, B), edits=(1, 9), applies=1, losses=1
    ),
    "the object is created anew, an application and a crash while two periods overlap": World(
        1, (A, B), applies=1, recreations=1, losses=1
    ),
    "a period is created anew, an application and a crash while two overlap": World(
        1, (A_ANEW, B), applies=1, losses=1
    ),
    "a period and the object are created anew, and a crash": World(1, (A_ANEW,), recreations=1, losses=1),
    "two operators at once and a crash while two periods overlap": World(2, (A, B), losses=1),
    "two operators at once, holds that are created late, an edit and a crash": World(
        2, (A,), slow=True, edits=(1, 9), losses=1
    ),
    "two operators at once, an edit, an application, and the object is created anew": World(
        2, (A,), edits=(9,), applies=1, recreations=1
    ),
    "two operators at once, an application, the object is created anew, and a crash": World(
        2, (A,), applies=1, recreations=1, losses=1
    ),
    "a manifest takes over the value that a period had raised to, and another period raises above it": World(
        1, (A, B), applies=1, manifests=(4,)
    ),
    "two operators at once, and a period is created anew": World(2, (A_ANEW,), losses=1),
}
EVERYTHING = World(1, (A_ANEW, B), edits=(9,), applies=1, recreations=1, losses=1)
"""Two periods, one of them created anew, an edit, an application, a re-creation and a crash: three million states."""


def seen(graph: Graph[World]) -> set[str]:
    """What has happened in some state: a model in which something never happens shows nothing about it."""
    found = {
        "raised": any(world.thing.floor in {4, 6} and world.users == 2 for world in graph.states),
        "late": any(world.flying for world in graph.states),
        "over": any(map(over, graph.states)),
        "contested": any(world.hold and isinstance(world.hold.contest, Contest) for world in graph.states),
        "gone": any(world.thing.floor == NOTHING for world in graph.states),
        "void": any(world.record and not is_for(world.record, world.thing.uid) for world in graph.states),
        "dead claims": any(dead(world.record, world.claiming) for world in graph.states),
        "two at once": any(len(world.busy) > 1 for world in graph.states),
        "opening": any(world.opening for world in graph.states),
    }
    return {name for name, happened in found.items() if happened}


def expected(start: World) -> set[str]:
    possible = {
        "late": start.losses,
        "contested": start.applies or 1 in start.edits,
        "gone": start.recreations,
        "void": start.recreations,
        "two at once": start.idle > 1,
        "opening": start.slow,
    }
    return {"raised", "over", "dead claims", *(name for name, could in possible.items() if could)}


def shown(name: str, start: World) -> None:
    """Explore a scenario, print its figures, and check what can be said only of all of it."""
    graph = explored(start)
    print(f"{name}: {len(graph.states)} states, {graph.steps} steps, {interleavings(graph):.1e} orders")
    assert seen(graph) == expected(start)
    assert not stuck(graph, over)
    assert reverts(graph) <= start.applies + len(start.edits[:1])


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_that_can_happen_loses_an_original(name: str) -> None:
    shown(name, SCENARIOS[name])


def reverts(graph: Graph[World]) -> int:
    """The most reverts that were counted: no more than there were."""
    holds = [world.hold for world in graph.states if world.hold]
    return max((hold.contest.reverts for hold in holds if isinstance(hold.contest, Contest)), default=0)


def test_a_patch_without_its_tests_would_be_let_through() -> None:
    """The model looks at the patch itself, so leaving a test out would show."""
    full = [
        {"op": "test", "path": path} for path in ("/metadata/uid", "/metadata/resourceVersion", "/spec/minReplicas")
    ]
    assert guarded(full)
    assert not any(guarded(full[:number] + full[number + 1 :]) for number in range(len(full)))


def test_the_orders_of_independent_events_are_counted() -> None:
    """Two events, each before or after the other, and a way there and back that is none: two orders."""
    square = Graph([0] * 5, [[1, 2, 4], [3], [3], [], [0]])
    assert interleavings(square) == 2


if __name__ == "__main__":
    shown("everything at once", EVERYTHING)
