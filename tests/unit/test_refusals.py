"""A refusal by the API server says what to do, where a role is what is missing."""

import pytest

from hypercare.ports import ApiError, Forbidden, Unavailable

USER = 'User "system:serviceaccount:hypercare-system:hypercare-operator"'
ROLE = "apply the RBAC of manifests/install"


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        pytest.param(
            Forbidden(f'events is forbidden: {USER} cannot create resource "events" in API group ""'),
            f": {ROLE}",
            id="A role lacks a verb.",
        ),
        pytest.param(
            Forbidden('configmaps "report" is forbidden: exceeded quota: small, requested: count/configmaps=1'),
            "",
            id="No role raises a quota.",
        ),
        pytest.param(
            Forbidden("unable to create new content in namespace shop because it is being terminated"),
            "",
            id="No role keeps a namespace that is being deleted.",
        ),
        pytest.param(Unavailable("no answer"), "", id="It is tried again."),
    ],
)
def test_what_to_do_is_said_where_a_role_lacks_a_verb(error: ApiError, advice: str) -> None:
    assert error.advised == error.message + advice
