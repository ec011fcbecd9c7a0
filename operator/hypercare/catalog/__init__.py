"""The indicator catalog as data: one YAML file per source of metrics, shipped with the package.

What the files mean is in `hypercare.domain.indicators`; here they are only found and read, once per process, like code.
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml

SUFFIX = ".yaml"


@cache
def documents() -> Mapping[str, Any]:
    """The content of each file by the name of its source (`istio` for `istio.yaml`), in the order of the alphabet."""
    files = sorted(
        (file for file in resources.files(__name__).iterdir() if file.name.endswith(SUFFIX)), key=lambda file: file.name
    )
    return {file.name.removesuffix(SUFFIX): yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}
