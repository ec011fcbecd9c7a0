"""The merge of period, profile and built-in defaults."""

import pytest

from hypercare.domain.effective import BUILT_IN_DEFAULTS, effective_spec

SMALLEST = {"release": {"version": "2.4.0"}, "targets": [{"kind": "Deployment", "name": "checkout"}]}


def test_the_smallest_period_gets_the_built_in_defaults_and_criteria() -> None:
    spec = effective_spec(SMALLEST, {})
    assert spec["window"] == BUILT_IN_DEFAULTS["window"]
    assert [criterion["name"] for criterion in spec["exitCriteria"]] == ["quiet", "pods"]


@pytest.mark.parametrize("empty_in", ["period", "profile"])
def test_criteria_that_were_emptied_on_purpose_stay_empty(empty_in: str) -> None:
    period = SMALLEST | ({"exitCriteria": []} if empty_in == "period" else {})
    profile: dict[str, object] = {"exitCriteria": []} if empty_in == "profile" else {}
    assert effective_spec(period, profile)["exitCriteria"] == []


def test_criteria_merge_by_name_and_each_is_replaced_whole() -> None:
    profile = {
        "exitCriteria": [
            {"name": "errors", "query": "a", "below": 1, "sustainedFor": "1h", "coverage": "99%"},
            {"name": "latency", "query": "b", "below": 2, "sustainedFor": "1h"},
        ]
    }
    period = SMALLEST | {"exitCriteria": [{"name": "errors", "query": "c", "below": 3, "sustainedFor": "2h"}]}
    merged = effective_spec(period, profile)["exitCriteria"]
    assert merged == [
        {"name": "errors", "query": "c", "below": 3, "sustainedFor": "2h"},
        {"name": "latency", "query": "b", "below": 2, "sustainedFor": "1h"},
    ]


def test_stages_are_replaced_as_a_whole() -> None:
    period = SMALLEST | {"stages": [{"name": "only", "strength": 80}]}
    assert effective_spec(period, {})["stages"] == [{"name": "only", "strength": 80}]


def test_objects_merge_key_by_key_and_the_period_wins() -> None:
    profile = {"window": {"duration": "5d", "extension": {"limit": 1}}}
    spec = effective_spec(SMALLEST | {"window": {"duration": "2d"}}, profile)
    assert spec["window"]["duration"] == "2d"
    assert spec["window"]["extension"] == {"by": "1d", "limit": 1}


def test_a_start_is_taken_whole_because_its_parts_belong_together() -> None:
    profile = {"window": {"start": {"when": "At", "at": "2026-11-20T22:00:00Z"}}}
    spec = effective_spec(SMALLEST | {"window": {"start": {"when": "Immediately"}}}, profile)
    assert spec["window"]["start"] == {"when": "Immediately"}


def test_a_null_in_the_period_is_no_wish() -> None:
    assert effective_spec(SMALLEST | {"relax": None}, {})["relax"] == BUILT_IN_DEFAULTS["relax"]


def test_the_built_in_stages_fit_into_a_short_window() -> None:
    spec = effective_spec(SMALLEST | {"window": {"duration": "1h"}}, {})
    assert [stage["minDuration"] for stage in spec["stages"]] == ["20m", "20m"]
    assert [criterion["sustainedFor"] for criterion in spec["exitCriteria"]] == ["10m", "10m"]


def test_the_built_in_durations_are_whole_in_the_usual_window() -> None:
    spec = effective_spec(SMALLEST, {})
    assert [stage["minDuration"] for stage in spec["stages"]] == ["1d", "1d"]
    assert [criterion["sustainedFor"] for criterion in spec["exitCriteria"]] == ["12h", "12h"]


def test_stages_that_somebody_wrote_are_never_bent() -> None:
    stages = [{"name": "long", "strength": 100, "minDuration": "2h"}]
    spec = effective_spec(SMALLEST | {"window": {"duration": "1h"}}, {"stages": stages})
    assert spec["stages"] == stages
