"""The chart under the real helm: it lints, renders what each value says, and refuses values that make no sense."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.generate_chart import Value
from docs.generate_chart import values as told_values
from hypercare.domain.author_policy import InForce, Installed, judge
from hypercare.domain.authorship import FLAG
from hypercare.shipped import authors_policy
from manifests import generate
from tests.cluster.helm import CHART, NAME, NAMESPACE, Body, HelmFailed, Values, helm, of_kind, rendered, the_one
from tests.cluster.programs import find_programs

pytestmark = pytest.mark.cluster
FOLDER = Path(__file__).parent
EVERYTHING: Values = yaml.safe_load((FOLDER / "chart_values.yaml").read_text())
WITHOUT_CRDS: Values = {"crds": {"install": False}}
SETS: Mapping[str, Values] = {
    "the smallest": {},
    "everything": EVERYTHING,
    "two namespaces": {"watchNamespaces": ["shop", "billing"]},
    "no CRDs": WITHOUT_CRDS,
    "the least": {
        "rbac": {"create": False},
        "crds": {"install": False},
        "serviceAccount": {"create": False, "name": "mine"},
        "admissionPolicies": {"authors": {"create": False}, "holds": {"create": False}},
        "drain": {"enabled": False},
    },
    "paused": {"replicas": 0},
}
OPERATOR = {
    "app.kubernetes.io/name": NAME,
    "app.kubernetes.io/instance": NAME,
    "app.kubernetes.io/component": "operator",
}


@pytest.fixture(scope="module")
def everything() -> list[Body]:
    return rendered(EVERYTHING, name="care", namespace="ops")


def container(bodies: list[Body], kind: str = "Deployment") -> Body:
    (found,) = the_one(bodies, kind)["spec"]["template"]["spec"]["containers"]
    return dict(found)


def lies_in(values: Values, path: str) -> bool:
    first, _, rest = path.partition(".")
    return first in values and (not rest or lies_in(values[first], rest))


def changed(values: Values, path: str, to: object) -> Values:
    """The values with another one at a path."""
    first, _, rest = path.partition(".")
    return {**values, first: changed(values.get(first, {}), rest, to) if rest else to}


# --- as a whole -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_it_lints(values: Values, tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(json.dumps(values))
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART), "--values", str(path))


@pytest.mark.parametrize("values", SETS.values(), ids=SETS)
def test_every_object_is_of_this_release_and_its_only_one_of_that_name(values: Values) -> None:
    bodies = rendered(values)
    identities = [(each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]) for each in bodies]
    assert len(set(identities)) == len(identities)
    for body in bodies:
        assert body["metadata"]["labels"]["app.kubernetes.io/instance"] == NAME
        assert body["metadata"]["labels"]["helm.sh/chart"].startswith(NAME)


def test_the_smallest_needs_no_kind_of_somebody_else() -> None:
    groups = {body["apiVersion"].partition("/")[0] for body in rendered()}
    others = {
        "v1",
        "apps",
        "batch",
        "apiextensions.k8s.io",
        "admissionregistration.k8s.io",
        "rbac.authorization.k8s.io",
    }
    assert groups == others


def test_the_least_is_a_deployment_and_its_service() -> None:
    assert [body["kind"] for body in rendered(SETS["the least"])] == ["Service", "Deployment"]


def test_everything_has_the_kinds_that_are_asked_for(everything: list[Body]) -> None:
    kinds = {body["kind"] for body in everything}
    assert kinds > {"PodDisruptionBudget", "NetworkPolicy", "ServiceMonitor", "PrometheusRule", "HypercareProfile"}


# What the file with everything cannot say as it is: what else is set there, and the value that is another one then.
INSTEAD: Mapping[str, tuple[Values, object]] = {
    "fullnameOverride": ({}, "care"),
    "image.tag": ({"image": {"digest": ""}}, "9.9.9"),
    "replicas": ({}, 0),
    "podSecurityContext": ({}, {"runAsUser": 1000}),
    "securityContext": ({}, {"privileged": False}),
    "defaultProfile.spec": ({}, {"prometheus": {"url": "http://other:9090"}}),
    "serviceAccount.create": ({}, False),
}


@pytest.mark.parametrize("value", told_values(), ids=lambda value: value.path)
def test_every_value_makes_a_difference(value: Value) -> None:
    """In the file with everything each is another than the default; switches that are on by default are turned off."""
    laid_over, other = INSTEAD.get(value.path, ({}, value.default))
    base = EVERYTHING if value.path.startswith("crds.") else {**EVERYTHING, **WITHOUT_CRDS}
    base = {**base, **laid_over}
    if value.path not in INSTEAD and not lies_in(EVERYTHING, value.path):
        assert value.default is True
        other = False
    assert rendered(base) != rendered(changed(base, value.path, other))


# --- the parts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["the smallest", "everything"])
def test_no_role_has_a_wildcard(values: Values) -> None:
    bodies = rendered(values)
    for role in (*of_kind(bodies, "ClusterRole"), *of_kind(bodies, "Role")):
        for rule in role["rules"]:
            assert not any("*" in part for part in (*rule["apiGroups"], *rule["resources"], *rule["verbs"]))


def test_the_crds_are_those_of_the_project_and_stay_when_the_release_goes() -> None:
    found = {body["metadata"]["name"]: body for body in of_kind(rendered(), "CustomResourceDefinition")}
    written = [yaml.safe_load(path.read_text()) for path in sorted((CHART.parents[1] / "crds").glob("*.yaml"))]
    assert {name: body["spec"] for name, body in found.items()} == {
        body["metadata"]["name"]: body["spec"] for body in written
    }
    for body in found.values():
        assert body["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_crds_that_are_not_kept_say_nothing() -> None:
    bodies = of_kind(rendered({"crds": {"keep": False}}), "CustomResourceDefinition")
    assert [body["metadata"].get("annotations") for body in bodies] == [None] * 3


def test_without_namespaces_the_operator_is_bound_in_all() -> None:
    bodies = rendered(WITHOUT_CRDS)
    assert [each["roleRef"]["name"] for each in of_kind(bodies, "ClusterRoleBinding")] == [
        f"{NAME}-{role}" for role in ("cluster", "read", "write")
    ]
    assert [each["roleRef"]["name"] for each in of_kind(bodies, "RoleBinding")] == [
        f"{NAME}-secrets",
        f"{NAME}-drain",
    ]


def test_with_namespaces_it_is_bound_in_these_and_told_so() -> None:
    bodies = rendered(SETS["two namespaces"])
    assert [each["roleRef"]["name"] for each in of_kind(bodies, "ClusterRoleBinding")] == [f"{NAME}-cluster"]
    bound = {(each["metadata"]["namespace"], each["roleRef"]["name"]) for each in of_kind(bodies, "RoleBinding")}
    wanted = {(namespace, f"{NAME}-{role}") for namespace in ("shop", "billing") for role in ("read", "write")}
    assert bound == {(NAMESPACE, f"{NAME}-secrets"), (NAMESPACE, f"{NAME}-drain"), *wanted}
    assert container(bodies)["args"][-2:] == ["--namespace=shop", "--namespace=billing"]
    assert container(bodies, "Job")["args"][-2:] == ["--namespace=shop", "--namespace=billing"]
    for binding in of_kind(bodies, "ValidatingAdmissionPolicyBinding"):
        (expression,) = binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
        assert expression["values"] == ["shop", "billing"]


def test_every_binding_is_for_the_account_of_the_pods(everything: list[Body]) -> None:
    subjects = [
        subject
        for kind in ("ClusterRoleBinding", "RoleBinding")
        for binding in of_kind(everything, kind)
        for subject in binding["subjects"]
    ]
    assert {json.dumps(each) for each in subjects} == {
        json.dumps({"kind": "ServiceAccount", "name": "hypercare", "namespace": "ops"})
    }
    for kind in ("Deployment", "Job"):
        pod = the_one(everything, kind)["spec"]["template"]["spec"]
        assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == ("hypercare", True)


@pytest.mark.parametrize(
    ("authors", "told"),
    [
        pytest.param({}, False, id="as it is"),
        pytest.param({"actions": ["Deny", "Audit"]}, False, id="denied and audited"),
        pytest.param({"create": False}, True, id="without the policy"),
        pytest.param({"actions": ["Warn", "Audit"]}, True, id="only told, not denied"),
    ],
)
def test_the_operator_is_told_to_enforce_unchecked_exactly_where_the_values_say_so(authors: Values, told: bool) -> None:
    bodies = rendered({**WITHOUT_CRDS, "admissionPolicies": {"authors": authors}})
    assert (FLAG in container(bodies)["args"]) is told
    assert FLAG not in container(bodies, "Job")["args"]


@pytest.mark.parametrize(
    ("values", "asks_all"),
    [
        pytest.param({}, False, id="as it is"),
        pytest.param({"nameOverride": "care", "commonLabels": {"team": "a"}}, False, id="under another name"),
        pytest.param({"admissionPolicies": {"authors": {"judgeDefaults": True}}}, True, id="asking about defaults"),
        pytest.param({"admissionPolicies": {"authors": {"scaledObjects": True}}}, True, id="asking about KEDA"),
        pytest.param({"watchNamespaces": ["shop", "billing"]}, False, id="bound in some namespaces"),
    ],
)
def test_the_operator_knows_the_policy_of_every_release(values: Values, asks_all: bool) -> None:
    bodies = rendered({**WITHOUT_CRDS, **values})
    policies = of_kind(bodies, "ValidatingAdmissionPolicy")
    found = Installed(True, policies, of_kind(bodies, "ValidatingAdmissionPolicyBinding"))
    assert judge(found, authors_policy(), "shop") == InForce(asks_all)


def test_names_begin_with_the_release_unless_that_names_the_chart() -> None:
    names = {name: the_one(rendered(WITHOUT_CRDS, name=name), "Deployment")["metadata"]["name"] for name in (NAME, "a")}
    assert names == {NAME: NAME, "a": f"a-{NAME}"}


@pytest.mark.parametrize("length", [52, 53])
def test_no_name_is_too_long_for_a_label(length: int) -> None:
    bodies = rendered({**WITHOUT_CRDS, "podDisruptionBudget": {"create": True}}, name="a" * length)
    assert max(len(body["metadata"]["name"]) for body in bodies) <= 63


@pytest.mark.parametrize("kind", ["Deployment", "Job"])
def test_pods_are_hardened(kind: str) -> None:
    bodies = rendered(WITHOUT_CRDS)
    pod = the_one(bodies, kind)["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(bodies, kind)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_only_the_operator_is_scraped_and_counted() -> None:
    """The drain's pod has the release's labels, for the network policy; neither Service nor budget may take it in."""
    bodies = rendered({**WITHOUT_CRDS, "podDisruptionBudget": {"create": True}})
    assert the_one(bodies, "Service")["spec"]["selector"] == OPERATOR
    assert the_one(bodies, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == OPERATOR
    assert the_one(bodies, "Deployment")["spec"]["selector"]["matchLabels"] == OPERATOR
    drain = the_one(bodies, "Job")["spec"]["template"]["metadata"]["labels"]
    assert drain == {**OPERATOR, "app.kubernetes.io/component": "drain"}


def test_traffic_is_limited_to_metrics_names_the_api_and_prometheus(everything: list[Body]) -> None:
    spec = the_one(everything, "NetworkPolicy")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    (ingress,) = spec["ingress"]
    assert ingress == {
        "ports": [{"port": "http", "protocol": "TCP"}],
        "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
    }
    ports = [[port["port"] for port in rule["ports"]] for rule in spec["egress"]]
    assert ports == [[53, 53], [16443], [443, 9091], [3128]]
    assert [rule.get("to") for rule in spec["egress"]] == [None, None, [{"ipBlock": {"cidr": "10.0.0.0/8"}}], None]


def test_the_profile_is_made_after_the_crds_and_then_belongs_to_the_release() -> None:
    values = {"defaultProfile": {"create": True, "spec": {"prometheus": {"url": "http://prometheus:9090"}}}}
    first = the_one(rendered(values), "HypercareProfile")["metadata"]["annotations"]
    assert first["helm.sh/hook"] == "post-install,post-upgrade"
    assert "before-hook-creation" not in first["helm.sh/hook-delete-policy"]
    later = rendered(values, "--api-versions", "hypercare.dev/v1alpha1/HypercareProfile")
    assert the_one(later, "HypercareProfile")["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_the_drain_runs_before_anything_is_deleted(everything: list[Body]) -> None:
    job = the_one(everything, "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-delete"
    assert "hook-failed" not in job["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
    assert container(everything, "Job")["args"] == [
        "drain", "--timeout=90s", "--still-for=1m", "--namespace=shop", "--namespace=billing",
    ]  # fmt: skip
    assert container(everything, "Job")["image"] == container(everything)["image"]


def test_each_dashboard_becomes_a_config_map(everything: list[Body]) -> None:
    written = {path.name: json.loads(path.read_text()) for path in (CHART / "dashboards").glob("*.json")}
    found = {name: json.loads(text) for body in of_kind(everything, "ConfigMap") for name, text in body["data"].items()}
    assert found == written
    for body in of_kind(everything, "ConfigMap"):
        assert body["metadata"]["labels"]["grafana_dashboard"] == "yes"
        assert (body["metadata"]["namespace"], body["metadata"]["annotations"]) == (
            "monitoring",
            {"grafana_folder": "Releases"},
        )


def test_notes_name_what_is_still_to_be_done() -> None:
    def notes(values: Values) -> str:
        command = ("install", NAME, str(CHART), "--dry-run=client", "--values", "-")
        return helm(*command, stdin=json.dumps(values)).partition("\nNOTES:\n")[2]

    pasted = notes({}).partition("<<EOF\n")[2].partition("\nEOF\n")[0]
    assert yaml.safe_load(pasted)["kind"] == "HypercareProfile"
    assert "WARNING" not in notes({})
    least = notes({**SETS["the least"], "replicas": 0})
    assert least.count("WARNING") == 3
    assert "No roles were created: give the account mine" in least


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "path"),
    [
        pytest.param({"replicas": 2}, "/replicas", id="two operators"),
        pytest.param({"replica": 1}, "replica", id="a value that does not exist"),
        pytest.param({"image": {"tagg": "1"}}, "/image", id="a value that does not exist, further down"),
        pytest.param({"image": {"tag": 1.1}}, "/image/tag", id="a tag that YAML takes for a number"),
        pytest.param({"image": {"digest": "sha256:123"}}, "/image/digest", id="half a digest"),
        pytest.param({"image": {"pullPolicy": "Sometimes"}}, "/image/pullPolicy", id="an unknown pull policy"),
        pytest.param({"watchNamespaces": "shop"}, "/watchNamespaces", id="a name instead of a list"),
        pytest.param({"watchNamespaces": ["Shop"]}, "/watchNamespaces/0", id="a name that no namespace has"),
        pytest.param({"watchNamespaces": ["shop", "shop"]}, "/watchNamespaces", id="a namespace twice"),
        pytest.param({"log": {"level": "trace"}}, "/log/level", id="an unknown level"),
        pytest.param({"settings": {"workers": 0}}, "/settings/workers", id="no workers"),
        pytest.param({"settings": {"resync": "10m"}}, "/settings/resync", id="a duration instead of seconds"),
        pytest.param({"defaultProfile": {"create": True}}, "/defaultProfile/spec", id="a profile without a Prometheus"),
        pytest.param(
            {"defaultProfile": {"create": True, "spec": {"prometheus": {"url": "prometheus:9090"}}}},
            "/defaultProfile/spec/prometheus/url",
            id="a Prometheus without a scheme",
        ),
        pytest.param({"drain": {"timeout": "120"}}, "/drain/timeout", id="a timeout without a unit"),
        pytest.param({"drain": {"timeout": "soon"}}, "/drain/timeout", id="a timeout in words"),
        pytest.param(
            {"admissionPolicies": {"authors": {"actions": ["Deny", "Warn"]}}},
            "/admissionPolicies/authors/actions",
            id="actions that the API server refuses together",
        ),
        pytest.param(
            {"podDisruptionBudget": {"maxUnavailable": 2}}, "/podDisruptionBudget/maxUnavailable", id="a budget for two"
        ),
        pytest.param(
            {"networkPolicy": {"apiServerPorts": []}}, "/networkPolicy/apiServerPorts", id="no way to the API server"
        ),
        pytest.param(
            {"networkPolicy": {"prometheusPorts": ["http"]}}, "/networkPolicy/prometheusPorts/0", id="a port by name"
        ),
        pytest.param(
            {"serviceMonitor": {"interval": "30"}}, "/serviceMonitor/interval", id="an interval without a unit"
        ),
        pytest.param({"podLabels": {"zone": 1}}, "/podLabels/zone", id="a label that is no text"),
    ],
)
def test_a_value_is_refused_with_its_name(values: Values, path: str) -> None:
    with pytest.raises(HelmFailed, match="values don't meet the specifications") as refused:
        rendered(values)
    assert path in str(refused.value)


def test_an_account_that_is_not_created_needs_a_name() -> None:
    with pytest.raises(HelmFailed, match=r"serviceAccount\.name must name an existing account"):
        rendered({"serviceAccount": {"create": False}})


def test_the_values_of_the_page_about_installing_are_values_of_the_chart() -> None:
    page = (CHART.parents[1] / "docs" / "install.md").read_text()
    (block,) = re.findall(r"^```yaml\n# values\.yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    kinds = {body["kind"] for body in rendered(yaml.safe_load(block))}
    assert kinds > {"HypercareProfile", "ServiceMonitor", "PrometheusRule", "ConfigMap"}


# --- what is made of it -----------------------------------------------------------------------------------------------


def test_the_plain_manifests_are_rendered_from_it() -> None:
    stale = [name for name, text in generate.rendered().items() if (generate.MANIFESTS / name).read_text() != text]
    assert stale == [], "run make manifests"


def test_the_kustomization_has_all_of_them() -> None:
    listed = yaml.safe_load((generate.INSTALL / "Kustomization").read_text())["resources"]
    assert sorted(listed) == sorted(["../../crds", *(path.name for path in generate.INSTALL.glob("*.yaml"))])


def test_the_alerts_fire_when_they_should(tmp_path: Path) -> None:
    rules = the_one(rendered({"prometheusRule": {"create": True}}), "PrometheusRule")["spec"]
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        assert len(rule["annotations"].pop("description")) > 20
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    tests: dict[str, Any] = yaml.safe_load((FOLDER / "chart_alerts.yaml").read_text())
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(tests))
    command = [str(find_programs()["promtool"]), "test", "rules", str(tmp_path / "tests.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    tested = {each["alertname"] for test in tests["tests"] for each in test["alert_rule_test"] if each["exp_alerts"]}
    assert tested == {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
