"""What prometheus-operator says of a PrometheusRule that it refuses: an Event, or a condition in the object's status.

It refuses an object as a whole. Version 0.93 tells only that ("invalid rule"); which rule it is, it writes to its log.
The Event names the version of the object that it is about, so one about an earlier version says nothing of this one.
The condition (`status.bindings`) needs the feature gate StatusForConfigurationResources.
"""

from collections.abc import Iterable, Iterator

from hypercare.domain.alerts.source_rules import Body
from hypercare.domain.fields import Field, InvalidField

REFUSED = "InvalidConfiguration"
EVENT_FIELDS = f"reason={REFUSED},involvedObject.kind=PrometheusRule"
"""Field selector of the Events that matter."""


def refusal_of(rules: Body, events: Iterable[Body]) -> str:
    """Why a PrometheusRule is refused as it is now; empty if nobody says so."""
    return next((text for text in (*_bindings(rules), *_events(rules, events)) if text), "")


def _bindings(rules: Body) -> Iterator[str]:
    generation = rules["metadata"].get("generation")
    try:
        for binding in Field("status", rules.get("status", {})).get("bindings").items():
            for condition in binding.get("conditions").items():
                accepted = condition.get("type").text("") == "Accepted" and condition.get("status").text("") == "False"
                if accepted and condition.get("observedGeneration").value == generation:
                    yield condition.get("message").text("") or REFUSED
    except InvalidField:
        return


def _events(rules: Body, events: Iterable[Body]) -> Iterator[str]:
    metadata = rules["metadata"]
    for event in events:
        about = event.get("involvedObject", {})
        same = (about.get("uid"), about.get("resourceVersion")) == (metadata["uid"], metadata["resourceVersion"])
        if same and event.get("reason") == REFUSED:
            yield str(event.get("message", "")) or REFUSED
