"""The form of an explanation."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Explanation:
    """What one reason means, and what to do about it.

    Attributes:
        reason: The word in the status.
        means: What is the case, without a full stop.
        advice: What to do, in sentences; empty where there is nothing to do.
        see: A page of docs/ that says more, with the anchor; empty for none.
    """

    reason: str
    means: str
    advice: str = ""
    see: str = ""


@dataclass(frozen=True)
class Subject:
    """Explanations that belong together. `about` says in sentences what they are about; empty where the title does."""

    title: str
    about: str
    explanations: tuple[Explanation, ...]
