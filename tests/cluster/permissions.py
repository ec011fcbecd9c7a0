"""The page docs/permissions.md as data: which verbs on which resources it explains, by its sections."""

import re
from pathlib import Path

from tests.cluster.audit import Asked

PAGE = Path(__file__).parents[2] / "docs" / "permissions.md"
CLUSTER, SERVED, OWN = "In the whole cluster", "In the namespaces that it serves", "In its own namespace"
_ROW = re.compile(r"^\| `([a-z./0-9]+)`[^|]*\| ([^|]+) \| [^|]+ \|$", re.MULTILINE)


def told(*sections: str) -> set[Asked]:
    """What the page explains in these sections."""
    page = PAGE.read_text(encoding="utf-8")
    texts = [page.partition(f"\n## {section}\n")[2].partition("\n## ")[0] for section in sections]
    rows = [row for text in texts for row in _ROW.findall(text)]
    return {Asked(resource, verb) for resource, verbs in rows for verb in re.findall(r"`([a-z]+)`", verbs)}
