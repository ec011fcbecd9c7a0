"""`kubectl hypercare` as people and pipelines run it, against a real API server.

Periods are put there with statuses that a real operator once wrote; one test lives a whole life with an operator.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from rich.cells import cell_len

from tests.cluster.access import operator_kubeconfig
from tests.cluster.cluster import Cluster
from tests.cluster.lives.operating import install, operator_of
from tests.cluster.lives.place import new_place
from tests.cluster.plugin import Periods, Plugin
from tests.unit.kubectl_hypercare import PROGRAM
from tests.unit.recorded_periods import NAMES

pytestmark = pytest.mark.cluster
ESCAPE = "\x1b["
ASKING = (
    ("list",),
    ("status", "checkout"),
    ("why", "checkout"),
    ("explain", "checkout"),
    ("wait", "checkout"),
    ("watch", "checkout"),
    ("report", "checkout"),
    ("doctor",),
    ("init",),
)


@pytest.fixture
def periods(cluster: Cluster, namespace: str) -> Iterator[Periods]:
    found = Periods(cluster, namespace)
    found.settle()
    yield found
    found.leave()


@pytest.fixture
def plugin(cluster: Cluster, namespace: str) -> Plugin:
    return Plugin(cluster.kubeconfig, namespace)


@pytest.fixture
def nobody(cluster: Cluster, namespace: str) -> Plugin:
    """The plugin in the hands of somebody who may do nothing."""
    cluster.kubectl("create", "serviceaccount", "nobody", "-n", namespace)
    return Plugin(operator_kubeconfig(cluster, "nobody", namespace), namespace)


def words(text: str) -> str:
    return " ".join(text.split())


def test_every_situation_is_shown_in_a_narrow_terminal(periods: Periods, plugin: Plugin) -> None:
    for name in NAMES:
        periods.put(name, name)
        ran = plugin.run("status", name, columns=60)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.split()[0] == f"{periods.namespace}/{name}"
        assert [line for line in ran.out.splitlines() if cell_len(line) > 60] == []
        assert ESCAPE not in ran.out
    listed = plugin.run("list", columns=60)
    assert [line for line in listed.out.splitlines() if cell_len(line) > 60] == []
    assert sorted(re.findall(rf"^{periods.namespace}/(\S+)", listed.out, re.MULTILINE)) == sorted(NAMES)


def test_programs_get_what_people_see(periods: Periods, plugin: Plugin) -> None:
    periods.put("held-up")
    answer = json.loads(plugin.run("status", "checkout", "-o", "json").out)
    assert [each["what"] for each in answer["blockers"]] == ["errors", "nights", "volume"]
    assert yaml.safe_load(plugin.run("status", "checkout", "-o", "yaml").out).keys() == answer.keys()


def test_a_list_has_a_row_for_each_period_on_a_pipe(periods: Periods, plugin: Plugin) -> None:
    periods.put("held-up")
    periods.put("stalled", "cart")
    rows = [line.split() for line in plugin.run("list").out.splitlines()]
    assert [row[0] for row in rows] == ["NAME", "cart", "checkout"]
    everywhere = plugin.run("list", "-A").out
    assert re.search(rf"^{periods.namespace} +cart ", everywhere, re.MULTILINE)
    found = json.loads(plugin.run("list", "-o", "json").out)
    assert [each["blocked"] for each in found if each["name"] == "cart"] == ["ProfileNotFound"]


def test_an_empty_namespace_has_no_rows_and_says_so(plugin: Plugin) -> None:
    ran = plugin.run("list")
    assert (ran.code, ran.out, ran.err) == (0, "", f"No periods found in namespace {plugin.namespace}.\n")


def test_why_names_what_blocks_with_what_is_asked_and_what_to_do(periods: Periods, plugin: Plugin) -> None:
    periods.put("held-up")
    told = words(plugin.run("why", "checkout").out)
    assert "1. errors has regressed" in told
    assert "below 0.02 for 1h seen: 0.5 is not below 0.02" in told
    assert "do: Fix what is measured, or roll back" in told


def test_explain_tells_origins_of_what_the_cluster_has(periods: Periods, plugin: Plugin) -> None:
    periods.put("active")
    ran = plugin.run("explain", "checkout")
    assert (ran.code, ran.err) == (0, "")
    assert re.search(r"^  duration: 2m +# period$", ran.out, re.MULTILINE)
    assert re.search(r"^    then: Relax +# built-in$", ran.out, re.MULTILINE)
    assert yaml.safe_load(ran.out) == yaml.safe_load(plugin.run("explain", "checkout", "-o", "yaml").out)
    periods.put("stalled", "cart")
    broken = plugin.run("explain", "cart")
    assert broken.code == 1
    assert "HypercareProfile 'absent' does not exist" in broken.err


@pytest.mark.parametrize(
    ("situation", "arguments", "code"),
    [
        ("completed", (), 0),
        ("ended", (), 1),
        ("decision-needed", (), 4),
        ("held-up", ("--timeout", "1s"), 3),
        ("held-up", ("--for", "protected"), 0),
        ("preparing", ("--for", "protected", "--timeout", "1s"), 3),
        ("relaxing", ("--for", "protected"), 1),
        ("stalled", ("--for", "protected"), 4),
    ],
)
def test_waiting_ends_with_a_code_for_scripts(
    periods: Periods, plugin: Plugin, situation: str, arguments: tuple[str, ...], code: int
) -> None:
    periods.put(situation)
    ran = plugin.run("wait", "checkout", *arguments)
    assert (ran.code, ran.out.startswith(f"{periods.namespace}/checkout: ")) == (code, True)
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \w", ran.err)


def test_waiting_sees_the_end_come(periods: Periods, plugin: Plugin) -> None:
    periods.put("relaxing")
    with plugin.started("wait", "checkout", "--timeout", "1m") as waiting:
        entry = {"time": "2030-01-01T00:00:00Z", "reason": "Completed", "message": "Everything is restored"}
        periods.tell("checkout", {"phase": "Completed", "summary": "Completed: all is well", "timeline": [entry]})
        ran = waiting.end()
    assert (ran.code, ran.out) == (0, f"{periods.namespace}/checkout: Completed: all is well\n")


def test_waiting_for_the_next_release_does_not_take_the_last_one_for_it(periods: Periods, plugin: Plugin) -> None:
    periods.put("completed")
    periods.edit("checkout", {"release": {"version": "2.5.0"}})
    ran = plugin.run("wait", "checkout", "--timeout", "1s")
    assert ran.code == 3
    assert "the operator has not taken up this release yet" in ran.out


def test_waiting_ends_when_the_period_is_deleted(periods: Periods, plugin: Plugin) -> None:
    periods.put("held-up")
    with plugin.started("wait", "checkout", "--timeout", "1m") as waiting:
        periods.delete("checkout")
        assert waiting.end().code in (1, 2)


def test_watching_tells_a_line_for_each_change_and_ends_with_an_interrupt(periods: Periods, plugin: Plugin) -> None:
    periods.put("active")
    with plugin.started("watch") as watching:
        name = f"{periods.namespace}/checkout"
        assert re.fullmatch(rf"\S+Z {name} Active at 100%, stage intensive, blocked by .*", watching.line())
        entry = {"time": "2030-01-01T00:00:00Z", "reason": "Regressed", "message": "[red]errors[/red] is worse"}
        periods.tell("checkout", {"timeline": [entry]})
        assert watching.line() == f"2030-01-01T00:00:00Z {name} Regressed: [red]errors[/red] is worse"
        periods.put("completed", "cart")
        assert f"{periods.namespace}/cart " in watching.line()
        periods.delete("checkout")
        while not (line := watching.line()).endswith("was deleted"):
            assert name in line or "cart" in line
        assert watching.interrupt() == 130


def test_watching_for_programs_is_an_object_a_line(periods: Periods, plugin: Plugin) -> None:
    periods.put("active")
    with plugin.started("watch", "checkout", "-o", "json") as watching:
        assert json.loads(watching.line())["phase"] == "Active"
        periods.tell("checkout", {"phase": "Relaxing"})
        assert json.loads(watching.line())["phase"] == "Relaxing"


def test_the_live_board_draws_in_the_width_of_the_terminal(periods: Periods, plugin: Plugin) -> None:
    periods.put("held-up")
    sent = plugin.on_terminal("watch", "checkout", columns=60, seconds=5)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", sent)
    assert f"{periods.namespace}/checkout" in plain
    assert "Regressed" in plain
    assert max(cell_len(line) for line in re.split(r"[\r\n]+", plain)) <= 60


@pytest.mark.parametrize(
    ("arguments", "environment", "coloured"),
    [
        ((), {}, True),
        ((), {"NO_COLOR": "1"}, False),
        ((), {"TERM": "dumb"}, False),
        (("--color", "never"), {}, False),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    periods: Periods, plugin: Plugin, arguments: tuple[str, ...], environment: dict[str, str], coloured: bool
) -> None:
    periods.put("held-up")
    sent = plugin.on_terminal("status", "checkout", *arguments, environment=environment)
    assert "Regressed" in sent
    assert (ESCAPE in sent) is coloured


def test_the_report_is_printed_in_every_form(periods: Periods, plugin: Plugin) -> None:
    periods.put("completed")
    assert "no report of checkout" in plugin.run("report", "checkout").err
    periods.put_report()
    periods.delete("checkout")
    shown = plugin.run("report", "checkout", columns=60)
    assert (shown.code, "Succeeded: the exit criteria were met" in shown.out) == (0, True)
    assert plugin.run("report", "checkout", "-o", "markdown").out.startswith("# Hypercare report: ")
    answer = json.loads(plugin.run("report", "checkout", "-o", "json").out)
    assert plugin.run("report", "checkout", "--run", answer["run"], "-o", "html").out.startswith("<!doctype html>")
    assert plugin.run("report", "checkout", "--run", "r9-00000000").code == 2


def test_lint_asks_the_server_too(periods: Periods, plugin: Plugin, tmp_path: Path) -> None:
    spec = {
        "profile": periods.profile,
        "release": {"version": "2.4.0"},
        "targets": [{"kind": "Deployment", "name": "absent"}, {"kind": "DaemonSet", "name": "agent"}],
        "protection": {"alerts": {"from": [{"rule": "absent-rules"}]}, "scaling": [{"target": "agent", "floor": 2}]},
    }
    body = {"apiVersion": "hypercare.dev/v1alpha1", "kind": "HypercarePeriod", "metadata": {"name": "checkout"}}
    path = tmp_path / "period.yaml"
    path.write_text(yaml.safe_dump({**body, "spec": spec}))
    assert plugin.run("lint", str(path)).code == 0
    ran = plugin.run("lint", str(path), "--server", "-o", "json")
    found = {(each["path"], each["rule"], each["severity"]) for each in json.loads(ran.out)}
    assert ran.code == 1
    assert ("spec.targets[0].name", "TargetNotFound", "error") in found
    assert {rule for _, rule, _ in found} >= {"TargetNotFound", "NotScalable"}
    path.write_text(yaml.safe_dump({**body, "spec": {**spec, "profile": "absent"}}))
    assert "ProfileNotFound" in plugin.run("lint", str(path), "--server").out


def test_lint_tells_what_a_policy_would_refuse(cluster: Cluster, periods: Periods, nobody: Plugin) -> None:
    install(cluster)
    _let_write_periods(cluster, periods.namespace)
    spec = {
        "release": {"version": "2.4.0"},
        "targets": [{"kind": "Deployment", "name": "checkout"}],
        "protection": {"alerts": {"from": [{"rule": "checkout-alerts"}]}},
    }
    metadata = {"name": "checkout", "namespace": periods.namespace}
    body = {"apiVersion": "hypercare.dev/v1alpha1", "kind": "HypercarePeriod", "metadata": metadata, "spec": spec}

    def refused() -> bool:
        ran = nobody.run("lint", "-", "--server", "-o", "json", stdin=yaml.safe_dump(body))
        return ran.code == 1 and any("ValidatingAdmissionPolicy" in each["message"] for each in json.loads(ran.out))

    cluster.wait_until("the policy is in force", refused)


def _let_write_periods(cluster: Cluster, namespace: str) -> None:
    rights = ("--verb=get,create,patch", "--resource=hypercareperiods.hypercare.dev")
    cluster.kubectl("create", "role", "writer", *rights, "-n", namespace)
    account = f"--serviceaccount={namespace}:nobody"
    cluster.kubectl("create", "rolebinding", "writer", "--role=writer", account, "-n", namespace)


def test_the_doctor_names_each_verb_that_the_operator_lacks(cluster: Cluster, periods: Periods, plugin: Plugin) -> None:
    install(cluster)
    periods.put("stalled")
    healthy = json.loads(plugin.run("doctor", "-o", "json").out)
    states = {each["area"]: each["state"] for each in healthy}
    assert states["API server"] == states["clock"] == "ok"
    assert states["CRD hypercareperiods"] == states["operator permissions"] == "ok"
    assert states["your permissions (edit)"] == "ok"
    ran = plugin.run("doctor", "--operator-account", "somebody-else", columns=1000)
    assert ran.code == 1
    told = words(ran.out)
    assert "system:serviceaccount:hypercare-system:somebody-else may not" in told
    assert "patch hypercareperiods/status.hypercare.dev" in told
    assert "fix: apply the roles and bindings of the chart or of manifests/install" in told
    assert f"ProfileNotFound for {periods.namespace}/checkout" in told
    narrow = plugin.run("doctor", columns=60).out
    assert [line for line in narrow.splitlines() if cell_len(line) > 60] == []


def test_who_may_do_nothing_is_told_so_by_the_server(periods: Periods, nobody: Plugin) -> None:
    periods.put("active")
    for arguments in ASKING:
        ran = nobody.run(*arguments)
        if arguments == ("doctor",):
            assert "not checked" in ran.out
            continue
        assert (ran.code, ran.out) == (2, ""), arguments
        assert re.fullmatch(r"error: .* is forbidden: User .* cannot .*\n", ran.err), arguments


def test_a_profile_that_may_not_be_read_costs_only_what_it_tells(
    cluster: Cluster, periods: Periods, nobody: Plugin
) -> None:
    periods.put("held-up")
    cluster.kubectl(
        "create",
        "role",
        "reader",
        "--verb=get,list,watch",
        "--resource=hypercareperiods.hypercare.dev",
        "-n",
        periods.namespace,
    )
    account = f"--serviceaccount={periods.namespace}:nobody"
    cluster.kubectl("create", "rolebinding", "reader", "--role=reader", account, "-n", periods.namespace)
    ran = nobody.run("status", "checkout")
    assert ran.code == 0
    assert "Bounds and times ahead are not known" in words(ran.out)
    assert "errors Regressed" in words(ran.out)


def test_what_is_not_there_is_one_line_and_a_hint(plugin: Plugin) -> None:
    for command in ("status", "why", "explain", "wait", "watch"):
        ran = plugin.run(command, "absent")
        assert (ran.code, ran.out) == (2, "")
        expected = (
            f"error: no HypercarePeriod absent in namespace {plugin.namespace} (kubectl hypercare list -A shows all)"
        )
        assert ran.err == f"{expected}\n"


def test_a_cluster_that_does_not_answer_is_one_line(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    away = tmp_path / "kubeconfig"
    away.write_text(cluster.kubeconfig.read_text().replace(cluster.api_url, "https://127.0.0.1:1"))
    for arguments in ASKING:
        ran = Plugin(away, namespace).run(*arguments)
        assert (ran.code, ran.out) == (2, ""), arguments
        assert ran.err == "error: no answer from https://127.0.0.1:1: Connection refused\n", arguments
    missing = Plugin(tmp_path / "absent", namespace).run("list")
    assert (missing.code, missing.err.startswith("error: no cluster: ")) == (2, True)
    other = Plugin(cluster.kubeconfig, namespace).run("list", "--context", "absent")
    assert (other.code, other.err.startswith("error: no cluster: ")) == (2, True)
    assert "has no context absent, only " in other.err


def test_a_period_may_be_named_as_kubectl_prints_it(periods: Periods, plugin: Plugin) -> None:
    periods.put("active")
    for name in ("hcp/checkout", "hypercareperiod/checkout", "hypercareperiods.hypercare.dev/checkout"):
        assert plugin.run("status", name).out.startswith(f"{periods.namespace}/checkout ")


def test_kubectl_runs_it_as_a_plugin(cluster: Cluster, periods: Periods) -> None:
    periods.put("active")
    path = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **cluster.environment, "PATH": path}
    command = [str(cluster.kubectl_path), "hypercare"]

    def kubectl(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True, check=False)

    assert kubectl("--help").stdout.startswith("Usage: kubectl hypercare [OPTIONS] COMMAND")
    assert kubectl("status", "checkout", "-n", periods.namespace).returncode == 0
    wrong = kubectl("statsu")
    assert (wrong.returncode, wrong.stderr.splitlines()[-1]) == (2, "See 'kubectl hypercare --help'.")


def test_names_of_periods_are_completed(periods: Periods, plugin: Plugin) -> None:
    periods.put("active")
    periods.put("completed", "cart")
    line = f"kubectl-hypercare status -n {periods.namespace} che"
    words_of_line = line.split()
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words_of_line) - 1)}
    ran = plugin.run(environment={"_KUBECTL_HYPERCARE_COMPLETE": "complete_bash", **asked})
    assert ran.out.split() == ["checkout"]


def test_a_file_for_a_namespace_is_clean_and_a_whole_life_can_be_followed(cluster: Cluster, tmp_path: Path) -> None:
    install(cluster)
    with new_place(cluster, "plugin") as place, operator_of(cluster, tmp_path / "operator.log"):
        plugin = Plugin(cluster.kubeconfig, place.namespace)
        written = plugin.run("init", "deployment/checkout", "--profile", place.namespace)
        assert (written.code, written.err) == (0, "")
        assert "indicator: opentelemetry/http-error-ratio, target: checkout" in written.out
        assert plugin.run("lint", "-", "--server", "--strict", stdin=written.out).code == 0
        place.period()
        protected = plugin.run("wait", "checkout", "--for", "protected", "--timeout", "50s")
        assert protected.code == 0, protected.out
        doctor = {each["area"]: each for each in json.loads(plugin.run("doctor", "-o", "json").out)}
        assert doctor["Prometheus as the operator sees it"]["state"] == "ok", doctor
        assert doctor["tightened alerts"]["state"] == "ok", doctor
        ended = plugin.run("wait", "checkout", "--timeout", "55s")
        assert (ended.code, "Completed: " in ended.out) == (0, True)
        cluster.wait_until("the report is written", lambda: plugin.run("report", "checkout").code == 0)
        assert "Succeeded: the exit criteria were met" in plugin.run("report", "checkout").out
