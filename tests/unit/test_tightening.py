"""How far a `for` is shortened: exact whole seconds, never longer than the original, only when it changes something."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hypercare.domain.alerts.protection import INHERITED, Inherited, Tighten
from hypercare.domain.alerts.tightening import (
    ForRule,
    Outcome,
    Tightened,
    Untouched,
    UntouchedReason,
    shorten_for,
)


def rule(
    share: float = 0.5, min_for: int = 30, unrestored: bool = False, override: int | Inherited = INHERITED
) -> ForRule:
    return ForRule(Tighten(shorten_for=share, min_for_seconds=min_for, allow_unrestored=unrestored), override)


@pytest.mark.parametrize(
    ("original", "interval", "wish", "strength", "expected"),
    [
        pytest.param(300, 30, rule(), 100, 150, id="half of it at full strength"),
        pytest.param(300, 30, rule(), 50, 225, id="a quarter of it at half strength"),
        pytest.param(40, 10, rule(), 100, 30, id="not below minFor"),
        pytest.param(301, 1, rule(), 100, 150, id="rounded down to whole seconds"),
        pytest.param(10, 1, rule(share=0.9, min_for=0), 100, 1, id="exact where binary fractions are not"),
        pytest.param(300, 30, rule(share=1.0, min_for=0), 100, 0, id="down to nothing when that is asked for"),
        pytest.param(1800, 30, rule(), 100, 900, id="a long one stays above 10m by itself"),
        pytest.param(900, 30, rule(), 100, 600, id="clamped at 10m, below which state is not restored"),
        pytest.param(900, 30, rule(unrestored=True), 100, 450, id="below 10m when that is allowed"),
        pytest.param(300, 30, rule(override=60), 100, 60, id="an override at full strength"),
        pytest.param(300, 30, rule(override=60), 50, 180, id="an override, half way"),
        pytest.param(300, 30, rule(override=5), 100, 5, id="minFor does not bind an override"),
        pytest.param(900, 30, rule(override=60), 100, 600, id="the clamp binds an override too"),
        pytest.param(900, 30, rule(override=60, unrestored=True), 100, 60, id="an override below 10m when allowed"),
    ],
)
def test_a_for_is_shortened(original: int, interval: int, wish: ForRule, strength: int, expected: int) -> None:
    assert shorten_for(original, interval, wish, strength) == Tightened(original, expected)


@pytest.mark.parametrize(
    ("original", "interval", "wish", "strength", "reason"),
    [
        pytest.param(0, 30, rule(), 100, UntouchedReason.NO_FOR, id="no for at all"),
        pytest.param(30, 10, rule(), 100, UntouchedReason.ALREADY_SHORT, id="at minFor already"),
        pytest.param(20, 10, rule(), 100, UntouchedReason.ALREADY_SHORT, id="below minFor already"),
        pytest.param(600, 30, rule(), 100, UntouchedReason.STATE_NOT_RESTORED, id="10m cannot go below 10m"),
        pytest.param(
            60, 60, rule(), 100, UntouchedReason.WITHIN_ONE_EVALUATION, id="30s and 60s end at one evaluation"
        ),
        pytest.param(300, 30, rule(share=0), 100, UntouchedReason.NOT_SHORTENED, id="0 % asks for nothing"),
        pytest.param(300, 30, rule(override=300), 100, UntouchedReason.NOT_SHORTENED, id="an override to what it is"),
        pytest.param(300, 30, rule(), 0, UntouchedReason.NOT_SHORTENED, id="strength 0"),
    ],
)
def test_a_for_is_left_with_a_reason(
    original: int, interval: int, wish: ForRule, strength: int, reason: UntouchedReason
) -> None:
    outcome = shorten_for(original, interval, wish, strength)

    assert isinstance(outcome, Untouched)
    assert outcome.reason is reason
    assert outcome.message


def seconds(outcome: Outcome, original: int) -> int:
    return outcome.copy_for_seconds if isinstance(outcome, Tightened) else original


ORIGINALS = st.integers(0, 7 * 86400)
INTERVALS = st.integers(1, 600)
WISHES = st.builds(
    rule,
    share=st.integers(0, 1000).map(lambda thousandths: thousandths / 1000),
    min_for=st.integers(0, 900),
    unrestored=st.booleans(),
)


@given(ORIGINALS, INTERVALS, WISHES, st.integers(0, 100))
def test_never_longer_and_never_without_effect(original: int, interval: int, wish: ForRule, strength: int) -> None:
    copy = seconds(shorten_for(original, interval, wish, strength), original)

    assert 0 <= copy <= original
    assert copy == original or -(-copy // interval) < -(-original // interval)


@given(ORIGINALS, INTERVALS, WISHES, st.integers(0, 100), st.integers(0, 100))
def test_more_strength_is_never_looser(original: int, interval: int, wish: ForRule, one: int, other: int) -> None:
    weak, strong = sorted((one, other))

    assert seconds(shorten_for(original, interval, wish, strong), original) <= seconds(
        shorten_for(original, interval, wish, weak), original
    )


@given(ORIGINALS, INTERVALS, WISHES)
def test_strength_0_is_the_original(original: int, interval: int, wish: ForRule) -> None:
    assert isinstance(shorten_for(original, interval, wish, 0), Untouched)


@given(ORIGINALS, INTERVALS, st.integers(0, 100), st.data())
def test_an_override_is_never_longer_than_the_original(
    original: int, interval: int, strength: int, data: st.DataObject
) -> None:
    wish = rule(override=data.draw(st.integers(0, original)))

    assert seconds(shorten_for(original, interval, wish, strength), original) <= original


@given(ORIGINALS, INTERVALS, WISHES, st.integers(0, 100))
def test_state_that_is_restored_stays_restored(original: int, interval: int, wish: ForRule, strength: int) -> None:
    assume(original >= 600 and not wish.tighten.allow_unrestored)

    assert seconds(shorten_for(original, interval, wish, strength), original) >= 600


def test_the_change_in_words() -> None:
    assert str(Tightened(600, 300)) == "for 10m, now for 5m"
