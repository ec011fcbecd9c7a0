"""Templates that are known to parse are kept; all others are shown as they are written."""

import pytest

from hypercare.domain.alerts.rule_templates import as_text, parses, sound_annotations
from tests.corpus.templates import BROKEN, WRITTEN, made_up


@pytest.mark.parametrize("template", WRITTEN)
def test_what_people_write_is_kept(template: str) -> None:
    assert sound_annotations({"summary": template}) == {"summary": template}


@pytest.mark.parametrize("template", BROKEN)
def test_what_does_not_parse_is_shown_as_text(template: str) -> None:
    shown = sound_annotations({"summary": template, "other": "{{ $value }}"})

    assert shown == {"summary": as_text(template), "other": "{{ $value }}"}
    assert parses(shown["summary"])
    assert shown["summary"].replace('{{"{{"}}', "{{") == template


def test_deep_nesting_and_great_length_are_refused_at_once() -> None:
    for template in (
        "{{ " + "(" * 100_000,
        "{{ " + "(" * 200 + "1" + ")" * 200 + " }}",
        "{{ `" + "x" * 100_000 + "` }}",
    ):
        assert not parses(template)


def test_a_made_up_template_never_raises_and_always_ends_up_sound() -> None:
    for template in made_up(2000, seed=5):
        assert all(parses(text) for text in sound_annotations({"x": template}).values())
