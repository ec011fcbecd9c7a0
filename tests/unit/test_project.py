"""The project's own files agree with each other: locks, versions, targets, links."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import hypercare

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock")
PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?P<rest>(?:.*\\\n)+.*)", re.MULTILINE)


def files(*patterns: str) -> list[Path]:
    """Files of the project that match, whether committed already or not, and never what git ignores."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return sorted({ROOT / line for line in listing.stdout.splitlines() if (ROOT / line).is_file()})


def pins(lock: str) -> dict[str, str]:
    """Version by package name."""
    return {pin["name"]: pin["version"] for pin in PINNED.finditer((ROOT / lock).read_text(encoding="utf-8"))}


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place_and_no_machine(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert not re.findall(r"://|--(?:extra-)?index-url|--find-links|--trusted-host| @ |(?<![\w.])/\w", text)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_hashes(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    found = list(PINNED.finditer(text))
    assert len(found) == len(re.findall(r"^[^ #\n]", text, re.MULTILINE)) > 0
    assert [pin["name"] for pin in found if "--hash=sha256:" not in pin["rest"]] == []


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("requirements.lock", PROJECT["project"]["dependencies"]),
        ("requirements-build.lock", PROJECT["dependency-groups"]["build"]),
        ("requirements-dev.lock", PROJECT["project"]["dependencies"]),
        ("requirements-dev.lock", [one for one in PROJECT["dependency-groups"]["dev"] if isinstance(one, str)]),
    ],
)
def test_the_lock_satisfies_what_the_project_asks_for(lock: str, wanted: list[str]) -> None:
    locked = pins(lock)
    requirements = [Requirement(text) for text in wanted]
    assert [str(one) for one in requirements if not one.specifier.contains(locked.get(one.name.lower(), "0"))] == []


@pytest.mark.parametrize("smaller", LOCKS[:2])
def test_development_uses_the_versions_that_are_shipped(smaller: str) -> None:
    assert pins(smaller).items() <= pins("requirements-dev.lock").items()


def test_the_source_root_does_not_shadow_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_the_version_is_the_same_wherever_it_is_written() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", hypercare.__version__)
    written = {
        (path.relative_to(ROOT), version)
        for path in files("manifests/*.yaml")
        for version in re.findall(r"hypercare-operator:v?([\w.-]+)", path.read_text(encoding="utf-8"))
    }
    chart = yaml.safe_load((ROOT / "charts" / "hypercare-operator" / "Chart.yaml").read_text(encoding="utf-8"))
    assert (chart["version"], chart["appVersion"]) == (hypercare.__version__, hypercare.__version__)
    assert [entry for entry in written if entry[1] != hypercare.__version__] == []


def test_the_changelog_begins_with_what_is_not_released() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)", heading) for heading in headings[1:])


def test_the_supported_python_versions_are_told_once() -> None:
    prefix = "Programming Language :: Python :: "
    named = [entry.removeprefix(prefix) for entry in PROJECT["project"]["classifiers"] if entry.startswith(prefix)]
    first, last = (int(version.split(".")[1]) for version in (named[0], named[-1]))
    assert PROJECT["project"]["requires-python"] == f">=3.{first},<3.{last + 1}"
    assert PROJECT["tool"]["mypy"]["python_version"] == named[0]
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py3{first}"


def written_targets(path: Path) -> Iterator[str]:
    """The make targets that a file names in code, quoted or in a block; `.ci/run` is code as a whole."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"^```.*?^```", text, re.DOTALL | re.MULTILINE) if path.suffix == ".md" else [text]
    yield from re.findall(r"`make ([a-z-]+)", text)
    yield from re.findall(r"^make ([a-z-]+)", "\n".join(blocks), re.MULTILINE)


def test_every_make_target_that_is_written_about_exists() -> None:
    pages = [*files("*.md"), ROOT / ".ci" / "run"]
    named = {(str(path.relative_to(ROOT)), target) for path in pages for target in written_targets(path)}
    assert {target for _, target in named} >= {"demo", "test", "unit", "lint"}
    assert [entry for entry in named if entry[1] not in make_targets()] == []


def test_every_make_target_is_explained_and_never_a_file() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    explained = set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))
    phony = set(re.findall(r"^\.PHONY: ([a-z-]+)$", text, re.MULTILINE))
    assert explained == phony == make_targets()


def test_every_test_is_found() -> None:
    places = [ROOT / place for place in PROJECT["tool"]["pytest"]["ini_options"]["testpaths"]]
    tests = files("test_*.py", "*/test_*.py")
    assert Path(__file__) in tests
    assert [path for path in tests if not any(path.is_relative_to(place) for place in places)] == []


def links() -> Iterator[tuple[Path, str]]:
    """Every relative link in Markdown outside of code."""
    for path in files("*.md"):
        prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        for target in re.findall(r"\]\(([^)\s]+)\)", prose):
            if not re.match(r"[a-z]+:", target):
                yield path, target


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    prose = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_somewhere(path: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    page = (path.parent / name) if name else path
    return page.exists() and (not anchor or anchor in anchors(page))


def test_every_link_leads_somewhere() -> None:
    found = list(links())
    assert len(found) > 10
    assert [(str(path.relative_to(ROOT)), target) for path, target in found if not leads_somewhere(path, target)] == []


def test_every_page_of_the_docs_can_be_reached_from_their_index() -> None:
    """A link to a folder reaches the pages in it."""
    docs = ROOT / "docs"
    by_page: dict[Path, set[Path]] = {}
    for path, target in links():
        by_page.setdefault(path, set()).add((path.parent / target.partition("#")[0]).resolve())
    reached: set[Path] = set()
    ahead = {docs / "index.md"}
    while ahead:
        page = ahead.pop()
        reached.add(page)
        ahead |= by_page.get(page, set()) - reached
    pages = files("docs/*.md")
    assert [str(path.relative_to(docs)) for path in pages if not {path, path.parent} & (reached - {docs})] == []


def test_the_image_runs_without_root_and_from_what_is_locked() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    final = lines[max(index for index, line in enumerate(lines) if line.startswith("FROM ")) :]
    users = [line.split()[1] for line in final if line.startswith("USER ")]
    assert len(users) == 1
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[0])
    assert [line for line in final if line.startswith("RUN ")] == []
    installs = [line for line in lines if "pip" in line and " install " in line]
    assert [line for line in installs if "--require-hashes" not in line and "--no-index" not in line] == []


def test_the_image_gets_everything_it_copies() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"}
    copied = {
        source
        for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }
    assert copied == let_in
    assert [name for name in copied if not (ROOT / name).exists()] == []
