"""What `slo` in an exit criterion means, what is asked for each source, and what is refused with its path."""

from typing import Any

import pytest

from hypercare.domain.evidence.budget_marks import BudgetQuestions, ask_budget
from hypercare.domain.evidence.criteria import AlwaysActive, definition_hash
from hypercare.domain.evidence.slo import Allowed, AsRecorded, Pyrra, Rates, SloKind, Sloth
from hypercare.domain.fields import InvalidField
from hypercare.domain.promql.tenancy import Tenancy
from tests.unit.criteria import PYRRA, RATES, SLOTH, parse_slo


def kind_of(slo: dict[str, Any]) -> SloKind:
    found = parse_slo(slo).kind
    assert isinstance(found, SloKind)
    return found


def asked(slo: dict[str, Any]) -> BudgetQuestions:
    return ask_budget(kind_of(slo), AlwaysActive(), Tenancy("namespace", "shop"), 120)


def test_the_window_of_a_budget_takes_the_place_of_sustained_for() -> None:
    found = parse_slo(RATES)
    assert found.kind == SloKind(Rates("sum(rate(e[5m]))", "sum(rate(t[5m]))"), Allowed(0.001), 86400, 1.0)
    assert (found.kind_name, found.sustained_seconds, found.coverage, found.max_gap_seconds) == (
        "slo",
        86400,
        0.95,
        600,
    )


def test_everything_spelled_out() -> None:
    active = {"query": "hour() > 6", "above": 0}
    found = parse_slo({**RATES, "maxBurn": 2.5}, coverage="90%", maxGap="2m", activeWhen=active, advisory=True)
    assert isinstance(found.kind, SloKind)
    assert (found.kind.max_burn, found.kind.short_seconds) == (2.5, 7200)
    assert (found.coverage, found.max_gap_seconds, found.advisory) == (0.9, 120, True)


@pytest.mark.parametrize(("percent", "share"), [(99.9, 0.001), (99.95, 0.0005), (99, 0.01), (50, 0.5), (99.999, 1e-05)])
def test_an_objective_leaves_the_share_that_people_mean(percent: float, share: float) -> None:
    assert kind_of({**RATES, "objective": percent}).objective == Allowed(share)


def test_tools_record_their_objective_unless_another_one_is_given() -> None:
    assert kind_of(SLOTH) == SloKind(Sloth("shop", "requests"), AsRecorded(), 86400)
    assert kind_of(PYRRA) == SloKind(Pyrra("checkout-errors"), AsRecorded(), 43200)
    assert kind_of({**SLOTH, "objective": 99}).objective == Allowed(0.01)
    assert asked({**SLOTH, "objective": 99}).objective == ""


@pytest.mark.parametrize(
    ("over", "long", "short"), [("1h", "1h", "5m"), ("6h", "6h", "30m"), ("24h", "1d", "2h"), ("3d", "3d", "6h")]
)
def test_sloth_is_read_by_its_own_windows(over: str, long: str, short: str) -> None:
    """Names and labels as in slok/sloth, examples/_gen/getting-started.yml."""
    questions = asked({**SLOTH, "over": over})
    which = 'namespace="shop",sloth_service="shop",sloth_slo="requests"'
    assert questions.expressions() == (
        f"max(slo:sli_error:ratio_rate{long}{{{which}}})",
        f"count(count_over_time(slo:sli_error:ratio_rate{long}{{{which}}}[120s]))",
        f"max(slo:sli_error:ratio_rate{short}{{{which}}})",
        f"max(slo:objective:ratio{{{which}}})",
    )
    assert questions.look_behind == 0


def test_pyrra_is_read_by_its_generic_rules_which_look_five_minutes_back() -> None:
    """Names and labels as in pyrra-dev/pyrra, slo/rules.go, GenericRules."""
    questions = asked(PYRRA)
    which = 'namespace="shop",slo="checkout-errors"'
    assert questions.expressions() == (
        f"max(pyrra_requests:rate5m{{{which}}})",
        f"count(count_over_time(pyrra_requests:rate5m{{{which}}}[120s]))",
        f"max(pyrra_errors:rate5m{{{which}}})",
        f"max(pyrra_objective{{{which}}})",
    )
    assert questions.look_behind == 300


def test_rates_are_kept_in_the_namespace_and_covered_by_their_total() -> None:
    questions = asked({**RATES, "errors": "sum(rate(e[10m]))"})
    assert questions.expressions() == (
        'sum(rate(t{namespace="shop"}[5m]))',
        'count(count_over_time(t{namespace="shop"}[120s]))',
        'sum(rate(e{namespace="shop"}[10m]))',
    )
    assert questions.look_behind == 600


def test_a_name_cannot_break_out_of_its_matcher() -> None:
    questions = asked({"pyrra": {"name": 'x"} or up{y="'}, "over": "1h"})
    assert questions.total.value == 'max(pyrra_requests:rate5m{namespace="shop",slo="x\\"} or up{y=\\""})'


@pytest.mark.parametrize(
    ("slo", "path", "says"),
    [
        ({**RATES, "over": None}, ".slo.over", "required|string"),
        ({**RATES, "over": "59m"}, ".slo.over", "at least 1h"),
        ({**RATES, "maxBurn": 0}, ".slo.maxBurn", "above 0"),
        ({**RATES, "maxBurn": float("inf")}, ".slo.maxBurn", "finite"),
        ({**RATES, "objective": None}, ".slo.objective", "required|number"),
        ({**RATES, "objective": 100}, ".slo.objective", "below 100"),
        ({**RATES, "objective": 0}, ".slo.objective", "above 0"),
        ({**RATES, "objective": "99.9%"}, ".slo.objective", "must be a number"),
        ({**RATES, "total": None}, ".slo.total", "required|string"),
        ({**RATES, "errors": None}, ".slo", "exactly one of errors"),
        ({**RATES, "errors": "sum("}, ".slo.errors", "InvalidPromQL"),
        ({**RATES, "total": "t @ end()"}, ".slo.total", "UnsupportedPromQL"),
        ({**SLOTH, **PYRRA}, ".slo", "exactly one of errors"),
        ({**PYRRA, "total": "t"}, ".slo", "exactly one of errors"),
        ({**SLOTH, "over": "12h"}, ".slo.over", "one of 1h, 6h, 1d, 3d with sloth"),
        ({**SLOTH, "sloth": {"service": "shop"}}, ".slo.sloth.slo", "required|string"),
        ({**PYRRA, "pyrra": {}}, ".slo.pyrra.name", "required|string"),
    ],
)
def test_a_refusal_names_its_field(slo: dict[str, Any], path: str, says: str) -> None:
    with pytest.raises(InvalidField, match=says) as refusal:
        parse_slo(slo)
    assert refusal.value.path == "spec.exitCriteria[0]" + path


@pytest.mark.parametrize(
    "unused",
    [
        {"sustainedFor": "1h"},
        {"above": 1},
        {"below": 1},
        {"between": [1, 2]},
        {"equals": 1},
        {"minSeries": 2},
        {"allowBad": "1%"},
        {"regression": {"above": 2, "for": "5m"}},
    ],
)
def test_what_has_no_meaning_for_a_budget_is_refused_and_not_dropped(unused: dict[str, Any]) -> None:
    with pytest.raises(InvalidField, match="is not used with slo") as refusal:
        parse_slo(RATES, **unused)
    assert refusal.value.path == f"spec.exitCriteria[0].{next(iter(unused))}"


def test_what_sloth_records_covers_idle_hours_too() -> None:
    active = {"query": "hour() > 6", "above": 0}
    assert parse_slo(PYRRA, activeWhen=active).kind_name == "slo"
    with pytest.raises(InvalidField, match="is not used with slo with sloth"):
        parse_slo(SLOTH, activeWhen=active)


@pytest.mark.parametrize(
    "change", [{"objective": 99.8}, {"errors": "sum(f)"}, {"total": "sum(f)"}, {"over": "2d"}, {"maxBurn": 2}]
)
def test_a_change_of_meaning_changes_the_hash(change: dict[str, Any]) -> None:
    assert definition_hash(parse_slo({**RATES, **change})) != definition_hash(parse_slo(RATES))
