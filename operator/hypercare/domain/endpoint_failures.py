"""What to do when an endpoint cannot be asked: the field of the profile that it is about, and advice."""

from hypercare.domain.conditions import Problem
from hypercare.domain.profile import Profile
from hypercare.domain.samples import ENDPOINT_FAILURES, SECRET_FAILURES, FailureKind, QueryFailed


def with_advice(profile: Profile, reason: str, message: str) -> str:
    """A failure of the endpoint, with its field and what to do; any other message as it is."""
    if reason not in ENDPOINT_FAILURES:
        return message
    if reason in SECRET_FAILURES:
        return f"{_field(profile, 'secretRef')}: {message}"
    if reason == FailureKind.UNAUTHORIZED:
        secret = profile.endpoint.secret
        advice = f"check the Secret {secret}" if secret else "name a Secret with credentials"
        return f"{_field(profile, 'secretRef')}: {message}; {advice}, and the tenant in headers if it has tenants"
    return f"{_field(profile, 'url')}: {message}; check the URL, and that the operator can connect to it"


def access_problems(profile: Profile, failure: QueryFailed | None) -> tuple[Problem, ...]:
    """What keeps the endpoint from being asked at all; only an API server that does not answer heals by itself."""
    if failure is None:
        return ()
    stalls = failure.kind is not FailureKind.CREDENTIALS_UNREADABLE
    return (Problem(_field(profile, "secretRef"), failure.kind.value, failure.message, stalls),)


def _field(profile: Profile, name: str) -> str:
    return f"HypercareProfile/{profile.name}: spec.prometheus.{name}"
