"""Who is going to take a raised value back, told before it is raised.

A GitOps tool that applies a field applies it again. Whether it was told to leave the field alone is written in its own
settings, which are not read here; that it has applied the field is written in the object's managed fields.
"""

from collections.abc import Iterator, Mapping, Sequence

from hypercare.domain.capacity.held_fields import field_name
from hypercare.domain.capacity.hold import Claim
from hypercare.domain.capacity.kinds import HeldKind
from hypercare.domain.capacity.live_object import Body, owners_of, read_live

_TOOLS: Mapping[str, str] = {
    "argocd-controller": "Argo CD",
    "kustomize-controller": "Flux",
    "helm-controller": "Flux",
}
"""By the field managers under which they apply, server-side or not."""


def expected_reverts(kind: HeldKind, body: Body, claims: Sequence[Claim]) -> Iterator[str]:
    """Say for each field that these claims change which tools have applied its value; nothing where none has."""
    for path in kind.claimed(claims, (), read_live(kind, body).values):
        for tool in sorted({_TOOLS[manager] for manager in owners_of(body, path) if manager in _TOOLS}):
            named = f"{field_name(path)} of {kind.resource.kind} {body['metadata']['name']}"
            yield f"{tool} applies {named}, and takes a raised value back unless it is told to leave that to hypercare"
