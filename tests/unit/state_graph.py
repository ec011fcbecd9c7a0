"""A graph of states that is explored to its end: what is checked everywhere, and what can be said of it as a whole."""

from array import array
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

State = TypeVar("State", bound=Hashable)


@dataclass(frozen=True)
class Graph(Generic[State]):
    """All states that can be reached, by number in the order in which they were found, and their successors."""

    states: Sequence[State]
    nexts: Sequence[Sequence[int]]

    @property
    def steps(self) -> int:
        """From how many states to how many others one can come in one step."""
        return sum(map(len, self.nexts))


def explore(
    start: State, successors: Callable[[State], Iterable[State]], check: Callable[[State], None]
) -> Graph[State]:
    """Find every state that can be reached; each is checked when it is found."""
    numbers = {start: 0}
    states, nexts = [start], list[Sequence[int]]()
    check(start)
    for state in states:
        following = array("L")
        for successor in dict.fromkeys(successors(state)):
            number = numbers.setdefault(successor, len(states))
            if number == len(states):
                check(successor)
                states.append(successor)
            following.append(number)
        nexts.append(following)
    return Graph(states, nexts)


def stuck(graph: Graph[State], goal: Callable[[State], bool]) -> list[State]:
    """The states from which the goal cannot be reached."""
    before = [array("L") for _ in graph.states]
    for number, following in enumerate(graph.nexts):
        for successor in following:
            before[successor].append(number)
    waiting = [number for number, state in enumerate(graph.states) if goal(state)]
    reaching = bytearray(len(graph.states))
    for number in waiting:
        reaching[number] = 1
    while waiting:
        for number in before[waiting.pop()]:
            if not reaching[number]:
                reaching[number] = 1
                waiting.append(number)
    return [state for number, state in enumerate(graph.states) if not reaching[number]]


def interleavings(graph: Graph[State]) -> int:
    """In how many orders the lasting events can happen, from the start until nothing more can happen.

    States between which one can go back and forth count as one: a visit that finds nothing to do is no event.
    """
    ways: dict[int, int] = {}
    component: dict[int, int] = {}
    for number, members in enumerate(components(graph.nexts)):
        component.update(dict.fromkeys(members, number))
        following = (component[each] for member in members for each in graph.nexts[member])
        ways[number] = sum(ways[each] for each in following if each != number) or 1
    return ways[component[0]]


def components(nexts: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """The strongly connected components, each after all that can be reached from it (Tarjan 1972)."""
    low, found, places = (array("L", [0]) * len(nexts) for _ in range(3))
    path = list[int]()
    done, count = bytearray(len(nexts)), 0
    work: list[tuple[int, Iterator[int]]] = []

    def enter(number: int) -> None:
        nonlocal count
        count += 1
        low[number] = found[number] = count
        places[number] = len(path)
        path.append(number)
        work.append((number, iter(nexts[number])))

    enter(0)
    while work:
        number, rest = work[-1]
        successor = next((each for each in rest if not done[each]), None)
        if successor is None:
            work.pop()
            if work:
                low[work[-1][0]] = min(low[work[-1][0]], low[number])
            if low[number] == found[number]:
                start = places[number]
                members = path[start:]
                del path[start:]
                for each in members:
                    done[each] = 1
                yield members
        elif found[successor]:
            low[number] = min(low[number], found[successor])
        else:
            enter(successor)
