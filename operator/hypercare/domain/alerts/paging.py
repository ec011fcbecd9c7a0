"""Whether a copy that is asked to page reaches those whom its original reaches."""

from collections.abc import Iterator, Mapping, Sequence

from hypercare.domain.alerts.alertmanager_view import RoutesUnread
from hypercare.domain.alerts.inhibition import Copy, copies_in, known_labels
from hypercare.domain.alerts.overlay import Body
from hypercare.domain.alerts.protection import AlertProtection, Deliver
from hypercare.domain.alerts.routing import Route, told_apart
from hypercare.domain.alerts.source_rules import SourceAlert
from hypercare.domain.conditions import Problem


def pages_elsewhere(
    protection: AlertProtection,
    overlay: Sequence[Body],
    originals: Mapping[str, SourceAlert],
    routes: Route | RoutesUnread,
) -> tuple[Problem, ...]:
    """One problem for each field that asks for a page which would be delivered unlike the original's.

    Nothing is told where the routes cannot be judged.
    """
    if isinstance(routes, RoutesUnread):
        return ()
    found: dict[str, Problem] = {}
    for path, copy, source in _pages(protection, overlay, originals):
        original, early = known_labels(source, copy)
        apart = told_apart(routes, original, early)
        if apart is not None and path not in found:
            message = f"{copy.alertname} would not page as its original does: of original and copy {apart}"
            found[path] = Problem(path, "PagesElsewhere", message, stalls=True)
    return tuple(found.values())


def _pages(
    protection: AlertProtection, overlay: Sequence[Body], originals: Mapping[str, SourceAlert]
) -> Iterator[tuple[str, Copy, SourceAlert]]:
    asked = {each.alert: each for each in protection.overrides if isinstance(each.deliver, Deliver)}
    for copy in copies_in(overlay):
        override, source = asked.get(copy.alertname), originals.get(copy.rule_id)
        deliver = override.deliver if override is not None else protection.tighten.deliver
        path = f"{override.path}.deliver" if override is not None else f"{protection.path}.tighten.deliver"
        if deliver is Deliver.PAGE and source is not None:
            yield path, copy, source
