"""What was read from an Alertmanager at one time: its routes, its silences, and the alerts of one namespace."""

from collections.abc import Mapping
from dataclasses import dataclass

from hypercare.domain.alerts.routing import Route, read_routes
from hypercare.domain.alerts.silences import Silence, read_silences
from hypercare.domain.fields import Field, InvalidField


@dataclass(frozen=True)
class ActiveAlert:
    """An alert that fires; `inhibited_by` are the fingerprints of the alerts that mute it."""

    fingerprint: str
    labels: Mapping[str, str]
    inhibited_by: frozenset[str]


@dataclass(frozen=True)
class RoutesUnread:
    """The routes cannot be judged; `message` says why."""

    message: str


@dataclass(frozen=True)
class AlertmanagerView:
    """One look at an Alertmanager."""

    routes: Route | RoutesUnread
    silences: tuple[Silence, ...]
    alerts: tuple[ActiveAlert, ...]


@dataclass(frozen=True)
class ViewFailed:
    """An Alertmanager could not be read; `message` is for people and holds no credentials."""

    message: str


View = AlertmanagerView | ViewFailed


def read_active_alerts(field: Field) -> tuple[ActiveAlert, ...]:
    """Read the answer of `/api/v2/alerts`.

    Raises:
        InvalidField: it has another form.
    """
    return tuple(
        ActiveAlert(
            fingerprint=item.get("fingerprint").text(),
            labels=item.get("labels").text_map(),
            inhibited_by=frozenset(item.get("status").get("inhibitedBy").texts()),
        )
        for item in field.items()
    )


def read_view(config: object, silences: object, alerts: object) -> View:
    """Read what an Alertmanager answered: its configuration, `/api/v2/silences` and `/api/v2/alerts`.

    Routes that are not understood are told apart from the rest: silences matter without them.
    """
    try:
        routes: Route | RoutesUnread = read_routes(Field("config", config))
    except InvalidField as error:
        routes = RoutesUnread(str(error))
    try:
        return AlertmanagerView(
            routes, read_silences(Field("silences", silences)), read_active_alerts(Field("alerts", alerts))
        )
    except InvalidField as error:
        return ViewFailed(f"Alertmanager's answer is not understood: {error}")
