"""Reading what becomes of two alerts for one problem: who is told of a copy, and whether it may mute its original."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hypercare.domain.alerts.alertmanager_config import alertmanager_config
from hypercare.domain.alerts.alertmanager_view import AlertmanagerView, View, ViewFailed
from hypercare.domain.alerts.inhibition import Alerts, InhibitRule, Refused, copies_in, inhibit_rules
from hypercare.domain.alerts.muting import Muting, mute
from hypercare.domain.alerts.overlay import revision_of
from hypercare.domain.alerts.overlay_parts import present_parts
from hypercare.domain.alerts.paging import pages_elsewhere
from hypercare.domain.alerts.source_rules import SourceAlert, made_by_hypercare, source_alerts
from hypercare.domain.conditions import Problem
from hypercare.domain.endpoint import Endpoint
from hypercare.domain.objects import ALERTMANAGER_CONFIGS, PROMETHEUS_RULES
from hypercare.domain.overlay_context import overlay_context
from hypercare.domain.period import Mode
from hypercare.domain.profile import AlertmanagerAccess
from hypercare.domain.snapshot import Inhibition, Overlay
from hypercare.domain.subject import Subject
from hypercare.ports import Alertmanagers, Body, ObjectCache

REMEMBERED_SECONDS = 300
"""For how long what an Alertmanager said last is still good when it does not answer: a moment's failure would take
rules away and bring them back, and each time everything is loaded anew."""
_Versions = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Seen:
    """What an Alertmanager answered, when it was asked last, and when that was read (Unix seconds)."""

    view: View
    asked_at: int
    read_at: int


@dataclass(frozen=True)
class _Candidates:
    """The rules that could be made of an overlay, and what they were made of."""

    revision: str
    versions: _Versions
    made: tuple[InhibitRule | Refused, ...]


class InhibitionReader:
    """Reads for one period at a time; what is remembered is forgotten with the period."""

    def __init__(self, cache: ObjectCache, alertmanagers: Alertmanagers) -> None:
        self._cache = cache
        self._alertmanagers = alertmanagers
        self._seen: dict[str, _Seen] = {}
        self._candidates: dict[str, _Candidates] = {}

    def forget(self, uid: str) -> None:
        """Drop what is known of a period that is gone."""
        self._seen.pop(uid, None)
        self._candidates.pop(uid, None)

    async def read(self, subject: Subject, overlay: Overlay) -> Inhibition:
        """Say which object is wanted, and what is seen of its effect."""
        present = bool(self._present(subject))
        protection, access = subject.resolved.spec.alerts, subject.resolved.profile.alertmanager
        asked = protection.inhibit_originals
        if not isinstance(access, AlertmanagerAccess):
            problems = (_not_configured(f"{protection.path}.inhibitOriginals"),) if asked else ()
            return Inhibition(present=present, problems=problems)
        if asked and not self._cache.served(ALERTMANAGER_CONFIGS):
            return Inhibition(present=present, problems=(_not_served(f"{protection.path}.inhibitOriginals"),))
        if not _in_force(subject) or not overlay.objects or not (asked or protection.asks_to_page):
            return Inhibition(requested=asked, present=present)
        return await self._judged(subject, overlay, access, present=present)

    async def _judged(
        self, subject: Subject, overlay: Overlay, access: AlertmanagerAccess, *, present: bool
    ) -> Inhibition:
        protection = subject.resolved.spec.alerts
        view = await self._view(subject, access.endpoint)
        problems: tuple[Problem, ...] = ()
        if isinstance(view, AlertmanagerView):
            namespace = subject.identity.namespace
            problems = pages_elsewhere(protection, overlay.objects, self._originals(namespace), view.routes)
        if not protection.inhibit_originals:
            return Inhibition(present=present, problems=problems)
        muting = mute(self._made(subject, overlay), view)
        return Inhibition(True, present, self._objects(subject, access, muting), muting, problems)

    def _objects(self, subject: Subject, access: AlertmanagerAccess, muting: Muting) -> tuple[Body, ...]:
        if not muting.rules:
            return ()
        life = subject.life
        context = overlay_context(subject.identity, subject.resolved, life.run.id, life.strength, 0)
        return (alertmanager_config(context.identity, access.labels, muting.rules),)

    def _present(self, subject: Subject) -> tuple[Body, ...]:
        identity = subject.identity
        configs = self._cache.select(ALERTMANAGER_CONFIGS, identity.namespace)
        return present_parts(configs, identity.name, identity.uid)

    async def _view(self, subject: Subject, endpoint: Endpoint) -> View:
        uid, now = subject.identity.uid, subject.now
        seen = self._seen.get(uid)
        if seen is not None and now - seen.asked_at < subject.resolved.profile.evaluation.interval:
            return seen.view
        view = await self._alertmanagers.view(endpoint, subject.identity.namespace)
        read_at = now
        if isinstance(view, ViewFailed) and seen is not None and now - seen.read_at <= REMEMBERED_SECONDS:
            view, read_at = seen.view, seen.read_at
        self._seen[uid] = _Seen(view, now, read_at)
        return view

    def _made(self, subject: Subject, overlay: Overlay) -> tuple[InhibitRule | Refused, ...]:
        uid, namespace = subject.identity.uid, subject.identity.namespace
        written = [body for body in self._cache.select(PROMETHEUS_RULES) if not made_by_hypercare(body)]
        revision, versions = revision_of(overlay.objects[0]), _versions(written)
        known = self._candidates.get(uid)
        if known is not None and (known.revision, known.versions) == (revision, versions):
            return known.made
        names = {copy.alertname for copy in copies_in(overlay.objects)}
        foreign = (body for body in written if body["metadata"]["namespace"] != namespace)
        alike = tuple(each for body in foreign for each in _alerts(body) if each.alertname in names)
        made = inhibit_rules(overlay.objects, Alerts(self._originals(namespace), alike), namespace)
        self._candidates[uid] = _Candidates(revision, versions, made)
        return made

    def _originals(self, namespace: str) -> Mapping[str, SourceAlert]:
        bodies = self._cache.select(PROMETHEUS_RULES, namespace)
        return {each.rule_id: each for body in bodies if not made_by_hypercare(body) for each in _alerts(body)}


def _in_force(subject: Subject) -> bool:
    """Whether copies are to be heard before their originals: at strength 0 originals have their say again at once."""
    enforced = subject.resolved.spec.mode is Mode.ENFORCE
    return enforced and not subject.life.closed and subject.life.strength > 0


def _alerts(body: Body) -> Iterator[SourceAlert]:
    # How often a group is evaluated that does not say so makes no difference here.
    return (each for each in source_alerts(body, 0) if isinstance(each, SourceAlert))


def _versions(bodies: Sequence[Body]) -> _Versions:
    return tuple((body["metadata"]["uid"], str(body["metadata"].get("resourceVersion", ""))) for body in bodies)


def _not_configured(path: str) -> Problem:
    message = "needs an Alertmanager to ask what is silenced and muted: name one in alertmanager of the profile"
    return Problem(path, "AlertmanagerNotConfigured", message, stalls=True)


def _not_served(path: str) -> Problem:
    message = "the cluster does not serve AlertmanagerConfig: install the CRDs of prometheus-operator"
    return Problem(path, "AlertmanagerConfigNotServed", message, stalls=True)
