"""What to do about a reason, for the person who is asked at night: the explanations of the reference in short.

Messages of the status already say what is the case. A reason without advice needs no more than its message.
"""

from collections.abc import Mapping
from functools import cache

from hypercare.domain.reasons.explained import explanations
from hypercare.domain.reasons.explanation import Explanation, Subject

PROFILE_UNREADABLE = "ProfileUnreadable"
REVERT_EXPECTED = "RevertExpected"
OWN = Subject(
    "What `kubectl hypercare` says itself",
    "No status has these.",
    (
        Explanation(
            "NotSeen",
            "no operator has seen this period yet",
            "Is the operator running, and does it serve this namespace? `kubectl hypercare doctor` looks.",
        ),
        Explanation(
            "NotUpToDate",
            "the status is about an earlier spec",
            "Wait a moment; if it lasts, is the operator running? `kubectl hypercare doctor` looks.",
        ),
        Explanation(
            PROFILE_UNREADABLE,
            "you may not read the profile, so bounds and stages cannot be shown",
            "Ask for the right to read HypercareProfiles.",
        ),
        Explanation(
            REVERT_EXPECTED,
            "a GitOps tool would take a raised value back",
            "Give the tool its settings, once; nothing is to be done where it has them.",
            "gitops.md",
        ),
    ),
)


@cache
def known() -> Mapping[str, Explanation]:
    """Every explanation by its reason, of the status and of the command line itself."""
    return {**explanations(), **{each.reason: each for each in OWN.explanations}}


def advice(reason: str) -> str:
    """What to do about it; empty where the message of the status says all there is."""
    found = known().get(reason)
    return what_to_do(found) if found is not None else ""


def what_to_do(explanation: Explanation) -> str:
    """Its advice, with the page that says more."""
    page = f"See docs/{explanation.see}." if explanation.see else ""
    return " ".join(part for part in (explanation.advice, page) if part)
