"""`kubectl hypercare lint` without a cluster: what it finds, where, and that it agrees with the API server.

The examples that a real API server refuses and accepts (tests/cluster/crds, held against one there) are checked here
too: what it would refuse is found at the same field, and what it takes is not complained about.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from hypercare.cli.lint.cel import Unsupported, compile_expression
from hypercare.cli.lint.cel_values import CelError, NoValue
from hypercare.cli.lint.positions import Place, positions_in
from hypercare.cli.lint.schema import schema_of, supported, violations
from tests.unit.kubectl_hypercare import run

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "cluster" / "crds"
PLURALS = {"HypercarePeriod": "hypercareperiods", "HypercareProfile": "hypercareprofiles"}
SMALLEST = {body["kind"]: body for body in yaml.safe_load_all((DATA / "smallest.yaml").read_text())}

PERIOD = """\
apiVersion: hypercare.dev/v1alpha1
kind: HypercarePeriod
metadata: {name: checkout}
spec:
  release: {version: "2.4.0"}
  targets:
    - {kind: Deployment, name: checkout}
  exitCriteria:
    - name: errors
      query: sum(rate(errors[5m]))
      below: 1
      sustainedFor: 1h
"""
PROFILE = """\
apiVersion: hypercare.dev/v1alpha1
kind: HypercareProfile
metadata: {name: default}
spec:
  prometheus: {url: "http://prometheus:9090"}
"""
RULE = """\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: rules}
spec:
  groups:
    - name: a
      rules:
        - alert: X
          expr: up == 0
"""


def merged(under: object, over: object) -> Any:
    """Merge as RFC 7386 does: null removes."""
    if not isinstance(over, Mapping):
        return over
    result = dict(under) if isinstance(under, Mapping) else {}
    for key, value in over.items():
        result[key] = None if value is None else merged(result.get(key), value)
    return {key: value for key, value in result.items() if value is not None}


def cases(file: str) -> list[Any]:
    table = yaml.safe_load((DATA / file).read_text())
    rows = [(kind, case) for kind in PLURALS for case in table.get(kind, ())]
    return [pytest.param(kind, case, id=f"{kind}: {case['because']}") for kind, case in rows]


def rules(node: Mapping[str, Any]) -> Iterator[str]:
    yield from (rule["rule"] for rule in node.get("x-kubernetes-validations", ()))
    children = [*node.get("properties", {}).values(), node.get("items"), node.get("additionalProperties")]
    for child in children:
        if isinstance(child, dict):
            yield from rules(child)


@pytest.mark.parametrize("plural", PLURALS.values())
def test_every_validation_rule_of_the_crds_is_evaluated(plural: str) -> None:
    found = list(rules(schema_of(plural)))
    assert len(found) > 50
    assert [rule for rule in found if not supported(rule)] == []


@pytest.mark.parametrize(("kind", "case"), cases("refused.yaml"))
def test_what_the_server_refuses_is_found_at_the_same_field(kind: str, case: dict[str, Any]) -> None:
    body = merged(SMALLEST[kind], case["patch"])
    assert case["field"] in {each.path for each in violations(body, schema_of(PLURALS[kind]))}


@pytest.mark.parametrize(("kind", "case"), cases("accepted.yaml"))
def test_what_the_server_takes_is_not_complained_about(kind: str, case: dict[str, Any]) -> None:
    assert list(violations(merged(SMALLEST[kind], case["patch"]), schema_of(PLURALS[kind]))) == []


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3 == 7", True),
        ("(1 + 2) * 3 == 7", False),
        ("7 / 2 == 3 && 7 % 2 == 1 && -3 < -2", True),
        ("1.0 == 1", True),
        ("'a' in ['a', 'b'] && 'k' in {'k': 1}", True),
        ("has(self.a) && !has(self.b)", True),
        ("!has(self.b) || self.b == 1", True),
        ("self.b == 1 || true", True),
        ("true || self.b == 1", True),
        ("self.b == 1 && false", False),
        ("self.list.all(x, x > 0) && self.list.exists(x, x == 2)", True),
        ("self.list.exists_one(x, x == 1)", False),
        ("self.list.map(x, x * 2).sum() == 8", True),
        ("self.list.filter(x, x == 1).size() == 2", True),
        ("self.list.isSorted()", False),
        ("self.a == 'x' ? size(self.list) == 3 : false", True),
        ("'1h30m'.findAll('[0-9]+[hm]').map(p, int(p.substring(0, p.size() - 1))).sum() == 31", True),
        ("'Host'.matches('^(?i)host$')", True),
        (r"'a\'b' == \"a'b\"".replace('\\"', '"'), True),
        (r"'a.b'.matches(r'^a\.b$')", True),
        ("type(self.a) == string && type(1) != string", True),
        ("oldSelf.hasValue()", False),
        ("self['a'] == 'x' && self.list[0] == 1", True),
    ],
)
def test_expressions_have_the_value_that_cel_gives_them(expression: str, value: bool) -> None:
    variables = {"self": {"a": "x", "list": [1, 2, 1]}, "oldSelf": NoValue()}
    assert compile_expression(expression)(variables) is value


@pytest.mark.parametrize(
    "expression", ["self.b == 1", "self.b == 1 || false", "self.list['a']", "1 + 'a'", "'['.matches('[')"]
)
def test_what_has_no_value_is_an_error(expression: str) -> None:
    with pytest.raises(CelError):
        compile_expression(expression)({"self": {"list": [1]}})


@pytest.mark.parametrize("expression", ["1 +", "f(1)", "a.g()", "a ? b", "#", "[1", "has(1)", "1 2", "'a"])
def test_what_is_not_known_is_refused_as_a_whole(expression: str) -> None:
    with pytest.raises(Unsupported):
        compile_expression(expression)


def test_fields_have_lines_in_every_form_of_file() -> None:
    text = "---\nkind: A\nspec:\n  list:\n    - name: x\n    - {name: y}\n"
    text += "---\nkind: List\nitems:\n  - {kind: B, kind: C}\n"
    first, second = positions_in(text)
    assert first.of("spec.list[1].name") == Place(6, 8)
    assert first.of("spec.list[0].absent.deeper") == Place(5, 7)
    assert first.of("") == Place(2, 1)
    assert (second.twice, second.of("kind")) == (("kind",), Place(10, 15))


def lint(tmp_path: Path, *texts: str, arguments: tuple[str, ...] = ()) -> tuple[int, list[dict[str, Any]]]:
    path = tmp_path / "files.yaml"
    path.write_text("---\n".join(texts))
    ran = run("lint", str(path), "-o", "json", *arguments)
    assert ran.err == ""
    return ran.code, json.loads(ran.out)


def test_good_files_have_no_findings(tmp_path: Path) -> None:
    assert lint(tmp_path, PERIOD, PROFILE, RULE) == (0, [])


@pytest.mark.parametrize(
    ("change", "where", "told"),
    [
        (('"2.4.0"', "2.4"), (5, "spec.release.version", "Type"), 'write "2.4" in quotes'),
        (("exitCriteria", "exitCriterias"), (8, "spec.exitCriterias", "UnknownField"), "did you mean exitCriteria?"),
        (("Deployment", "Deploymnt"), (7, "spec.targets[0].kind", "Enum"), "did you mean Deployment?"),
        (("[5m]", "[5m"), (10, "spec.exitCriteria[0].query", "InvalidPromQL"), "write a range such as"),
        (("v1alpha1", "v1"), (1, "apiVersion", "ApiVersion"), "must be hypercare.dev/v1alpha1"),
        (("below: 1", "below: 1\n      below: 2"), (12, "spec.exitCriteria[0].below", "Duplicate"), "keep one"),
        (("name: checkout}\nspec", "namespace: shop}\nspec"), (3, "metadata.name", "Required"), "is required"),
    ],
)
def test_each_error_has_its_line_its_field_and_a_fix(
    tmp_path: Path, change: tuple[str, str], where: tuple[int, str, str], told: str
) -> None:
    text = PERIOD.replace(*change)
    code, found = lint(tmp_path, text, PROFILE)
    assert code == 1
    (match,) = [each for each in found if each["path"] == where[1]]
    assert (match["line"], match["path"], match["rule"], match["severity"]) == (*where, "error")
    assert told in match["fix"] + match["message"]


def test_what_is_no_yaml_is_unusable_with_its_place() -> None:
    ran = run("lint", "-", stdin=PERIOD.replace("below: 1", "above: 1, below: 1"))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: standard input:11:")


def test_a_criterion_of_the_profile_is_told_as_the_profiles(tmp_path: Path) -> None:
    defaults = "  defaults:\n    exitCriteria:\n      - {name: odd, query: 'sum(', below: 1, sustainedFor: 1h}\n"
    code, found = lint(tmp_path, PERIOD, PROFILE + defaults)
    assert code == 1
    assert {(each["path"], each["object"]) for each in found} == {
        ("spec.profile", "HypercarePeriod checkout"),
        ("spec.defaults.exitCriteria[0].query", "HypercareProfile default"),
    }


def test_rules_are_checked_too(tmp_path: Path) -> None:
    code, found = lint(tmp_path, PERIOD, RULE.replace("up == 0", "up =="))
    assert (code, [(each["path"], each["line"]) for each in found]) == (1, [("spec.groups[0].rules[0].expr", 22)])


def test_doubts_are_warnings_and_errors_only_if_asked_for(tmp_path: Path) -> None:
    workload = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: other}\n"
    long = PERIOD.replace("  exitCriteria", "  window: {duration: 30m}\n  exitCriteria")
    code, found = lint(tmp_path, long, PROFILE, workload)
    assert (code, sorted(each["rule"] for each in found)) == (0, ["LongerThanWindow", "TargetNotFound"])
    assert {each["severity"] for each in found} == {"warning"}
    assert lint(tmp_path, long, PROFILE, workload, arguments=("--strict",))[0] == 1


def test_people_get_a_line_that_can_be_clicked_and_a_summary(tmp_path: Path) -> None:
    path = tmp_path / "period.yaml"
    path.write_text(PERIOD.replace('"2.4.0"', "2.4"))
    ran = run("lint", str(path))
    assert ran.out.splitlines() == [
        f"{path}:5:13: error: spec.release.version: must be a text (Type)",
        '    fix: write "2.4" in quotes',
        "1 object checked: 1 error, 0 warnings",
    ]


def test_markup_in_a_file_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "[red]period.yaml"
    path.write_text(PERIOD.replace("kind: Deployment", "kind: '[bold]x[/bold]'"))
    ran = run("lint", str(path), "--color", "always")
    assert "[red]period.yaml:7:" in ran.out
    assert "'[bold]x[/bold]' is not one of" in ran.out


def test_files_without_anything_to_check_are_wrong_use() -> None:
    ran = run("lint", "-", stdin="kind: Service\n")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: standard input: holds nothing to check")


def test_the_examples_of_the_project_are_clean() -> None:
    paths = sorted(str(path) for path in (ROOT / "manifests" / "examples").glob("*.yaml"))
    for path in paths:
        assert run("lint", path).code == 0
