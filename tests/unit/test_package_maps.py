"""The maps of large packages, in their docstrings: whoever looks for a module finds it there."""

import pkgutil
import re
from importlib import import_module

import pytest

MAPPED = ["hypercare.domain.alerts", "hypercare.domain.capacity", "hypercare.domain.evidence"]


@pytest.mark.parametrize("package", MAPPED)
def test_every_module_is_on_the_map(package: str) -> None:
    found = import_module(package)
    named = set(re.findall(r"`([a-z_]+)`", found.__doc__ or ""))
    modules = {module.name for module in pkgutil.iter_modules(found.__path__)}
    assert modules - named == set(), f"name them in the docstring of {package}"


@pytest.mark.parametrize("package", MAPPED)
def test_no_map_names_a_module_that_is_gone(package: str) -> None:
    found = import_module(package)
    named = set(re.findall(r"`([a-z]+_[a-z_]+)`", found.__doc__ or ""))
    assert named <= {module.name for module in pkgutil.iter_modules(found.__path__)}
