"""What letting copies mute their originals comes to: which rules are in place, and whether Alertmanager acts on them.

Rules are in place only while nothing may hide the copies, and while the Alertmanager can be asked whether anything
does. Whether they work is seen, not assumed: where a copy and its original both fire, Alertmanager names the copy among
what inhibits the original.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hypercare.domain.alerts.alertmanager_view import ActiveAlert, AlertmanagerView, RoutesUnread, View, ViewFailed
from hypercare.domain.alerts.inhibition import InhibitRule, Refused, Unmuted
from hypercare.domain.alerts.routing import told_apart
from hypercare.domain.alerts.silences import hiding


@dataclass(frozen=True)
class Effect:
    """Of the originals that fire beside their copies: how many are muted by them, and which are not."""

    muted: int = 0
    audible: tuple[str, ...] = ()


@dataclass(frozen=True)
class Muting:
    """The rules that are to be in place, the alerts that get none, and what is seen of them.

    `withdrawn` says why rules that could be made are not in place; empty when they are.
    """

    rules: tuple[InhibitRule, ...] = ()
    refused: tuple[Refused, ...] = ()
    withdrawn: str = ""
    effect: Effect = Effect()

    def __str__(self) -> str:
        """The state as a sentence."""
        if self.withdrawn:
            return f"No original is muted by its copy: {self.withdrawn}"
        if not self.rules:
            return "No original is muted by its copy"
        if self.effect.audible:
            names = ", ".join(sorted(set(self.effect.audible))[:3])
            return f"Alertmanager does not mute the original of {names}, which fires beside its copy"
        if self.effect.muted:
            return f"Originals that Alertmanager mutes now, for their copies fire: {self.effect.muted}"
        return "No original fires beside its copy, so it is not seen whether Alertmanager mutes it"


def mute(candidates: Sequence[InhibitRule | Refused], view: View) -> Muting:
    """Decide which rules are in place now."""
    rules = tuple(each for each in candidates if isinstance(each, InhibitRule))
    refused = tuple(each for each in candidates if isinstance(each, Refused))
    if not rules:
        return Muting(refused=refused)
    if isinstance(view, ViewFailed):
        return Muting(refused=refused, withdrawn=f"it cannot be seen what is silenced: {view.message}")
    if isinstance(view.routes, RoutesUnread):
        return Muting(refused=refused, withdrawn=f"it cannot be seen who is told: {view.routes.message}")
    silence = hiding(view.silences, (each.copy_labels for each in rules))
    if silence is not None:
        return Muting(refused=refused, withdrawn=f"silence {silence} may hide a copy")
    routed = [_routed(each, view) for each in rules]
    kept = tuple(each for each in routed if isinstance(each, InhibitRule))
    elsewhere = tuple(each for each in routed if isinstance(each, Refused))
    return Muting(kept, refused + elsewhere, effect=_effect(kept, view.alerts))


def _routed(rule: InhibitRule, view: AlertmanagerView) -> InhibitRule | Refused:
    if isinstance(view.routes, RoutesUnread):
        return rule
    apart = told_apart(view.routes, rule.original_labels, rule.copy_labels)
    if apart is None or apart.grouped_by:
        return rule
    message = f"its copy is told to somebody else: of original and copy {apart}"
    return Refused(rule.alertname, Unmuted.ROUTED_ELSEWHERE, message)


def _effect(rules: Sequence[InhibitRule], alerts: Sequence[ActiveAlert]) -> Effect:
    muted, audible = 0, []
    for rule in rules:
        copies = [each for each in alerts if _matches(rule, each, copy=True)]
        originals = [each for each in alerts if _matches(rule, each, copy=False)]
        for original in originals:
            twins = {each.fingerprint for each in copies if rule.twins(each.labels, original.labels)}
            if twins and not original.inhibited_by:
                audible.append(rule.alertname)
            muted += bool(twins & original.inhibited_by)
    return Effect(muted, tuple(audible))


def _matches(rule: InhibitRule, alert: ActiveAlert, *, copy: bool) -> bool:
    matchers = rule.source if copy else rule.target
    return all(matcher.matches(alert.labels.get(matcher.name, "")) for matcher in matchers)
