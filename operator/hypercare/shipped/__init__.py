"""What is installed beside the operator and that it must know, as data: the admission policy about authors.

It is the file of manifests/install, rendered from the chart, so there is one source of it. Here it is only found and
read, once per process; what follows from it is in `hypercare.domain.author_policy`.
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

_NAME = "authors-policy.yaml"
_CHECKOUT = Path(__file__).parents[3] / "manifests" / "install" / _NAME


@cache
def authors_policy() -> Mapping[str, Any]:
    """The spec of the ValidatingAdmissionPolicy that this version is installed with."""
    packed = resources.files(__name__).joinpath(_NAME)
    text = (packed if packed.is_file() else _CHECKOUT).read_text(encoding="utf-8")
    policy = next(body for body in yaml.safe_load_all(text) if body["kind"] == "ValidatingAdmissionPolicy")
    return dict(policy["spec"])
