"""What to do about an endpoint that cannot be asked: the field, and the advice."""

from dataclasses import replace

import pytest

from hypercare.domain.conditions import Problem
from hypercare.domain.endpoint_failures import access_problems, with_advice
from hypercare.domain.fields import Field
from hypercare.domain.profile import Profile, parse_profile
from hypercare.domain.samples import FailureKind, QueryFailed

SECURED = parse_profile("default", Field("", {"prometheus": {"url": "http://p", "secretRef": {"name": "prom-auth"}}}))
OPEN = replace(SECURED, endpoint=replace(SECURED.endpoint, secret=""))
FIELD = "HypercareProfile/default: spec.prometheus"


@pytest.mark.parametrize(
    ("profile", "reason", "expected"),
    [
        (
            SECURED,
            FailureKind.UNREACHABLE,
            f"{FIELD}.url: why; check the URL, and that the operator can connect to it",
        ),
        (
            SECURED,
            FailureKind.UNAUTHORIZED,
            f"{FIELD}.secretRef: why; check the Secret prom-auth, and the tenant in headers if it has tenants",
        ),
        (
            OPEN,
            FailureKind.UNAUTHORIZED,
            f"{FIELD}.secretRef: why; name a Secret with credentials, and the tenant in headers if it has tenants",
        ),
        (SECURED, FailureKind.CREDENTIALS_INVALID, f"{FIELD}.secretRef: why"),
        (SECURED, FailureKind.BAD_QUERY, "why"),
        (SECURED, "NoData", "why"),
    ],
)
def test_advice(profile: Profile, reason: str, expected: str) -> None:
    assert with_advice(profile, reason, "why") == expected


@pytest.mark.parametrize(
    ("kind", "stalls"),
    [
        (FailureKind.CREDENTIALS_NOT_FOUND, True),
        (FailureKind.CREDENTIALS_INVALID, True),
        (FailureKind.CREDENTIALS_FORBIDDEN, True),
        (FailureKind.CREDENTIALS_UNREADABLE, False),
    ],
)
def test_what_needs_a_person_stalls(kind: FailureKind, stalls: bool) -> None:
    assert access_problems(SECURED, QueryFailed(kind, "why")) == (
        Problem(f"{FIELD}.secretRef", kind.value, "why", stalls),
    )


def test_nothing_in_the_way_is_no_problem() -> None:
    assert access_problems(SECURED, None) == ()
