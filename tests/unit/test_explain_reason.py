"""`kubectl hypercare explain --reason`: what a reason means, without a cluster."""

import json

import pytest

from hypercare.cli.explain.reason import explained
from hypercare.cli.failures import UnusableInput
from hypercare.cli.options import Output
from hypercare.cli.periods.advice import known
from tests.unit.kubectl_hypercare import run


def test_a_reason_is_explained_without_a_cluster() -> None:
    ran = run("explain", "--reason", "contested", environment={"KUBECONFIG": "/nowhere"})
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Contested: another writer, named in the message, keeps reverting the value;")
    assert "\ndo: Stop the writer that is named" in ran.out
    assert ran.out.endswith("See docs/gitops.md#autoscalers-under-gitops.\n")


def test_one_that_asks_for_nothing_has_no_second_line() -> None:
    assert explained("Live", Output.TABLE) == "Live: Prometheus evaluates exactly this version."


@pytest.mark.parametrize("reason", known())
def test_programs_are_told_the_same(reason: str) -> None:
    told = json.loads(explained(reason, Output.JSON))
    assert told["reason"] == reason
    assert explained(reason, Output.TABLE) == f"{reason}: {told['means']}." + (
        f"\ndo: {told['do']}" if told["do"] else ""
    )


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("OverlayNotLoadd", "there is no reason OverlayNotLoadd; did you mean OverlayNotLoaded"),
        ("Xyzzy", "there is no reason Xyzzy; docs/reference/reasons.md has them all"),
    ],
)
def test_a_reason_that_there_is_not_leads_to_those_that_there_are(asked: str, says: str) -> None:
    with pytest.raises(UnusableInput, match=says):
        explained(asked, Output.TABLE)


@pytest.mark.parametrize("arguments", [(), ("checkout", "--reason", "Live"), ("-f", "a.yaml", "--reason", "Live")])
def test_one_thing_at_a_time_is_explained(arguments: tuple[str, ...]) -> None:
    ran = run("explain", *arguments)
    assert ran.code == 2
    assert "give either the NAME of a period, a file with -f, or a --reason" in ran.err
