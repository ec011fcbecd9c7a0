"""What a release is, and what a change of it means for the run."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.life.release import Release, ReleaseChange, VersionMatch, classify, new_run, parse_release

UNNAMED = Release("2.4.0")
NAMED = Release("2.4.0", name="autumn", previous="2.3.9")


@pytest.mark.parametrize(
    ("sentence", "running", "before", "release", "change"),
    [
        ("The same release changes nothing.", UNNAMED, "", UNNAMED, ReleaseChange.NONE),
        ("Without a name, another version is another run.", UNNAMED, "", Release("2.4.1"), ReleaseChange.NEW_RUN),
        (
            "Under the same name, another version is a hotfix.",
            NAMED,
            "",
            replace(NAMED, version="2.4.1"),
            ReleaseChange.HOTFIX,
        ),
        (
            "Another name is another run, also with the same version.",
            NAMED,
            "",
            replace(NAMED, name="winter"),
            ReleaseChange.NEW_RUN,
        ),
        (
            "The version that the release calls previous is a rollback.",
            NAMED,
            "",
            replace(NAMED, version="2.3.9"),
            ReleaseChange.ROLLBACK,
        ),
        (
            "Going back is a rollback also where the edit no longer says what was previous.",
            NAMED,
            "",
            replace(NAMED, version="2.3.9", previous=""),
            ReleaseChange.ROLLBACK,
        ),
        (
            "Going back is a rollback also where the edit calls the version it comes from previous.",
            Release("2.4.0", previous="2.3.9"),
            "",
            Release("2.3.9", previous="2.4.0"),
            ReleaseChange.ROLLBACK,
        ),
        (
            "The version of the run before is a rollback.",
            NAMED,
            "2.3.0",
            replace(NAMED, version="2.3.0"),
            ReleaseChange.ROLLBACK,
        ),
        (
            "Without a name, going back is a rollback all the same.",
            UNNAMED,
            "2.3.0",
            Release("2.3.0"),
            ReleaseChange.ROLLBACK,
        ),
        (
            "Calling the running version previous changes nothing.",
            NAMED,
            "",
            replace(NAMED, previous="2.4.0"),
            ReleaseChange.NONE,
        ),
        (
            "Taking the name away is another run, not a rollback to the version that runs.",
            NAMED,
            "2.4.0",
            Release("2.4.0"),
            ReleaseChange.NEW_RUN,
        ),
        (
            "A link or a revision is not a change.",
            UNNAMED,
            "",
            replace(UNNAMED, url="https://x", revision="6f2c"),
            ReleaseChange.NONE,
        ),
        (
            "Nothing before the first run is nothing to go back to.",
            UNNAMED,
            "",
            Release("2.4.1", previous=""),
            ReleaseChange.NEW_RUN,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.endswith(".") else "",
)
def test_classify(sentence: str, running: Release, before: str, release: Release, change: ReleaseChange) -> None:
    assert classify(replace(new_run("uid", running, None, 0), before=before), release) is change


def test_an_id_counts_runs_and_names_the_period() -> None:
    first = new_run("uid", NAMED, None, 100)
    second = new_run("uid", NAMED, first, 200)
    other = new_run("another uid", NAMED, None, 100)
    assert first.id.startswith("r1-")
    assert second.id.startswith("r2-")
    assert len({first.id, second.id, other.id}) == 3
    assert new_run("uid", NAMED, None, 300).id == first.id
    assert (second.before, second.created_at, second.version_since) == ("2.4.0", 200, 200)


@given(st.text(min_size=1), st.text(), st.text(min_size=1))
def test_an_id_is_short_and_safe_in_names(version: str, name: str, uid: str) -> None:
    run = new_run(uid, Release(version, name), None, 0)
    assert len(run.id) == len("r1-") + 8
    assert set(run.id[3:]) <= set("0123456789abcdef")


@given(st.sampled_from(("1", "2", "3")), st.sampled_from(("", "a", "b")), st.sampled_from(("", "1", "2")))
def test_a_run_never_differs_from_the_release_it_was_opened_for(version: str, name: str, previous: str) -> None:
    release = Release(version, name, previous)
    assert classify(new_run("uid", release, None, 0), release) is ReleaseChange.NONE


def test_parse_release() -> None:
    spec = {
        "name": "autumn",
        "version": "2.4.0",
        "previous": "2.3.9",
        "revision": "6f2c",
        "match": "Prefix",
        "url": "u",
    }
    assert parse_release(Field("spec.release", spec)) == Release(
        "2.4.0", "autumn", "2.3.9", "6f2c", VersionMatch.PREFIX, "u"
    )
    assert parse_release(Field("spec.release", {"version": "2.4.0"})) == UNNAMED


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({}, "spec.release.version"),
        ({"version": ""}, "spec.release.version"),
        ({"version": 2.4}, "spec.release.version"),
        ({"version": "1", "match": "Loose"}, "spec.release.match"),
        ({"version": "1", "match": "Revision"}, "spec.release.revision"),
    ],
)
def test_a_refused_release_names_its_field(spec: dict[str, object], path: str) -> None:
    with pytest.raises(InvalidField) as refused:
        parse_release(Field("spec.release", spec))
    assert refused.value.path == path


def test_a_release_reads_well() -> None:
    assert str(NAMED) == "autumn (2.4.0)"
    assert str(UNNAMED) == "2.4.0"
