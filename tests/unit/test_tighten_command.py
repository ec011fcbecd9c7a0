"""`kubectl hypercare tighten` as a process: what it prints for people, for programs and for Prometheus."""

import json
import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.programs import find_programs
from tests.unit.kubectl_hypercare import PROGRAM, run

RULES = """\
groups:
- name: checkout
  interval: 15s
  rules:
  - record: errors:ratio
    expr: sum(rate(errors_total[5m])) / sum(rate(requests_total[5m]))
  - alert: ErrorRatio
    expr: |
      # per second
      errors:ratio
        > 0.05
    for: 10m
    labels: {severity: critical, priority: 1}
    annotations: {summary: too many errors}
  - alert: Down
    expr: up == 0
    for: 5m
  - alert: Queue
    expr: queue_length > 0
"""
OBJECT = """\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: checkout
  namespace: shop
  labels: {release: kps, app.kubernetes.io/instance: argo}
spec:
  groups:
  - name: latency
    rules:
    - {alert: Slow, expr: latency_seconds > 2, for: 5m, labels: {severity: critical}}
"""


@pytest.fixture
def rules(tmp_path: Path) -> str:
    return written(tmp_path / "rules.yaml", RULES)


def written(path: Path, text: str) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)


def found(*arguments: str, stdin: str = "") -> list[dict[str, Any]]:
    ran = run("tighten", *arguments, "-o", "json", stdin=stdin)
    assert (ran.code, ran.err) == (0, "")
    alerts: list[dict[str, Any]] = json.loads(ran.out)
    return alerts


def test_a_diff_of_each_alert_and_a_summary(rules: str) -> None:
    ran = run("tighten", "-f", rules)

    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        f"{rules}: checkout\n"
        "  ErrorRatio  > 0.05 for 10m, now > 0.04 for 10m\n"
        "      # per second\n"
        "      errors:ratio\n"
        "    -   > 0.05\n"
        "    +   > 0.04\n"
        "      kept: StateNotRestored: a for of 10m stays at 10m or more"
        " (state is lost at a restart below; see allowUnrestored)\n"
        "  Down  for 5m, now for 2m30s\n"
        "    - for: 5m\n"
        "    + for: 2m30s\n"
        "      kept: Equality: == has no side to move to\n"
        "  Queue  untouched: ComparedWithZero: a share of 0 is 0; it has no for that could be shortened\n"
        "3 alerts: 2 tightened, 1 untouched\n"
        "  tightened by: threshold 1, for 1\n"
        "  untouched: ComparedWithZero 1\n"
        "  kept in part: StateNotRestored 1, Equality 1\n"
    )


def test_a_table_has_one_line_for_each_alert(rules: str) -> None:
    lines = run("tighten", "-f", rules, "-o", "table").out.splitlines()

    assert lines[0].split() == ["GROUP", "ALERT", "OUTCOME", "CHANGE", "OR", "REASON"]
    assert [line.split()[1:3] for line in lines[1:]] == [
        ["ErrorRatio", "Tightened"],
        ["Down", "Tightened"],
        ["Queue", "Untouched"],
    ]


def test_json_has_one_object_for_each_alert(rules: str) -> None:
    first, second, third = found("-f", rules)

    assert (first["file"], first["group"], first["alert"], first["outcome"]) == (
        rules,
        "checkout",
        "ErrorRatio",
        "Tightened",
    )
    assert first["original"] == {"expr": "# per second\nerrors:ratio\n  > 0.05\n", "for": "10m"}
    assert first["tightened"] == {"expr": "# per second\nerrors:ratio\n  > 0.04\n", "for": "10m"}
    assert first["message"] == "> 0.05 for 10m, now > 0.04 for 10m"
    assert [each["reason"] for each in first["kept"]] == ["StateNotRestored"]
    assert second["tightened"] == {"expr": "up == 0", "for": "2m30s"}
    assert (third["outcome"], third["reason"], third["tightened"]) == ("Untouched", "ComparedWithZero", None)
    assert third["original"] == {"expr": "queue_length > 0", "for": "0s"}


@pytest.mark.parametrize(
    ("flags", "expr", "for_text"),
    [
        pytest.param((), "latency_seconds > 1.6", "2m30s", id="the defaults"),
        pytest.param(("--strength", "50"), "latency_seconds > 1.8", "3m45s", id="half the strength"),
        pytest.param(("--move-threshold", "50%"), "latency_seconds > 1", "2m30s", id="further"),
        pytest.param(("--move-threshold", "off"), "latency_seconds > 2", "2m30s", id="in small letters"),
        pytest.param(("--move-threshold", "Off"), "latency_seconds > 2", "2m30s", id="only shorter"),
        pytest.param(("--shorten-for", "0%"), "latency_seconds > 1.6", "5m", id="only nearer"),
        pytest.param(("--shorten-for", "90%", "--min-for", "2m"), "latency_seconds > 1.6", "2m", id="not below minFor"),
        pytest.param(("--interval", "5m"), "latency_seconds > 1.6", "5m", id="within one evaluation"),
    ],
)
def test_levers(tmp_path: Path, flags: tuple[str, ...], expr: str, for_text: str) -> None:
    (alert,) = found("-f", written(tmp_path / "rules.yaml", OBJECT), *flags)

    assert alert["tightened"] == {"expr": expr, "for": for_text}


def test_long_ones_go_below_ten_minutes_when_allowed(rules: str) -> None:
    assert found("-f", rules, "--allow-unrestored")[0]["tightened"]["for"] == "5m"


def test_files_documents_folders_and_stdin_come_together(tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    several = f"{OBJECT}---\nkind: Service\nmetadata: {{name: checkout}}\n---\n{OBJECT.replace('Slow', 'Slower')}"
    written(folder / "b.yaml", several)
    written(folder / "a.yml", RULES)
    written(folder / "notes.txt", "nothing")
    (folder / "more").mkdir()
    written(folder / "more" / "c.yaml", OBJECT.replace("Slow", "Slowest"))

    names = [each["alert"] for each in found("-f", "-", "-f", str(folder), stdin=OBJECT.replace("Slow", "Piped"))]
    recursive = [each["alert"] for each in found("-R", "-f", str(folder))]

    assert names == ["Piped", "ErrorRatio", "Down", "Queue", "Slow", "Slower"]
    assert recursive == ["ErrorRatio", "Down", "Queue", "Slow", "Slower", "Slowest"]


def test_a_list_as_kubectl_prints_it_is_read() -> None:
    listed = yaml.safe_dump({"kind": "List", "items": [yaml.safe_load(OBJECT)]})

    assert [each["alert"] for each in found("-f", "-", stdin=listed)] == ["Slow"]


def test_yaml_has_the_copies_of_rule_files(rules: str) -> None:
    ran = run("tighten", "-f", rules, "-o", "yaml")

    (group,) = yaml.safe_load(ran.out)["groups"]
    assert (group["name"], group["interval"]) == ("checkout", "15s")
    ratio, down = group["rules"]
    assert (ratio["expr"], ratio["for"]) == ("# per second\nerrors:ratio\n  > 0.04\n", "10m")
    assert ratio["labels"].items() >= {"severity": "warning", "hypercare": "copy", "priority": "1"}.items()
    assert ratio["annotations"] == {
        "summary": "too many errors",
        "hypercare_change": "> 0.05 for 10m, now > 0.04 for 10m",
    }
    assert ratio["labels"]["hypercare_rule"] != down["labels"]["hypercare_rule"]


def test_yaml_has_a_prometheusrule_for_each_that_came_in(tmp_path: Path) -> None:
    unchanged = OBJECT.replace("latency_seconds > 2, for: 5m", "up == 0").replace("checkout", "other")
    ran = run("tighten", "-f", "-", "-o", "yaml", stdin=f"{OBJECT}---\n{unchanged}")

    (copy,) = yaml.safe_load_all(ran.out)
    assert copy["kind"] == "PrometheusRule"
    assert copy["metadata"] == {"name": "hypercare-checkout", "namespace": "shop", "labels": {"release": "kps"}}
    assert copy["spec"]["groups"][0]["rules"][0]["expr"] == "latency_seconds > 1.6"


@pytest.mark.cluster
def test_the_copies_of_several_files_are_rules_that_prometheus_takes(tmp_path: Path) -> None:
    files = [written(tmp_path / name, RULES) for name in ("one.yaml", "two.yaml")]
    copies = written(tmp_path / "copies.out", run("tighten", "-f", files[0], "-f", files[1], "-o", "yaml").out)

    promtool = find_programs()["promtool"]
    checked = subprocess.run([promtool, "check", "rules", copies], capture_output=True, text=True, check=False)

    assert (checked.returncode, checked.stderr) == (0, "")
    assert "4 rules found" in checked.stdout


BROKEN = """\
groups:
- name: checkout
  rules:
  - {alert: Fine, expr: a > 5}
  - {alert: Unclosed, expr: "sum(a > 5"}
  - {alert: Empty}
  - {alert: Odd, expr: a > 5, for: 5x}
"""


@pytest.mark.parametrize("output", ["diff", "table", "json", "yaml"])
def test_what_does_not_parse_is_named_by_file_group_and_alert(tmp_path: Path, output: str) -> None:
    path = written(tmp_path / "broken.yaml", BROKEN)

    ran = run("tighten", "-f", path, "-o", output)

    assert (ran.code, ran.out) == (2, "")
    assert sorted(ran.err.removeprefix("error: ").splitlines()) == [
        f"{path}: group checkout: alert Empty: expr: is required",
        f"{path}: group checkout: alert Odd: for: '5x' is not a duration such as 90s, 30m, 12h, 7d or 1h30m",
        f"{path}: group checkout: alert Unclosed: expr: unclosed left parenthesis",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("groups: [", "is not YAML", id="no YAML"),
        pytest.param("groups: 5", "standard input: groups: must be a list", id="groups are no list"),
        pytest.param("kind: Service\n", "neither a PrometheusRule nor a rule file", id="something else"),
        pytest.param("- 5", "is not an object", id="no object"),
        pytest.param("kind: PrometheusRule\nmetadata: 5\n", "metadata: must be an object", id="no metadata"),
        pytest.param(
            OBJECT.replace("latency_seconds > 2", '"sum("'),
            "PrometheusRule checkout: group latency: alert Slow: expr: ",
            id="an object is named too",
        ),
        pytest.param(
            RULES.replace("- alert: Down", "- alert: 7"),
            "group checkout: alert 7: alert: must be a string",
            id="a name that is none",
        ),
    ],
)
def test_unusable_input_is_named(text: str, message: str) -> None:
    ran = run("tighten", "-f", "-", stdin=text)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: standard input")
    assert message in ran.err


@pytest.mark.parametrize(
    "flags",
    [
        ("--shorten-for", "50"),
        ("--move-threshold", "no"),
        ("--move-threshold", "81%"),
        ("--move-threshold", "Calibrated"),
        ("--min-for", "5"),
        ("--interval", "0s"),
        ("--strength", "7x"),
    ],
)
def test_unusable_flags_are_named(rules: str, flags: tuple[str, str]) -> None:
    ran = run("tighten", "-f", rules, *flags)

    assert (ran.code, ran.out) == (2, "")
    assert flags[0] in ran.err


def test_what_the_parser_does_not_know_is_an_outcome_and_no_mistake() -> None:
    text = RULES.replace("queue_length > 0", "rate(queue_length[5m * 2]) > 3")

    assert found("-f", "-", stdin=text)[2]["reason"] == "UnsupportedPromQL"


def test_duplicate_names_in_one_group_and_groups_of_one_name_are_kept_apart() -> None:
    body = yaml.safe_load(RULES)
    body["groups"].append(body["groups"][0])
    body["groups"][0]["rules"].append(dict(body["groups"][0]["rules"][1]))
    text = yaml.safe_dump(body)

    copies = yaml.safe_load(run("tighten", "-f", "-", "-o", "yaml", stdin=text).out)

    rules = [rule for group in copies["groups"] for rule in group["rules"]]
    assert [group["name"] for group in copies["groups"]] == ["checkout", "checkout (2)"]
    assert len({rule["labels"]["hypercare_rule"] for rule in rules}) == len(rules) == 6


def coloured(*arguments: str, environment: dict[str, str] | None = None) -> bool:
    """Run it on a terminal, and say whether it used colours."""
    reader, writer = pty.openpty()
    plain = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    subprocess.run(
        [PROGRAM, "tighten", *arguments],
        stdout=writer,
        env={**plain, "TERM": "xterm", **(environment or {})},
        check=True,
        timeout=60,
    )
    os.close(writer)
    shown = os.read(reader, 65536)
    os.close(reader)
    return b"\x1b[" in shown


def test_colours_are_for_terminals(tmp_path: Path) -> None:
    path = written(tmp_path / "rules.yaml", OBJECT)

    assert coloured("-f", path)
    assert not coloured("-f", path, environment={"NO_COLOR": "1"})
    assert not coloured("-f", path, "--color", "never")
    assert "\x1b[" not in run("tighten", "-f", path).out
    assert "\x1b[" in run("tighten", "-f", path, "--color", "always").out


def test_hostile_rules_end_soon_and_never_in_a_traceback(tmp_path: Path) -> None:
    exprs = {
        "Deep": "(" * 5000 + "a" + ")" * 5000 + " > 5",
        "Long": " + ".join(f"a{n}" for n in range(20_000)) + " > 5",
        "Backquoted": "a{b=~`\\d+`} > 5",
        "Unicode": 'a{"ключ"="значение ☃"} > 5.5',
        "Upper": "SUM(a) BY (x) > 5.5 AND ON(x) b OFFSET 5m > 6 OR c > 7",
        "At": "a @ 1700000000 > 5.5",
        "AtNegative": "a @ -5 > 5.5",
        "Templated": "a > 5.5",
        "Huge": "a > 1e999999999",
        "Nested": "count(" * 20 + "a > 5" + ") > 1" * 20,
    }
    rules = [
        {"alert": name, "expr": expr, "annotations": {"summary": "{{ range query `x` }}{{ .Value }}{{ end }}"}}
        for name, expr in exprs.items()
    ]
    path = written(tmp_path / "odd.yaml", yaml.safe_dump({"groups": [{"name": "odd", "rules": rules}]}))

    outcomes = {each["alert"]: each for each in found("-f", path)}

    assert {name: each["reason"] for name, each in outcomes.items() if each["outcome"] == "Untouched"} == {
        "Deep": "UnsupportedPromQL",
        "Long": "UnsupportedPromQL",
        "Backquoted": "UnsupportedPromQL",
        "Huge": "TextNotUnderstood",
        "Nested": "InsideAggregation",
    }
    assert outcomes["Upper"]["tightened"]["expr"].startswith("SUM(a) BY (x) > 4.4 AND ON(x) b OFFSET 5m > 6 OR c > 5.6")
    assert outcomes["Unicode"]["tightened"]["expr"] == 'a{"ключ"="значение ☃"} > 4.4'
