"""The criterion kind `runs`: the last runs of a CronJob, of those that began inside the window, succeeded."""

from dataclasses import dataclass

from hypercare.domain.fields import Field

MOST_RUNS = 20
"""So many runs of a sort can be asked for; what is remembered of them must fit into the status."""
_DEFAULT_SUCCEEDED = 3


@dataclass(frozen=True)
class RunsKind:
    """Walking back from the newest run there are `succeeded` successes before more than `failed` failures."""

    target: str
    succeeded: int
    failed: int

    @property
    def most(self) -> int:
        """How many of the newest finished runs decide: among more than these one of the two numbers is reached."""
        return self.succeeded + self.failed


def parse_runs(field: Field) -> RunsKind:
    """Read `runs` of a criterion.

    Raises:
        InvalidField: with the path.
    """
    return RunsKind(
        target=field.get("target").text(),
        succeeded=_count(field.get("succeeded"), _DEFAULT_SUCCEEDED, least=1),
        failed=_count(field.get("failed"), 0, least=0),
    )


def described(kind: RunsKind) -> tuple[str, str]:
    """What is asked, and the bound in words, for reports."""
    return f"CronJob {kind.target}", f"{kind.succeeded} runs succeeded, at most {kind.failed} failed on the way"


def _count(field: Field, default: int, least: int) -> int:
    count = field.integer(default)
    if not least <= count <= MOST_RUNS:
        raise field.error(f"must be a number from {least} to {MOST_RUNS}")
    return count
