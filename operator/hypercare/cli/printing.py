"""Answers for programs: JSON and YAML."""

import json
from typing import Any

import yaml

from hypercare.cli.options import Output


def object_text(answer: Any, output: Output) -> str:
    """The text of an answer, without the end of its last line."""
    if output is Output.YAML:
        text: str = yaml.safe_dump(answer, sort_keys=False, allow_unicode=True, width=120)
        return text.rstrip("\n")
    return json.dumps(answer, indent=2, ensure_ascii=False)
