"""When a period can begin to relax at the earliest: if from now on all goes well, and the clock's part of it.

Nothing is promised: one more bad point, a hole in the data or a hotfix moves it.
"""

from dataclasses import dataclass

from hypercare.domain.durations import format_duration
from hypercare.domain.life.facts import Life, Phase, Plan
from hypercare.domain.timestamps import timestamp

_WATCHED = frozenset({Phase.PREPARING, Phase.ACTIVE, Phase.EXTENDED})


@dataclass(frozen=True)
class Outlook:
    """What the clock asks for, beside the criteria.

    Attributes:
        stage: The stage whose `minDuration` has not passed; empty where none is waited for.
        stage_seconds: How long it lasts yet.
        relaxing_from: When relaxing can begin, Unix seconds.
    """

    stage: str
    stage_seconds: int
    relaxing_from: int


def outlook(life: Life, plan: Plan, needed_seconds: int, now: int) -> Outlook | None:
    """Look ahead from `now` (Unix seconds), if all criteria are met after `needed_seconds`.

    Returns None where nothing is being waited for: before the start, while relaxing, and after the end.
    """
    if life.phase not in _WATCHED or life.started_at is None:
        return None
    met_at = now + needed_seconds
    if life.phase is Phase.EXTENDED:
        return Outlook("", 0, met_at)
    names = [stage.name for stage in plan.stages]
    index = names.index(life.stage) if life.stage in names else len(names)
    lasts_until = life.stage_since + plan.stages[index].min_seconds if index < len(names) else now
    through_stages = max(met_at, lasts_until) + sum(stage.min_seconds for stage in plan.stages[index + 1 :])
    planned = max(met_at, plan.window.planned_end(life.started_at, life.extensions_used))
    left = max(0, lasts_until - now)
    return Outlook(life.stage if left else "", left, min(through_stages, planned))


def ahead(found: Outlook, hard_end: int) -> str:
    """The outlook as a sentence; `hard_end` in Unix seconds."""
    if found.relaxing_from > hard_end:
        return f"the hard end at {timestamp(hard_end)} comes before the criteria can be met"
    return f"relaxing begins at {timestamp(found.relaxing_from)} at the earliest"


def stage_word(found: Outlook) -> str:
    """The stage that is waited for, in a few words."""
    return f"stage {found.stage} ({format_duration(found.stage_seconds)} left)"
