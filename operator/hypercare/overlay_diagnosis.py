"""Finding out why an overlay is not evaluated: a few requests, at most every `PAUSE_SECONDS`, while it is not."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypercare.domain.alerts.diagnosis import RuleLoading, can_be_diagnosed, diagnose
from hypercare.domain.alerts.left_out import Blamed, blame
from hypercare.domain.alerts.liveness import NotLive
from hypercare.domain.alerts.loaded_rules import RulesQuery
from hypercare.domain.alerts.overlay import revision_of
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


@dataclass(frozen=True)
class _Made:
    at: int
    about: tuple[str, str]
    diagnosis: Diagnosis


class Diagnostician:
    """Diagnoses the overlays of all periods; remembers the last finding of each for `PAUSE_SECONDS`."""

    def __init__(self, objects: Objects, cache: ObjectCache) -> None:
        self._objects = objects
        self._cache = cache
        self._made: dict[str, _Made] = {}

    def forget(self, uid: str) -> None:
        """Drop what is known of a period that is gone, or of an overlay that is evaluated."""
        self._made.pop(uid, None)

    async def explain(self, symptom: Symptom, source: RuleSource) -> Diagnosis:
        """Name the likely cause."""
        if not can_be_diagnosed(symptom.verdict):
            return Diagnosis(symptom.verdict)
        about = (revision_of(symptom.parts[0]), symptom.verdict.reason)
        made = self._made.get(symptom.uid)
        if made is not None and made.about == about and symptom.now - made.at < PAUSE_SECONDS:
            return made.diagnosis
        diagnosis = await self._explain(symptom, source)
        self._made[symptom.uid] = _Made(symptom.now, about, diagnosis)
        return diagnosis

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
            loaded=await source.rules(RulesQuery((*ours, *originals))),
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


def _refused(rules: Sequence[Body], events: Sequence[Body]) -> dict[str, str]:
    return {object_name(body): text for body in rules if (text := refusal_of(body, events))}


def _group_names(rules: Sequence[Body]) -> set[str]:
    groups = [group for body in rules for group in body.get("spec", {}).get("groups") or ()]
    return {str(group.get("name", "")) for group in groups}


def _first_groups(part: Body, names: frozenset[str]) -> Body:
    """The object with the groups that were asked for: of very many, the first stand for all."""
    return {**part, "spec": {"groups": [group for group in part["spec"]["groups"] if group["name"] in names]}}
