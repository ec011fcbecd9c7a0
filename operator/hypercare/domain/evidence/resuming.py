"""How the evidence of a criterion goes on from what the last visit stored."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from hypercare.domain.evidence.context import Context, NoEvidence
from hypercare.domain.evidence.grid import settled_through


class Resumable(Protocol):
    """What one criterion keeps between visits."""

    @property
    def definition(self) -> str:
        """Hash of everything that was asked."""
        ...


S = TypeVar("S", bound=Resumable)


def resumed(begun: Callable[[str, int], S], definition: str, stored: object, context: Context) -> S:
    """What is stored, if the same was asked then; else a state that begins.

    One that begins in place of another, be it of another definition or of another kind, counts nothing that is settled
    by now: it could be read, but what was asked for was another thing then.

    Args:
        begun: Makes the state of a definition that counts only what comes after a time (Unix seconds; 0: everything).
        definition: Hash of everything that is asked.
        stored: What the last visit stored, or NoEvidence.
        context: Of this visit.
    """
    fresh = begun(definition, 0)
    if isinstance(stored, NoEvidence):
        return fresh
    if isinstance(stored, type(fresh)) and stored.definition == definition:
        return stored
    return begun(definition, settled_through(context.now, context.evaluation, context.evaluation.step))
