"""Reading a spec: every accessor gives the value, its default, or an error that names the field."""

from collections.abc import Callable
from enum import StrEnum

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hypercare.domain.fields import Field, InvalidField

SPEC = Field(
    "spec",
    {
        "name": "checkout",
        "count": 3,
        "ratio": 0.5,
        "on": True,
        "off": False,
        "nothing": None,
        "zero": 0,
        "empty": "",
        "for": "1h30m",
        "coverage": "95%",
        "mode": "Observe",
        "list": ["a", "b"],
        "mixed": ["a", 1],
        "labels": {"team": "shop"},
        "numbers": {"team": 1},
        "stages": [{"strength": 100}, {"strength": 50}],
    },
)


class Mode(StrEnum):
    ENFORCE = "Enforce"
    OBSERVE = "Observe"


Read = Callable[[Field], object]

VALUES: list[tuple[str, str, Read, object]] = [
    ("a string", "name", lambda f: f.text(), "checkout"),
    ("an empty string is a value", "empty", lambda f: f.text("other"), ""),
    ("a whole number", "count", lambda f: f.integer(), 3),
    ("zero is a value", "zero", lambda f: f.integer(7), 0),
    ("a number", "ratio", lambda f: f.number(), 0.5),
    ("a whole number where a number is asked", "count", lambda f: f.number(), 3.0),
    ("true", "on", lambda f: f.flag(), True),
    ("false is a value", "off", lambda f: f.flag(True), False),
    ("a duration, as seconds", "for", lambda f: f.seconds(), 5400),
    ("a percentage, as a share", "coverage", lambda f: f.share(), 0.95),
    ("a member of an enum", "mode", lambda f: f.choice(Mode), Mode.OBSERVE),
    ("a list of strings", "list", lambda f: f.texts(), ("a", "b")),
    ("a map of strings", "labels", lambda f: f.text_map(), {"team": "shop"}),
    ("the default of a string", "absent", lambda f: f.text("x"), "x"),
    ("the default of a whole number", "absent", lambda f: f.integer(0), 0),
    ("the default of a number", "absent", lambda f: f.number(0.0), 0.0),
    ("the default of a flag", "absent", lambda f: f.flag(False), False),
    ("the default of a duration", "absent", lambda f: f.seconds(60), 60),
    ("the default of a percentage", "absent", lambda f: f.share(0.0), 0.0),
    ("the default of an enum", "absent", lambda f: f.choice(Mode, Mode.ENFORCE), Mode.ENFORCE),
    ("an absent list is empty", "absent", lambda f: f.texts(), ()),
    ("an absent map is empty", "absent", lambda f: f.text_map(), {}),
    ("an explicit null takes the default, as in Kubernetes", "nothing", lambda f: f.text("x"), "x"),
]

ERRORS: list[tuple[str, str, Read, str]] = [
    ("a string that is missing", "absent", lambda f: f.text(), "spec.absent: is required"),
    ("a whole number that is missing", "absent", lambda f: f.integer(), "spec.absent: is required"),
    ("a number that is missing", "absent", lambda f: f.number(), "spec.absent: is required"),
    ("a flag that is missing", "absent", lambda f: f.flag(), "spec.absent: is required"),
    ("a duration that is missing", "absent", lambda f: f.seconds(), "spec.absent: is required"),
    ("a percentage that is missing", "absent", lambda f: f.share(), "spec.absent: is required"),
    ("an enum that is missing", "absent", lambda f: f.choice(Mode), "spec.absent: is required"),
    ("null where something is required", "nothing", lambda f: f.text(), "spec.nothing: is required"),
    ("a number for a string", "count", lambda f: f.text(), "spec.count: must be a string"),
    ("a string for a whole number", "name", lambda f: f.integer(), "spec.name: must be a whole number"),
    ("a fraction for a whole number", "ratio", lambda f: f.integer(), "spec.ratio: must be a whole number"),
    ("true is no whole number", "on", lambda f: f.integer(), "spec.on: must be a whole number"),
    ("true is no number", "on", lambda f: f.number(), "spec.on: must be a number"),
    ("one is not true", "count", lambda f: f.flag(), "spec.count: must be true or false"),
    ("a text that is no duration", "name", lambda f: f.seconds(), "spec.name: 'checkout' is not a duration"),
    ("a number for a duration", "count", lambda f: f.seconds(), "spec.count: must be a string"),
    ("a percentage without its sign", "for", lambda f: f.share(), "spec.for: '1h30m' is not a percentage"),
    ("a value outside an enum, with what is allowed", "name", lambda f: f.choice(Mode), "not one of Enforce, Observe"),
    ("an item of another type, by its index", "mixed", lambda f: f.texts(), "spec.mixed[1]: must be a string"),
    (
        "a map value of another type, by its key",
        "numbers",
        lambda f: f.text_map(),
        "spec.numbers.team: must be a string",
    ),
    ("a string for a list", "name", lambda f: f.items(), "spec.name: must be a list"),
    ("an object for a list", "labels", lambda f: f.items(), "spec.labels: must be a list"),
    ("a list for an object", "list", lambda f: f.get("x"), "spec.list: must be an object"),
    ("a list for a map", "list", lambda f: f.text_map(), "spec.list: must be an object"),
]


@pytest.mark.parametrize(("key", "read", "value"), [case[1:] for case in VALUES], ids=[case[0] for case in VALUES])
def test_a_field_gives_its_value_or_its_default(key: str, read: Read, value: object) -> None:
    found = read(SPEC.get(key))
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("key", "read", "message"), [case[1:] for case in ERRORS], ids=[case[0] for case in ERRORS])
def test_an_error_names_the_field(key: str, read: Read, message: str) -> None:
    with pytest.raises(InvalidField) as refusal:
        read(SPEC.get(key))
    assert message in str(refusal.value)
    assert refusal.value.path.startswith(f"spec.{key}")


@pytest.mark.parametrize("text", ["101%", "-1%", "50", "%", "a%", "", "nan%", "inf%"])
def test_what_is_no_percentage_between_0_and_100_is_refused(text: str) -> None:
    with pytest.raises(InvalidField, match="not a percentage"):
        Field("spec.coverage", text).share()


def test_paths_lead_through_objects_and_lists() -> None:
    second = SPEC.get("stages").items()[1]
    assert second.get("strength").integer() == 50
    assert second.get("strength").path == "spec.stages[1].strength"


def test_a_child_of_nothing_is_absent_and_keeps_its_path() -> None:
    child = SPEC.get("absent").get("deeper")
    assert not child.present
    with pytest.raises(InvalidField, match=r"^spec\.absent\.deeper: is required$"):
        child.text()


@given(st.integers(0, 100))
def test_every_whole_percentage_is_a_share(amount: int) -> None:
    assert Field("x", f"{amount}%").share() == amount / 100


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
READERS: list[Read] = [
    lambda f: f.text(),
    lambda f: f.integer(),
    lambda f: f.number(),
    lambda f: f.flag(),
    lambda f: f.seconds(),
    lambda f: f.share(),
    lambda f: f.choice(Mode),
    lambda f: f.texts(),
    lambda f: f.text_map(),
    lambda f: f.items(),
    lambda f: f.get("x"),
]


def refused_path(read: Read, field: Field) -> str:
    """The path in the refusal, or the field's own where it was read."""
    try:
        read(field)
    except InvalidField as refusal:
        return refusal.path
    return field.path


@given(JSON, st.sampled_from(READERS))
@example(10**400, READERS[2])
@example("9" * 5000 + "h", READERS[4])
def test_whatever_is_written_is_read_or_refused_by_name(value: object, read: Read) -> None:
    assert refused_path(read, Field("spec.x", value)).startswith("spec.x")
