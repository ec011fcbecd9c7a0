"""All explanations, by subject and by reason."""

from collections.abc import Mapping
from functools import cache

from hypercare.domain.reasons.alerts import ASKED_FOR, OVERLAY
from hypercare.domain.reasons.criteria import CRITERIA
from hypercare.domain.reasons.endpoint import ENDPOINT
from hypercare.domain.reasons.explanation import Explanation, Subject
from hypercare.domain.reasons.left_alone import ALERTS, ORIGINALS, THRESHOLDS
from hypercare.domain.reasons.life import LIFE
from hypercare.domain.reasons.period import NEEDS_A_PERSON, NOT_WORKED_FOR, TARGETS, UNCHECKED, WELL
from hypercare.domain.reasons.scaling import SCALING

SUBJECTS: tuple[Subject, ...] = (
    NOT_WORKED_FOR,
    UNCHECKED,
    NEEDS_A_PERSON,
    TARGETS,
    OVERLAY,
    ASKED_FOR,
    ALERTS,
    THRESHOLDS,
    ORIGINALS,
    SCALING,
    CRITERIA,
    ENDPOINT,
    WELL,
    LIFE,
)


@cache
def explanations() -> Mapping[str, Explanation]:
    """Every explanation by its reason."""
    return {each.reason: each for subject in SUBJECTS for each in subject.explanations}
