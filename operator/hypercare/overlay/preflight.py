"""Verdicts of history for the periods: asked beside the visits, once a run, and again where nobody answered.

A day of history takes a while, and neither the first overlay nor evidence waits for it: the visit that begins a reading
waits a moment, uses what is known by then, and later visits go on. One reading at a time is under way for a period.
What nobody answered is asked again after pauses that double, and a bounded number of times; everything else is final
for the run.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from hypercare.domain.alerts.preflight import Candidate, NoHistory, Preflight
from hypercare.domain.alerts.trials import Verdict, Verdicts, digest
from hypercare.domain.alerts.verdict_memory import frozen
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.ports import MetricSource

AT_ONCE = 100
"""Alerts of one reading: enough for most namespaces, so that their overlay is written once."""
PATIENCE_SECONDS = 2.0
"""What the visits wait for a reading. Until the run is reported, nothing is lost by going on without it."""
REPORT_PATIENCE_SECONDS = 60.0
WAITED_FOR = 8
"""Of more readings than that none is waited for: when many periods begin at once, their visits are worth more."""
FIRST_PAUSE_SECONDS = 60
LONGEST_PAUSE_SECONDS = 3600
MOST_TRIES = 8


class History(Protocol):
    """Tries copies on history; nothing is raised."""

    async def read(
        self, asked: Sequence[Candidate], before: int, tenancy: Tenancy, source: MetricSource
    ) -> Mapping[str, Preflight]:
        """The verdict on each candidate, by rule id, from the time `before` (Unix seconds)."""
        ...


@dataclass(frozen=True)
class Inquiry:
    """Which copies of a run are to be tried, and where. Times in Unix seconds.

    Attributes:
        uid: Of the period.
        run_id: Of the run; verdicts on another one do not count.
        before: The start of the run: history ends there.
        tenancy: Where the series of the namespace are.
        candidates: All copies that there may be.
        remembered: What the overlay remembers of this run.
        now: The time of the visit.
        patience: How many seconds the visit can wait for a reading, from its beginning.
    """

    uid: str
    run_id: str
    before: int
    tenancy: Tenancy
    candidates: Sequence[Candidate]
    remembered: Verdicts
    now: int
    patience: float = PATIENCE_SECONDS


@dataclass
class _Reading:
    """A reading under way, when it began (of the loop's clock), and the questions in it."""

    work: asyncio.Task[Mapping[str, Preflight]]
    began: float
    asked: Mapping[str, str]


@dataclass
class _Run:
    """What is known of a run: verdicts, how often each question was tried in vain, and when to ask again."""

    run_id: str
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    tries: dict[tuple[str, str], int] = field(default_factory=dict)
    reading: _Reading | None = None
    resume_at: int = 0


class Preflights:
    """The verdicts of all periods, forgotten with them."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._runs: dict[str, _Run] = {}

    def forget(self, uid: str) -> None:
        """Drop what is known of a period that is gone."""
        run = self._runs.pop(uid, None)
        if run is not None and run.reading is not None:
            run.reading.work.cancel()

    def known(self, uid: str, run_id: str, remembered: Verdicts) -> dict[str, Verdict]:
        """What is known without asking, of candidates that there were at the last visit."""
        run = self._runs.get(uid)
        learnt = run.verdicts if run is not None and run.run_id == run_id else {}
        return {**remembered, **learnt}

    def trying(self, uid: str) -> bool:
        """Whether a reading is under way."""
        run = self._runs.get(uid)
        return run is not None and run.reading is not None

    @property
    def crowded(self) -> bool:
        """Whether so many periods are reading that their visits had better go on."""
        return sum(run.reading is not None for run in self._runs.values()) >= WAITED_FOR

    async def verdicts(self, inquiry: Inquiry, source: MetricSource) -> dict[str, Verdict]:
        """The verdicts on the candidates as far as they are known after a moment of waiting."""
        run = self._run(inquiry)
        clock = asyncio.get_running_loop().time
        arrived = clock()
        while reading := self._under_way(run, inquiry, source):
            left = min(arrived, reading.began) + inquiry.patience - clock()
            if not (await asyncio.wait({reading.work}, timeout=max(0.0, left)))[0]:
                break
            self._learn(run, reading, inquiry)
        known = self.known(inquiry.uid, inquiry.run_id, inquiry.remembered)
        current = {each.rule_id: digest(each) for each in inquiry.candidates}
        run.verdicts = {rule_id: each for rule_id, each in known.items() if current.get(rule_id) == each.asked}
        return dict(run.verdicts)

    def _run(self, inquiry: Inquiry) -> _Run:
        run = self._runs.get(inquiry.uid)
        if run is None or run.run_id != inquiry.run_id:
            self.forget(inquiry.uid)
            run = self._runs[inquiry.uid] = _Run(inquiry.run_id)
        return run

    def _under_way(self, run: _Run, inquiry: Inquiry, source: MetricSource) -> _Reading | None:
        """The reading under way; begin one if it is due."""
        if run.reading is None and inquiry.now >= run.resume_at:
            missing = self._missing(run, inquiry)
            least = min(missing.values(), default=0)
            batch = [each for each, tries in missing.items() if tries == least][:AT_ONCE]
            if batch:
                reading = self._history.read(batch, inquiry.before, inquiry.tenancy, source)
                asked = {each.rule_id: digest(each) for each in batch}
                began = asyncio.get_running_loop().time()
                run.reading = _Reading(asyncio.create_task(reading), began, asked)
        return run.reading

    def _missing(self, run: _Run, inquiry: Inquiry) -> dict[Candidate, int]:
        """The candidates without a final verdict, with how often each was tried in vain."""
        known = self.known(inquiry.uid, inquiry.run_id, inquiry.remembered)
        found: dict[Candidate, int] = {}
        for each in inquiry.candidates:
            asked, verdict = digest(each), known.get(each.rule_id)
            tries = run.tries.get((each.rule_id, asked), 0)
            final = verdict is not None and verdict.asked == asked and not _again(verdict.found)
            if not final and tries < MOST_TRIES:
                found[each] = tries
        return found

    def _learn(self, run: _Run, reading: _Reading, inquiry: Inquiry) -> None:
        """Take over what a reading has found."""
        run.reading = None
        found = reading.work.result()
        for rule_id, asked in reading.asked.items():
            run.verdicts[rule_id] = Verdict(asked, frozen(found[rule_id]))
            if _again(found[rule_id]):
                run.tries[rule_id, asked] = run.tries.get((rule_id, asked), 0) + 1
        missing = self._missing(run, inquiry)
        answered = not all(_again(each) for each in found.values())
        if missing and not (answered and min(missing.values()) == 0):
            pause = FIRST_PAUSE_SECONDS * 2 ** max(0, max(missing.values()) - 1)
            run.resume_at = inquiry.now + min(LONGEST_PAUSE_SECONDS, pause)


def _again(found: Preflight) -> bool:
    return isinstance(found, NoHistory) and found.again
