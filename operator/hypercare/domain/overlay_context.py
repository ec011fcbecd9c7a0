"""Whose overlay it is and how strong, from the effective spec: the one way from a period to an `OverlayContext`."""

from hypercare.domain.alerts.judgement import OverlayContext
from hypercare.domain.alerts.overlay import OverlayIdentity
from hypercare.domain.period import Mode, Resolved
from hypercare.domain.promql.tenancy import tenancy_of
from hypercare.domain.snapshot import Identity


def overlay_context(
    identity: Identity, resolved: Resolved, run_id: str, strength: int, default_interval_seconds: int
) -> OverlayContext:
    """Describe the overlay of one run at a strength (0 to 100), without what fires or is there now."""
    return OverlayContext(
        identity=OverlayIdentity(
            namespace=identity.namespace,
            period=identity.name,
            period_uid=identity.uid,
            run_id=run_id,
            rule_labels=resolved.profile.rule_labels,
        ),
        subject=resolved.spec.subject,
        strength=strength,
        enforce=resolved.spec.mode is Mode.ENFORCE,
        default_interval_seconds=default_interval_seconds,
        tenancy=tenancy_of(resolved.profile.tenancy, identity.namespace),
    )
