"""Mistakes that people make in periods and profiles: each is told at its line and field, with what to write instead."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from hypercare.cli.documents import documents_in
from hypercare.cli.failures import UnusableInput
from hypercare.cli.lint.checks import check
from hypercare.cli.lint.findings import Finding, Source, ordered
from hypercare.cli.lint.positions import positions_in
from tests.unit.kubectl_hypercare import run

PERIOD = """\
apiVersion: hypercare.dev/v1alpha1
kind: HypercarePeriod
metadata:
  name: checkout
  namespace: shop
spec:
  profile: web
  release:
    version: "2.4.0"
  targets:
    - kind: Deployment
      name: checkout
  window:
    start: {when: RolloutComplete, timeout: 1h}
    duration: 3d
  protection:
    alerts:
      from:
        - rule: checkout-alerts
      tighten: {shortenFor: 50%, deliver: Notify}
    scaling:
      - {target: checkout, floor: 150%}
  exitCriteria:
    - name: errors
      query: sum(rate(errors_total[5m]))
      below: 1
      sustainedFor: 6h
    - {name: pods, workload: {available: true}, sustainedFor: 12h}
"""
PROFILE = """\
apiVersion: hypercare.dev/v1alpha1
kind: HypercareProfile
metadata: {name: web}
spec:
  prometheus: {url: "http://prometheus:9090", timeout: 10s}
  limits: {maxFloor: 20, allowNamespaces: [shop]}
"""
INDICATOR = "indicator: istio/http-error-ratio\n      target: checkout"
QUERY = "query: sum(rate(errors_total[5m]))"
CRITERION = "spec.exitCriteria[0]"
FLOOR = "spec.protection.scaling[0].floor"
DURATION = "spec.window.duration"
SHORTEN = "spec.protection.alerts.tighten.shortenFor"
DESCRIPTION = "By how much `for` is shortened at full strength (percent of the original's, such as 50%)"
TARGETS = "  targets:\n    - kind: Deployment\n      name: checkout\n"
METADATA = "metadata:\n  name: checkout\n  namespace: shop\n"
JSON = """\
{"apiVersion": "hypercare.dev/v1alpha1", "kind": "HypercarePeriod",
 "metadata": {"name": "a"},
 "spec": {"release": {"version": 1}, "targets": [{"kind": "Deployment", "name": "a"}]}}
"""


def findings(*texts: str) -> Sequence[Finding]:
    text = "---\n".join(texts)
    sources = [Source("p.yaml", *each) for each in zip(documents_in(text, "p.yaml"), positions_in(text), strict=True)]
    return ordered(check(sources))


def changed(text: str, before: str, after: str) -> str:
    assert before in text
    return text.replace(before, after, 1)


@pytest.mark.parametrize(
    ("change", "where", "fix"),
    [
        pytest.param(
            ("exitCriteria", "exitCriterias"),
            (23, "spec.exitCriterias", "UnknownField"),
            "did you mean exitCriteria?",
            id="a field that is misspelt",
        ),
        pytest.param(
            ("sustainedFor: 6h", "sustained_for: 6h"),
            (27, f"{CRITERION}.sustained_for", "UnknownField"),
            "did you mean sustainedFor?",
            id="a field in another style",
        ),
        pytest.param(
            ("    duration: 3d\n", "    timeout: 3d\n"),
            (15, "spec.window.timeout", "UnknownField"),
            "it is a field of spec.window.start: look at the indentation",
            id="a field that belongs further in",
        ),
        pytest.param(
            (TARGETS, TARGETS.replace("  ", "    ", 1)),
            (10, "spec.release.targets", "UnknownField"),
            "it is a field of spec: look at the indentation",
            id="a part that is indented too far",
        ),
        pytest.param(
            ("  profile: web\n", "  shortenFor: 50%\n"),
            (7, "spec.shortenFor", "UnknownField"),
            "it is a field of spec.protection.alerts.tighten: look at the indentation",
            id="a field without its parts",
        ),
        pytest.param(
            ("- rule: checkout-alerts", "- checkout-alerts"),
            (19, "spec.protection.alerts.from[0]", "Type"),
            "write its fields: {alerts: …, mentions: …, rule: …, selector: …, severities: …, shared: …}",
            id="a text where an object is asked for",
        ),
        pytest.param(
            ("    - kind: Deployment\n      name: checkout\n", "    kind: Deployment\n    name: checkout\n"),
            (10, "spec.targets", "Type"),
            "begin each element with '- '",
            id="an object where a list is asked for",
        ),
        pytest.param(
            ("    - kind: Deployment\n      name: checkout\n", "    - deployment/checkout\n"),
            (11, "spec.targets[0]", "Type"),
            "write its fields: {kind: …, name: …}",
            id="a target as kubectl names it",
        ),
        pytest.param(
            ("alerts:\n      from:", "alerts:\n    - from:"),
            (17, "spec.protection.alerts", "Type"),
            "leave out the '- ' (or the [ and ])",
            id="a list where an object is asked for",
        ),
        pytest.param(
            ("Deployment", "deployments"),
            (11, "spec.targets[0].kind", "Enum"),
            "did you mean Deployment?",
            id="a kind in the plural",
        ),
        pytest.param(
            ("Notify", "NOTIFY"),
            (20, "spec.protection.alerts.tighten.deliver", "Enum"),
            "did you mean Notify?",
            id="an option in capitals",
        ),
        pytest.param(("150%", "150 %"), (22, FLOOR, "Form"), "write 150%", id="a space in a percentage"),
        pytest.param(("150%", "1.5"), (22, FLOOR, "Type"), "write 150%", id="a factor instead of a percentage"),
        pytest.param(("150%", "50%"), (22, FLOOR, "Form"), "write 150%", id="a percentage that is to be added"),
        pytest.param(("150%", "'6'"), (22, FLOOR, "Form"), "write 6 without quotes", id="a number in quotes"),
        pytest.param(("50%", "50"), (20, SHORTEN, "Type"), "write 50%", id="a percentage without its sign"),
        pytest.param(
            ("50%", "150%"), (20, SHORTEN, "Form"), DESCRIPTION, id="nothing similar is right: what is asked for"
        ),
        pytest.param(("3d", "1.5h"), (15, DURATION, "Form"), "write 1h30m", id="a duration with a point"),
        pytest.param(("3d", "3 days"), (15, DURATION, "Form"), "write 3d", id="a duration in words"),
        pytest.param(("3d", "1 hour 30 min"), (15, DURATION, "Form"), "write 1h30m", id="a duration in several words"),
        pytest.param(
            ("3d", "90m30"),
            (15, DURATION, "Form"),
            "Planned length of the window (duration, such as 3d)",
            id="a duration with half a unit",
        ),
        pytest.param(
            ("3d", "3"),
            (15, DURATION, "Type"),
            "write it with its unit: 3m, 3h or 3d",
            id="a duration without its unit",
        ),
        pytest.param(
            ('"2.4.0"', "2.4"), (9, "spec.release.version", "Type"), 'write "2.4" in quotes', id="a version as a number"
        ),
        pytest.param(
            ("below: 1", "below: '1'"),
            (26, f"{CRITERION}.below", "Type"),
            "write 1 without quotes",
            id="a bound as a text",
        ),
        pytest.param(
            ("below: 1", "below: 1%"), (26, f"{CRITERION}.below", "Type"), "write 0.01", id="a bound in percent"
        ),
        pytest.param(
            ("available: true", "available: 'yes'"),
            (28, "spec.exitCriteria[1].workload.available", "Type"),
            "write true",
            id="a switch as a text",
        ),
        pytest.param(
            ("name: pods", "name: errors"),
            (28, "spec.exitCriteria[1]", "Duplicate"),
            "rename one, or leave one out",
            id="two criteria of one name",
        ),
        pytest.param(
            ("      below: 1\n", "      below: 1\n      below: 2\n"),
            (27, f"{CRITERION}.below", "Duplicate"),
            "keep one of them",
            id="a field that is written twice",
        ),
        pytest.param(
            ("target: checkout", "target: chekout"),
            (22, "spec.protection.scaling[0].target", "Rule"),
            "did you mean checkout?",
            id="a target that is misspelt",
        ),
        pytest.param(
            (QUERY, INDICATOR.replace("checkout", "cart")),
            (26, f"{CRITERION}.target", "Rule"),
            "targets are: checkout",
            id="a target that is none",
        ),
        pytest.param(
            ("[5m]", ""),
            (25, f"{CRITERION}.query", "InvalidPromQL"),
            "give rate a range, such as rate(requests_total[5m])",
            id="a function without its range",
        ),
        pytest.param(
            ("rate(", "rat("),
            (25, f"{CRITERION}.query", "InvalidPromQL"),
            "did you mean rate?",
            id="an unknown function",
        ),
        pytest.param(
            ("]))", "])"),
            (25, f"{CRITERION}.query", "InvalidPromQL"),
            "count the brackets and quotes",
            id="an open bracket",
        ),
        pytest.param(
            (QUERY, "query: up = 0"),
            (25, f"{CRITERION}.query", "InvalidPromQL"),
            "compare with ==: a single = is for labels in {…}",
            id="one sign of equality",
        ),
        pytest.param(
            ("sum(", "sum by service ("),
            (25, f"{CRITERION}.query", "InvalidPromQL"),
            "put the labels into brackets: sum by (service) (…)",
            id="labels without brackets",
        ),
        pytest.param(
            ("kind: HypercarePeriod", "kind: HyperCarePeriod"),
            (2, "kind", "Kind"),
            "did you mean HypercarePeriod?",
            id="a kind that is misspelt",
        ),
        pytest.param(
            ("kind: HypercarePeriod\n", ""), (1, "kind", "Required"), "write kind: HypercarePeriod", id="no kind"
        ),
        pytest.param(
            ("v1alpha1", "v1"),
            (1, "apiVersion", "ApiVersion"),
            "write apiVersion: hypercare.dev/v1alpha1",
            id="another version",
        ),
        pytest.param(
            ("  name: checkout\n", "  name: Check_Out\n"),
            (4, "metadata.name", "Form"),
            "write check-out",
            id="a name with capitals",
        ),
        pytest.param(
            ("  name: checkout\n", "  name: 7\n"),
            (4, "metadata.name", "Type"),
            'write "7" in quotes',
            id="a name that is a number",
        ),
        pytest.param(
            ("namespace: shop", "namespace: shop.eu"),
            (5, "metadata.namespace", "Form"),
            "",
            id="a namespace with a point",
        ),
        pytest.param(
            ("namespace: shop", "namspace: shop"),
            (5, "metadata.namspace", "UnknownField"),
            "did you mean namespace?",
            id="metadata that is misspelt",
        ),
        pytest.param(
            ("  namespace: shop\n", "  namespace: shop\n  labels: {version: 2, beta: true}\n"),
            (6, "metadata.labels.version", "Type"),
            'write "2" in quotes',
            id="a label that is a number",
        ),
        pytest.param(
            (METADATA, "metadata: [checkout]\n"),
            (3, "metadata", "Type"),
            "write metadata: {name: checkout}",
            id="metadata as a list",
        ),
    ],
)
def test_a_mistake_in_a_period_is_told_with_what_to_write(
    change: tuple[str, str], where: tuple[int, str, str], fix: str
) -> None:
    line, path, rule = where
    found = findings(changed(PERIOD, *change))
    (told,) = [each for each in found if each.path == path]
    assert (told.place.line, told.rule, told.severity, told.fix) == (line, rule, "error", fix)


@pytest.mark.parametrize(
    ("before", "after", "path", "severity", "fix"),
    [
        ("prometheus: {", "promethues: {", "spec.promethues", "error", "did you mean prometheus?"),
        ("http://", "", "spec.prometheus.url", "error", "write http://prometheus:9090"),
        ("maxFloor: 20", "maxFloor: '20'", "spec.limits.maxFloor", "error", "write 20 without quotes"),
        ("{name: web}", "{name: web, namespace: shop}", "metadata.namespace", "warning", "leave it out"),
        ("[shop]", "shop", "spec.limits.allowNamespaces", "error", "write a list: [shop]"),
    ],
)
def test_a_mistake_in_a_profile_is_told_with_what_to_write(
    before: str, after: str, path: str, severity: str, fix: str
) -> None:
    (told,) = [each for each in findings(changed(PROFILE, before, after)) if each.path == path]
    assert (told.severity, told.fix) == (severity, fix)


@pytest.mark.parametrize(
    ("query", "rules"),
    [
        ("sum(rate(errors_total[5m]))", []),
        ("sum(rate(errors_total[5m])) > 5", ["FilteringQuery"]),
        ("(sum(rate(errors_total[5m])) > bool 5)", []),
        ("rate(errors_total[5m])", ["NotAggregated"]),
        ("histogram_quantile(0.9, rate(latency_bucket[5m]))", ["NotAggregated"]),
        ("rate(errors_total[5m]) > 5", ["FilteringQuery", "NotAggregated"]),
        ("job:errors:rate5m", []),
    ],
)
def test_a_query_that_would_be_judged_otherwise_than_it_looks_is_doubted(query: str, rules: Sequence[str]) -> None:
    text = changed(PERIOD, QUERY, f"query: {query}")
    found = findings(text)
    assert [each.rule for each in found] == rules
    assert {each.severity for each in found} <= {"warning"}
    assert {(each.place.line, each.path) for each in found} <= {(25, f"{CRITERION}.query")}
    on_purpose = findings(changed(text, "below: 1", "below: 1\n      minSeries: 2"))
    assert [each.rule for each in on_purpose] == [rule for rule in rules if rule != "NotAggregated"]


def test_a_criterion_that_outlasts_the_window_is_doubted() -> None:
    found = findings(changed(PERIOD, "duration: 3d", "duration: 2h"))
    assert [(each.place.line, each.rule) for each in found] == [(27, "LongerThanWindow"), (28, "LongerThanWindow")]
    assert found[0].message == "asks for 6h, and the window is planned for 2h: it always takes an extension"


def test_a_target_that_is_not_among_the_workloads_of_the_files_is_doubted() -> None:
    (told,) = findings(PERIOD, "kind: Deployment\nmetadata: {name: check-out}\n")
    assert (told.rule, told.fix) == ("TargetNotFound", "did you mean check-out?")


def test_every_object_of_a_file_is_checked_at_its_own_line() -> None:
    wrong = changed(PERIOD, "below: 1", "belo: 1")
    (told,) = findings(PROFILE, wrong)
    assert (told.place.line, told.path, told.fix) == (33, f"{CRITERION}.belo", "did you mean below?")
    indented = "".join(f"    {line}\n" for line in wrong.splitlines())
    (told,) = findings(f"apiVersion: v1\nkind: List\nitems:\n  - {indented.lstrip()}")
    assert told.place.line == 29
    (told,) = findings(JSON)
    assert (told.place.line, told.fix) == (3, 'write "1" in quotes')


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (changed(PERIOD, "    duration: 3d", "   duration: 3d"), "p.yaml:15:4: is not YAML: "),
        (changed(PERIOD, "    duration: 3d", "   duration: 3d"), "(is the line indented like those around it?)"),
        (changed(PERIOD, "    duration", "\tduration"), "(indent with spaces, not with tabs)"),
        (
            changed(PERIOD, '"2.4.0"', "{{ .Values.tag | quote }}"),
            "(it holds a Helm template: give what `helm template`",
        ),
        (changed(PERIOD, "  window:", "  {{- if .Values.on }}\n  window:"), "(it holds a Helm template: give what"),
        ("", "p.yaml: holds no object"),
        ("hello\n", "p.yaml[0]: is not an object with fields"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(text: str, told: str) -> None:
    with pytest.raises(UnusableInput) as failed:
        documents_in(text, "p.yaml")
    assert told in failed.value.format_message()


def test_the_template_of_an_alert_is_not_taken_for_one_of_helm() -> None:
    with pytest.raises(UnusableInput) as failed:
        documents_in("summary: '{{ $value }}'\n  expr: [\n", "p.yaml")
    assert "Helm" not in failed.value.format_message()


@pytest.mark.parametrize(
    ("arguments", "stdin", "code"),
    [
        (("-",), PERIOD, 0),
        (("-",), PERIOD.replace("duration: 3d", "duration: 2h"), 0),
        (("-", "--strict"), PERIOD.replace("duration: 3d", "duration: 2h"), 1),
        (("-",), PERIOD.replace("3d", "3 days"), 1),
        (("-",), PERIOD.replace("kind: HypercarePeriod", "kind: HyperCarePeriod"), 1),
        (("-",), "", 2),
        (("absent.yaml",), "", 2),
        ((".",), "", 2),
        ((), "", 2),
    ],
)
def test_the_exit_code_tells_errors_from_what_cannot_be_read(
    arguments: tuple[str, ...], stdin: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("lint", *arguments, stdin=stdin).code == code
