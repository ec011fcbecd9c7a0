"""Lives in which the operator lacks exactly one permission, several at the same time, each in a namespace of its own.

One release serves all these namespaces. What it may do in each is a role of that namespace, which lacks one verb from
before the operator starts until the life gives it back. So a life shows what its user is told, that nothing else ends
with it, and that it heals by itself.
"""

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from tests.cluster.api import HttpError
from tests.cluster.audit import Asked
from tests.cluster.cluster import Cluster
from tests.cluster.grants import Grants, confine, of_namespace
from tests.cluster.lives.expectations import promised
from tests.cluster.lives.history import Version
from tests.cluster.lives.place import Place
from tests.cluster.lives.scenarios import Scenarios
from tests.cluster.operator_process import OperatorProcess
from tests.cluster.release import Release

ACCOUNT, ACCOUNT_NAMESPACE = "care", "care-system"
ADVICE = "apply the RBAC of manifests/install"
HEALS = 45.0
"""Seconds in which what was refused is tried again, and takes effect."""
_AT_ONCE = 12


@dataclass(frozen=True)
class Lack:
    """What is missing, where (wherever it is asked for if `namespace` is empty), and what the operator says of it."""

    asked: Asked
    namespace: str
    grants: Grants
    operator: OperatorProcess

    @property
    def words(self) -> str:
        """The API server's words for it, which name verb and resource."""
        plural, slash, subresource = self.asked.resource.partition("/")
        return f'cannot {self.asked.verb} resource "{plural.partition(".")[0]}{slash}{subresource}"'

    @property
    def lines(self) -> Sequence[str]:
        """The lines of the log that tell of it."""
        where = f'in the namespace "{self.namespace}"' if self.namespace else ""
        return [line for line in self.operator.log.read_text().splitlines() if self.words in line and where in line]

    def told_by(self, kind: str) -> Callable[[Version], bool]:
        """Whether a condition that is False names what is missing, and what to do."""
        return lambda version: version.condition(kind)["status"] == "False" and self.told_in(version, kind)

    def told_in(self, version: Version, kind: str) -> bool:
        """Whether a condition names what is missing, and what to do."""
        message = version.condition(kind)["message"]
        return self.words in message and ADVICE in message

    def await_line(self, text: str = ADVICE, seconds: float = 30.0) -> str:
        """Wait for a line of the log that tells of it with this text; return it."""
        deadline = time.monotonic() + promised(seconds)
        while not (found := [line for line in self.lines if text in line]):
            assert time.monotonic() < deadline, f"no line says {text!r} of {self.words}: {self.lines}"
            time.sleep(0.1)
        return found[-1]

    def unready(self) -> bool:
        """Whether `/readyz` names the resource."""
        try:
            self.operator.get("/readyz")
        except HttpError as error:
            return self.asked.resource.partition(".")[0] in re.findall("[a-z]+", str(error))
        return False

    def give_back(self) -> None:
        """Permit it again."""
        self.grants.give_back(self.asked)


class Stage:
    """The places of all lives that are played, made before the operator starts: it needs its list of namespaces."""

    def __init__(self, cluster: Cluster) -> None:
        self.release = Release(cluster, ACCOUNT, ACCOUNT_NAMESPACE)
        self._places: dict[str, Place] = {}

    def build(self, names: Sequence[str], lives: "Lives") -> None:
        """Make a place for each life, with what it begins with, and install the release for all of them."""
        cluster = self.release.cluster
        self._places = {name: Place(cluster, f"life-{number}") for number, name in enumerate(names)}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda name: lives.prepare(name, self._places[name]), names))
            served = [place.namespace for place in self._places.values()]
            values = {"watchNamespaces": served, "fullnameOverride": ACCOUNT, "crds": {"install": False}}
            self.release.install(values)
            list(pool.map(lambda name: self._confine(self._places[name], lives.lacks(name)), names))

    def lack(self, place: Place, asked: Asked, operator: OperatorProcess) -> Lack:
        """What is missing in a place."""
        return Lack(asked, place.namespace, of_namespace(self.release, place.namespace), operator)

    @contextlib.contextmanager
    def place(self, _: Cluster, name: str) -> Iterator[Place]:
        """The place of a life; left at its end."""
        try:
            yield self._places[name]
        finally:
            self._places[name].leave()

    def _confine(self, place: Place, asked: Asked) -> None:
        confine(self.release, place.namespace).without(asked)


Life = Callable[[Place, Lack], None]
Preparation = Callable[[Place], None]


@dataclass(frozen=True)
class _Part:
    asked: Asked
    life: Life
    prepare: Preparation


class Lives:
    """Which life shows what is missing without which permission, by the name of the test."""

    def __init__(self, *others: "Lives") -> None:
        """Begin with those of others."""
        self._parts: dict[str, _Part] = {name: part for other in others for name, part in other._parts.items()}

    def without(self, *pairs: tuple[str, str], prepare: Preparation = Place.settle) -> Callable[[Life], Life]:
        """Play a life once for each permission, as (resource, verb), that it needs."""

        def add(life: Life) -> Life:
            for resource, verb in pairs:
                name = re.sub("[^a-z]+", "-", f"{verb}-{resource.partition('.')[0]}-{life.__name__}")
                self._parts[name] = _Part(Asked(resource, verb), life, prepare)
            return life

        return add

    @property
    def names(self) -> tuple[str, ...]:
        """All lives."""
        return tuple(self._parts)

    @property
    def rows(self) -> frozenset[Asked]:
        """All permissions that one of them lacks."""
        return frozenset(part.asked for part in self._parts.values())

    def lacks(self, name: str) -> Asked:
        """What is missing in one of them."""
        return self._parts[name].asked

    def prepare(self, name: str, place: Place) -> None:
        """Make what is there before the operator starts."""
        self._parts[name].prepare(place)

    def scenarios(self, stage: Stage, operator: OperatorProcess) -> Scenarios:
        """All of them, to be played in the places of a stage."""
        scenarios = Scenarios(_AT_ONCE, stage.place)
        for name, part in self._parts.items():
            scenarios.add(partial(_play, part, stage, operator), name)
        return scenarios


def _play(part: _Part, stage: Stage, operator: OperatorProcess, place: Place) -> None:
    part.life(place, stage.lack(place, part.asked, operator))


def only_a_namespace(place: Place) -> None:
    """A place without workload and alerts, for lives in which nothing has to fire or to be ready."""
    body = json.dumps({"metadata": {"name": place.namespace}}).encode()
    place.api.request("POST", "/api/v1/namespaces", body)
    place.cluster.shop.add(place.namespace)
    place.profile({})


def until(what: str, condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for a condition as long as it is promised."""
    deadline = time.monotonic() + promised(seconds)
    while not condition():
        assert time.monotonic() < deadline, f"not within {promised(seconds):.0f} s: {what}"
        time.sleep(0.1)
