"""`kubectl hypercare backtest` as a process: what it prints, how it ends, what it says of wrong input."""

import json
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from hypercare.cli.app import main
from tests.unit.kubectl_hypercare import Ran, run
from tests.unit.prometheus_answers import Source, constant
from tests.unit.range_server import RangeServer, range_server

FROM = ("--from", "2026-01-10T00:00:00Z")
TO = ("--to", "2026-01-10T01:00:00Z")
START = 1_768_003_200
EVIL = '<script>alert("1")</script>'
METRICS: Mapping[str, Source] = {
    "orders": lambda time: 1 if START + 600 <= time < START + 630 else 10,
    "errors": constant(3),
    "evil": constant(1),
}
ORDERS = {"name": "orders", "query": "sum(orders)", "above": 5, "sustainedFor": "5m"}
ERRORS = {"name": "errors", "query": "errors", "below": 1, "sustainedFor": "5m"}


def period(*criteria: Mapping[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "hypercare.dev/v1alpha1",
        "kind": "HypercarePeriod",
        "metadata": {"name": "checkout", "namespace": "shop"},
        "spec": {
            "release": {"version": "2.4.0"},
            "targets": [{"kind": "Deployment", "name": "checkout"}],
            "window": {"duration": "1h", "extension": {"by": "10m", "limit": 1}},
            "stages": [{"name": "only", "strength": 50, "minDuration": "10m"}],
            "relax": {"step": 25, "every": "5m"},
            "exitCriteria": list(criteria or (ORDERS,)),
            **spec,
        },
    }


@pytest.fixture(scope="module")
def prometheus() -> Iterator[RangeServer]:
    with range_server(METRICS) as server:
        yield server


def write(folder: Path, *documents: Mapping[str, Any], name: str = "period.yaml") -> str:
    path = folder / name
    path.write_text(yaml.safe_dump_all(documents))
    return str(path)


def backtest(prometheus: RangeServer, path: str, *more: str, environment: Mapping[str, str] | None = None) -> Ran:
    arguments = ("-f", path, "--prometheus", prometheus.url, *FROM, *TO, *more)
    return run("backtest", *arguments, environment=environment)


def test_a_period_that_would_have_relaxed_is_told_with_its_times(prometheus: RangeServer, tmp_path: Path) -> None:
    ran = backtest(prometheus, write(tmp_path, period()))
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[:2] == ["shop/checkout 2.4.0", "2026-01-10T00:00:00Z to 2026-01-10T01:00:00Z, a point every 30s"]
    assert "Would have begun to relax at 2026-01-10T00:16:00Z, 16m after the start" in ran.out
    assert "00:10:00Z 5m Unmet 1 is not above 5; then RecentlyViolated 4m30s" in " ".join(ran.out.split())
    assert re.search(r"orders +Met +4m30s +\d+% +\d+% +\d+% +\d+m", ran.out)
    assert re.search(r"above 5 +0\.83% +4m30s +as in the spec", ran.out)


def test_a_period_that_would_not_have_is_a_negative_answer(prometheus: RangeServer, tmp_path: Path) -> None:
    ran = backtest(prometheus, write(tmp_path, period(ORDERS, ERRORS)))
    assert ran.code == 1
    answer = "Would not have begun to relax by 2026-01-10T01:00:00Z: blocked by errors (unmet)."
    assert answer in " ".join(ran.out.split())
    assert re.search(r"below 4 +0\.00% +4m30s", ran.out), "a bound that would have been met is offered"
    assert "\x1b" not in ran.out + ran.err, "no colour without a terminal"
    assert max(map(len, ran.out.splitlines())) <= 80
    assert not [line for line in ran.out.splitlines() if line != line.rstrip()]


def test_json_says_the_same_for_programs(prometheus: RangeServer, tmp_path: Path) -> None:
    ran = backtest(prometheus, write(tmp_path, period(ORDERS, {**ERRORS, "advisory": True})), "-o", "json")
    found = json.loads(ran.out)
    assert (ran.code, found["relaxes"], found["relaxingSince"]) == (0, True, "2026-01-10T00:16:00Z")
    orders, errors = found["criteria"]
    assert [(each["verdict"], each["from"], each["reason"]) for each in orders["intervals"]] == [
        ("Unknown", "2026-01-10T00:00:00Z", "Collecting"),
        ("Met", "2026-01-10T00:04:30Z", "Sustained"),
        ("Unmet", "2026-01-10T00:10:00Z", "BoundViolated"),
        ("Met", "2026-01-10T00:15:00Z", "Sustained"),
    ]
    assert orders["intervals"][2]["reasonSeconds"] == {"BoundViolated": 30, "RecentlyViolated": 270}
    assert orders["seconds"] == {"Met": 3030, "Unmet": 300, "Unknown": 270}
    assert (errors["advisory"], errors["firstMet"], errors["verdict"]) == (True, None, "Unmet")
    assert [each["limit"] for each in errors["bounds"] if each["own"]] == [1]
    assert [each["reason"] for each in found["timeline"]][-1] == "Completed"


class Page(HTMLParser):
    """What a page holds that a browser would act on."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "line", "rect", "polyline"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"meta", "line", "rect", "polyline"}:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_html_is_one_page_that_loads_and_runs_nothing(prometheus: RangeServer, tmp_path: Path) -> None:
    evil = {"name": "evil", "query": f'evil or label_replace(evil, "a", \'{EVIL}\', "", "")', "above": 5}
    hostile = period(ORDERS, {**evil, "sustainedFor": "5m"}, release={"version": EVIL})
    ran = backtest(prometheus, write(tmp_path, hostile), "-o", "html")
    page = Page(ran.out)
    assert page.open == []
    kinds = {tag for tag, _ in page.tags}
    assert {"svg", "polyline", "table"} <= kinds
    assert not kinds & {"script", "link", "img", "iframe", "object", "embed", "base", "form", "a"}
    assert not [
        attrs for _, attrs in page.tags if set(attrs) & {"src", "href"} or any(n.startswith("on") for n in attrs)
    ]
    assert "url(" not in ran.out
    assert "@import" not in ran.out
    assert EVIL not in ran.out
    assert "&lt;script&gt;" in ran.out
    assert "default-src &#x27;none&#x27;" in ran.out or "default-src 'none'" in ran.out


def test_profile_and_period_may_be_in_one_file_and_flags_win(prometheus: RangeServer, tmp_path: Path) -> None:
    profile = {
        "kind": "HypercareProfile",
        "metadata": {"name": "default"},
        "spec": {
            "prometheus": {
                "url": "http://in-the-cluster:9090",
                "headers": {"X-Scope-OrgID": "a"},
                "secretRef": {"name": "s"},
            },
            "evaluation": {"step": "1m"},
        },
    }
    path = write(tmp_path, period(), profile)
    token = tmp_path / "token"
    token.write_text("secret\n")
    more = ("--header", "X-Extra: b", "--bearer-token-file", str(token), "-o", "json")
    prometheus.headers.clear()
    assert json.loads(backtest(prometheus, path, *more).out)["stepSeconds"] == 60
    sent = prometheus.headers[-1]
    assert (sent["X-Scope-OrgID"], sent["X-Extra"], sent["Authorization"]) == ("a", "b", "Bearer secret")
    assert json.loads(backtest(prometheus, path, "--step", "15s", "-o", "json").out)["stepSeconds"] == 15


def test_alerts_are_judged_from_their_rules_and_unknown_without(prometheus: RangeServer, tmp_path: Path) -> None:
    quiet = {"name": "quiet", "alerts": {"severities": ["critical"]}, "sustainedFor": "5m"}
    # Its condition and input are 10 everywhere, and there are no ALERTS: an alert that is not evaluated.
    rule = {"alert": "TooMany", "expr": 'orders{app="checkout"} > 50', "for": "1m", "labels": {"severity": "critical"}}
    rules = write(tmp_path, {"groups": [{"name": "g", "rules": [rule]}]}, name="rules.yaml")
    path = write(tmp_path, period(quiet))
    without = json.loads(backtest(prometheus, path, "-o", "json").out)["criteria"][0]
    assert (without["verdict"], without["reason"], without["firstMet"]) == ("Unknown", "RulesNotGiven", None)
    assert "--rules" in without["message"]
    assert without["seconds"] == {"Met": 0, "Unmet": 0, "Unknown": 3600}
    judged = json.loads(backtest(prometheus, path, "--rules", rules, "-o", "json").out)["criteria"][0]
    assert (judged["verdict"], judged["reason"]) == ("Unknown", "RulesNotEvaluated")


def test_nothing_found_is_a_note_about_the_namespace(prometheus: RangeServer, tmp_path: Path) -> None:
    ran = backtest(prometheus, write(tmp_path, period({**ORDERS, "query": "absent_here"})))
    assert ran.code == 1
    assert ran.err.startswith("note: nothing was found for orders: ")
    assert 'namespace="shop"' in ran.err


def test_a_narrow_terminal_is_kept_to(prometheus: RangeServer, tmp_path: Path) -> None:
    ran = backtest(prometheus, write(tmp_path, period(ORDERS, ERRORS)), environment={"COLUMNS": "60"})
    assert max(map(len, ran.out.splitlines())) <= 60


@pytest.mark.parametrize(
    ("environment", "more", "coloured"),
    [
        ({"NO_COLOR": "1"}, ("--color", "always"), True),
        ({"FORCE_COLOR": "1"}, ("--color", "never"), False),
    ],
)
def test_colours_are_asked_for(
    prometheus: RangeServer, tmp_path: Path, environment: Mapping[str, str], more: tuple[str, ...], coloured: bool
) -> None:
    ran = backtest(prometheus, write(tmp_path, period()), *more, environment=environment)
    assert ("\x1b[" in ran.out) is coloured


def change(**fields: Any) -> dict[str, Any]:
    found = period()
    found.update(fields)
    return found


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"kind": "Deployment"}, ": holds no HypercarePeriod, and one is needed"),
        (change(metadata={}), ": metadata.name: is required"),
        (change(spec=None), ": spec: is required, and must be an object"),
        (period(window={"duration": "3x"}), ": spec.window.duration: '3x' is not a duration such as"),
        (period(window="long"), ": spec.window: must be an object"),
        (period({**ORDERS, "query": "sum(orders"}), ": spec.exitCriteria[0].query: InvalidPromQL: unclosed"),
        (period({**ORDERS, "above": "5"}), ": spec.exitCriteria[0].above: must be a number"),
        (period({**ORDERS, "below": 9}), ": spec.exitCriteria[0]: exactly one of above, below"),
        (period(ORDERS, ORDERS), ": spec.exitCriteria: criterion names must be unique"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], document: Any, told: str
) -> None:
    path = write(tmp_path, document)
    refused(["-f", path], f"{path}{told}", capsys)


def refused(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In this process: dozens of others would take a minute."""
    assert main(["backtest", "--prometheus", "http://127.0.0.1:1", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert err.startswith(f"error: {told}")


def test_shapes_that_cannot_even_be_merged_are_refused_as_a_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = {"kind": "HypercareProfile", "metadata": {"name": "default"}}
    nameless = write(tmp_path, period(), {**profile, "spec": {"defaults": {"targets": [{"name": ["a"]}]}}})
    refused(["-f", nameless], f"{nameless}[0]: spec: does not have the shape of a HypercarePeriod", capsys)
    textual = write(tmp_path, period(), {**profile, "spec": {"defaults": "none"}})
    refused(["-f", textual], f"{textual}[1]: spec.defaults: must be an object", capsys)


def test_a_defect_of_a_file_or_flag_is_one_line_of_the_program(tmp_path: Path) -> None:
    ran = run("backtest", "-f", str(tmp_path / "absent.yaml"))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"error: {tmp_path / 'absent.yaml'}: No such file or directory\n"


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--from", "7days"), "--from: '7days' is neither a time such as 2026-11-14T10:00:00Z nor an age such as 7d"),
        (("--to", "tomorrow"), "--to: 'tomorrow' is neither"),
        (("--to", "2100-01-01T00:00:00Z"), "--to: lies in the future"),
        (("--from", "1h", "--to", "2h"), "--from: must be at least two steps (60s) before --to"),
        (("--from", "365d", "--step", "1s"), "--from: needs more than 500000 points"),
        (("--step", "0s"), "--step: must be longer than zero"),
        (("--step", "fast"), "--step: 'fast' is not a duration"),
        (("--timeout", "1h"), "--timeout: must be longer than zero and at most 5m"),
        (("--header", "tenant"), "--header: 'tenant' is not 'NAME: VALUE'"),
        (("--header", "Authorization: Bearer x"), "--header: cannot be set here"),
        (("--prometheus", "ftp://p"), "--prometheus: must be an http or https URL"),
        (("--prometheus", "http://u:p@p"), "--prometheus: must not hold a user or a password"),
        (("--bearer-token-file", "/nowhere/token"), "--bearer-token-file: /nowhere/token: No such file or directory"),
        (("--ca-file", "/nowhere/ca"), "--ca-file: /nowhere/ca: No such file or directory"),
        (("--rules", "/nowhere/rules.yaml"), "/nowhere/rules.yaml: No such file or directory"),
        (("--profile", "/nowhere/profile.yaml"), "/nowhere/profile.yaml: No such file or directory"),
        (("--namespace", "other"), "PATH: metadata.namespace: is shop, which is not --namespace other"),
    ],
)
def test_a_flag_that_cannot_be_used_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], told: str
) -> None:
    path = write(tmp_path, period())
    refused(["-f", path, *flags], told.replace("PATH", path), capsys)


def test_without_a_url_it_is_asked_for(tmp_path: Path) -> None:
    ran = run("backtest", "-f", write(tmp_path, period()))
    assert (ran.code, ran.err) == (2, "error: --prometheus: is required, for no profile names a URL\n")


def test_a_prometheus_that_does_not_answer_is_a_failure_in_one_line(tmp_path: Path) -> None:
    ran = run("backtest", "-f", write(tmp_path, period()), "--prometheus", "http://127.0.0.1:1")
    assert (ran.code, ran.out) == (1, "")
    assert re.fullmatch(r"error: criterion orders: Prometheus at .*cannot be reached.*\n", ran.err)


def test_a_period_may_come_from_the_standard_input(prometheus: RangeServer) -> None:
    arguments = ("-f", "-", "--prometheus", prometheus.url, *FROM, *TO, "-o", "json")
    ran = run("backtest", *arguments, stdin=json.dumps(period()))
    assert json.loads(ran.out)["relaxes"] is True


def test_its_help_teaches_with_examples() -> None:
    ran = run("backtest", "--help")
    assert ran.code == 0
    assert ran.out.startswith("Usage: kubectl hypercare backtest [OPTIONS]")
    assert "  kubectl hypercare backtest -f period.yaml --prometheus http://localhost:9090\n" in ran.out
