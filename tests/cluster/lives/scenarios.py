"""Scenarios that are played at the same time, each in a place of its own and reported as a test of its own.

A life takes twenty seconds, nearly all of it waiting. A module registers its scenarios, plays those that were selected,
and has one parametrized test that takes the result of each.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.lives.place import Place, new_place
from tests.cluster.operator_process import OperatorProcess

Scenario = Callable[[Place], None]
Places = Callable[[Cluster, str], AbstractContextManager[Place]]
"""The place in which the scenario of a name is played."""
Results = Mapping[str, Future[None]]


class Scenarios:
    """The scenarios of one module, in the order in which they are begun, `at_once` at the same time."""

    def __init__(self, at_once: int = 8, places: Places = new_place) -> None:
        self._at_once = at_once
        self._places = places
        self._found: dict[str, Scenario] = {}

    def add(self, scenario: Scenario, name: str = "") -> Scenario:
        """Register a scenario; its name, or the one that is given, becomes the id of its test."""
        self._found[name or scenario.__name__] = scenario
        return scenario

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in the order of registration."""
        return tuple(self._found)

    def play(self, request: pytest.FixtureRequest, cluster: Cluster, operator: OperatorProcess) -> Iterator[Results]:
        """Begin the scenarios that this session asks for, and end when all have ended."""
        chosen = chosen_by(request)
        with ThreadPoolExecutor(self._at_once, thread_name_prefix="scenario") as pool:
            yield {name: pool.submit(self._play, name, cluster, operator) for name in self._found if name in chosen}
            pool.shutdown(cancel_futures=True)

    def _play(self, name: str, cluster: Cluster, operator: OperatorProcess) -> None:
        with self._places(cluster, name) as place:
            try:
                self._found[name](place)
            except BaseException as error:
                error.add_note("\n".join(line for line in operator.tail(2000).splitlines() if place.namespace in line))
                raise


def chosen_by(request: pytest.FixtureRequest) -> frozenset[str]:
    """The scenarios of the module that this session asks for."""
    return frozenset(str(item.callspec.params.get("scenario")) for item in _parametrized(request))


def _parametrized(request: pytest.FixtureRequest) -> Iterator[pytest.Function]:
    for item in request.session.items:
        if isinstance(item, pytest.Function) and hasattr(item, "callspec") and item.module is request.module:
            yield item
