"""Which specs may be enforced: what the operator saw first decides, and what it accepted stays accepted."""

from typing import Any

import pytest

from hypercare.domain.author_policy import Check, InForce, NotInForce, Waived
from hypercare.domain.authorship import Authorship, authorship, bounded_by
from hypercare.domain.period import Mode
from tests.unit.snapshots import resolved

ASKED, ASKED_ALWAYS, MISSING = InForce(asks_all=False), InForce(asks_all=True), NotInForce("there is none")
ALERTS = {"alerts": {"tighten": {"shortenFor": "20%"}}}


def period(generation: int = 2, protection: Any = None, **status: Any) -> dict[str, Any]:
    spec = {} if protection is None else {"protection": protection}
    return {"metadata": {"generation": generation}, "spec": spec, "status": status}


def found(body: dict[str, Any], check: Check) -> tuple[int, str]:
    """The accepted generation, and why this one is not."""
    seen = authorship(body, lambda: check)
    return seen.accepted, "".join(problem.reason for problem in seen.refused)


NEW = period(protection=ALERTS, observedGeneration=-1)
CHANGED = period(2, ALERTS, observedGeneration=1, acceptedGeneration=1)
REFUSED = period(2, ALERTS, observedGeneration=2, acceptedGeneration=1)
NEVER_ACCEPTED = period(2, ALERTS, observedGeneration=2, acceptedGeneration=0)
ACCEPTED = period(2, ALERTS, observedGeneration=2, acceptedGeneration=2)
OF_AN_EARLIER_VERSION = period(2, ALERTS, observedGeneration=2, run={"id": "r1"})
CHANGED_SINCE_THEN = period(3, ALERTS, observedGeneration=2, run={"id": "r1"})
REFUSED_BY_AN_EARLIER_VERSION = period(2, ALERTS, observedGeneration=2)


@pytest.mark.parametrize(
    ("body", "check", "accepted", "refused"),
    [
        pytest.param(NEW, ASKED, 2, "", id="a new one: its author was asked"),
        pytest.param(CHANGED, ASKED, 2, "", id="a changed one: whoever changed it was asked"),
        pytest.param(NEW, MISSING, 0, "AuthorsUnchecked", id="a new one, and nobody was asked"),
        pytest.param(CHANGED, MISSING, 1, "AuthorsUnchecked", id="a changed one, and nobody was asked"),
        pytest.param(ACCEPTED, MISSING, 2, "", id="accepted before the policy was taken away"),
        pytest.param(NEVER_ACCEPTED, MISSING, 0, "AuthorsUnchecked", id="seen before, and still nobody is asked"),
        pytest.param(NEVER_ACCEPTED, ASKED, 0, "WrittenUnchecked", id="written before the policy came"),
        pytest.param(REFUSED, ASKED, 1, "WrittenUnchecked", id="changed while there was no policy"),
        pytest.param(
            period(3, ALERTS, observedGeneration=2, acceptedGeneration=0), ASKED, 3, "", id="written again under it"
        ),
        pytest.param(
            period(2, {}, observedGeneration=2, acceptedGeneration=0), ASKED, 2, "",
            id="written before, and its author would have been asked nothing",
        ),
        pytest.param(
            period(2, None, observedGeneration=2, acceptedGeneration=0), ASKED_ALWAYS, 0, "WrittenUnchecked",
            id="written before, and its author would have been asked about the defaults",
        ),
        pytest.param(NEW, Waived(), 2, "", id="the operator may do without: a new one"),
        pytest.param(REFUSED, Waived(), 2, "", id="the operator may do without: one that was refused"),
        pytest.param(OF_AN_EARLIER_VERSION, MISSING, 2, "", id="begun by a version that did not look"),
        pytest.param(CHANGED_SINCE_THEN, MISSING, 0, "AuthorsUnchecked", id="changed since that version"),
        pytest.param(REFUSED_BY_AN_EARLIER_VERSION, ASKED, 2, "", id="seen by a version that did not look, not begun"),
        pytest.param(REFUSED_BY_AN_EARLIER_VERSION, MISSING, 0, "AuthorsUnchecked", id="the same, and nobody is asked"),
    ],
)  # fmt: skip
def test_a_spec_may_be_enforced(body: dict[str, Any], check: Check, accepted: int, refused: str) -> None:
    assert found(body, check) == (accepted, refused)


@pytest.mark.parametrize("lever", ["alerts", "scaling", "disruption"])
def test_whoever_names_a_protection_would_have_been_asked(lever: str) -> None:
    body = period(2, {lever: []}, observedGeneration=2, acceptedGeneration=0)
    assert found(body, ASKED) == (0, "WrittenUnchecked")


def test_what_was_accepted_is_not_judged_again() -> None:
    def never() -> Check:
        raise AssertionError

    assert authorship(ACCEPTED, never) == Authorship(2)


def test_the_message_says_what_is_wrong_and_each_way_out() -> None:
    (problem,) = authorship(NEW, lambda: NotInForce("policy x has failurePolicy Ignore")).refused
    for words in ("policy x has failurePolicy Ignore", "manifests/install", "--allow-enforce-without-author-check"):
        assert words in str(problem)
    assert str(problem).endswith("or set mode: Observe")
    assert problem.stalls


def test_what_is_refused_is_only_observed() -> None:
    refused = authorship(NEW, lambda: MISSING)
    bounded = bounded_by(resolved(mode="Enforce"), refused)
    assert (bounded.spec.mode, bounded.refused, bounded.accepted_generation) == (Mode.OBSERVE, refused.refused, 0)


def test_what_observes_anyway_is_not_refused() -> None:
    bounded = bounded_by(resolved(mode="Observe"), authorship(NEW, lambda: MISSING))
    assert (bounded.spec.mode, bounded.refused) == (Mode.OBSERVE, ())


def test_what_is_accepted_enforces() -> None:
    bounded = bounded_by(resolved(mode="Enforce"), Authorship(4))
    assert (bounded.spec.mode, bounded.refused, bounded.accepted_generation) == (Mode.ENFORCE, (), 4)
