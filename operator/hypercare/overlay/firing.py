"""Asking which copies fire, and which of them a weaker version would silence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hypercare.domain.alerts.firing import (
    about_to_fire,
    active_since_query,
    firing_copies,
    firing_instances,
    loud_query,
    still_waiting,
)
from hypercare.domain.alerts.held_copies import Weakened, changing, copies, for_seconds, still_fulfilled
from hypercare.domain.alerts.tightening import FiringCopy
from hypercare.domain.alerts.watched import WatchedAlert
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.domain.samples import InstantQuery, Series
from hypercare.ports import Body, MetricSource

_ASKED_AT_MOST = 20
"""Of more conditions than that, the rest count as not fulfilled: its copies wait for another visit."""


@dataclass(frozen=True)
class Fire:
    """What fires now: copies by rule id, and the series of their instances."""

    copies: Mapping[str, FiringCopy]
    instances: Mapping[str, Sequence[Series]]


@dataclass(frozen=True)
class Moment:
    """Whose alerts, and when (Unix seconds)."""

    owner: str
    tenancy: Tenancy
    now: int


async def fire_now(moment: Moment, watched: Sequence[WatchedAlert], present: Body, source: MetricSource) -> Fire:
    """Ask what fires of the copies in the present overlay, or will before another one is loaded."""
    active = await source.instant(InstantQuery(active_since_query(moment.owner), moment.now))
    found = about_to_fire(active, for_seconds(present), moment.now)
    originals = await source.instant(InstantQuery(loud_query(moment.tenancy), moment.now))
    return Fire(firing_copies(watched, found, originals, moment.now), firing_instances(found))


def without_late(fire: Fire, watched: Sequence[WatchedAlert], at_zero_seconds: int) -> Fire:
    """What may still wait after so many seconds at strength 0."""
    return Fire(still_waiting(watched, fire.copies, at_zero_seconds), fire.instances)


async def held_now(fire: Fire, present: Body, wanted: Body, now: int, source: MetricSource) -> frozenset[str]:
    """The rule ids of copies that stay as they are: weakened or dropped now, they would resolve.

    Args:
        fire: What fires.
        present: The overlay as it is.
        wanted: The overlay that is wanted, or the copies as they would be without any strength.
        now: Unix seconds.
        source: Where to ask whether what fires fulfils the weaker condition.
    """
    quiet_originals = [rule_id for rule_id, copy in fire.copies.items() if not copy.original_fires]
    present_copies, wanted_copies = copies(present), copies(wanted)
    dropped = {rule_id for rule_id in quiet_originals if rule_id in present_copies and rule_id not in wanted_copies}
    weakened = changing(present, wanted, quiet_originals)
    young = {each.rule_id for each in weakened if fire.copies[each.rule_id].age_seconds <= each.wanted_for_seconds}
    old = [each for each in weakened if each.rule_id not in young and not each.same_condition]
    unfulfilled = {each.rule_id for each in old[_ASKED_AT_MOST:]}
    for each in old[:_ASKED_AT_MOST]:
        if not await _fulfilled(each, fire, now, source):
            unfulfilled.add(each.rule_id)
    return frozenset(dropped | young | unfulfilled)


async def _fulfilled(weakened: Weakened, fire: Fire, now: int, source: MetricSource) -> bool:
    answer = await source.instant(InstantQuery(weakened.question, now))
    return still_fulfilled(weakened, answer, fire.instances.get(weakened.rule_id, ()))
