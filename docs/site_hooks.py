"""Hooks of mkdocs, so that the pages read the same in the repository and as a site.

A page may link to a file outside docs/, such as a manifest: it is put beside the pages, under `repository/`. A link to
a folder leads to its page; the folder of decisions, which has none in the repository, gets a list of them.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
SHOWN = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "manifests", "charts", "krew")
LINK = re.compile(r"(?<=\]\()(?P<target>[^)\s#:]+)(?P<anchor>#[^)\s]*)?(?=\))")
PLACE = "repository"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the list of decisions, and what pages may link to outside docs/."""
    files.append(File.generated(config, "decisions/index.md", content=_decisions()))
    for path in _repository_files():
        name = path.relative_to(ROOT).as_posix()
        # As text: a README among the pages would become a page, whose own links lead nowhere here.
        files.append(File.generated(config, f"{PLACE}/{name}.txt", content=path.read_bytes()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let the links of a page lead to where the site has what they mean."""
    del config
    return LINK.sub(lambda link: _led(link, page.file.src_uri, files), markdown)


def _led(link: re.Match[str], source: str, files: Files) -> str:
    target, anchor = link["target"], link["anchor"] or ""
    folder = posixpath.dirname(source)
    path = posixpath.normpath(posixpath.join(folder, target))
    if target.endswith("/") and files.get_file_from_path(f"{path}/index.md"):
        return f"{target}index.md{anchor}"
    outside = path.removeprefix("../")
    if outside != path and files.get_file_from_path(f"{PLACE}/{outside}.txt"):
        return posixpath.relpath(f"{PLACE}/{outside}.txt", folder or ".")
    return link[0]


def _repository_files() -> Iterator[Path]:
    for name in SHOWN:
        path = ROOT / name
        if path.is_file():
            yield path
        elif path.is_dir():
            yield from sorted(each for each in path.rglob("*") if each.is_file())


def _decisions() -> str:
    titles = (
        (path.name, path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# "))
        for path in sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    )
    return "# Decisions\n\n" + "".join(f"- [{title}]({name})\n" for name, title in titles)
