"""Metrics and log lines: what is told, and that it stays bounded."""

import inspect
import io
import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from docs.generate_metrics import ENDPOINTS, Endpoint
from hypercare.adapters import kubernetes
from hypercare.adapters.alertmanager import RequestOutcome
from hypercare.adapters.kubernetes import Request
from hypercare.config import LogFormat, LogLevel
from hypercare.domain.evidence.unknown_causes import Cause
from hypercare.domain.objects import DEPLOYMENTS, HOLDS, PERIODS, ObjectRef, Resource
from hypercare.domain.samples import Answer, FailureKind, QueryFailed
from hypercare.logs import about, configure_logging
from hypercare.metrics.telemetry import API_SECONDS, Telemetry
from hypercare.ports import Body, Unavailable
from hypercare.queue import Done, Failed
from tests.unit.snapshots import reading

CHECKOUT = ObjectRef(PERIODS, "shop", "checkout")


class Loop:
    depth = 7
    running = 2
    lateness = 1.5


class Watches:
    lag = 3.0

    def __init__(self, objects: Mapping[Resource, Sequence[Body]]) -> None:
        self.objects = objects

    def select(self, resource: Resource) -> Sequence[Body]:
        return self.objects.get(resource, ())


def named(name: str, phase: str, *verdicts: str) -> dict[str, Any]:
    status = {"phase": phase, "criteria": [{"kind": "query", "verdict": verdict} for verdict in verdicts]}
    return {"metadata": {"name": name, "namespace": "shop"}, "status": status}


def criteria(*found: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": "any", "namespace": "shop"}, "status": {"phase": "Active", "criteria": list(found)}}


def period(phase: str, *verdicts: str) -> dict[str, Any]:
    return named("any", phase, *verdicts)


def value(telemetry: Telemetry, name: str, **labels: str) -> float | None:
    return telemetry.registry.get_sample_value(name, labels)


def described(objects: Mapping[Resource, Sequence[Body]], now: float = 0.0) -> Telemetry:
    telemetry = Telemetry(clock=lambda: now)
    telemetry.describe(Loop(), Watches(objects))
    return telemetry


def test_the_loop_and_the_watches_are_measured_when_scraped() -> None:
    telemetry = described({})
    assert value(telemetry, "hypercare_queue_depth") == 7
    assert value(telemetry, "hypercare_queue_running") == 2
    assert value(telemetry, "hypercare_queue_late_seconds") == 1.5
    assert value(telemetry, "hypercare_watch_lag_seconds") == 3


def test_periods_are_counted_by_phase_and_every_phase_is_there() -> None:
    telemetry = described({PERIODS: [period("Active"), period("Active"), period(""), period("Whatever")]})
    assert value(telemetry, "hypercare_periods", phase="Active") == 2
    assert value(telemetry, "hypercare_periods", phase="Pending") == 2
    assert value(telemetry, "hypercare_periods", phase="Ended") == 0
    assert value(telemetry, "hypercare_periods", phase="Whatever") is None


def test_criteria_are_counted_while_their_period_is_not_over() -> None:
    telemetry = described({PERIODS: [period("Active", "Met", "Unmet", "odd"), period("Completed", "Met")]})
    for verdict in ("Met", "Unmet", "Unknown"):
        assert value(telemetry, "hypercare_criteria", verdict=verdict, kind="query") == 1


def test_criteria_are_counted_by_kind_and_every_pair_is_there() -> None:
    telemetry = described({PERIODS: [criteria({"verdict": "Met", "kind": "slo"}, {"verdict": "Met", "kind": "odd"})]})
    assert value(telemetry, "hypercare_criteria", verdict="Met", kind="slo") == 1
    assert value(telemetry, "hypercare_criteria", verdict="Met", kind="other") == 1
    assert value(telemetry, "hypercare_criteria", verdict="Met", kind="odd") is None
    assert value(telemetry, "hypercare_criteria", verdict="Unmet", kind="alerts") == 0


def test_unknown_verdicts_are_counted_by_their_cause() -> None:
    reasons = (
        "PrometheusTimeout",
        "SecretNotFound",
        "NoData",
        "EvidenceGaps",
        "RuleFails",
        "LowTraffic",
        "Collecting",
        "x",
    )
    found = [{"verdict": "Unknown", "reason": reason} for reason in reasons]
    telemetry = described({PERIODS: [criteria(*found, {"verdict": "Unmet", "reason": "BoundViolated"}, {})]})
    counts = {cause: value(telemetry, "hypercare_criteria_unknown", cause=cause) for cause in Cause}
    assert counts == {
        "Endpoint": 2,
        "Query": 0,
        "Data": 2,
        "Rules": 1,
        "Traffic": 1,
        "Time": 1,
        "Other": 2,
    }


def test_regressed_criteria_are_counted() -> None:
    telemetry = described({PERIODS: [criteria({"regressed": True}, {"regressed": False}, {})]})
    assert value(telemetry, "hypercare_criteria_regressed") == 1


def test_no_more_series_come_with_more_periods_and_reasons() -> None:
    def series(count: int) -> int:
        many = [criteria(*({"kind": f"k{n}", "reason": f"r{n}", "verdict": f"v{n}"} for n in range(count)))] * count
        found = described({PERIODS: many}).registry.collect()
        return sum(len(family.samples) for family in found if family.name.startswith("hypercare_criteria"))

    assert series(1) == series(30)


def test_holds_are_counted_by_state() -> None:
    claims = [{"period": "checkout"}]
    holds: list[dict[str, Any]] = [
        {"spec": {"claims": claims}},
        {"spec": {"claims": claims, "contested": {"manager": "argocd"}}},
        {"spec": {}},
        {"spec": {"claims": []}},
    ]
    telemetry = described({HOLDS: holds})
    counts = {
        state: value(telemetry, "hypercare_holds", state=state) for state in ("claimed", "contested", "restoring")
    }
    assert counts == {"claimed": 1, "contested": 1, "restoring": 2}


def test_the_evaluation_age_is_that_of_the_oldest_evidence_of_a_running_window() -> None:
    objects = {PERIODS: [named("checkout", "Active"), named("basket", "Relaxing"), named("done", "Completed")]}
    telemetry = described(objects, now=1000)
    assert value(telemetry, "hypercare_evaluation_age_seconds") == 0
    for name, final_through in (("checkout", 940), ("basket", 990), ("done", 10), ("deleted", 20)):
        read = [replace(reading(), final_through=final_through + later) for later in (0, 30)]
        telemetry.evaluated(ObjectRef(PERIODS, "shop", name), read)
    assert value(telemetry, "hypercare_evaluation_age_seconds") == 60
    telemetry.forget(CHECKOUT)
    assert value(telemetry, "hypercare_evaluation_age_seconds") == 10


def test_a_visit_is_counted_by_kind_and_a_failed_one_by_its_error() -> None:
    telemetry = Telemetry()
    telemetry.visited(CHECKOUT, Done(), 0.2)
    telemetry.visited(CHECKOUT, Failed(Unavailable("no")), 0.3)
    assert value(telemetry, "hypercare_reconcile_seconds_count", kind="HypercarePeriod") == 2
    assert value(telemetry, "hypercare_reconcile_errors_total", kind="HypercarePeriod", error="Unavailable") == 1


def test_requests_to_prometheus_are_counted_by_outcome() -> None:
    telemetry = Telemetry()
    telemetry.queried("range", Answer(()), 0.1)
    telemetry.queried("range", QueryFailed(FailureKind.TIMEOUT, "slow"), 10)
    name = "hypercare_prometheus_request_seconds_count"
    assert value(telemetry, name, query="range", outcome="Answered") == 1
    assert value(telemetry, name, query="range", outcome="PrometheusTimeout") == 1


def test_requests_to_alertmanager_are_counted_by_outcome() -> None:
    telemetry = Telemetry()
    telemetry.looked("silences", RequestOutcome.ANSWERED, 0.1)
    telemetry.looked("silences", RequestOutcome.TIMEOUT, 10)
    name = "hypercare_alertmanager_request_seconds"
    assert value(telemetry, f"{name}_count", request="silences", outcome="Answered") == 1
    assert value(telemetry, f"{name}_sum", request="silences", outcome="AlertmanagerTimeout") == 10


def test_writes_are_counted_by_verb_resource_and_code() -> None:
    telemetry = Telemetry()
    telemetry.requested(Request("apply", "PATCH", "/x", "hypercareperiods"), 200, 0.01)
    name = "hypercare_api_requests_total"
    assert value(telemetry, name, verb="apply", resource="hypercareperiods", code="200") == 1


def test_the_delay_until_an_overlay_is_live_is_recorded() -> None:
    telemetry = Telemetry()
    telemetry.seen_live(4)
    assert value(telemetry, "hypercare_live_check_delay_seconds_bucket", le="5.0") == 1
    assert value(telemetry, "hypercare_live_check_delay_seconds_bucket", le="2.0") == 0


def busy() -> Telemetry:
    """One that has measured something of everything."""
    objects = {PERIODS: [period("Active", "Met")], HOLDS: [{"spec": {"claims": [{}]}}]}
    telemetry = described(objects)
    for key in (CHECKOUT, ObjectRef(HOLDS, "shop", "checkout")):
        telemetry.visited(key, Failed(Unavailable("no")), 0.3)
    for kind in FailureKind:
        telemetry.queried("rules", QueryFailed(kind, "no"), 0.1)
    for outcome in RequestOutcome:
        telemetry.looked("alerts", outcome, 0.1)
    telemetry.requested(Request("apply", "PATCH", "/x", "hypercareperiods"), 200, 0.01)
    telemetry.seen_live(4)
    telemetry.evaluated(CHECKOUT, [reading()])
    return telemetry


def told(registry: CollectorRegistry) -> dict[str, Any]:
    """The families that a scrape shows, by name; a counter's family is named without its suffix."""
    text = generate_latest(registry).decode()
    found = {each.name + "_total" * (each.type == "counter"): each for each in text_string_to_metric_families(text)}
    return {name: family for name, family in found.items() if name.startswith("hypercare_")}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
def test_a_scrape_shows_the_metrics_that_are_defined_with_their_labels_and_values(endpoint: Endpoint) -> None:
    telemetry = busy()
    families = told(telemetry.registry if endpoint.path == "/metrics" else telemetry.periods.registry)
    assert sorted(families) == sorted(each.name for each in endpoint.metrics)
    for metric in endpoint.metrics:
        family = families[metric.name]
        assert (family.type, family.documentation) == (metric.type, metric.help)
        values = {label.name: label.values for label in metric.labels}
        for sample in family.samples:
            labels = {name: text for name, text in sample.labels.items() if name != "le"}
            assert labels.keys() == values.keys(), metric.name
            assert all(text in values[name] for name, text in labels.items() if values[name]), sample


def test_the_verbs_are_those_that_the_api_server_is_asked_with() -> None:
    verbs = re.findall(r'Request\(\s*"([a-z]+)"', inspect.getsource(kubernetes))
    assert set(verbs) == set(API_SECONDS.labels[0].values)


@pytest.fixture
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], level = before
    root.setLevel(level)


def lines(form: LogFormat, level: LogLevel = LogLevel.INFO) -> io.StringIO:
    stream = io.StringIO()
    configure_logging(form, level, stream)
    return stream


@pytest.mark.usefixtures("restored_logging")
def test_a_json_line_names_the_visited_period_and_what_the_call_adds() -> None:
    stream = lines(LogFormat.JSON)
    with about(CHECKOUT):
        logging.getLogger("hypercare.x").info("Entered stage %s", "elevated", extra={"run": "r1-aa", "reason": "Met"})
    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "hypercare.x",
        "message": "Entered stage elevated",
        "period": "shop/checkout",
        "run": "r1-aa",
        "reason": "Met",
    }


@pytest.mark.usefixtures("restored_logging")
def test_a_text_line_ends_with_its_fields() -> None:
    stream = lines(LogFormat.TEXT)
    with about(ObjectRef(HOLDS, "shop", "checkout-hpa")):
        logging.getLogger("hypercare.x").warning("Could not write")
    assert stream.getvalue().endswith("WARNING hypercare.x: Could not write  hold=shop/checkout-hpa\n")


@pytest.mark.usefixtures("restored_logging")
def test_outside_a_visit_a_line_names_nothing() -> None:
    stream = lines(LogFormat.TEXT)
    with about(ObjectRef(DEPLOYMENTS, "shop", "checkout")):
        pass
    logging.getLogger("hypercare.x").info("Listed %d", 3)
    assert stream.getvalue().endswith("INFO hypercare.x: Listed 3\n")


@pytest.mark.usefixtures("restored_logging")
@pytest.mark.parametrize("form", LogFormat)
def test_a_traceback_is_kept(form: LogFormat) -> None:
    stream = lines(form)
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("hypercare.x").exception("Could not reconcile")
    assert "ValueError: broken" in stream.getvalue()


@pytest.mark.usefixtures("restored_logging")
def test_kopf_tells_of_problems_but_not_of_each_event() -> None:
    stream = lines(LogFormat.TEXT)
    logging.getLogger("kopf.objects").info("Handler 'watch' succeeded.")
    assert stream.getvalue() == ""
    logging.getLogger("kopf.objects").error("Handler 'watch' failed")
    assert "Handler 'watch' failed" in stream.getvalue()


@pytest.mark.usefixtures("restored_logging")
def test_an_outage_is_told_once_and_not_for_each_attempt_at_each_watch() -> None:
    stream = lines(LogFormat.TEXT)
    watching = logging.getLogger("kopf._cogs.clients.watching")
    for attempt in range(20):
        watching.error("Request attempt #%d failed; will retry: GET /x", attempt)
    watching.error("Something else")
    assert stream.getvalue().count("Request attempt") == 1
    assert "Something else" in stream.getvalue()


@pytest.mark.usefixtures("restored_logging")
def test_a_failed_visit_is_logged_with_a_traceback_only_when_it_is_a_bug() -> None:
    stream = lines(LogFormat.TEXT)
    telemetry = Telemetry()
    telemetry.visited(CHECKOUT, Failed(Unavailable("the API server is away")), 0.1)
    expected = stream.getvalue()
    telemetry.visited(CHECKOUT, Failed(ValueError("broken")), 0.1)
    bug = stream.getvalue().removeprefix(expected)
    assert "HypercarePeriod shop/checkout: the API server is away" in expected
    assert "Traceback" not in expected
    assert "ERROR" in bug
    assert "ValueError: broken" in bug
