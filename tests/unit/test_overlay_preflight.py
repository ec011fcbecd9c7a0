"""Each copy is tried once a run, beside the visits; where nobody answers, again and less and less often."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from hypercare.domain.alerts.preflight import Candidate, NoHistory, Preflight, Tried
from hypercare.domain.alerts.protection import Tighten
from hypercare.domain.alerts.thresholds import KEEP_THRESHOLDS
from hypercare.domain.alerts.tightening import ForRule
from hypercare.domain.alerts.trials import Verdict, digest
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.overlay.preflight import AT_ONCE, FIRST_PAUSE_SECONDS, MOST_TRIES, WAITED_FOR, Inquiry, Preflights
from tests.unit.histories import FakeHistory
from tests.unit.metric_source import FakePrometheus

NOW = 1_800_000_000
QUIET = Tried(KEEP_THRESHOLDS, 0, 0, 86400)
AWAY = NoHistory("no connection", again=True)


def candidate(name: str, **others: Any) -> Candidate:
    return replace(Candidate(name, f"errors_{name} > 5", 600, 30, ForRule(Tighten())), **others)


A, B = candidate("a"), candidate("b")


class Run:
    """One period with its copies."""

    def __init__(self, *candidates: Candidate, found: Preflight = QUIET) -> None:
        self.history = FakeHistory(found)
        self.preflights = Preflights(self.history)
        self.candidates = candidates

    async def visit(self, now: int = NOW, **others: Any) -> dict[str, Preflight]:
        asked = Inquiry("uid", "r1", NOW - 9, Tenancy("namespace", "shop"), self.candidates, {}, now, patience=0.05)
        found = await self.preflights.verdicts(replace(asked, **others), FakePrometheus())
        return {rule_id: each.found for rule_id, each in found.items()}

    @property
    def asked(self) -> list[list[str]]:
        return [[each.rule_id for each in asked] for asked in self.history.asked]


async def test_a_quick_history_is_known_at_once() -> None:
    run = Run(A, B)

    assert await run.visit() == {"a": QUIET, "b": QUIET}
    assert run.history.ends == [NOW - 9]
    assert not run.preflights.trying("uid")


async def test_nothing_is_asked_twice() -> None:
    run = Run(A, B)
    await run.visit()

    assert await run.visit(NOW + 86400) == {"a": QUIET, "b": QUIET}
    assert run.asked == [["a", "b"]]


async def test_a_slow_history_is_not_waited_for() -> None:
    run = Run(A)
    run.history.go.clear()

    assert await run.visit() == {}
    assert run.preflights.trying("uid")
    assert await run.visit() == {}
    run.history.go.set()
    assert await run.visit() == {"a": QUIET}
    assert run.asked == [["a"]]


async def test_its_moment_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    run, timeouts, wait = Run(A), list[float](), asyncio.wait
    run.history.go.clear()

    async def waiting(work: Any, **options: Any) -> Any:
        timeouts.append(options["timeout"])
        return await wait(work, **options)

    monkeypatch.setattr("hypercare.overlay.preflight.asyncio.wait", waiting)
    for _ in range(2):
        await run.visit()

    assert [each > 0 for each in timeouts] == [True, False]


async def test_many_periods_that_read_are_a_crowd() -> None:
    run = Run(A)
    run.history.go.clear()
    crowded = []
    for number in range(WAITED_FOR):
        await run.visit(uid=f"uid-{number}", patience=0.0)
        crowded.append(run.preflights.crowded)

    assert crowded == [False] * (WAITED_FOR - 1) + [True]
    run.preflights.forget("uid-0")
    assert not run.preflights.crowded


async def test_many_are_asked_about_in_parts() -> None:
    run = Run(*(candidate(f"a{number}") for number in range(2 * AT_ONCE + 1)))

    assert len(await run.visit()) == 2 * AT_ONCE + 1
    assert [len(each) for each in run.asked] == [AT_ONCE, AT_ONCE, 1]


async def test_what_the_overlay_remembers_is_not_asked() -> None:
    run = Run(A, B)

    found = await run.visit(remembered={"a": Verdict(digest(A), NoHistory("too short"))})

    assert found == {"a": NoHistory("too short"), "b": QUIET}
    assert run.asked == [["b"]]


async def test_what_it_remembers_of_another_question_is() -> None:
    run = Run(A)

    assert await run.visit(remembered={"a": Verdict("other", NoHistory("too short"))}) == {"a": QUIET}


async def test_an_edited_original_is_judged_anew() -> None:
    run = Run(A, B)
    await run.visit()
    run.candidates = (replace(A, expr="errors > 6"), B)
    run.history.go.clear()

    assert await run.visit() == {"b": QUIET}
    run.history.go.set()
    assert await run.visit() == {"a": QUIET, "b": QUIET}
    assert run.asked == [["a", "b"], ["a"]]


async def test_an_edit_meanwhile_is_judged_anew() -> None:
    run = Run(A)
    run.history.go.clear()
    await run.visit()
    run.candidates = (replace(A, original_for_seconds=300),)
    run.history.go.set()

    assert await run.visit() == {"a": QUIET}
    assert run.asked == [["a"], ["a"]]


async def test_another_run_is_judged_anew() -> None:
    run = Run(A)
    run.history.go.clear()
    await run.visit()
    run.history.go.set()

    await run.visit(run_id="r2", before=NOW)

    assert run.history.ends == [NOW - 9, NOW]


async def test_a_period_that_is_gone_is_forgotten() -> None:
    run = Run(A)
    run.history.go.clear()
    await run.visit()

    run.preflights.forget("uid")

    assert not run.preflights.trying("uid")
    assert run.preflights.known("uid", "r1", {}) == {}


class TestAgain:
    """Where nobody answered."""

    async def test_it_is_known_why_and_asked_again_after_a_pause(self) -> None:
        run = Run(A, found=AWAY)
        assert await run.visit() == {"a": AWAY}
        run.history.found = QUIET

        assert await run.visit(NOW + FIRST_PAUSE_SECONDS - 1) == {"a": AWAY}
        assert await run.visit(NOW + FIRST_PAUSE_SECONDS) == {"a": QUIET}

    async def test_pauses_double_and_end(self) -> None:
        run = Run(A, found=AWAY)
        times = []
        for now in range(NOW, NOW + 86400, 30):
            before = len(run.asked)
            await run.visit(now)
            if len(run.asked) > before:
                times.append(now - NOW)

        assert times == [0, 60, 180, 420, 900, 1860, 3780, 7380]
        assert len(times) == MOST_TRIES

    async def test_one_that_is_not_answered_keeps_no_other_waiting(self) -> None:
        run = Run(A, *(candidate(f"b{number}") for number in range(AT_ONCE)))
        run.history.on["errors_a"] = AWAY

        found = await run.visit()

        assert len(found) == AT_ONCE + 1
        assert [each for each in found.values() if each != QUIET] == [AWAY]
        assert [len(each) for each in run.asked] == [AT_ONCE, 1]

    async def test_the_rest_waits_where_nothing_is_answered(self) -> None:
        run = Run(*(candidate(f"b{number:03}") for number in range(AT_ONCE + 1)), found=AWAY)
        await run.visit()
        assert len(run.asked) == 1

        await run.visit(NOW + FIRST_PAUSE_SECONDS)
        # Those that were never asked about come first.
        assert run.asked[1][0] == f"b{AT_ONCE}"

    async def test_what_is_broken_is_told_and_tried_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        run = Run(A)
        monkeypatch.setattr(run.history, "read", _broken)
        with pytest.raises(ZeroDivisionError):
            await run.visit()
        monkeypatch.undo()

        assert await run.visit() == {"a": QUIET}


async def _broken(*_: Any) -> dict[str, Preflight]:
    raise ZeroDivisionError
