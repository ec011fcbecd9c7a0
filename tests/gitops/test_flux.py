"""What Flux and Helm make of periods: kstatus itself, and the health expressions that we ship, on recorded periods."""

from collections.abc import Mapping

import pytest

from tests.gitops.recordings import NAMES, expected, recording
from tests.gitops.verdicts import EXPRESSIONS, flux_verdicts

pytestmark = pytest.mark.cluster
Verdicts = Mapping[str, Mapping[str, str]]


@pytest.fixture(scope="module")
def verdicts() -> Verdicts:
    """By recording: `kstatus`, and `flux` where the health expressions decide."""
    return dict(zip(NAMES, flux_verdicts([recording(name) for name in NAMES]), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_flux_and_helm_wait_for_protection_and_for_nothing_else(name: str, verdicts: Verdicts) -> None:
    assert verdicts[name]["kstatus"] == expected(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_health_expressions_say_what_kstatus_says(name: str, verdicts: Verdicts) -> None:
    assert verdicts[name]["flux"] == expected(name)


def test_the_expressions_are_about_periods() -> None:
    assert (EXPRESSIONS["apiVersion"], EXPRESSIONS["kind"]) == ("hypercare.dev/v1alpha1", "HypercarePeriod")
