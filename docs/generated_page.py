"""Writing a page of which all, or the part below a mark, is generated, or checking that it is current."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]


def write_or_check(page: Path, rendered: Callable[[str], str], about: str) -> int:
    """Write a page, or with `--check` say whether it is current; returns the exit code.

    Args:
        page: The file; one that is missing is stale.
        rendered: The page made anew, from the page as it is.
        about: What the script does, for `--help`.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the page is stale")
    check = parser.parse_args().check
    written = page.read_text(encoding="utf-8") if page.exists() else ""
    wanted = rendered(written)
    if wanted == written:
        return 0
    if check:
        sys.stderr.write(f"stale: {page.relative_to(ROOT)}; run make docs\n")
        return 1
    page.write_text(wanted, encoding="utf-8")
    return 0
