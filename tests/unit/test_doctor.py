"""What the doctor concludes from what periods say, and from the roles of the install manifests."""

from typing import Any

import pytest

from hypercare.cli.doctor.diagnosis import State, ok, problem, unchecked, warning
from hypercare.cli.doctor.permissions import Permission, needed
from hypercare.cli.doctor.text import doctor_view
from hypercare.cli.doctor.working import endpoint, heartbeat, rules_in_force, stalled
from hypercare.cli.periods.reading import read_period
from hypercare.cli.periods.seen import Seen
from tests.unit.recorded_periods import NOW, lines, page, recorded


def seen(which: str, **metadata: Any) -> Seen:
    body = recorded(which)
    body["metadata"] |= metadata
    return read_period(body)


def with_criterion(name: str, **change: Any) -> Seen:
    body = recorded(name)
    body["status"]["criteria"][0] |= change
    return read_period(body)


def with_condition(name: str, kind: str, **change: Any) -> Seen:
    body = recorded(name)
    for condition in body["status"]["conditions"]:
        if condition["type"] == kind:
            condition.update(change)
    return read_period(body)


def test_an_operator_that_reads_evidence_is_alive() -> None:
    found = heartbeat([seen("held-up"), seen("completed")], NOW)
    assert (found.state, found.message.startswith("evidence of 1 open window was read ")) == (State.OK, True)


def test_evidence_that_nobody_reads_is_a_problem() -> None:
    found = heartbeat([seen("held-up")], NOW + 3600)
    assert (found.state, "shop/checkout: evidence was read 1h1m ago") == (State.PROBLEM, found.message)


def test_a_spec_that_nobody_takes_up_is_a_problem() -> None:
    found = heartbeat([seen("held-up", generation=9, creationTimestamp="2026-11-21T18:00:00Z")], NOW)
    assert found.state is State.PROBLEM
    assert "nobody has taken up the spec as it is now" in found.message
    fresh = heartbeat([seen("held-up", generation=9, creationTimestamp="2026-11-21T18:39:00Z")], NOW)
    assert fresh.state is State.OK


@pytest.mark.parametrize("names", [(), ("completed",), ("suspended",), ("stalled",)])
def test_without_an_open_window_nothing_tells_whether_it_works(names: tuple[str, ...]) -> None:
    assert heartbeat([seen(name) for name in names], NOW).state is State.UNCHECKED


@pytest.mark.parametrize("reason", ["PrometheusUnreachable", "PrometheusUnauthorized", "SecretNotFound"])
def test_what_the_operator_says_of_its_prometheus_is_passed_on_with_a_fix(reason: str) -> None:
    found = endpoint([with_criterion("held-up", reason=reason, message="no route to host")], NOW)
    assert found.state is State.PROBLEM
    assert found.message == f"{reason} for shop/checkout: no route to host"
    assert found.fix


def test_an_endpoint_answers_only_for_those_who_have_asked_lately() -> None:
    assert endpoint([seen("held-up")], NOW).state is State.OK
    assert endpoint([seen("held-up")], NOW + 3600).state is State.UNCHECKED
    assert endpoint([seen("completed")], NOW).state is State.UNCHECKED


def test_copies_that_nobody_loads_are_a_problem() -> None:
    change = {"status": "False", "reason": "OverlayNotSelected", "message": "Prometheus monitoring/k8s selects others"}
    found = rules_in_force([with_condition("held-up", "AlertsTightened", **change)], NOW)
    assert found.state is State.PROBLEM
    assert "rules.labels" in found.fix
    assert rules_in_force([seen("held-up")], NOW).state is State.OK


def test_what_needs_a_person_is_told_once_for_each_reason() -> None:
    (found,) = stalled([seen("stalled"), seen("stalled", name="cart"), seen("held-up")])
    assert found.state is State.WARNING
    assert found.message.startswith("ProfileNotFound for shop/checkout, shop/cart: ")
    (fine,) = stalled([seen("held-up")])
    assert fine.message == "1 period, none needs a person"


def test_what_the_operator_needs_is_what_it_is_installed_with() -> None:
    found = needed()
    assert Permission("hypercare.dev", "hypercareperiods/status", "patch") in found
    assert Permission("", "secrets", "get", own_namespace=True) in found
    assert all(each.verb != "*" for each in found)
    scale = Permission("apps", "deployments/scale", "patch")
    assert scale.attributes("shop") == {
        "group": "apps",
        "resource": "deployments",
        "subresource": "scale",
        "verb": "patch",
        "namespace": "shop",
    }


@pytest.mark.parametrize("width", [60, 120])
def test_each_finding_comes_with_its_fix_and_nothing_is_markup(width: int) -> None:
    found = [
        ok("API server", "answers"),
        warning("clock", "[red]differs[/red]\x1b[31m", "set it"),
        problem("CRD x", "is not installed", "install it"),
        unchecked("profiles", "may not be read"),
    ]
    printed = lines(doctor_view(found), page(width))
    assert printed[0] == "ok       API server: answers"
    assert "warning  clock: [red]differs[/red] [31m" in printed
    assert "         fix: install it" in printed
    assert printed[-1] == "1 problem, 1 warning, 1 not checked"
