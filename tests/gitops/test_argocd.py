"""What Argo CD makes of periods: its Lua, run as Argo CD runs it, on recorded periods of every standing."""

import pytest
import yaml

from tests.gitops.recordings import NAMES, expected, recording
from tests.gitops.verdicts import CONFIG, run_lua
from tests.gitops.verdicts import argocd_health as health

ACTIONS = yaml.safe_load(CONFIG["resource.customizations.actions.hypercare.dev_HypercarePeriod"])
OF_KSTATUS = {"Current": "Healthy", "InProgress": "Progressing", "Failed": "Degraded"}


@pytest.mark.parametrize("name", NAMES)
def test_the_health_of_a_period_is_what_kstatus_says_of_it(name: str) -> None:
    found = health(recording(name))
    assert found["status"] == ("Suspended" if name == "suspended" else OF_KSTATUS[expected(name)])
    assert found["message"], "it says why"


def test_the_message_tells_where_an_open_window_stands_and_how_it_went() -> None:
    assert health(recording("active-for-days"))["message"].startswith("Active: ")
    assert health(recording("completed"))["message"].startswith("Completed: ")
    rolled_back = recording("rolled-back")
    succeeded = next(each for each in rolled_back["status"]["conditions"] if each["type"] == "Succeeded")
    assert health(rolled_back)["message"] == f"Ended: {succeeded['message']}"


def test_what_stalls_is_named_with_what_to_do() -> None:
    body = recording("without-a-profile")
    stalled = next(each for each in body["status"]["conditions"] if each["type"] == "Stalled")
    assert health(body) == {"status": "Degraded", "message": stalled["message"]}


def test_a_period_without_any_status_is_in_progress() -> None:
    body = {key: value for key, value in recording("unseen").items() if key != "status"}
    assert health(body)["status"] == "Progressing"


@pytest.mark.parametrize(
    ("name", "suspend", "resume"),
    [("active", True, False), ("suspended", False, True), ("completed", False, False), ("unseen", True, False)],
)
def test_only_what_can_be_done_is_offered(name: str, suspend: bool, resume: bool) -> None:
    offered = run_lua(ACTIONS["discovery.lua"], recording(name))
    assert {action: not each["disabled"] for action, each in offered.items()} == {"suspend": suspend, "resume": resume}


@pytest.mark.parametrize(("action", "wanted"), [("suspend", True), ("resume", False)])
def test_an_action_changes_that_one_field(action: str, wanted: bool) -> None:
    (script,) = (each["action.lua"] for each in ACTIONS["definitions"] if each["name"] == action)
    body = recording("active")
    changed = run_lua(script, body)
    assert changed["spec"] == {**body["spec"], "suspend": wanted}


def test_every_action_is_defined_once_and_offered() -> None:
    defined = [each["name"] for each in ACTIONS["definitions"]]
    assert sorted(defined) == sorted(run_lua(ACTIONS["discovery.lua"], recording("active")))
