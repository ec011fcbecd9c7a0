"""What a release is, and what a change of it means for the run: nothing, a hotfix, a rollback, or a new run."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from hypercare.domain.fields import Field


class VersionMatch(StrEnum):
    """How `release.version` (or `release.revision`) is found in a pod template."""

    EXACT = "Exact"
    PREFIX = "Prefix"
    REVISION = "Revision"


@dataclass(frozen=True)
class Release:
    """What is being released. Empty strings stand for what the author left out."""

    version: str
    name: str = ""
    previous: str = ""
    revision: str = ""
    match: VersionMatch = VersionMatch.EXACT
    url: str = ""

    @property
    def identity(self) -> str:
        """What makes a run: the name where there is one, else the version."""
        return self.name or self.version

    def __str__(self) -> str:
        """For messages: `autumn-26 (2.4.0)` or `2.4.0`."""
        return f"{self.name} ({self.version})" if self.name else self.version


@dataclass(frozen=True)
class Run:
    """One passage through hypercare. `created_at` and `version_since` are Unix seconds.

    `version` is the version seen last: a hotfix changes it within the run. `before` is the version of the run before
    this one, empty for the first; `previous` is what the release called so when the run was opened. A release that goes
    back does not say any more where it went back from, so the run remembers both.
    """

    counter: int
    id: str
    identity: str
    version: str
    before: str
    created_at: int
    version_since: int
    previous: str = ""


class ReleaseChange(StrEnum):
    """What the release in the spec means, compared with the run in status."""

    NONE = "None"
    HOTFIX = "Hotfix"
    ROLLBACK = "Rollback"
    NEW_RUN = "NewRun"


def parse_release(field: Field) -> Release:
    """Read `spec.release`."""
    version = field.get("version")
    if not version.text():
        raise version.error("must not be empty")
    release = Release(
        version=version.text(),
        name=field.get("name").text(""),
        previous=field.get("previous").text(""),
        revision=field.get("revision").text(""),
        match=field.get("match").choice(VersionMatch, VersionMatch.EXACT),
        url=field.get("url").text(""),
    )
    if release.match is VersionMatch.REVISION and not release.revision:
        raise field.get("revision").error("is required with match: Revision")
    return release


def new_run(period_uid: str, release: Release, after: Run | None, now: int) -> Run:
    """Open the run that follows `after`; its id names the period's UID, so a re-created period inherits nothing."""
    counter = after.counter + 1 if after else 1
    digest = hashlib.sha256(f"{period_uid}\n{release.identity}\n{counter}".encode()).hexdigest()[:8]
    return Run(
        counter=counter,
        id=f"r{counter}-{digest}",
        identity=release.identity,
        version=release.version,
        before=after.version if after else "",
        created_at=now,
        version_since=now,
        previous=release.previous,
    )


def classify(run: Run, release: Release) -> ReleaseChange:
    """Compare the release with the run.

    Going back to the version before is a rollback also where it changes the identity (a release without a name): it
    ends this run, and must not open a window of days over a version that was stable before.
    """
    if release.version == run.version and release.identity == run.identity:
        return ReleaseChange.NONE
    backwards = release.version in {run.before, run.previous, release.previous} - {""}
    if backwards and release.version != run.version:
        return ReleaseChange.ROLLBACK
    return ReleaseChange.HOTFIX if release.identity == run.identity else ReleaseChange.NEW_RUN
