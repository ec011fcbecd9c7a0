"""`hypercare-operator drain` on a real control plane: with and without an operator, and killed at any of its writes."""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cluster.access import operator_kubeconfig
from tests.cluster.cluster import Cluster, ClusterError
from tests.cluster.crash_life import HOLDS, NAME, Life, install
from tests.cluster.crash_points import RAISED, Lives, begin_long, first, killed_at, nothing_is_left, originals_are_safe
from tests.cluster.guarding import unguarded
from tests.cluster.write_proxy import Lane, Write, WriteProxy

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]
# As long as an operator that stands still may take to write again if it did not: its own look, and a margin.
REACTION_SECONDS = 8.0
MARKER = "/api/v1/namespaces/{}/configmaps/hypercare-drain"


@pytest.fixture(scope="module")
def proxy(cluster: Cluster) -> Iterator[WriteProxy]:
    install(cluster)
    with WriteProxy(cluster) as running:
        yield running


@pytest.fixture(scope="module")
def lives(cluster: Cluster, proxy: WriteProxy, tmp_path_factory: pytest.TempPathFactory) -> Lives:
    return Lives(cluster, proxy, tmp_path_factory.mktemp("drains"))


@pytest.fixture
def life(lives: Lives) -> Iterator[Life]:
    with lives.life("spelled-out") as one:
        yield one


def draining(life: Life, lane: Lane | None = None, *arguments: str) -> subprocess.Popen[str]:
    """A drain of this life's namespace as a process; through a lane of its own where it may be killed at a write."""
    access = operator_kubeconfig(life.cluster, url=lane.url if lane else "")
    command = [sys.executable, "-m", "hypercare", "drain", "--kubeconfig", str(access), *life.scope, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def drained(life: Life, *arguments: str) -> tuple[int, Any]:
    """Drain and return the exit code and what was told."""
    with draining(life, None, "--output", "json", *arguments) as process:
        told, complaint = process.communicate(timeout=150)
    assert not complaint, complaint
    return process.returncode, json.loads(told)


def killing(process: subprocess.Popen[str]) -> Callable[[Write], None]:
    return lambda _: process.kill()


def raised(life: Life) -> bool:
    spec = life.autoscaler["spec"]
    return bool(spec["minReplicas"] > life.originals.autoscaler["spec"]["minReplicas"])


def test_a_running_operator_stands_still_and_goes_on_when_it_may(life: Life) -> None:
    begin_long(life)
    life.wait("it is raised", lambda: raised(life))
    code, told = drained(life)
    assert code == 0
    held = {"kind": "HorizontalPodAutoscaler", "namespace": life.namespace, "name": NAME}
    assert told["restored"] == [held]
    assert [each["name"] for each in told["removed"]] == [f"hypercare-{NAME}"]
    assert told["left"] == []
    nothing_is_left(life)
    writes = len(life.lane.writes)
    time.sleep(REACTION_SECONDS)
    assert life.operator.running
    assert len(life.lane.writes) == writes, life.told("it writes on")
    assert "Standing still until" in life.operator.tail(200)
    life.cluster.api.request("DELETE", MARKER.format(life.namespace))
    life.wait("it goes on", lambda: raised(life), timeout=30)
    life.delete_period()
    life.wait("it restores", lambda: not life.holds and life.look() == life.originals)


def test_no_operator_is_needed(life: Life) -> None:
    killed_at(life, first(*RAISED))
    code, told = drained(life)
    assert (code, len(told["restored"]), len(told["removed"])) == (0, 1, 1)
    nothing_is_left(life)
    assert drained(life) == (0, {**told, "restored": [], "removed": []})


def test_it_is_killed_again_and_again_and_goes_on_the_next_time(life: Life, proxy: WriteProxy) -> None:
    """Killed after its first write, or its second: what one process has announced, another must announce anew."""
    killed_at(life, first(*RAISED))
    lane, runs = proxy.lane(), 0
    for number in itertools.cycle((1, 1, 2)):
        with draining(life, lane) as process:
            lane.after(len(lane.writes) + number, killing(process))
            process.communicate(timeout=150)
        runs += 1
        if process.returncode != -9:
            break
        originals_are_safe(life)
    print(f"killed {runs - 1} times in {len(lane.writes)} writes")
    assert process.returncode == 0
    assert runs > 4
    nothing_is_left(life)


def test_its_restore_may_arrive_when_it_was_killed_and_run_again(life: Life, proxy: WriteProxy) -> None:
    killed_at(life, first(*RAISED))
    lane = proxy.lane()
    lane.hold(first(*RAISED))
    with draining(life, lane) as process:
        assert lane.wait_held(60)
        process.kill()
    originals_are_safe(life)
    assert drained(life)[0] == 0
    nothing_is_left(life)
    assert proxy.deliver(lane) >= 400
    nothing_is_left(life)


def test_what_it_may_not_restore_is_left_and_told(life: Life) -> None:
    """An admission policy of the cluster refuses the restore; the drain says so, and does not wait for ever."""
    killed_at(life, first(*RAISED))
    life.cluster.apply(FROZEN % {"name": life.namespace})
    try:
        life.cluster.wait_until("the policy is enforced", lambda: frozen(life))
        code, told = drained(life, "--timeout", "60s")
        assert code == 1
        (left,) = told["left"]
        assert left["message"].startswith("ChangeRejected")
        assert "frozen" in left["message"]
        originals_are_safe(life)
    finally:
        life.cluster.kubectl(
            "delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", life.namespace, "--wait=false"
        )
    life.cluster.wait_until("the policy is gone", lambda: not frozen(life))
    assert drained(life)[0] == 0
    nothing_is_left(life)


def test_a_tampered_hold_is_refused_before_it_is_written_back(life: Life) -> None:
    """Where no policy keeps others from holds, each is checked again: here it is about a field that is none of ours."""
    killed_at(life, first(*RAISED))
    unguarded(life.cluster)
    tamper(life, "/spec/scaleTargetRef/name")
    before = life.look().autoscaler
    code, told = drained(life, "--timeout", "60s")
    assert code == 1
    (left,) = told["left"]
    assert (left["kind"], left["message"].partition(":")[0]) == ("HypercareHold", "InvalidHold")
    assert life.look().autoscaler == before
    tamper(life, "/spec/minReplicas")
    assert drained(life)[0] == 0
    nothing_is_left(life)


def tamper(life: Life, path: str) -> None:
    """Let the hold be about another field."""
    (hold,) = life.holds
    patch = [{"op": "replace", "path": "/spec/fields/0/path", "value": path}]
    where = f"{HOLDS.format(life.namespace)}/{hold['metadata']['name']}"
    life.cluster.api.request("PATCH", where, json.dumps(patch).encode(), "application/json-patch+json")


FROZEN = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: %(name)s}
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %(name)s}}
    resourceRules:
      - {apiGroups: [autoscaling], apiVersions: [v2], operations: [UPDATE], resources: [horizontalpodautoscalers]}
  validations: [{expression: "object.spec == oldObject.spec", message: frozen}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: %(name)s}
spec: {policyName: %(name)s, validationActions: [Deny]}
"""


def frozen(life: Life) -> bool:
    """Whether the policy refuses a change, asked without making one."""
    try:
        patch = json.dumps({"spec": {"minReplicas": 1}})
        life.cluster.kubectl(
            "patch", "hpa", NAME, "-n", life.namespace, "--dry-run=server", "--type=merge", "-p", patch
        )
    except ClusterError as error:
        return "frozen" in str(error)
    return False
