"""The AlertmanagerConfig `hypercare-<period>`: the inhibit rules of one period, in the form of prometheus-operator.

It has no route and no receiver, so nothing is delivered differently. prometheus-operator adds to both sides of each
rule that the alert belongs to the object's namespace (`alertmanagerConfigMatcherStrategy`, unless it is `None`); the
rules say so themselves.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hypercare.domain.alerts.inhibition import InhibitRule
from hypercare.domain.alerts.matchers import LabelMatcher
from hypercare.domain.alerts.overlay import PERIOD_LABEL, RUN_ANNOTATION, OverlayIdentity, owner_reference
from hypercare.domain.alerts.source_rules import MANAGED_BY, MANAGER
from hypercare.domain.objects import ALERTMANAGER_CONFIGS


def alertmanager_config(
    identity: OverlayIdentity, selected_by: Mapping[str, str], rules: Sequence[InhibitRule]
) -> dict[str, Any]:
    """Build the object; `selected_by` are the labels that the `alertmanagerConfigSelector` asks for."""
    return {
        "apiVersion": ALERTMANAGER_CONFIGS.api_version,
        "kind": ALERTMANAGER_CONFIGS.kind,
        "metadata": {
            "name": identity.object_name,
            "namespace": identity.namespace,
            "labels": {**selected_by, MANAGED_BY: MANAGER, PERIOD_LABEL: identity.period},
            "annotations": {RUN_ANNOTATION: identity.run_id},
            "ownerReferences": [owner_reference(identity)],
        },
        "spec": {"inhibitRules": [_rule(each) for each in rules]},
    }


def _rule(rule: InhibitRule) -> dict[str, Any]:
    return {
        "sourceMatch": [_matcher(each) for each in rule.source],
        "targetMatch": [_matcher(each) for each in rule.target],
        "equal": list(rule.equal),
    }


def _matcher(matcher: LabelMatcher) -> dict[str, str]:
    return {"name": matcher.name, "value": matcher.value, "matchType": matcher.operator.value}
