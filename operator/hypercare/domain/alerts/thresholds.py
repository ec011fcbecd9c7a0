"""Moving the bounds of an alert towards what is normal, so that it fires earlier and never later.

Where the bounds are and whether they may move is decided by the syntax tree (`deciding`, `comparisons`). How far is
exact arithmetic: a share p of the bound at full strength, less with less strength. The new number is spliced into the
text (`number_literals`). Source of the rules: docs/semantics.md, 2.3.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from functools import lru_cache

import promql_parser as pp

from hypercare.domain.alerts.comparisons import GREATER, Comparison, unwrapped
from hypercare.domain.alerts.deciding import deciding
from hypercare.domain.alerts.protection import INHERITED, Inherited
from hypercare.domain.alerts.tightening import FULL_STRENGTH, BoundChange, MovedThreshold, Untouched, UntouchedReason
from hypercare.domain.promql.constants import fold
from hypercare.domain.promql.number_literals import NumberLiteral, TextNotUnderstood, number_literals, spliced
from hypercare.domain.promql.syntax import parse
from hypercare.domain.promql.value_kinds import measured

_EXACT_DIGITS = 12
_ROUNDED_DIGITS = 6
_MOST_DIGITS = 17


@dataclass(frozen=True)
class ThresholdRule:
    """How far bounds are to be moved at full strength: by a share of them below one, or to `override`."""

    share: Fraction = Fraction(0)
    override: Fraction | Inherited = INHERITED

    @property
    def asked(self) -> bool:
        """Whether any bound is to be moved."""
        return self.share > 0 or not isinstance(self.override, Inherited)


KEEP_THRESHOLDS = ThresholdRule()
"""Thresholds are not asked for."""


@lru_cache(maxsize=16384)
def move_threshold(expr: str, rule: ThresholdRule, strength: int) -> MovedThreshold | Untouched:
    """Move the deciding bounds of an expression that parses.

    Every result of `expr`, at any time and with any data, is also one of the new expression: the label sets are the
    same, but for the metric name.

    Raises:
        PromQLError: the expression does not parse.
    """
    tree = parse(expr)
    try:
        literals = number_literals(expr, tree)
        return _Move(expr, tree, literals, rule, Fraction(strength, FULL_STRENGTH)).moved()
    except TextNotUnderstood as error:
        return Untouched(UntouchedReason.TEXT_NOT_UNDERSTOOD, str(error))


def shift_bound(bound: Fraction, operator: str, share: Fraction) -> Fraction:
    """Where a bound goes when it is moved by a share of itself.

    Bounds that a value must fall below go up, by a share of what is nearer: the bound itself or, where it may be a
    share of 1 or of 100, what is missing to the whole.
    """
    if operator in GREATER:
        return bound - abs(bound) * share
    room = abs(bound)
    if 0 < bound < 1:
        room = min(bound, 1 - bound)
    elif 1 < bound < 100:
        room = min(bound, 100 - bound)
    return bound + room * share


def number_between(target: Fraction, origin: Fraction, like: str = "") -> str:
    """Write a number that lies from `target`, included, to `origin`, excluded, and as near to `target` as is short.

    It is written with an exponent if `like` has one, and plainly otherwise.
    """
    exact = _decimal(target, Context(prec=_EXACT_DIGITS))
    towards = ROUND_CEILING if target < origin else ROUND_FLOOR
    rounded = (
        _decimal(target, Context(prec=digits, rounding=towards)) for digits in range(_ROUNDED_DIGITS, _MOST_DIGITS + 1)
    )
    candidates = (exact, *rounded) if Fraction(exact) == target else tuple(rounded)
    fitting = (each for each in candidates if _lies_between(Fraction(each), target, origin))
    return _written(next(fitting, exact), exponent="e" in like.lower() and not like.lower().startswith("0x"))


def _decimal(value: Fraction, context: Context) -> Decimal:
    return context.divide(Decimal(value.numerator), Decimal(value.denominator)).normalize()


def _lies_between(value: Fraction, target: Fraction, origin: Fraction) -> bool:
    return target <= value < origin or origin < value <= target


def _written(value: Decimal, *, exponent: bool) -> str:
    if not exponent:
        return f"{value:f}"
    sign, digits, power = value.as_tuple()
    mantissa = Decimal((sign, digits, -(len(digits) - 1)))
    return f"{mantissa:f}e{int(power) + len(digits) - 1}"


@dataclass(frozen=True)
class _Move:
    expr: str
    tree: pp.Expr
    literals: tuple[NumberLiteral, ...]
    rule: ThresholdRule
    strength: Fraction

    def moved(self) -> MovedThreshold | Untouched:
        findings = deciding(self.tree, [each.value for each in self.literals])
        comparisons = [each for each in findings if isinstance(each, Comparison)]
        refusal = next(self._refusals(comparisons), None)
        if refusal is not None:
            return refusal
        reasons = [each for each in findings if isinstance(each, Untouched)]
        changes: dict[int, str] = {}
        bounds: list[BoundChange] = []
        for comparison in comparisons:
            match self._change(comparison):
                case Untouched() as reason:
                    reasons.append(reason)
                case text:
                    changes[comparison.literal] = text
                    bounds.append(self._bound_change(comparison, text))
        if not changes:
            return reasons[0]
        return MovedThreshold(spliced(self.expr, self.tree, self.literals, changes), tuple(dict.fromkeys(bounds)))

    def _refusals(self, comparisons: Sequence[Comparison]) -> Iterator[Untouched]:
        override = self.rule.override
        if isinstance(override, Inherited):
            return
        bounds = {(each.operator, each.exact): each for each in comparisons}
        for operator, bound in bounds:
            if (override > bound) if operator in GREATER else (override < bound):
                message = f"a bound of {_shown(override)} would loosen {operator} {_shown(bound)}"
                yield Untouched(UntouchedReason.OVERRIDE_LOOSENS, message)
        if len(bounds) > 1:
            listed = ", ".join(f"{operator} {_shown(bound)}" for operator, bound in bounds)
            yield Untouched(UntouchedReason.OVERRIDE_AMBIGUOUS, f"it has several bounds: {listed}")

    def _change(self, found: Comparison) -> str | Untouched:
        """The new text of the literal that moves the bound."""
        if found.unwanted and isinstance(self.rule.override, Inherited):
            return found.unwanted[0]
        target = self._target(found)
        if self._within_one(found):
            message = f"its values may be whole numbers, and {_shown(found.exact)} would move by less than one"
            return Untouched(UntouchedReason.WHOLE_NUMBERS, message)
        if target == found.exact:
            return Untouched(UntouchedReason.BOUND_NOT_MOVED, f"its bound stays {_shown(target)} at this strength")
        if found.scales and target * found.exact <= 0:
            message = f"as a factor, {_shown(found.exact)} must not become {_shown(target)}"
            return Untouched(UntouchedReason.BOUND_NOT_MOVED, message)
        literal = self.literals[found.literal]
        wanted = self._wanted_literal(found, literal, target)
        if wanted is None:
            return Untouched(UntouchedReason.BOUND_NOT_LITERAL, "no single number of its bound can be changed")
        text = number_between(*wanted, literal.text)
        if not self._arrives(found, text, target):
            message = f"no number is known that moves its bound of {_shown(found.exact)} towards {_shown(target)}"
            return Untouched(UntouchedReason.BOUND_NOT_MOVED, message)
        return text

    def _target(self, found: Comparison) -> Fraction:
        if isinstance(self.rule.override, Inherited):
            return shift_bound(found.exact, found.operator, self.rule.share * self.strength)
        return found.exact - (found.exact - self.rule.override) * self.strength

    def _within_one(self, found: Comparison) -> bool:
        """Whether it may be counts that are compared, by less than one moved: `< 3` of 3 nodes would fire for ever."""
        if not isinstance(self.rule.override, Inherited) or found.scales or measured(found.value):
            return False
        furthest = shift_bound(found.exact, found.operator, self.rule.share)
        return found.exact.denominator == 1 and abs(furthest - found.exact) < 1

    def _wanted_literal(
        self, found: Comparison, literal: NumberLiteral, target: Fraction
    ) -> tuple[Fraction, Fraction] | None:
        """What the literal should become, and what it is."""
        if literal.value is None:
            return None
        if isinstance(unwrapped(found.bound).node, pp.NumberLiteral):
            return target, literal.value
        # A constant of zero has no share; scaling a factor scales every other one.
        return (literal.value * target / found.exact, literal.value) if found.exact else None

    def _arrives(self, found: Comparison, text: str, target: Fraction) -> bool:
        """Whether the bound lies where it should, exactly, and has moved the right way as Prometheus computes it."""
        exact = self._folded(found, text)
        if exact is None or not _lies_between(exact, target, found.exact):
            return False
        before = [None if each.value is None else float(each.value) for each in self.literals]
        after = [*before[: found.literal], float(text), *before[found.literal + 1 :]]
        old, new = fold(found.bound, before), fold(found.bound, after)
        if old is None or new is None or not math.isfinite(float(text)) or not math.isfinite(new):
            return False
        return new < old if found.operator in GREATER else new > old

    def _folded(self, found: Comparison, text: str) -> Fraction | None:
        values = [each.value for each in self.literals]
        values[found.literal] = Fraction(Decimal(text))
        return fold(found.bound, values)

    def _bound_change(self, found: Comparison, text: str) -> BoundChange:
        if isinstance(unwrapped(found.bound).node, pp.NumberLiteral):
            return BoundChange(found.operator, self.literals[found.literal].text, text)
        folded = self._folded(found, text)
        return BoundChange(found.operator, _shown(found.exact), _shown(folded if folded is not None else found.exact))


def _shown(value: Fraction) -> str:
    number = _decimal(value, Context(prec=_EXACT_DIGITS))
    return _written(number, exponent=not -6 <= number.adjusted() <= 15 and number != 0)
