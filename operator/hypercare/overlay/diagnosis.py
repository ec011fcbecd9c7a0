"""Finding out why an overlay is not evaluated: a few requests beside the visits, less and less often while it is not.

A finding only explains; that it heals is seen by its heartbeat. So no visit waits for it for more than a moment: a
server with many rules may take long to list them, and all periods have their turn at the same loop.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hypercare.domain.alerts.diagnosis import RuleLoading, can_be_diagnosed, diagnose
from hypercare.domain.alerts.left_out import Blamed, blame
from hypercare.domain.alerts.liveness import NotLive
from hypercare.domain.alerts.loaded_rules import RulesQuery
from hypercare.domain.alerts.overlay import HEARTBEAT, revision_of
from hypercare.domain.alerts.rule_refusals import EVENT_FIELDS, refusal_of
from hypercare.domain.alerts.rule_selection import RuleLoaders
from hypercare.domain.alerts.source_rules import made_by_hypercare, object_name
from hypercare.domain.objects import (
    EVENTS,
    NAMESPACES,
    PROMETHEUS_RULES,
    PROMETHEUSES,
    THANOS_RULERS,
    ObjectRef,
    Resource,
)
from hypercare.ports import ApiError, Body, NotFound, ObjectCache, Objects, RuleSource

PAUSE_SECONDS = 5
LONGEST_PAUSE_SECONDS = 60
PATIENCE_SECONDS = 1.0
"""What the visit that begins to find out waits for it; later ones see whether it is done."""
RESULTS_SECONDS = 10
"""Rules that are found evaluated may have been so for the first time right after their heartbeat was asked for."""
_ELSEWHERE = "ResultsElsewhere"
_GROUPS_AT_MOST = 20


@dataclass(frozen=True)
class Symptom:
    """An overlay that is not evaluated. `waiting_seconds`: since when; `now` in Unix seconds."""

    uid: str
    namespace: str
    parts: Sequence[Body]
    verdict: NotLive
    waiting_seconds: int
    now: int


@dataclass(frozen=True)
class Diagnosis:
    """The verdict with its likely cause, and the source objects whose alerts are to be left out, by name."""

    verdict: NotLive
    blamed: dict[str, Blamed] = field(default_factory=dict)


@dataclass
class _Inquiry:
    """What is being found out about an overlay that is not evaluated, and what was found before (Unix seconds)."""

    about: tuple[str, str]
    began: int
    work: asyncio.Task[Diagnosis]
    known: Diagnosis
    evaluated_since: int

    def due(self, symptom: Symptom) -> bool:
        """Whether it is time to look again: in a minute nothing was heard of, seconds do not matter any more."""
        pause = max(PAUSE_SECONDS, min(LONGEST_PAUSE_SECONDS, symptom.waiting_seconds // 6))
        return self.work.done() and symptom.now - self.began >= pause


class Diagnostician:
    """Diagnoses the overlays of all periods; remembers the last finding of each."""

    def __init__(self, objects: Objects, cache: ObjectCache) -> None:
        self._objects = objects
        self._cache = cache
        self._inquiries: dict[str, _Inquiry] = {}

    def forget(self, uid: str) -> None:
        """Drop what is known of a period that is gone, or of an overlay that is evaluated."""
        inquiry = self._inquiries.pop(uid, None)
        if inquiry is not None:
            inquiry.work.cancel()

    async def explain(self, symptom: Symptom, source: RuleSource) -> Diagnosis:
        """Name the likely cause, as far as it is known after a moment."""
        if not can_be_diagnosed(symptom.verdict):
            return Diagnosis(symptom.verdict)
        inquiry = self._begun(symptom, source)
        patience = PATIENCE_SECONDS if inquiry.began == symptom.now else 0.0
        if (await asyncio.wait({inquiry.work}, timeout=patience))[0]:
            if inquiry.work.exception() is not None:
                del self._inquiries[symptom.uid]
            inquiry.known = _found(inquiry, symptom)
        return inquiry.known

    def _begun(self, symptom: Symptom, source: RuleSource) -> _Inquiry:
        """The inquiry under way or made lately; a new one if it is about something else, or time to look again."""
        about = (revision_of(symptom.parts[0]), symptom.verdict.reason)
        before = self._inquiries.get(symptom.uid)
        if before is None or before.about != about:
            self.forget(symptom.uid)
            known, evaluated_since = Diagnosis(symptom.verdict), symptom.now
        elif before.due(symptom):
            known, evaluated_since = before.known, before.evaluated_since
        else:
            return before
        work = asyncio.create_task(self._explain(symptom, source))
        begun = self._inquiries[symptom.uid] = _Inquiry(about, symptom.now, work, known, evaluated_since)
        return begun

    async def _explain(self, symptom: Symptom, source: RuleSource) -> Diagnosis:
        unread: list[str] = []
        loaders = await self._loaders(symptom.namespace, unread)
        events = await self._list(EVENTS, symptom.namespace, unread, EVENT_FIELDS)
        rules = self._cache.select(PROMETHEUS_RULES, symptom.namespace)
        sources = [body for body in rules if not made_by_hypercare(body)]
        selected = [body for body in sources if loaders.selecting(body)]
        originals = sorted(_group_names(selected))[:_GROUPS_AT_MOST]
        ours = sorted(_group_names(symptom.parts))[:_GROUPS_AT_MOST]
        loading = RuleLoading(
            parts=[_first_groups(part, frozenset(ours)) for part in symptom.parts],
            loaders=loaders,
            waiting_seconds=symptom.waiting_seconds,
            loaded=await source.rules(RulesQuery((*ours, *originals), _telling(selected, originals))),
            refused=_refused(symptom.parts, events),
            originals=frozenset(originals),
            unread=tuple(unread),
        )
        blamed: dict[str, Blamed] = {}
        if loading.refused:
            names = frozenset(object_name(body) for body in sources)
            blamed = blame(sources, _refused(sources, events), names - {object_name(body) for body in selected})
        return Diagnosis(diagnose(symptom.verdict, loading), blamed)

    async def _loaders(self, namespace: str, unread: list[str]) -> RuleLoaders:
        bodies = [*self._cache.select(PROMETHEUSES), *await self._list(THANOS_RULERS, "", unread)]
        labels = {}
        try:
            found = await self._objects.get(ObjectRef(NAMESPACES, "", namespace))
            labels = dict(found["metadata"].get("labels", {}))
        except ApiError as error:
            unread.append(f"the labels of namespace {namespace} cannot be read: {error.advised}")
        return RuleLoaders(bodies, namespace, labels)

    async def _list(self, resource: Resource, namespace: str, unread: list[str], fields: str = "") -> Sequence[Body]:
        try:
            return await self._objects.list(resource, namespace, fields=fields)
        except NotFound:
            return ()
        except ApiError as error:
            unread.append(f"{resource.plural} cannot be listed: {error.advised}")
        return ()


def _found(inquiry: _Inquiry, symptom: Symptom) -> Diagnosis:
    """What was found, unless it is only that results are not there yet."""
    found = inquiry.work.result()
    if found.verdict.reason != _ELSEWHERE:
        inquiry.evaluated_since = symptom.now
    elif symptom.now - inquiry.evaluated_since < RESULTS_SECONDS:
        awaited = replace(symptom.verdict, message="loaded and evaluated, and its first results are awaited")
        return replace(found, verdict=awaited)
    return found


def _refused(rules: Sequence[Body], events: Sequence[Body]) -> dict[str, str]:
    return {object_name(body): text for body in rules if (text := refusal_of(body, events))}


def _group_names(rules: Sequence[Body]) -> set[str]:
    groups = [group for body in rules for group in body.get("spec", {}).get("groups") or ()]
    return {str(group.get("name", "")) for group in groups}


def _telling(originals: Sequence[Body], groups: Sequence[str]) -> tuple[str, ...]:
    """Names of rules by which the groups are recognised: the heartbeat of ours, and the first rule of each original."""
    every = (group for body in originals for group in body.get("spec", {}).get("groups") or ())
    firsts = (group["rules"][0] for group in every if group.get("name") in groups and group.get("rules"))
    return (HEARTBEAT, *sorted({str(first.get("alert") or first.get("record", "")) for first in firsts}))


def _first_groups(part: Body, names: frozenset[str]) -> Body:
    """The object with the groups that were asked for: of very many, the first stand for all."""
    return {**part, "spec": {"groups": [group for group in part["spec"]["groups"] if group["name"] in names]}}
