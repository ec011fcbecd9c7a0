"""From what the rewriter wants to the objects that are written: what does not fit is left out, the rest is divided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hypercare.domain.alerts.candidates import read_candidates
from hypercare.domain.alerts.held_copies import copies, held_alert, only_held, with_held
from hypercare.domain.alerts.judgement import OverlayContext
from hypercare.domain.alerts.left_out import TOO_LARGE, Blamed, unwritable, with_memory, without
from hypercare.domain.alerts.overlay import Body, same_overlay
from hypercare.domain.alerts.overlay_parts import (
    divide,
    in_their_groups,
    joined,
    original_bytes,
    oversized,
    with_divided_groups,
)
from hypercare.domain.alerts.plan import AlertPlan, plan_alerts
from hypercare.domain.alerts.protection import AlertProtection
from hypercare.domain.alerts.source_rules import SourceAlert
from hypercare.domain.alerts.verdict_memory import with_verdicts


@dataclass(frozen=True)
class OverlayPlan:
    """The plan, its overlay as a whole, and the objects that hold it; none where none is wanted."""

    plan: AlertPlan
    objects: tuple[Body, ...]


@dataclass(frozen=True)
class Basis:
    """Everything that a plan depends on. `sources` are the PrometheusRules it may take from, overlays excluded."""

    protection: AlertProtection
    context: OverlayContext
    sources: Sequence[Body]
    blamed: Mapping[str, Blamed]


def plan_overlay(basis: Basis) -> OverlayPlan:
    """Plan an overlay and divide it."""
    plan = plan_alerts(basis.protection, basis.sources, basis.context)
    alerts = list(_alerts(basis))
    originals = original_bytes(alerts)
    messages = {name: each.message for name, each in basis.blamed.items()}
    own = [each for each in alerts if not each.group.shared_from]
    reasons = {each.rule_id: messages[name] for each in own if (name := each.group.object_name) in messages}
    if plan.overlay is not None:
        reasons |= unwritable(plan.overlay)
        reasons |= dict.fromkeys(oversized(plan.overlay, originals), TOO_LARGE)
    plan = without(plan, reasons)
    if plan.overlay is None:
        return OverlayPlan(plan, ())
    overlay = with_memory(with_divided_groups(plan.overlay, originals), basis.blamed)
    watched = in_their_groups(plan.watched, overlay)
    objects = with_verdicts(divide(overlay, originals), basis.context.verdicts)
    return OverlayPlan(replace(plan, overlay=overlay, watched=watched), objects)


def holding(wanted: OverlayPlan, present: Sequence[Body], held: frozenset[str], basis: Basis) -> OverlayPlan:
    """The plan with copies that stay as they are in the present objects."""
    if not held:
        return wanted
    whole = joined(present)
    if wanted.plan.overlay is None:
        objects: tuple[Body, ...] = only_held(present, held)
        overlay = dict(joined(objects)) or None
    else:
        overlay = with_held(wanted.plan.overlay, whole, held)
        objects = divide(overlay, original_bytes(_alerts(basis)))
    present_copies = copies(whole)
    watched = tuple(held_alert(each, present_copies.get(each.rule_id, {}), held) for each in wanted.plan.watched)
    plan = replace(wanted.plan, overlay=overlay, watched=in_their_groups(watched, overlay or {}))
    return OverlayPlan(plan, with_verdicts(objects, basis.context.verdicts))


def same_objects(wanted: Sequence[Body], present: Sequence[Body]) -> bool:
    """Whether the objects that are there already say what is wanted."""
    names = [body["metadata"]["name"] for body in wanted]
    return names == [body["metadata"]["name"] for body in present] and all(map(same_overlay, wanted, present))


def _alerts(basis: Basis) -> list[SourceAlert]:
    protection, interval = basis.protection, basis.context.default_interval_seconds
    found = read_candidates(protection.scope, basis.sources, interval, protection.sources)
    return [alert for rules in (*found.own, *found.shared) for alert in rules.alerts]
