"""The world that several modules act in."""

import pytest

from tests.unit.loop import Loop


@pytest.fixture
def loop() -> Loop:
    return Loop()
