"""Which bound of an expression is moved, how far, and why others stay."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.alerts.thresholds import ThresholdRule, move_threshold, number_between, shift_bound
from hypercare.domain.alerts.tightening import BoundChange, MovedThreshold, Untouched, UntouchedReason
from hypercare.domain.promql.syntax import parse

FIFTH = ThresholdRule(Fraction(1, 5))


def moved(expr: str, rule: ThresholdRule = FIFTH, strength: int = 100) -> str:
    result = move_threshold(expr, rule, strength)
    assert isinstance(result, MovedThreshold), result
    return result.expr


def reason(expr: str, rule: ThresholdRule = FIFTH, strength: int = 100) -> UntouchedReason:
    result = move_threshold(expr, rule, strength)
    assert isinstance(result, Untouched), result
    assert result.message
    return result.reason


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        pytest.param("a_seconds > 5", "a_seconds > 4", id="down for >"),
        pytest.param("a_seconds >= 5", "a_seconds >= 4", id="down for >="),
        pytest.param("a_seconds < 500", "a_seconds < 600", id="up for <"),
        pytest.param("a_seconds <= 500", "a_seconds <= 600", id="up for <="),
        pytest.param("5 < a_seconds", "4 < a_seconds", id="a constant on the left turns the direction"),
        pytest.param("500 > a_seconds", "600 > a_seconds", id="a constant on the left, the other way"),
        pytest.param("a_seconds > -5", "a_seconds > -6", id="a negative bound goes down, not towards zero"),
        pytest.param("a_seconds < -5", "a_seconds < -4", id="a negative bound goes up, towards zero"),
        pytest.param("a_seconds > -(5)", "a_seconds > -(6)", id="a sign outside of parentheses"),
        pytest.param("a_ratio < 0.95", "a_ratio < 0.96", id="< of a share goes a fifth of the way to the whole"),
        pytest.param("a_ratio < 0.1", "a_ratio < 0.12", id="< of a small share goes a fifth of itself"),
        pytest.param("a_percent < 95", "a_percent < 96", id="< of a percentage too"),
        pytest.param("a_ratio > 0.95", "a_ratio > 0.76", id="> of a share has room below"),
        pytest.param("((a_seconds)) > ((5))", "((a_seconds)) > ((4))", id="parentheses"),
        pytest.param("a_seconds>5e3 # 5 s", "a_seconds>4e3 # 5 s", id="layout, comment and notation stay"),
        pytest.param("a_seconds > 5m", "a_seconds > 240", id="a duration as a number"),
        pytest.param("a_seconds > 14.4 * 0.001", "a_seconds > 11.52 * 0.001", id="a factor of a constant product"),
        pytest.param("a_seconds < 24 * 3600 * 7", "a_seconds < 24 * 3600 * 8.4", id="the factor that is no unit"),
        pytest.param("a_seconds > 60 * 60", "a_seconds > 48 * 60", id="the first where all are units"),
        pytest.param("a_ratio > (25 / 100)", "a_ratio > (20 / 100)", id="what is divided, not by what"),
        pytest.param("time() - a_timestamp > 3600", "time() - a_timestamp > 2880", id="an age"),
        pytest.param("sum(rate(a[5m])) / sum(rate(b[5m])) * 100 > 5", None, id="the bound, not a factor of the value"),
        pytest.param("histogram_quantile(0.9, sum by (le) (rate(a[5m]))) > 2", None, id="nor a parameter"),
        pytest.param("a_seconds > 5 and b > 10", "a_seconds > 4 and b > 10", id="the left of and"),
        pytest.param("a_seconds > 5 unless b > 10", "a_seconds > 4 unless b > 10", id="the left of unless"),
        pytest.param("a_seconds > 5 or b_seconds > 10", "a_seconds > 4 or b_seconds > 8", id="both sides of or"),
        pytest.param(
            "a_seconds > 5 or on (x) b_seconds > 10",
            "a_seconds > 5 or on (x) b_seconds > 8",
            id="the right alone of or with on",
        ),
        pytest.param(
            "a_seconds > 5 or ignoring (x) b_seconds > 10",
            "a_seconds > 5 or ignoring (x) b_seconds > 8",
            id="the right alone of or with ignoring",
        ),
        pytest.param("hour() > 6 and a_seconds > 5", "hour() > 6 and a_seconds > 4", id="the right of the clock"),
        pytest.param(
            "rate(a[5m]) > 14.4 * 0.01 and rate(a[1h]) > 0.144",
            "rate(a[5m]) > 11.52 * 0.01 and rate(a[1h]) > 0.1152",
            id="both windows of a burn rate",
        ),
        pytest.param(
            "a:burnrate1h > 0.6 and on (c) a:burnrate5m > 0.6",
            "a:burnrate1h > 0.48 and on (c) a:burnrate5m > 0.48",
            id="both windows where the range is in the name",
        ),
        pytest.param(
            "max(a:ratio_rate5m{s='x'} > 0.6) without (w) and max(a:ratio_rate1h{s='x'} > 0.6) without (w)",
            "max(a:ratio_rate5m{s='x'} > 0.48) without (w) and max(a:ratio_rate1h{s='x'} > 0.48) without (w)",
            id="both windows inside of aggregations",
        ),
        pytest.param(
            "rate(a[5m]) > 0.5 and rate(a[1h]) > 0.6", "rate(a[5m]) > 0.4 and rate(a[1h]) > 0.6", id="other bounds"
        ),
        pytest.param("rate(a[5m]) > 0.5 and rate(b[1h]) > 0.5", "rate(a[5m]) > 0.4 and rate(b[1h]) > 0.5", id="others"),
        pytest.param("a_ratio > 0.5 < 1", "a_ratio > 0.4 < 1", id="the inner comparison of a chain"),
        pytest.param("0 <= a_seconds < 500", "0 <= a_seconds < 600", id="the outer one where the inner has no share"),
        pytest.param("3 <= a_seconds < 500", "2.4 <= a_seconds < 600", id="both ends of a band"),
        pytest.param("count(a_seconds > 5) > 2", "count(a_seconds > 4) > 2", id="what is counted"),
        pytest.param("2 <= count by (x) (a_seconds < 500)", "2 <= count by (x) (a_seconds < 600)", id="counted, <"),
        pytest.param("sum by (x) (a_seconds > 5)", "sum by (x) (a_seconds > 4)", id="one result per group"),
        pytest.param("sum(a_seconds > 5) > 10", "sum(a_seconds > 5) > 8", id="what the sum is compared with"),
        pytest.param("a_bytes > 2 * b_bytes", "a_bytes > 1.6 * b_bytes", id="a multiple of what is never negative"),
        pytest.param("b_bytes * 0.9 > a_bytes", "b_bytes * 0.92 > a_bytes", id="a multiple on the left, < of a share"),
        pytest.param("a < 0.5 * scalar(sum(b_total))", "a < 0.6 * scalar(sum(b_total))", id="a multiple of a scalar"),
        pytest.param("a > min by (x) (b_bytes * 2)", "a > min by (x) (b_bytes * 1.6)", id="the least of multiples"),
        pytest.param("sum by (x) (a) > on (x) 2 * b_bytes", "sum by (x) (a) > on (x) 1.6 * b_bytes", id="unique left"),
        pytest.param("a > on (x) group_left 2 * b_bytes", "a > on (x) group_left 1.6 * b_bytes", id="many to one"),
        pytest.param("a_storage > 2000000000", "a_storage > 1600000000", id="a size is no time"),
        pytest.param("a_queue > 10", "a_queue > 8", id="counts by more than one"),
        pytest.param('a_state{state="bad"} > 10', 'a_state{state="bad"} > 8', id="how many are in a state"),
        pytest.param("a offset 5m > 5.5", "a offset 5m > 4.4", id="offset"),
        pytest.param("a{x='> 5'} > 5.5 # > 5", "a{x='> 5'} > 4.4 # > 5", id="strings and comments"),
        pytest.param('{__name__="a.b"} > 5.5', '{__name__="a.b"} > 4.4', id="a name that is no identifier"),
        pytest.param("sum({__name__=~'a|b'}) > 5.5", "sum({__name__=~'a|b'}) > 4.4", id="names that a sum drops"),
    ],
)
def test_the_bound_is_moved(expr: str, expected: str | None) -> None:
    assert moved(expr) == (expected or expr.replace("> 5", "> 4").replace("> 2", "> 1.6"))


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        pytest.param("a > 0", UntouchedReason.COMPARED_WITH_ZERO, id="zero has no share"),
        pytest.param("a > 0.0", UntouchedReason.COMPARED_WITH_ZERO, id="zero, written otherwise"),
        pytest.param("a == 5", UntouchedReason.EQUALITY, id="equality"),
        pytest.param("a != b", UntouchedReason.EQUALITY, id="inequality of series"),
        pytest.param("a > b", UntouchedReason.BOUND_NOT_CONSTANT, id="series against series"),
        pytest.param("a > 2 * b", UntouchedReason.SIGN_UNKNOWN, id="a multiple of what may be negative"),
        pytest.param("a > 2 * deriv(b_bytes[5m])", UntouchedReason.SIGN_UNKNOWN, id="a derivative may be negative"),
        pytest.param("a > 2 * rate(b[5m])", UntouchedReason.SIGN_UNKNOWN, id="a rate of what may be no counter"),
        pytest.param("a > 2 * (b_bytes - c_bytes)", UntouchedReason.SIGN_UNKNOWN, id="a difference may be negative"),
        pytest.param("a > 2 * quantile(-1, b_bytes)", UntouchedReason.SIGN_UNKNOWN, id="-Inf below the least quantile"),
        pytest.param("a > on (x) 2 * b_bytes", UntouchedReason.RESULTS_COLLAPSE, id="two on the left may match"),
        pytest.param("sum by (x, y) (a) > on (x) 2 * b_bytes", UntouchedReason.RESULTS_COLLAPSE, id="two groups match"),
        pytest.param("a > on (x) group_left (y) 2 * b_bytes", UntouchedReason.RESULTS_COLLAPSE, id="y overwritten"),
        pytest.param("a_seconds > 5 + 3", UntouchedReason.BOUND_NOT_LITERAL, id="a sum has no factor"),
        pytest.param("a_seconds > 2 ^ 3", UntouchedReason.BOUND_NOT_LITERAL, id="a power has none either"),
        pytest.param("a_seconds > +Inf", UntouchedReason.BOUND_NOT_CONSTANT, id="infinity has no share"),
        pytest.param("count(a) > 50", UntouchedReason.WHOLE_NUMBERS, id="counts"),
        pytest.param("changes(a[5m]) > 50", UntouchedReason.WHOLE_NUMBERS, id="changes"),
        pytest.param("sum(up) < 3", UntouchedReason.WHOLE_NUMBERS, id="a sum of up"),
        pytest.param("kube_deployment_status_replicas < 5", UntouchedReason.WHOLE_NUMBERS, id="replicas"),
        pytest.param("raft_peers < 3", UntouchedReason.WHOLE_NUMBERS, id="maybe counts, by less than one"),
        pytest.param("up < 1", UntouchedReason.WHOLE_SHARE, id="< 1.2 of up would fire for ever"),
        pytest.param("a_ratio < 1", UntouchedReason.WHOLE_SHARE, id="short of the whole"),
        pytest.param("a_percent <= 100", UntouchedReason.WHOLE_SHARE, id="short of all percent"),
        pytest.param("http_status_code >= 400", UntouchedReason.CODE, id="codes"),
        pytest.param("max by (x) (a_state) > 6", UntouchedReason.CODE, id="states"),
        pytest.param("a_seconds < 1700000000", UntouchedReason.CLOCK, id="a point in time"),
        pytest.param("a_ms > 1700000000000", UntouchedReason.CLOCK, id="a point in time, in milliseconds"),
        pytest.param("hour(a_seconds) > 6.5", UntouchedReason.CLOCK, id="the hour of a time"),
        pytest.param("minute() > 30 and a > 0", UntouchedReason.COMPARED_WITH_ZERO, id="the clock decides nothing"),
        pytest.param("a_seconds > bool 5", UntouchedReason.BOOL_MODIFIER, id="bool filters nothing"),
        pytest.param("absent(a_seconds > 5)", UntouchedReason.ABSENCE, id="under absent"),
        pytest.param("topk(3, a_seconds > 5)", UntouchedReason.INSIDE_AGGREGATION, id="topk drops others"),
        pytest.param("count(a_seconds > 5) < 3", UntouchedReason.INSIDE_AGGREGATION, id="more counted, fewer results"),
        pytest.param("count(a_seconds > 5 or b > 6) > 3", UntouchedReason.INSIDE_AGGREGATION, id="a counted or"),
        pytest.param("(a_seconds > 5) * 2", UntouchedReason.INSIDE_AGGREGATION, id="a calculation with what passed"),
        pytest.param("a - (b_seconds > 5) < 0.5", None, id="the outer bound of a calculation"),
        pytest.param("count(a_seconds > 5) > 3 < 10", UntouchedReason.WHOLE_NUMBERS, id="a count that must not grow"),
        pytest.param("sum by (__name__) (a_seconds > 5)", UntouchedReason.INSIDE_AGGREGATION, id="groups by name"),
        pytest.param(
            'label_replace(a_seconds > 5, "x", "y", "z", "")',
            UntouchedReason.INSIDE_AGGREGATION,
            id="two more could become one",
        ),
        pytest.param("{job='x'} > 5.5", UntouchedReason.RESULTS_COLLAPSE, id="names that are not fixed"),
        pytest.param(
            "sum({job='x'} > 2 * b_bytes)", UntouchedReason.RESULTS_COLLAPSE, id="two names may match one series"
        ),
        pytest.param("rate({job='x'}[5m]) > 5.5", UntouchedReason.RESULTS_COLLAPSE, id="names dropped at the end"),
        pytest.param("a", UntouchedReason.NO_THRESHOLD, id="presence alone"),
        pytest.param("a_seconds == 1 and b > 5", UntouchedReason.EQUALITY, id="the right of and is a guard"),
        pytest.param("a == 1 or on (x) b == 2", UntouchedReason.LEFT_OF_MATCHED_OR, id="nothing on the right of or"),
        pytest.param("a_seconds > 017", UntouchedReason.TEXT_NOT_UNDERSTOOD, id="octal is written otherwise"),
        pytest.param("a_seconds < 1.7e308", UntouchedReason.BOUND_NOT_MOVED, id="beyond the last number"),
    ],
)
def test_the_bound_stays(expr: str, expected: UntouchedReason | None) -> None:
    if expected is None:
        assert moved(expr) == expr.replace("0.5", "0.6")
    else:
        assert reason(expr) is expected


@pytest.mark.parametrize(
    ("strength", "expected"), [(100, "a_seconds > 4"), (50, "a_seconds > 4.5"), (25, "a_seconds > 4.75")]
)
def test_strength_scales_the_move(strength: int, expected: str) -> None:
    assert moved("a_seconds > 5", strength=strength) == expected


def test_nothing_is_moved_without_strength_or_share() -> None:
    assert reason("a_seconds > 5", strength=0) is UntouchedReason.BOUND_NOT_MOVED
    assert reason("a_seconds > 5", ThresholdRule()) is UntouchedReason.BOUND_NOT_MOVED


def test_the_whole_share_moves_a_bound_to_zero_but_no_factor() -> None:
    whole = ThresholdRule(Fraction(1))

    assert moved("a_seconds > 5", whole) == "a_seconds > 0"
    assert reason("a > 5 * b_bytes", whole) is UntouchedReason.BOUND_NOT_MOVED


def override(bound: str) -> ThresholdRule:
    return ThresholdRule(Fraction(1, 5), Fraction(bound))


@pytest.mark.parametrize(
    ("expr", "bound", "strength", "expected"),
    [
        pytest.param("a_ratio > 0.05", "0.02", 100, "a_ratio > 0.02", id="to the number itself"),
        pytest.param("a_ratio > 0.05", "0.02", 50, "a_ratio > 0.035", id="half of the way"),
        pytest.param("a_seconds < 5", "9", 100, "a_seconds < 9", id="upwards for <"),
        pytest.param("a_seconds < -5", "3", 100, "a_seconds < 3", id="over zero, sign and all"),
        pytest.param("a_seconds > 5", "-1", 100, "a_seconds > -1", id="under zero"),
        pytest.param("a > 14.4 * 0.01", "0.1", 100, "a > 10 * 0.01", id="by a factor"),
        pytest.param("count(a) > 5", "3", 100, "count(a) > 3", id="counts, where a person says so"),
        pytest.param("a < 1", "2", 100, "a < 2", id="past the whole, where a person says so"),
        pytest.param("a > 0", "-3", 100, "a > -3", id="from zero"),
        pytest.param("a > 5.5 and b > 7", "5", 100, "a > 5 and b > 7", id="the left of and"),
    ],
)
def test_an_override_says_where_the_bound_goes(expr: str, bound: str, strength: int, expected: str) -> None:
    assert moved(expr, override(bound), strength) == expected


@pytest.mark.parametrize(
    ("expr", "bound", "expected"),
    [
        pytest.param("a > 5", "6", UntouchedReason.OVERRIDE_LOOSENS, id="a higher bound for > loosens"),
        pytest.param("a < 5", "4", UntouchedReason.OVERRIDE_LOOSENS, id="a lower bound for < loosens"),
        pytest.param("5 < a", "6", UntouchedReason.OVERRIDE_LOOSENS, id="whichever side it is on"),
        pytest.param("a > 5 or b > 6", "4", UntouchedReason.OVERRIDE_AMBIGUOUS, id="which of two bounds"),
        pytest.param("a > 5 or b > 3", "4", UntouchedReason.OVERRIDE_LOOSENS, id="loosens one of two"),
        pytest.param("a > 5", "5", UntouchedReason.BOUND_NOT_MOVED, id="to what it is"),
        pytest.param("a == 5", "4", UntouchedReason.EQUALITY, id="no direction at all"),
        pytest.param("a > 0 * 5", "-1", UntouchedReason.BOUND_NOT_LITERAL, id="zero by a factor"),
        pytest.param("a > 2 * b_bytes", "-1", UntouchedReason.BOUND_NOT_MOVED, id="a factor of another sign"),
        pytest.param("a > 2 * b", "1", UntouchedReason.SIGN_UNKNOWN, id="what is unsound stays so"),
    ],
)
def test_an_override_is_refused(expr: str, bound: str, expected: UntouchedReason) -> None:
    assert reason(expr, override(bound)) is expected


def test_each_different_change_is_told_once() -> None:
    pair = move_threshold("rate(a[5m]) > 14.4 * 0.01 and rate(a[1h]) > 14.4 * 0.01", FIFTH, 100)
    two = move_threshold("5 < a_seconds or b_seconds > 1e3", FIFTH, 100)

    assert isinstance(pair, MovedThreshold)
    assert isinstance(two, MovedThreshold)
    assert pair.bounds == (BoundChange(">", "0.144", "0.1152"),)
    assert two.bounds == (BoundChange(">", "5", "4"), BoundChange(">", "1e3", "8e2"))


BOUNDS = st.fractions(min_value=-(10**12), max_value=10**12, max_denominator=10**6)
SHARES = st.integers(1, 99).map(lambda percent: Fraction(percent, 100))


@given(BOUNDS.filter(bool), st.sampled_from([">", ">=", "<", "<="]), SHARES)
def test_a_bound_moves_towards_more_results_and_never_past_the_whole(
    bound: Fraction, operator: str, share: Fraction
) -> None:
    shifted = shift_bound(bound, operator, share)

    assert (shifted <= bound) if operator.startswith(">") else (shifted >= bound)
    if operator.startswith("<"):
        assert not (bound < 1 <= shifted)
        assert not (bound < 100 <= shifted)


@given(BOUNDS, BOUNDS, st.sampled_from(["5", "5e3", "0x1F"]))
def test_a_written_number_lies_between_target_and_origin(target: Fraction, origin: Fraction, like: str) -> None:
    if target == origin or abs(target - origin) < Fraction(1, 10**6):
        return

    written = Fraction(Decimal(number_between(target, origin, like)))

    assert target <= written < origin or origin < written <= target


LITERALS = st.decimals(min_value=Decimal("-1e9"), max_value=Decimal("1e9"), places=4).filter(bool)
SHAPES = st.sampled_from(
    ["a_seconds {op} {c}", "{c} {op} a_seconds", "count(a_seconds {op} {c}) > 2", "a_seconds {op} ({c} * 0.001)"]
)


@given(SHAPES, st.sampled_from([">", ">=", "<", "<="]), LITERALS, SHARES, st.integers(1, 100))
def test_whatever_is_moved_parses_and_has_moved_the_right_way(
    shape: str, operator: str, literal: Decimal, share: Fraction, strength: int
) -> None:
    result = move_threshold(shape.format(op=operator, c=f"{literal:f}"), ThresholdRule(share), strength)

    if isinstance(result, MovedThreshold):
        parse(result.expr)
        (change,) = result.bounds
        before, after = float(change.original.replace(" ", "")), float(change.copy)
        assert (after < before) if change.operator.startswith(">") else (after > before)
