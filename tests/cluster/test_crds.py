"""The schemas of the kinds, as a real API server understands them: what it refuses, keeps, prints and explains.

Cases are data (`crds/refused.yaml`, `crds/accepted.yaml`): a sentence, and a patch on the smallest good object. They go
to the server as dry runs under strict field validation, as `kubectl apply` sends them.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from hypercare.domain.status_size import bounded
from tests.cluster.api import HttpError
from tests.cluster.cluster import Cluster
from tests.cluster.guarding import unguarded

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parent / "crds"
CRDS = {
    body["spec"]["names"]["kind"]: body for body in map(yaml.safe_load, map(Path.read_text, ROOT.glob("crds/*.yaml")))
}
SMALLEST = {body["kind"]: body for body in yaml.safe_load_all((DATA / "smallest.yaml").read_text())}
STATUS_LIMIT = 32 * 1024

Body = dict[str, Any]


def cases(file: str) -> list[Any]:
    table = yaml.safe_load((DATA / file).read_text())
    return [pytest.param(kind, case, id=f"{kind}: {case['because']}") for kind, rows in table.items() for case in rows]


@pytest.fixture(scope="module")
def cluster(cluster: Cluster) -> Cluster:
    """These tests write holds themselves, which the policy leaves to the operator; others may have installed it."""
    unguarded(cluster)
    return cluster


def merged(under: object, over: object) -> Any:
    """Merge as RFC 7386 does: null removes."""
    if not isinstance(over, Mapping):
        return over
    result = dict(under) if isinstance(under, Mapping) else {}
    for key, value in over.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def path_of(body: Mapping[str, Any], namespace: str) -> str:
    names = CRDS[body["kind"]]["spec"]["names"]
    scope = "" if CRDS[body["kind"]]["spec"]["scope"] == "Cluster" else f"/namespaces/{namespace}"
    return f"/apis/hypercare.dev/v1alpha1{scope}/{names['plural']}"


def dry_run(cluster: Cluster, body: Mapping[str, Any]) -> Body:
    """Create without storing, in a namespace that every cluster has."""
    query = "?dryRun=All&fieldValidation=Strict"
    answer: Body = json.loads(cluster.api.request("POST", path_of(body, "default") + query, json.dumps(body).encode()))
    return answer


def refusal(cluster: Cluster, body: Mapping[str, Any]) -> dict[str, str]:
    """The fields that the server names when it refuses, each with what it says about it."""
    with pytest.raises(HttpError) as caught:
        dry_run(cluster, body)
    assert caught.value.status in (400, 422)
    status = json.loads(str(caught.value).partition(" ")[2])
    unknown = dict.fromkeys(re.findall(r'unknown field "([^"]+)"', status["message"]), "unknown field")
    causes = [cause for cause in status.get("details", {}).get("causes", []) if cause["field"] != "<nil>"]
    named: dict[str, str] = {}
    for cause in causes:
        named[cause["field"]] = "\n".join(filter(None, (named.get(cause["field"]), cause["message"])))
    return unknown | named


def nodes(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every field of a schema with its path, list elements as `[]` and map values as `*`."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}" if path else name)
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from nodes(schema["additionalProperties"], f"{path}.*")


def schema_of(kind: str) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = CRDS[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def create(cluster: Cluster, namespace: str, body: Mapping[str, Any]) -> Body:
    answer: Body = json.loads(cluster.api.request("POST", path_of(body, namespace), json.dumps(body).encode()))
    return answer


def apply_status(cluster: Cluster, namespace: str, name: str, status: Mapping[str, Any]) -> Body:
    body = {**SMALLEST["HypercarePeriod"], "metadata": {"name": name}, "status": status}
    body.pop("spec")
    path = f"{path_of(body, namespace)}/{name}/status?fieldManager=test&force=true&fieldValidation=Strict"
    applied = cluster.api.request("PATCH", path, json.dumps(body).encode(), "application/apply-patch+yaml")
    answer: Body = json.loads(applied)
    return answer


def period(name: str, patch: Mapping[str, Any] | None = None) -> Body:
    body: Body = merged(SMALLEST["HypercarePeriod"], merged({"metadata": {"name": name}}, patch or {}))
    return body


# --- what is generated, and the schema by itself ---------------------------------------------------------------------


@pytest.mark.parametrize("script", ["crds/generate.py", "docs/generate_reference.py"])
def test_what_is_generated_is_current(script: str) -> None:
    done = subprocess.run([sys.executable, script, "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("kind", CRDS)
def test_every_field_says_what_it_is(kind: str) -> None:
    silent = [
        path
        for path, schema in nodes(schema_of(kind))
        if not path.endswith(("[]", "*")) and not path.startswith("metadata") and not schema.get("description")
    ]
    assert silent == []


@pytest.mark.parametrize("kind", CRDS)
def test_every_field_is_bounded(kind: str) -> None:
    bound = {"string": {"maxLength", "enum"}, "array": {"maxItems"}, "integer": {"maximum", "format"}}
    free = [
        path
        for path, schema in nodes(schema_of(kind))
        if (bounds := bound.get(schema.get("type", ""))) and not bounds & set(schema)
    ]
    assert sorted(free) == ["apiVersion", "kind"]


@pytest.mark.parametrize("kind", CRDS)
def test_every_duration_says_so(kind: str) -> None:
    silent = [
        path
        for path, schema in nodes(schema_of(kind))
        if "[0-9]{1,6}y" in schema.get("pattern", "")
        and not re.search(r"[Dd]uration|[Tt]ime between|[Ll]ength|How (old|long)", schema["description"])
    ]
    assert silent == []


@pytest.mark.parametrize("kind", CRDS)
def test_no_wish_of_the_user_is_made_up(kind: str) -> None:
    defaults = {path: schema["default"] for path, schema in nodes(schema_of(kind)) if "default" in schema}
    assert defaults == ({"status": {"observedGeneration": -1}} if kind == "HypercarePeriod" else {})


def test_every_rule_has_a_case_that_it_refuses() -> None:
    table = yaml.safe_load((DATA / "refused.yaml").read_text())
    said = [case["says"] for rows in table.values() for case in rows]
    rules = {
        rule["message"]
        for kind in CRDS
        for _, schema in nodes(schema_of(kind))
        for rule in schema.get("x-kubernetes-validations", ())
        if "oldSelf" not in rule["rule"] and not rule["rule"].endswith("? true : true")
    }
    assert sorted(rule for rule in rules if not any(words in rule for words in said)) == []


# --- what is refused and accepted ------------------------------------------------------------------------------------


@pytest.mark.cluster
@pytest.mark.parametrize(("kind", "case"), cases("refused.yaml"))
def test_refused_by_the_name_of_the_field(cluster: Cluster, kind: str, case: Mapping[str, Any]) -> None:
    refused = refusal(cluster, merged(SMALLEST[kind], case["patch"]))
    assert set(refused) == {case["field"]}
    assert case["says"] in refused[case["field"]]


@pytest.mark.cluster
@pytest.mark.parametrize(("kind", "case"), cases("accepted.yaml"))
def test_accepted_as_written(cluster: Cluster, kind: str, case: Mapping[str, Any]) -> None:
    body = merged(SMALLEST[kind], case["patch"])
    assert dry_run(cluster, body)["spec"] == body["spec"]


@pytest.mark.cluster
@pytest.mark.parametrize("file", sorted(ROOT.glob("manifests/examples/*.yaml")), ids=lambda file: file.stem)
def test_examples_are_accepted(cluster: Cluster, file: Path) -> None:
    bodies = list(yaml.safe_load_all(file.read_text()))
    for body in bodies:
        unscoped = merged(body, {"metadata": {"namespace": None}})
        assert dry_run(cluster, unscoped)["spec"] == body["spec"]


@pytest.mark.cluster
def test_the_largest_legal_period_is_affordable(cluster: Cluster) -> None:
    body = merged(SMALLEST["HypercarePeriod"], {"metadata": {"name": "n" * 52}, "spec": largest_spec()})
    assert dry_run(cluster, body)["spec"] == body["spec"]


@pytest.mark.cluster
def test_the_largest_legal_profile_is_affordable(cluster: Cluster) -> None:
    levers = {key: value for key, value in largest_spec().items() if key not in ("targets", "release")}
    levers["protection"] = {**levers["protection"], "scaling": [{"target": "*", "floor": "9999%"}]}
    tenancy = {
        "exceptions": [{"metrics": "a?" * 128, "label": "l" * 63}] * 32,
        "shared": [
            f"{number:0>3}"[::-1].translate(str.maketrans("0123456789", "abcdefghij")) * 40 for number in range(64)
        ],
    }
    labels = {f"example.com/{number}": "v" * 63 for number in range(16)}
    namespaces = [f"{number:0>3}" + "n" * 60 for number in range(256)]
    spec = {
        "defaults": levers,
        "tenancy": tenancy,
        "rules": {"labels": labels},
        "limits": {"allowNamespaces": namespaces},
    }
    body = merged(SMALLEST["HypercareProfile"], {"spec": spec})
    assert dry_run(cluster, body)["spec"] == body["spec"]


def largest_spec() -> Body:
    """Every list at its maximum, every text that a rule reads at its longest."""
    long = "1y52w"[:2]
    labels = {f"label_{number}_{'l' * 50}": "v" * 128 for number in range(16)}
    targets = [f"{number:0>3}" + "t" * 250 for number in range(32)]
    criterion = {
        "sustainedFor": "000000d000001h000001m01s",
        "maxGap": "000000d000001h000001m01s",
        "coverage": "99.999%",
    }
    query = {"query": "q" * 4096, "below": 1, "regression": {"above": 2, "for": long}}
    return {
        "targets": [{"kind": "Deployment", "name": name, "version": "v" * 128} for name in targets],
        "window": {
            "duration": "000000d000300h000001m01s",
            "extension": {"by": "000000d000001h000001m01s", "limit": 100},
        },
        "stages": [
            {"name": f"{number:0>2}" + "s" * 38, "strength": 100 - number, "minDuration": "000000d000001h000001m01s"}
            for number in range(10)
        ],
        "protection": {
            "alerts": {
                "from": [
                    {
                        "selector": {
                            "matchLabels": {f"key{number}": "v" * 63 for number in range(16)},
                            "matchExpressions": [
                                {"key": "k" * 317, "operator": "In", "values": [f"{n:0>63}" for n in range(32)]}
                            ]
                            * 16,
                        },
                        "alerts": [f"{number:0>2}" + "a?" * 127 for number in range(32)],
                        "severities": [f"{number}" + "s" * 62 for number in range(8)],
                    }
                ]
                * 16,
                "overrides": [
                    {"alert": f"{number:0>3}" + "a" * 125, "for": "1h", "bound": 0.05} for number in range(50)
                ],
                "labels": labels,
                "add": [
                    {
                        "alert": f"{number:0>3}" + "a" * 125,
                        "expr": "e" * 4096,
                        "for": "1h",
                        "severity": "s" * 63,
                        "runbook": "https://example.com/" + "r" * 1000,
                        "owner": "o" * 128,
                        "summary": "{{ $value }}" * 42,
                        "labels": labels,
                    }
                    for number in range(32)
                ],
            },
            "scaling": [{"target": name, "floor": "9999%", "ceiling": 10000} for name in [*targets, "*"]],
        },
        "exitCriteria": [{"name": f"{number:0>2}" + "c" * 38, **query, **criterion} for number in range(20)],
    }


# --- what is kept, printed and explained -----------------------------------------------------------------------------


@pytest.mark.cluster
def test_a_period_that_no_operator_has_seen_reads_as_in_progress(cluster: Cluster, namespace: str) -> None:
    created = create(cluster, namespace, period("checkout"))
    assert created["status"] == {"observedGeneration": -1}
    assert created["spec"] == SMALLEST["HypercarePeriod"]["spec"]


@pytest.mark.cluster
def test_a_full_status_is_kept_whole_and_small(cluster: Cluster, namespace: str) -> None:
    status = bounded(full_status())
    assert len(status["alerts"]["changes"]) >= 5
    assert len(status["timeline"]) >= 20
    create(cluster, namespace, period("checkout"))
    stored = apply_status(cluster, namespace, "checkout", status)["status"]
    assert stored == status
    assert len(json.dumps(stored, separators=(",", ":"))) < STATUS_LIMIT


def test_the_full_status_has_every_field_of_the_schema() -> None:
    described = {path for path, _ in nodes(schema_of("HypercarePeriod")["properties"]["status"])} - {""}
    assert set(paths_of(full_status())) == described


def full_status() -> Body:
    """The status of `status.yaml` with every list at its maximum.

    Every criterion is in trouble at once, one in four has a regression bound and what other kinds remember, one in four
    scaled objects a message and two changed fields, one in four copies something that stays: texts as the operator
    writes them, not texts as long as the schema allows.
    """
    status: Body = yaml.safe_load((DATA / "status.yaml").read_text())
    bounds = {path: schema["maxItems"] for path, schema in nodes(schema_of("HypercarePeriod")) if "maxItems" in schema}
    types = [*"ABCDEFGHI", "Ready", "ExitCriteriaMet", "AlertsTightened"]
    criterion, scaled, refused = status["criteria"][0], status["scaling"][0], status["alerts"]["refusals"][0]
    criteria = repeated(criterion, bounds["status.criteria"], "regression", "budget", "baseline", "runs")
    status["criteria"] = [{**element, "name": f"errors-{number}"} for number, element in enumerate(criteria)]
    scaling = repeated(scaled, bounds["status.scaling"], "message")
    status["scaling"] = [each if "message" in each else {**each, "changes": each["changes"][:1]} for each in scaling]
    status["alerts"]["refusals"] = repeated(refused, bounds["status.alerts.refusals"])
    status["alerts"]["changes"] = repeated(
        status["alerts"]["changes"][0], bounds["status.alerts.changes"], "reason", "message"
    )
    status["timeline"] = repeated(status["timeline"][0], bounds["status.timeline"])
    status["conditions"] = [{**status["conditions"][0], "type": name} for name in types]
    return status


def repeated(element: Body, count: int, *sometimes: str) -> list[Body]:
    """Copies of an element; the fields `sometimes` are in one of four."""
    lean = {key: value for key, value in element.items() if key not in sometimes}
    return [element if number % 4 == 0 else lean for number in range(count)]


def paths_of(value: object, path: str = "") -> Iterator[str]:
    if path:
        yield path
    if isinstance(value, Mapping):
        for name, child in value.items():
            yield from paths_of(child, f"{path}.{name}" if path else name)
    if isinstance(value, list):
        for child in value:
            yield from paths_of(child, f"{path}[]")


@pytest.mark.cluster
def test_a_full_hold_comes_back_with_its_types(cluster: Cluster, namespace: str) -> None:
    hold = merged(SMALLEST["HypercareHold"], {"spec": yaml.safe_load((DATA / "hold.yaml").read_text())})
    created = create(cluster, namespace, hold)
    assert created["spec"] == hold["spec"]
    values = [field["original"].get("value") for field in created["spec"]["fields"]]
    assert [type(value) for value in values] == [int, int, str, dict, type(None)]


@pytest.mark.cluster
def test_a_hold_stays_with_its_object(cluster: Cluster, namespace: str) -> None:
    create(cluster, namespace, SMALLEST["HypercareHold"])
    path = f"{path_of(SMALLEST['HypercareHold'], namespace)}/horizontalpodautoscaler-checkout"
    other = json.dumps({"spec": {"object": {"name": "basket"}}}).encode()
    with pytest.raises(HttpError, match="object cannot become another one"):
        cluster.api.request("PATCH", path, other, "application/merge-patch+json")


@pytest.mark.cluster
def test_kubectl_get_shows_where_a_period_stands(cluster: Cluster, namespace: str) -> None:
    create(cluster, namespace, period("checkout", {"spec": {"mode": "Enforce"}}))
    apply_status(cluster, namespace, "checkout", yaml.safe_load((DATA / "status.yaml").read_text()))
    rows = [re.split(r" {2,}", line) for line in cluster.kubectl("get", "hcp", "-n", namespace).splitlines()]
    assert rows[0] == ["NAME", "PHASE", "STAGE", "STRENGTH", "BLOCKED", "ENDS", "AGE"]
    assert rows[1][:-1] == ["checkout", "Active", "intensive", "100", "errors 2h10m of 6h", "23 Nov 22:14 UTC"]
    wide = [
        re.split(r" {2,}", line) for line in cluster.kubectl("get", "hcp", "-n", namespace, "-o", "wide").splitlines()
    ]
    assert wide[0][7:] == ["VERSION", "TARGET", "MODE", "READY", "REASON", "RUN"]
    assert wide[1][7:] == ["2.4.0", "checkout", "Enforce", "True", "Watching", "r3-9f86d081"]


@pytest.mark.cluster
def test_kubectl_get_shows_what_a_hold_changes(cluster: Cluster, namespace: str) -> None:
    text = {"summary": "minReplicas 2 -> 4", "claimedBy": "checkout", "contested": {"manager": "flux"}}
    create(cluster, namespace, merged(SMALLEST["HypercareHold"], {"spec": text}))
    rows = [re.split(r" {2,}", line) for line in cluster.kubectl("get", "hch", "-n", namespace).splitlines()]
    assert rows[0] == ["NAME", "KIND", "OBJECT", "CHANGE", "CLAIMED-BY", "CONTESTED-BY", "AGE"]
    assert rows[1][1:-1] == ["HorizontalPodAutoscaler", "checkout", "minReplicas 2 -> 4", "checkout", "flux"]


@pytest.mark.cluster
def test_periods_are_selected_by_phase(cluster: Cluster, namespace: str) -> None:
    for name, phase in (("one", "Active"), ("two", "Relaxing")):
        create(cluster, namespace, period(name))
        apply_status(cluster, namespace, name, {"phase": phase})
    selector = "--field-selector=status.phase=Relaxing"
    assert cluster.kubectl("get", "hcp", "-n", namespace, selector, "-o", "name").split() == [
        "hypercareperiod.hypercare.dev/two"
    ]


@pytest.mark.cluster
def test_the_category_holds_periods_only(cluster: Cluster, namespace: str) -> None:
    create(cluster, namespace, period("checkout"))
    create(cluster, namespace, SMALLEST["HypercareHold"])
    assert cluster.kubectl("get", "hypercare", "-n", namespace, "-o", "name").split() == [
        "hypercareperiod.hypercare.dev/checkout"
    ]


@pytest.mark.cluster
def test_short_names(cluster: Cluster) -> None:
    listed = cluster.kubectl("api-resources", "--api-group=hypercare.dev", "--no-headers").splitlines()
    assert {tuple(line.split()[:2]) for line in listed} == {
        ("hypercareperiods", "hcp"),
        ("hypercareprofiles", "hcprof"),
        ("hypercareholds", "hch"),
    }


@pytest.mark.cluster
def test_kubectl_explains_a_field(cluster: Cluster) -> None:
    explained = " ".join(cluster.kubectl("explain", "hcp.spec.window").split())
    assert "When hypercare starts and how long it lasts." in explained
    assert "duration <string> Planned length of the window (duration, such as 3d)." in explained


@pytest.mark.cluster
def test_status_and_spec_are_written_apart(cluster: Cluster, namespace: str) -> None:
    create(cluster, namespace, period("checkout", {"status": {"phase": "Completed"}}))
    stored = apply_status(cluster, namespace, "checkout", {"observedGeneration": 1, "phase": "Pending"})
    assert stored["status"] == {"observedGeneration": 1, "phase": "Pending"}
    assert stored["metadata"]["generation"] == 1
