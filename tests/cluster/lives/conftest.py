"""One operator for all tests of this folder, stopped after the last of them."""

from collections.abc import Iterator

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.lives.operating import install, operator_of
from tests.cluster.lives.place import Place, new_place
from tests.cluster.operator_process import OperatorProcess


@pytest.fixture(scope="package")
def operator(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """The operator, running with the permissions of manifests/install."""
    install(cluster)
    with operator_of(cluster, tmp_path_factory.mktemp("lives") / "operator.log") as process:
        yield process


@pytest.fixture
def alone(operator: OperatorProcess) -> Iterator[None]:
    """No operator but those of the test itself: the one of all tests, which serves every namespace, steps aside."""
    operator.stop()
    yield
    operator.start()
    operator.wait_ready()


@pytest.fixture
def place(cluster: Cluster, operator: OperatorProcess, request: pytest.FixtureRequest) -> Iterator[Place]:
    """A place of its own, with the operator at work."""
    with new_place(cluster, request.node.name) as found:
        yield found
