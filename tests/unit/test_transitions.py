"""The rows of the life table in full: what each one stores, and what follows on the next visits."""

from dataclasses import dataclass, replace

import pytest

from hypercare.domain.life.facts import Exit, Life, Outcome, Phase, Visit
from hypercare.domain.life.transitions import advance, begin, superseded
from hypercare.domain.life.window import Stage, StartAt, StartImmediately
from tests.unit.lives import (
    ACTIVE,
    COMPLETE,
    COMPLETED,
    DECISION_NEEDED,
    DOWN_OTHER,
    ELEVATED,
    ENDED,
    EXTENDED,
    FACTS,
    HOUR,
    INTENSIVE,
    LAST_STAGE,
    MINUTE,
    OPEN,
    PENDING,
    PLAN,
    PREPARING,
    PROGRESSING,
    QUIET,
    RELAXING_MET,
    RELAXING_OTHER,
    RELEASE,
    T0,
    UID,
    UNVERSIONED,
    WINDOW,
    suspended,
    visited,
)
from tests.unit.triggers import (
    EXTENDED_END,
    HARD_END,
    PLANNED_END,
    STAGE_DUE,
    at,
    hard_end_moved,
    protected,
    released,
    restored,
    rollout,
    staged,
    starting,
    suspend,
    visit_of,
)


@dataclass(frozen=True)
class Row:
    """One row of the life table in full: what is stored afterwards, and the word for Events."""

    sentence: str
    visit: Visit
    reason: str
    life: Life


def _started(life: Life, now: int, started_at: int) -> Life:
    entered = replace(life, phase=Phase.PREPARING, phase_since=now, started_at=started_at)
    return replace(entered, stage="intensive", stage_since=now)


CARRIED = replace(PENDING, strength=20, strength_since=T0)
IN_TWO_HOURS = StartAt(QUIET + 2 * HOUR, 30 * MINUTE)
FROM_INTENSIVE = replace(RELAXING_MET, stage="intensive", strength=75)

ROWS = (
    Row(
        "A hotfix restarts every streak; phase, stage and clock go on.",
        visit_of(LAST_STAGE, released("autumn", "2.4.1")),
        "Hotfix",
        replace(
            LAST_STAGE,
            run=replace(LAST_STAGE.run, version="2.4.1", version_since=QUIET),
            streak_floor=QUIET,
        ),
    ),
    Row(
        "A hotfix before the start lets a rollout without a version settle again.",
        visit_of(replace(PENDING, rollout_since=QUIET - MINUTE), released("autumn", "2.4.1"), rollout(UNVERSIONED)),
        "Hotfix",
        replace(
            PENDING,
            run=replace(PENDING.run, version="2.4.1", version_since=QUIET),
            streak_floor=QUIET,
        ),
    ),
    Row(
        "A rollback keeps the strength for now and takes the run over to what it went back to.",
        visit_of(ACTIVE, released("spring", "2.3.8")),
        "RelaxingStarted",
        replace(
            ACTIVE,
            phase=Phase.RELAXING,
            phase_since=QUIET,
            outcome=Outcome.ROLLED_BACK,
            run=replace(ACTIVE.run, identity="spring", version="2.3.8", version_since=QUIET),
        ),
    ),
    Row(
        "A rollback while relaxing with success takes the success back and counts the time to the next step anew.",
        visit_of(RELAXING_MET, released("autumn", "2.3.9")),
        "RelaxingStarted",
        replace(
            RELAXING_MET,
            phase_since=QUIET,
            outcome=Outcome.ROLLED_BACK,
            last_step_at=None,
            run=replace(RELAXING_MET.run, version="2.3.9", version_since=QUIET),
        ),
    ),
    Row(
        "A rollback of a closed run is only remembered.",
        visit_of(COMPLETED, released("autumn", "2.3.9")),
        "RolledBack",
        replace(COMPLETED, run=replace(COMPLETED.run, version="2.3.9", version_since=QUIET)),
    ),
    Row(
        "The hard end without evidence asks for a decision and keeps strength and stage.",
        visit_of(ACTIVE, at(HARD_END, Exit.UNKNOWN)),
        "DecisionNeeded",
        replace(ACTIVE, phase=Phase.DECISION_NEEDED, phase_since=HARD_END),
    ),
    Row(
        "The hard end asks for a decision also where a suspended period would be met.",
        visit_of(suspended(ACTIVE), at(HARD_END, Exit.MET)),
        "DecisionNeeded",
        replace(ACTIVE, phase=Phase.DECISION_NEEDED, phase_since=HARD_END),
    ),
    Row(
        "A period that was suspended while relaxing goes on relaxing at the hard end.",
        visit_of(suspended(RELAXING_OTHER), at(HARD_END)),
        "HardEndReached",
        replace(RELAXING_OTHER, phase_since=HARD_END),
    ),
    Row(
        "A hold that expired relaxes without guard.",
        visit_of(DECISION_NEEDED, at(QUIET + 3 * HOUR)),
        "RelaxingStarted",
        replace(DECISION_NEEDED, phase=Phase.RELAXING, phase_since=QUIET + 3 * HOUR, outcome=Outcome.LIMIT_REACHED),
    ),
    Row(
        "A hard end that the spec moves past now lets the window go on, with the extensions used so far.",
        visit_of(DECISION_NEEDED, hard_end_moved),
        "Extended",
        replace(DECISION_NEEDED, phase=Phase.EXTENDED, phase_since=QUIET),
    ),
    Row(
        "Suspending remembers the phase to return to.",
        visit_of(EXTENDED, suspend(True)),
        "Suspended",
        replace(EXTENDED, phase=Phase.SUSPENDED, phase_since=QUIET, resume=Phase.EXTENDED),
    ),
    Row(
        "Suspending stops watching a rollout, so it has to settle again afterwards.",
        visit_of(replace(PENDING, rollout_since=QUIET - 30), suspend(True), rollout(UNVERSIONED)),
        "Suspended",
        replace(PENDING, phase=Phase.SUSPENDED, phase_since=QUIET, resume=Phase.PENDING),
    ),
    Row(
        "A suspension that ends returns to the phase before.",
        visit_of(suspended(LAST_STAGE), suspend(False)),
        "Resumed",
        replace(LAST_STAGE, phase_since=QUIET),
    ),
    Row(
        "With `At`, protections are applied ahead of the start.",
        visit_of(replace(PENDING, strength=0), starting(IN_TWO_HOURS), at(IN_TWO_HOURS.protect_from)),
        "ProtectingAhead",
        replace(
            PENDING,
            stage_since=IN_TWO_HOURS.protect_from,
            strength=100,
            strength_since=IN_TWO_HOURS.protect_from,
        ),
    ),
    Row(
        "With `At`, the window starts at the set time, however late the visit.",
        visit_of(PENDING, starting(IN_TWO_HOURS), at(IN_TWO_HOURS.at + 90)),
        "WindowStarted",
        _started(PENDING, IN_TWO_HOURS.at + 90, IN_TWO_HOURS.at),
    ),
    Row(
        "With `At` in the past, the window starts when the run was created.",
        visit_of(PENDING, starting(StartAt(T0 - HOUR, 0))),
        "WindowStarted",
        _started(PENDING, QUIET, PENDING.run.created_at),
    ),
    Row(
        "With `Immediately`, the window starts at the visit.",
        visit_of(PENDING, starting(StartImmediately())),
        "WindowStarted",
        _started(PENDING, QUIET, QUIET),
    ),
    Row(
        "A complete rollout starts the window at the first stage's strength, whatever was carried over.",
        visit_of(replace(PENDING, strength=100, stage="old"), rollout(COMPLETE), staged(ELEVATED)),
        "ProtectingAhead",
        replace(PENDING, stage="elevated", stage_since=QUIET),
    ),
    Row(
        "A carried strength gives way to the first stage's when the window starts.",
        visit_of(replace(PENDING, stage="elevated"), rollout(COMPLETE), staged(ELEVATED)),
        "WindowStarted",
        replace(
            _started(PENDING, QUIET, QUIET),
            stage="elevated",
            strength=50,
            strength_since=QUIET,
        ),
    ),
    Row(
        "A carried strength that is too low is raised before the start.",
        visit_of(CARRIED),
        "ProtectingAhead",
        replace(CARRIED, stage_since=QUIET, strength=100, strength_since=QUIET),
    ),
    Row(
        "A rollout without a version is remembered.",
        visit_of(PENDING, rollout(UNVERSIONED)),
        "RolloutObserved",
        replace(PENDING, rollout_since=QUIET),
    ),
    Row(
        "A rollout without a version that goes on is forgotten.",
        visit_of(replace(PENDING, rollout_since=QUIET - 30), rollout(PROGRESSING)),
        "RolloutObserved",
        PENDING,
    ),
    Row(
        "A rollout is not watched any more when the spec starts at a set time.",
        visit_of(replace(PENDING, rollout_since=QUIET - 30), rollout(UNVERSIONED), starting(IN_TWO_HOURS)),
        "RolloutObserved",
        PENDING,
    ),
    Row(
        "The timeout starts the window and says so.",
        visit_of(PENDING, at(QUIET + 30 * MINUTE)),
        "WindowStarted",
        _started(PENDING, QUIET + 30 * MINUTE, QUIET + 30 * MINUTE),
    ),
    Row(
        "Everything verified makes it active.",
        visit_of(PREPARING, protected),
        "Protected",
        replace(PREPARING, phase=Phase.ACTIVE, phase_since=QUIET),
    ),
    Row(
        "What is not verified in ten minutes does not keep the window from going on.",
        visit_of(PREPARING, at(QUIET + 5 * MINUTE)),
        "NotAppliedInTime",
        replace(PREPARING, phase=Phase.ACTIVE, phase_since=QUIET + 5 * MINUTE),
    ),
    Row(
        "Preparing does not hold the next stage back.",
        visit_of(replace(PREPARING, phase_since=STAGE_DUE), at(STAGE_DUE, Exit.MET)),
        "StageChanged",
        replace(
            PREPARING,
            phase_since=STAGE_DUE,
            stage="elevated",
            stage_since=STAGE_DUE,
            strength=50,
            strength_since=STAGE_DUE,
        ),
    ),
    Row(
        "The next stage begins with its strength.",
        visit_of(ACTIVE, at(STAGE_DUE, Exit.MET)),
        "StageChanged",
        replace(ACTIVE, stage="elevated", stage_since=STAGE_DUE, strength=50, strength_since=STAGE_DUE),
    ),
    Row(
        "The last stage, met, begins to relax.",
        visit_of(LAST_STAGE, at(STAGE_DUE, Exit.MET)),
        "RelaxingStarted",
        replace(LAST_STAGE, phase=Phase.RELAXING, phase_since=STAGE_DUE, outcome=Outcome.MET),
    ),
    Row(
        "At the planned end, met, it relaxes from the current strength without waiting for the stage.",
        visit_of(replace(ACTIVE, stage_since=PLANNED_END - HOUR), at(PLANNED_END, Exit.MET)),
        "RelaxingStarted",
        replace(
            ACTIVE,
            stage_since=PLANNED_END - HOUR,
            phase=Phase.RELAXING,
            phase_since=PLANNED_END,
            outcome=Outcome.MET,
        ),
    ),
    Row(
        "At the planned end, not met, an extension is used.",
        visit_of(LAST_STAGE, at(PLANNED_END, Exit.UNKNOWN)),
        "Extended",
        replace(LAST_STAGE, phase=Phase.EXTENDED, phase_since=PLANNED_END, extensions_used=1),
    ),
    Row(
        "The second extension begins when the first one is over.",
        visit_of(EXTENDED, at(EXTENDED_END, Exit.UNMET)),
        "Extended",
        replace(EXTENDED, phase_since=EXTENDED_END, extensions_used=2),
    ),
    Row(
        "The first step of a success is taken at once.",
        visit_of(replace(RELAXING_MET, strength=50, phase_since=QUIET, last_step_at=None), at(QUIET, Exit.MET)),
        "Relaxed",
        replace(RELAXING_MET, phase_since=QUIET, last_step_at=QUIET, strength_since=QUIET),
    ),
    Row(
        "The first step of another outcome waits for `every`.",
        visit_of(replace(RELAXING_OTHER, phase_since=QUIET, last_step_at=None), at(QUIET + HOUR)),
        "Relaxed",
        replace(RELAXING_OTHER, phase_since=QUIET, last_step_at=QUIET + HOUR, strength=0, strength_since=QUIET + HOUR),
    ),
    Row(
        "The guard brings the last stage back and forgets the success.",
        visit_of(RELAXING_MET, at(QUIET, Exit.UNMET)),
        "RelaxingReverted",
        replace(LAST_STAGE, phase_since=QUIET, stage_since=QUIET, strength_since=QUIET),
    ),
    Row(
        "The guard returns to Extended when extensions were used.",
        visit_of(replace(RELAXING_MET, extensions_used=1), at(QUIET, Exit.UNMET)),
        "RelaxingReverted",
        replace(EXTENDED, phase_since=QUIET, stage_since=QUIET, strength_since=QUIET),
    ),
    Row(
        "The guard never lowers: relaxing that began in the first stage returns to it.",
        visit_of(FROM_INTENSIVE, at(QUIET, Exit.UNMET)),
        "RelaxingReverted",
        replace(ACTIVE, phase_since=QUIET, stage_since=QUIET, strength_since=QUIET),
    ),
    Row(
        "A stage of the same name is kept, with its clock.",
        visit_of(ACTIVE, staged(replace(INTENSIVE, strength=80))),
        "StageChanged",
        replace(ACTIVE, strength=80, strength_since=QUIET),
    ),
    Row(
        "A stage that is gone gives way to the first one that is not stronger.",
        visit_of(ACTIVE, staged(Stage("a", 100, 0), Stage("b", 60, 0))),
        "StageChanged",
        replace(ACTIVE, stage="a", stage_since=QUIET),
    ),
    Row(
        "Where all stages are stronger than now, the last one is taken.",
        visit_of(LAST_STAGE, staged(Stage("a", 100, 0), Stage("b", 60, 0))),
        "StageChanged",
        replace(LAST_STAGE, stage="b", stage_since=QUIET, strength=60, strength_since=QUIET),
    ),
    Row(
        "A rollback that is restored has ended without success.",
        visit_of(DOWN_OTHER, restored),
        "Ended",
        replace(ENDED, phase_since=QUIET),
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.sentence)
def test_what_a_row_stores(row: Row) -> None:
    found = advance(row.visit)
    assert found is not None
    assert (found.reason, found.life) == (row.reason, row.life)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.sentence)
def test_messages_are_sentences_for_people(row: Row) -> None:
    found = advance(row.visit)
    assert found is not None
    assert found.message[0].isupper()
    assert "None" not in found.message


def test_a_new_identity_carries_live_protections_over() -> None:
    """The claims of the old run are taken over without lowering anything in between."""
    visit = visit_of(EXTENDED, released("winter", "3.0.0"))
    life = visited(visit)
    assert (life.run.counter, life.run.before, life.run.identity) == (2, "2.4.0", "winter")
    assert (life.phase, life.strength, life.started_at, life.extensions_used) == (Phase.PENDING, 100, None, 0)
    assert superseded(visit)


def test_a_new_identity_with_a_set_start_keeps_what_is_live_until_then() -> None:
    visit = visit_of(LAST_STAGE, released("winter", "3.0.0"), starting(IN_TWO_HOURS))
    assert (visited(visit).phase, visited(visit).strength) == (Phase.PENDING, 50)


def test_a_closed_run_is_followed_not_superseded() -> None:
    visit = visit_of(ENDED, released("winter", "3.0.0"), starting(IN_TWO_HOURS))
    assert not superseded(visit)
    assert (visited(visit).run.counter, visited(visit).strength) == (2, 0)


def test_the_same_release_after_a_rollback_begins_a_new_run() -> None:
    unnamed = replace(RELEASE, name="")
    back = replace(unnamed, version="2.3.9")
    for before in (*OPEN.values(), COMPLETED):
        life = replace(before, run=replace(before.run, identity="2.4.0"))
        rolled = advance(Visit(life, replace(PLAN, release=back), FACTS))
        assert rolled is not None
        again = advance(Visit(rolled.life, replace(PLAN, release=unnamed), FACTS))
        assert again is not None
        assert (again.life.run.counter, again.life.run.before, again.life.phase) == (2, "2.3.9", Phase.PENDING)


def test_a_first_run_begins_protected_unless_its_start_lies_ahead() -> None:
    assert begin(PLAN, UID, T0).life.strength == 100
    ahead = replace(PLAN, window=replace(WINDOW, start=StartAt(T0 + HOUR, 10 * MINUTE)))
    assert begin(ahead, UID, T0).life.strength == 0
    assert begin(ahead, UID, T0 + 50 * MINUTE).life.strength == 100


def test_a_suspended_period_meets_a_new_identity_when_it_resumes() -> None:
    visit = visit_of(suspended(ACTIVE), released("winter", "3.0.0"))
    assert advance(visit) is None
    resumed = replace(visit, life=visited(suspend(False)(visit)), plan=replace(visit.plan, suspend=False))
    assert visited(resumed).run.identity == "winter"


def test_a_profile_cap_ends_the_window_without_extensions() -> None:
    capped = replace(PLAN, window=replace(WINDOW, max_seconds=6 * HOUR))
    life = visited(Visit(ACTIVE, capped, replace(FACTS, now=T0 + 6 * HOUR)))
    assert (life.phase, life.extensions_used) == (Phase.DECISION_NEEDED, 0)
