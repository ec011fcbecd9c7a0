"""What follows from a snapshot: a transition of the life, or what is to be true in this one.

A short chain, each step in a function of its own: what is protected, what the evidence says, what is left to restore,
and with these facts the life table. A visit either stores a transition or works for the life that is stored, never
both, so nothing is caused by a transition that a crash could forget.
"""

from dataclasses import dataclass, replace

from hypercare.domain.alerts.liveness import Live, NotLive
from hypercare.domain.alerts.tightening import Tightened
from hypercare.domain.capacity.scaling_rows import drift, scaling_lever, unrestored
from hypercare.domain.endpoint_failures import with_advice
from hypercare.domain.exit_criteria import weigh
from hypercare.domain.findings import (
    EvidenceState,
    Findings,
    Lever,
    NotRequested,
    ObserveOnly,
    Off,
    Untold,
    Unverified,
    Verified,
)
from hypercare.domain.life.facts import Exit, Facts, Phase, Transition, Visit
from hypercare.domain.life.transitions import advance, superseded
from hypercare.domain.period import Mode
from hypercare.domain.samples import FailureKind
from hypercare.domain.snapshot import Leftover, NoneWanted, NotWritten, Snapshot

_FAILURES = frozenset(kind.value for kind in FailureKind)


@dataclass(frozen=True)
class Decision:
    """The findings of the visit, and the transition they lead to, if any.

    `supersedes`: the transition begins a new run while one is open, whose report is due first.
    """

    findings: Findings
    transition: Transition | None
    supersedes: bool


def decide(snapshot: Snapshot) -> Decision:
    """Decide on one visit; pure, and the only place where facts become a transition."""
    findings = _find(snapshot)
    visit = Visit(
        life=snapshot.life,
        plan=snapshot.resolved.spec.plan,
        facts=Facts(
            now=snapshot.now,
            period_uid=snapshot.identity.uid,
            rollout=snapshot.rollout,
            exit=findings.evidence.exit,
            catching_up=findings.evidence.catching_up,
            protected=findings.protected,
            restored=not findings.unrestored,
        ),
    )
    return Decision(findings, advance(visit), superseded(visit))


def works(snapshot: Snapshot) -> bool:
    """Whether protections are written on this visit: not while suspended, and never again once the run is closed."""
    return snapshot.life.phase is not Phase.SUSPENDED and not snapshot.life.closed


def _find(snapshot: Snapshot) -> Findings:
    spec = snapshot.resolved.spec
    return Findings(
        life=snapshot.life,
        plan=spec.plan,
        rollout=snapshot.rollout,
        alerts=_alerts(snapshot),
        scaling=_scaling(snapshot),
        evidence=_evidence(snapshot),
        unrestored=_unrestored(snapshot),
        held_copies=_holds_copies(snapshot) and not unrestored(snapshot.capacity.rows),
        drift=drift(snapshot.capacity.rows),
        author_problems=snapshot.resolved.refused,
        target_problems=snapshot.target_problems,
        alert_problems=snapshot.overlay.plan.problems + snapshot.inhibition.problems,
        scaling_problems=snapshot.capacity.plan.problems,
        evidence_problems=snapshot.access_problems + spec.unreadable + spec.unreadable_advice,
        notes=_notes(snapshot),
    )


def _alerts(snapshot: Snapshot) -> Lever:
    spec, life, overlay = snapshot.resolved.spec, snapshot.life, snapshot.overlay
    if not spec.alerts.requested:
        return NotRequested()
    if off := _off(snapshot):
        return off
    match overlay.state:
        case NoneWanted() | Leftover():
            return NotRequested("No alert of the namespace is selected")
        case NotWritten():
            return Unverified("Writing", "The tightened alerts are being written")
        case NotLive(reason, message, untold) if untold or reason in _FAILURES:
            return Untold(reason, with_advice(snapshot.resolved.profile, reason, message))
        case NotLive(reason, message):
            return Unverified(reason, message)
        case Live():
            tightened = sum(isinstance(each.result, Tightened) for each in overlay.plan.outcomes)
            added = len(spec.alerts.add)
            told = f"{tightened} of {len(overlay.plan.outcomes)} alerts tightened, {added} added"
            return Verified("Live", f"{told}; Prometheus evaluates exactly this version, at {life.strength}%")


def _scaling(snapshot: Snapshot) -> Lever:
    spec = snapshot.resolved.spec
    if not spec.scaling and not spec.disruption:
        return NotRequested()
    return _off(snapshot) or scaling_lever(snapshot.capacity.rows)


def _off(snapshot: Snapshot) -> Off | ObserveOnly | None:
    life = snapshot.life
    if snapshot.resolved.spec.mode is Mode.OBSERVE and not snapshot.resolved.refused:
        return ObserveOnly()
    if life.closed:
        return Off(str(life.phase), "The run is over")
    if snapshot.resolved.refused:
        return Off(snapshot.resolved.refused[0].reason, "Nothing is enforced: see Stalled")
    if life.strength > 0:
        return None
    if life.phase is Phase.PENDING:
        return Off("NotYet", "Protections are applied from their set time on")
    return Off("Relaxed", "Strength is down to 0%")


def _evidence(snapshot: Snapshot) -> EvidenceState:
    resolved, life = snapshot.resolved, snapshot.life
    if life.started_at is None:
        return EvidenceState(Exit.UNKNOWN, "", "", "start", "The window has not started")
    if life.phase is Phase.SUSPENDED:
        return EvidenceState(Exit.UNKNOWN, "", "", "suspended", "Evaluation is suspended")
    evaluation = resolved.profile.evaluation
    late = evaluation.interval + 2 * evaluation.step
    state = weigh(snapshot.readings, resolved.spec.unreadable, late, late + evaluation.max_delay)
    return replace(state, stale=with_advice(resolved.profile, state.stale_reason, state.stale))


def _unrestored(snapshot: Snapshot) -> str:
    held = unrestored(snapshot.capacity.rows)
    wanted = snapshot.overlay.state
    tightened = "" if isinstance(wanted, NoneWanted) else "Tightened alerts are in place"
    if _holds_copies(snapshot):
        tightened = "Copies that fire stay until their originals have had the time to fire"
    muting = "Copies may mute their originals" if snapshot.inhibition.present else ""
    return "; ".join(part for part in (tightened, muting, held) if part)


def _holds_copies(snapshot: Snapshot) -> bool:
    """Whether at strength 0 exactly those copies are there that fire and have to stay a while."""
    staying = isinstance(snapshot.overlay.state, Live | NotLive) and not snapshot.inhibition.present
    return snapshot.life.strength == 0 and staying


def _notes(snapshot: Snapshot) -> tuple[str, ...]:
    if snapshot.resolved.spec.plan.window.limited:
        return ("LimitedByProfile: the window is cut to the profile's limits.maxDuration.",)
    return ()
