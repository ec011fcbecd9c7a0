"""Which pods belong to a workload, by the names that its controller gives them."""

import re

from hypercare.domain.life.rollout import Target
from hypercare.domain.objects import DAEMONSETS, STATEFULSETS

_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""What names of pods and ReplicaSets end in (k8s.io/apimachinery/pkg/util/rand)."""
_LONGEST_BASE, _SUFFIX, _LONGEST_HASH = 58, 5, 10
"""A generated name is cut to 58 characters before its suffix of 5; a hash of 32 bits has at most 10 digits."""


def pod_pattern(target: Target) -> str:
    """A regular expression (RE2, and Python's) that the whole name of each pod of the target matches.

    A Deployment's pods are named `<name>-<hash of the pod template>-<suffix>`, a StatefulSet's `<name>-<ordinal>`, a
    DaemonSet's `<name>-<suffix>`. A name that is cut says less, and then pods of another workload may match too.
    """
    character = f"[{_SUFFIX_ALPHABET}]"
    suffix = f"{character}{{{_SUFFIX}}}"
    name = re.sub(r"[^a-z0-9-]", r"\\\g<0>", target.name)
    length = len(target.name)
    if target.kind == STATEFULSETS.kind:
        return f"{name}-[0-9]+"
    if length >= _LONGEST_BASE:
        return re.sub(r"[^a-z0-9-]", r"\\\g<0>", target.name[:_LONGEST_BASE]) + suffix
    if target.kind == DAEMONSETS.kind:
        return f"{name}-{suffix}"
    longest = max(0, min(_LONGEST_HASH, _LONGEST_BASE - length - 2))
    whole = f"{name}-{character}{{1,{longest}}}-{suffix}" if longest else ""
    cut = f"{name}-{character}{{{_LONGEST_BASE - length - 1 + _SUFFIX}}}" if longest < _LONGEST_HASH else ""
    return "|".join(each for each in (whole, cut) if each)
