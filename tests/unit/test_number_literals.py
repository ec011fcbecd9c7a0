"""Where the numbers of an expression stand in its text, and that a splice changes nothing else."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.domain.promql.number_literals import TextNotUnderstood, number_literals, spliced
from hypercare.domain.promql.syntax import PromQLError, parse


def texts(expr: str) -> list[str]:
    return [each.text for each in number_literals(expr, parse(expr))]


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        pytest.param("a > 5", ["5"], id="plain"),
        pytest.param("a > .5 or b > 5. or c > 5e-1 or d > 5E2", [".5", "5.", "5e-1", "5E2"], id="every notation"),
        pytest.param("a > 0x1F or b > 1h30m", ["0x1F", "1h30m"], id="hexadecimal, durations"),
        pytest.param("a > -5 or b > - 5", ["-5", "- 5"], id="the sign belongs to it"),
        pytest.param("a>--5 or b > +5", ["5", "5"], id="two signs are none"),
        pytest.param("a - 5 > 3", ["5", "3"], id="a subtraction is no sign"),
        pytest.param("a > -(5)", ["5"], id="a sign before parentheses is an operator"),
        pytest.param("a < +Inf", ["Inf"], id="infinity"),
        pytest.param("a5 > 5 and rate5m > 6", ["5", "6"], id="names with digits"),
        pytest.param("a{b='5',c=\"}5'\"} > 6", ["6"], id="label values"),
        pytest.param("a{b=`}5`} > 6 # 7 } '\nand b > 8", ["6", "8"], id="backquotes and comments"),
        pytest.param("a # it's 5\n > 6", ["6"], id="an apostrophe in a comment"),
        pytest.param("a[5m] offset 5m", [], id="ranges and offsets"),
        pytest.param("max_over_time((a > 5)[5m:1m] OFFSET -6m) > 7", ["5", "7"], id="subqueries, upper case"),
        pytest.param("a @ 1.5e9 > 5 and b @ end() > 6", ["5", "6"], id="@"),
        pytest.param("quantile by (x) (0.9, a) > topk(3, b)", ["0.9", "3"], id="parameters"),
        pytest.param('{"a.5", "b.c"="5"} > 6', ["6"], id="names in quotes"),
        pytest.param("a > on (x5) 2 * b", ["2"], id="labels with digits"),
    ],
)
def test_numbers_are_found(expr: str, expected: list[str]) -> None:
    assert texts(expr) == expected


@pytest.mark.parametrize(
    "expr",
    [
        pytest.param("a > 017", id="octal"),
        pytest.param("a > - # five\n 5", id="a comment between sign and digits"),
        pytest.param("a > 1e-999999999", id="an exponent beyond all measure"),
    ],
)
def test_doubt_is_no_guess(expr: str) -> None:
    with pytest.raises(TextNotUnderstood):
        texts(expr)


def test_only_the_number_is_exchanged() -> None:
    expr = "# over 5\n( a > 5 )  and b{x='5'} > -6"
    tree = parse(expr)

    new = spliced(expr, tree, number_literals(expr, tree), {0: "4", 1: "7"})

    assert new == "# over 5\n( a > 4 )  and b{x='5'} > 7"


@pytest.mark.parametrize(
    "new",
    [
        pytest.param("4 and b", id="more than a number"),
        pytest.param("4 # ", id="a comment that swallows the rest"),
        pytest.param("(", id="what does not parse"),
        pytest.param("4 * 1", id="a calculation"),
    ],
)
def test_whatever_changes_more_is_refused(new: str) -> None:
    expr = "a > 5 and c > 6"
    tree = parse(expr)

    with pytest.raises(TextNotUnderstood):
        spliced(expr, tree, number_literals(expr, tree), {0: new})


def test_a_comment_of_signs_in_braces_takes_no_time() -> None:
    assert texts("a{b='5' " + "#" * 5000 + "\n} > 6") == ["6"]


NUMBERS = ["5", ".5", "5e3", "5m", "Inf", "0x5"]
WORDS = ["a", "sum", "rate", "and", "or", "bool", "by (x)", "on (x)", "offset 5m", "@ 5", "[5m]", "{x='5'}"]
SIGNS = ["-", "+", ">", "<", "^", "(", ")", "}", "{", ",", " ", "# 5\n", "'5", '"', "`", "\\", "é"]
PIECES = st.sampled_from([*NUMBERS, *WORDS, *SIGNS])


@given(st.lists(PIECES, max_size=14).map(" ".join))
def test_anything_is_either_understood_or_refused(text: str) -> None:
    try:
        tree = parse(text)
        literals = number_literals(text, tree)
    except (PromQLError, TextNotUnderstood):
        return
    for index, literal in enumerate(literals):
        new = spliced(text, tree, literals, {index: "7"})
        assert number_literals(new, parse(new))[index].value == Fraction(7)
        assert new == text[: literal.start] + "7" + text[literal.end :]
