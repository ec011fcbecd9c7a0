"""The maps of large packages, in their docstrings: whoever looks for a module finds it there."""

import pkgutil
import re
from importlib import import_module
from types import ModuleType

import pytest

MAPPED = ["hypercare.domain.alerts", "hypercare.domain.capacity", "hypercare.domain.evidence", "tests.unit"]


def modules(package: ModuleType) -> set[str]:
    """All modules that are not tests themselves."""
    found = {module.name for module in pkgutil.iter_modules(package.__path__)}
    return {name for name in found if not name.startswith("test_")} - {"conftest"}


@pytest.mark.parametrize("package", MAPPED)
def test_every_module_is_on_the_map(package: str) -> None:
    found = import_module(package)
    named = set(re.findall(r"`([a-z_]+)`", found.__doc__ or ""))
    assert modules(found) - named == set(), f"name them in the docstring of {package}"


@pytest.mark.parametrize("package", MAPPED)
def test_no_map_names_a_module_that_is_gone(package: str) -> None:
    found = import_module(package)
    named = set(re.findall(r"`([a-z]+_[a-z]+(?:_[a-z]+)*)`", found.__doc__ or ""))
    assert named <= modules(found)
