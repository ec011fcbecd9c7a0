"""Where evidence says nothing, its message says what to do."""

import pytest

from hypercare.domain.evidence.advice import ADVICE, advised
from hypercare.domain.evidence.judgement import Judgement, Verdict
from hypercare.domain.evidence.points import MissingReason
from hypercare.domain.samples import FailureKind

LONGEST_DETAIL, MESSAGE_LIMIT = 120, 256
REASONS = frozenset({*(each.value for each in MissingReason), *(each.value for each in FailureKind)})


def test_there_is_advice_for_reasons_that_exist() -> None:
    assert set(ADVICE) <= REASONS


@pytest.mark.parametrize("reason", ADVICE)
def test_what_to_do_is_told(reason: str) -> None:
    told = advised(Judgement(Verdict.UNKNOWN, reason, "x" * LONGEST_DETAIL, 0, 60)).message
    assert told == f"{'x' * LONGEST_DETAIL} ({ADVICE[reason]})"
    assert len(told) <= MESSAGE_LIMIT


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [(Verdict.UNKNOWN, "Collecting"), (Verdict.UNKNOWN, "ErrorsWithoutTotal"), (Verdict.UNMET, "NoData")],
)
def test_else_a_message_stays_as_it_is(verdict: Verdict, reason: str) -> None:
    judgement = Judgement(verdict, reason, "Good for 20m of 1h", 1200, 2400)
    assert advised(judgement) == judgement
