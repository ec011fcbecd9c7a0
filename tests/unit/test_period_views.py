"""Periods as people see them: `status`, `why`, `list` and the board, from statuses that a real operator wrote."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from hypercare.cli.list.text import list_view, ordered
from hypercare.cli.periods.advice import advice
from hypercare.cli.periods.blockers import Weight, blockers
from hypercare.cli.periods.found import Found, find_out
from hypercare.cli.periods.objects import found_object
from hypercare.cli.periods.printable import printable
from hypercare.cli.periods.reading import read_period, seconds_of
from hypercare.cli.periods.words import ago, ahead, counted, roughly
from hypercare.cli.status.text import status_view
from hypercare.cli.watch.board import board
from hypercare.cli.why.text import why_view
from tests.unit.recorded_periods import NAMES, NOW, found, lines, page, recorded

EVIL = "[red]evil[/red] [link=http://x]y[/link]\x1b[31m\x07\u202eabc"
HARMLESS = "[red]evil[/red] [link=http://x]y[/link] [31m  abc"


def shown(name: str, width: int = 80) -> list[str]:
    to = page(width)
    return lines(status_view(found(recorded(name)), to), to)


def why(name: str, width: int = 80) -> str:
    return " ".join(" ".join(lines(why_view(found(recorded(name))), page(width))).split())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_nothing_is_wider_than_the_terminal_and_nothing_is_cut(name: str, width: int) -> None:
    whole, to = found(recorded(name)), page(width)
    views = [status_view(whole, to), why_view(whole), list_view([whole.seen], NOW, to, with_namespace=True)]
    for view in views:
        printed = lines(view, to)
        assert [line for line in printed if cell_len(line) > width] == []
        assert "…" not in "".join(printed)


@pytest.mark.parametrize("name", NAMES)
def test_a_terminal_that_knows_ascii_only_is_given_no_other_character(name: str) -> None:
    to = page(encoding="ascii")
    whole = found(recorded(name))
    printed = "\n".join([*lines(status_view(whole, to), to), *lines(board(whole, to), to)])
    assert printed.replace("…", "").isascii()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("pending", "Waiting for the start: Deployment checkout runs 2.4.0, not 9.9.9"),
        ("active", "Active in stage intensive for"),
        ("held-up", "Blocked by errors (regressed), nights (unknown), volume (5h59m57s left)"),
        ("extended", "1 of 1 extensions used"),
        ("decision-needed", "protections are held until"),
        ("suspended", "do: Set `spec.suspend` to false to go on"),
        ("relaxing", "Relaxing (Met) for"),
        ("completed", "Report: kubectl hypercare report checkout -n shop"),
        ("ended", "Ended without success (LimitReached); everything is restored"),
        ("stalled", "Stalled: ProfileNotFound"),
    ],
)
def test_the_status_says_what_matters_in_each_situation(name: str, told: str) -> None:
    assert told in " ".join(" ".join(shown(name)).split())


def test_criteria_are_shown_with_verdict_bar_and_what_is_seen() -> None:
    printed = "\n".join(shown("held-up"))
    assert re.search(r"Exit criteria  1 of 4 met\n  errors  Regressed  ░{12} 0s of 1h\n    0\.5 is not below", printed)
    assert re.search(r"steady  Met        █{12}\n", printed)
    assert re.search(r"advice  Unmet .* \(advisory\)\n", printed)


def test_the_strength_over_time_is_drawn_with_a_pointer_to_now() -> None:
    printed = shown("held-up")
    at = printed.index("Strength")
    assert printed[at + 1] == "  ████████████████████ 100%"
    curve = printed[at + 2].strip()
    assert re.fullmatch("█+▄+▂+", curve)
    # A day at 100, half a day at 50, an hour at 25.
    assert [curve.count(level) for level in "█▄▂"] == [49, 25, 2]
    assert printed[at + 3] == "  ▲ now"
    assert printed[at + 4 : at + 7] == [
        "  100%  intensive  1d   now",
        "   50%  elevated   12h",
        "   25%  relaxing   1h",
    ]


def test_what_ends_when_is_told_in_order() -> None:
    moments = found(recorded("held-up")).course.moments
    assert [(each.what, each.at - NOW) for each in moments] == [
        ("stage intensive ends", 86292),
        ("relaxing begins", 129492),
        ("planned end", 172692),
        ("hard end", 259092),
    ]


def test_what_blocks_is_ordered_by_how_much_a_person_has_to_do_with_it() -> None:
    kinds = [(each.what, each.weight) for each in found(recorded("held-up")).blockers]
    assert kinds == [("errors", Weight.WORSE), ("nights", Weight.UNKNOWN), ("volume", Weight.TIME)]
    told = why("held-up")
    assert told.index("1. errors has regressed") < told.index("2. nights is unknown") < told.index("3. volume takes")
    assert 'service="checkout"}[5s]))) below 0.02 for 1h seen: 0.5 is not below 0.02' in told


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("pending", "1. start takes its time (WaitingForStart) seen: Waiting for the start"),
        ("decision-needed", "1. Stalled needs a person"),
        ("stalled", "do: Create the HypercareProfile, or name another one in `spec.profile`."),
        ("completed", "shop/checkout is over: Completed: the exit criteria were met"),
    ],
)
def test_why_says_what_to_do(name: str, told: str) -> None:
    assert told in why(name)


def test_a_period_that_is_over_tells_how_long_ago() -> None:
    assert re.search(r"^Completed \d+[smhd]\w* ago$", "\n".join(shown("completed")), re.MULTILINE)


def test_a_period_that_no_operator_has_seen_says_so() -> None:
    body = recorded("active")
    body["status"] = {"observedGeneration": -1}
    (only,) = found(body).blockers
    assert (only.reason, only.weight) == ("NotSeen", Weight.PERSON)
    to = page()
    assert "not seen yet" in "\n".join(lines(status_view(found(body), to), to))


def test_a_spec_that_is_newer_than_the_status_blocks_everything_else() -> None:
    body = recorded("held-up")
    body["metadata"]["generation"] = 7
    (only,) = found(body).blockers
    assert only.reason == "NotUpToDate"
    assert only.detail == "The status is about generation 1 of the spec, which is at 7."


def test_evidence_that_nobody_reads_any_more_is_told() -> None:
    whole = found(recorded("held-up"), NOW + 3600)
    to = page()
    assert "is the operator running" in "\n".join(lines(status_view(whole, to), to))


def poisoned() -> dict[str, Any]:
    body = recorded("held-up")
    body["spec"]["release"]["version"] = "[bold]2.4[/bold]"
    status = body["status"]
    status["criteria"][0]["message"] = EVIL
    status["conditions"].append({"type": "Stalled", "status": "True", "reason": EVIL, "message": EVIL})
    status["timeline"][-1]["message"] = EVIL
    status["scaling"][0] |= {"target": EVIL, "state": "Contested", "message": EVIL}
    status["blocked"] = status["summary"] = EVIL
    return body


@pytest.mark.parametrize("color", [False, True])
def test_no_text_of_the_status_is_taken_for_markup_or_steers_the_terminal(color: bool) -> None:
    whole = found(poisoned())
    to = page(200, color=color)
    views = [
        status_view(whole, to),
        why_view(whole),
        board(whole, to),
        list_view([whole.seen], NOW, to, with_namespace=True),
    ]
    for view in views:
        printed = "\n".join(lines(view, to))
        assert "[red]evil[/red]" in printed
        assert "\x1b[31mabc" not in printed
        assert not set(re.sub(r"\x1b\[[0-9;]*m", "", printed)) & {"\x1b", "\x07", "\u202e"}
        if not color:
            assert "\x1b" not in printed


def test_printable_text_stays_as_it_is() -> None:
    assert printable("é 値 [x] €") == "é 値 [x] €"
    assert " ".join(printable(EVIL).split()) == " ".join(HARMLESS.split())


def test_a_list_has_what_needs_a_person_first_and_what_is_over_last() -> None:
    seen = ordered(read_period(recorded(name)) for name in ("completed", "active", "stalled"))
    assert [each.phase for each in seen] == ["Pending", "Active", "Completed"]
    printed = lines(list_view(seen, NOW, page(120), with_namespace=True), page(120))
    assert [line.split()[:6] for line in printed] == [
        ["NAMESPACE", "NAME", "RELEASE", "PHASE", "STRENGTH", "MET"],
        ["shop", "checkout", "2.4.0", "Pending", "0%", "-"],
        ["shop", "checkout", "2.4.0", "Active", "100%", "0/2"],
        ["shop", "checkout", "2.4.0", "Completed", "-", "2/2"],
    ]


def test_the_board_fits_a_small_terminal() -> None:
    to = page(60)
    to.size = to.size._replace(height=16) if hasattr(to.size, "_replace") else to.size
    printed = lines(board(found(recorded("held-up")), to), to)
    assert len(printed) <= 16
    assert printed[0] == "shop/checkout 2.4.0"
    assert max(map(cell_len, printed)) <= 60


@pytest.mark.parametrize("name", NAMES)
def test_the_object_for_programs_is_json_with_the_same_facts(name: str) -> None:
    whole = found(recorded(name))
    answer = json.loads(json.dumps(found_object(whole)))
    assert answer["phase"] == whole.seen.phase
    assert len(answer["blockers"]) == len(whole.blockers)
    assert [each["name"] for each in answer["criteria"]] == [each.name for each in whole.seen.criteria]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


# The deadline is for a machine that does nothing else.
@settings(deadline=None)
@given(name=st.sampled_from(NAMES), changes=st.lists(st.tuples(st.integers(0, 400), JSON), max_size=4))
def test_no_status_of_whatever_shape_ends_a_view(name: str, changes: list[tuple[int, Any]]) -> None:
    body = recorded(name)
    for position, value in changes:
        _damage(body["status"], position, value)
    whole, to = find_out(body, found(recorded(name)).asked, NOW), page()
    lines(status_view(whole, to), to)
    lines(why_view(whole), to)
    lines(list_view([whole.seen], NOW, to, with_namespace=True), to)
    json.dumps(found_object(whole))


def _damage(node: Any, position: int, value: Any) -> int:
    """Put a value in the place of the one at this position, counted in depth; returns what is left to count."""
    places = list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
    for key, child in places:
        if position == 0:
            node[key] = value
            return -1
        position = _damage(child, position - 1, value)
        if position < 0:
            return -1
    return position


def test_advice_is_that_of_the_reference_with_the_page_that_says_more() -> None:
    assert advice("Contested").startswith("Stop the writer")
    assert advice("Contested").endswith(" See docs/gitops.md#autoscalers-under-gitops.")
    assert advice("NotSeen").startswith("Is the operator running")
    assert (advice("Sustained"), advice("NoSuchReason")) == ("", "")


def test_every_reason_of_a_recorded_blocker_has_advice() -> None:
    reasons = {each.reason for name in NAMES for each in found(recorded(name)).blockers if each.weight.blocks}
    assert len(reasons) > 5
    assert sorted(reason for reason in reasons if not advice(reason)) == []


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, "0s"), (59, "59s"), (61, "1m1s"), (3661, "1h1m"), (90_061, "1d1h"), (86_400 * 40, "40d")]
)
def test_durations_are_told_in_their_two_largest_units(seconds: int, told: str) -> None:
    assert roughly(seconds) == told


def test_distances_are_told_from_now() -> None:
    assert (ago(NOW - 60, NOW), ago(None, NOW), ago(NOW + 5, NOW)) == ("1m ago", "", "0s ago")
    assert (ahead(NOW + 3600, NOW), ahead(NOW - 60, NOW)) == ("in 1h", "1m ago")
    assert (counted(1, "alert"), counted(2, "alert")) == ("1 alert", "2 alerts")


@pytest.mark.parametrize("text", [None, 3, "", "yesterday", "2026-11-21T18:40:00", "2026-13-01T00:00:00Z"])
def test_what_is_no_time_is_not_known(text: object) -> None:
    assert seconds_of(text) is None


def test_blockers_need_no_effective_spec() -> None:
    whole: Found = found(recorded("stalled"))
    assert [each.reason for each in blockers(whole.seen, whole.asked)] == ["ProfileNotFound"]
