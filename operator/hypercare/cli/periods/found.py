"""A period with everything that the views need, as it was at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypercare.cli.periods.blockers import Blocker, blockers
from hypercare.cli.periods.course import Course, course_of
from hypercare.cli.periods.reading import read_period
from hypercare.cli.periods.seen import Seen
from hypercare.domain.conditions import Problem
from hypercare.domain.period import Resolved


@dataclass(frozen=True)
class Found:
    """A period and what is known of it at `now` (Unix seconds).

    `asked` is the effective spec, or why it is not known here.
    """

    seen: Seen
    asked: Resolved | Problem
    blockers: tuple[Blocker, ...]
    course: Course
    now: int


def find_out(body: Mapping[str, Any], asked: Resolved | Problem, now: int) -> Found:
    """Read the object, and work out what follows from it."""
    seen = read_period(body)
    return Found(seen, asked, blockers(seen, asked), _course(body.get("status"), seen, asked, now), now)


def _course(status: object, seen: Seen, asked: Resolved | Problem, now: int) -> Course:
    if isinstance(asked, Problem) or not isinstance(status, Mapping):
        return Course()
    return course_of(seen, status, asked.spec.plan, now)
