"""When relaxing can begin at the earliest, in each place of a life."""

from dataclasses import replace

import pytest

from hypercare.domain.life.facts import Life
from hypercare.domain.outlook import Outlook, ahead, outlook, stage_word
from tests.unit.lives import (
    ACTIVE,
    COMPLETED,
    DECISION_NEEDED,
    EXTENDED,
    HOUR,
    LAST_STAGE,
    PENDING,
    PLAN,
    PREPARING,
    QUIET,
    RELAXING_MET,
    T0,
    suspended,
)

STAGED = replace(ACTIVE, stage_since=QUIET - HOUR)


@pytest.mark.parametrize(
    ("sentence", "life", "needed", "expected"),
    [
        ("All met: this stage's rest and all of the next.", STAGED, 0, Outlook("intensive", HOUR, QUIET + 3 * HOUR)),
        (
            "Criteria that need longer than the stage decide.",
            STAGED,
            90 * 60,
            Outlook("intensive", HOUR, QUIET + 12600),
        ),
        (
            "While preparing the clocks run, too.",
            replace(PREPARING, stage_since=QUIET),
            0,
            Outlook("intensive", 2 * HOUR, QUIET + 4 * HOUR),
        ),
        (
            "In the last stage nothing follows.",
            replace(LAST_STAGE, stage_since=QUIET - HOUR),
            0,
            Outlook("elevated", HOUR, QUIET + HOUR),
        ),
        (
            "A stage that is over waits for criteria alone.",
            replace(LAST_STAGE, stage_since=QUIET - 3 * HOUR),
            HOUR,
            Outlook("", 0, QUIET + HOUR),
        ),
        (
            "The planned end comes before the stages are through.",
            replace(STAGED, started_at=QUIET - 11 * HOUR),
            0,
            Outlook("intensive", HOUR, QUIET + HOUR),
        ),
        (
            "At the planned end the criteria still have to be met.",
            replace(STAGED, started_at=QUIET - 11 * HOUR),
            2 * HOUR,
            Outlook("intensive", HOUR, QUIET + 2 * HOUR),
        ),
        ("Extended: as soon as all are met.", EXTENDED, 40 * 60, Outlook("", 0, QUIET + 40 * 60)),
        ("A stage that the spec does not have any more.", replace(ACTIVE, stage="gone"), 0, Outlook("", 0, QUIET)),
    ],
)
def test_outlook(sentence: str, life: Life, needed: int, expected: Outlook) -> None:
    assert outlook(life, PLAN, needed, QUIET) == expected, sentence


@pytest.mark.parametrize("life", [PENDING, RELAXING_MET, DECISION_NEEDED, suspended(ACTIVE), COMPLETED])
def test_elsewhere_there_is_none(life: Life) -> None:
    assert outlook(life, PLAN, 0, QUIET) is None


def test_in_words() -> None:
    assert stage_word(Outlook("intensive", 5400, 0)) == "stage intensive (1h30m left)"
    assert ahead(Outlook("", 0, T0), T0) == "relaxing begins at 2027-01-15T08:00:00Z at the earliest"
    late = ahead(Outlook("", 0, T0 + 1), T0)
    assert late == "the hard end at 2027-01-15T08:00:00Z comes before the criteria can be met"
