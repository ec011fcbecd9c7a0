"""Alerts that are made of an indicator: their name, their expression, and the sentence that people read.

An indicator knows what its value is and which side is worse, so an alert needs no more than a target. It also knows
which series must be there for this very target; without them, its silence proves nothing.
"""

import hashlib
import re
from dataclasses import dataclass

from hypercare.domain.durations import format_duration
from hypercare.domain.fields import Field
from hypercare.domain.indicators import Indicator, Share, Value, Worse, measured
from hypercare.domain.life.rollout import Target
from hypercare.domain.promql.fields import parse_finite

ALERT_PREFIX = "Hypercare"
_DIGEST = 6
_VALUES = {
    "ratio": "{{ $value | humanizePercentage }}",
    "seconds": "{{ $value | humanizeDuration }}",
}


@dataclass(frozen=True)
class IndicatorAlert:
    """What an indicator gives to an alert.

    Attributes:
        name: Name of the alert, unless its author gave it one.
        expr: The condition.
        data: An expression that has series whenever the condition can be told.
        summary: One sentence, with the value as a template.
        origin: Where it comes from, and the bound.
    """

    name: str
    expr: str
    data: str
    summary: str
    origin: str


def parse_bound(field: Field, indicator: Indicator) -> float:
    """Read the bound of an alert, the indicator's own where none is given.

    Raises:
        InvalidField: it bounds values from the side that is not worse.
    """
    wrong = "below" if indicator.worse is Worse.HIGHER else "above"
    if field.get(wrong).present:
        worse = indicator.worse.value.lower()
        raise field.get(wrong).error(
            f"of {indicator.name} the {worse} values are the worse ones: use {indicator.alert_bound}"
        )
    return parse_finite(field.get(indicator.alert_bound), indicator.default_bound)


def indicator_alert(indicator: Indicator, target: Target, bound: float) -> IndicatorAlert:
    """The alert that fires while the target's value is on the worse side of the bound."""
    sign, limit = ">" if indicator.worse is Worse.HIGHER else "<", number_text(bound)
    found = measured(indicator, target)
    match found.measure:
        case Value(query):
            expr = f"({query}) {sign} {limit}"
        case Share(errors, total, min_total):
            # Errors without any series make no result: no errors are no alert.
            expr = f"({errors}) / ({total}) {sign} {limit} and ({total}) > {number_text(min_total)}"
    what = _within_sentence(indicator.description)
    value = _VALUES.get(indicator.unit, f"{{{{ $value | humanize }}}} {indicator.unit}")
    return IndicatorAlert(
        name=alert_name(indicator.name, target.name),
        expr=expr,
        data=found.data,
        summary=f"{target.name}: {what}: {value}, {indicator.alert_bound} {_told(bound, indicator.unit)}",
        origin=f"{indicator.name}, {sign} {limit}",
    )


def alert_name(indicator: str, target: str) -> str:
    """A name in the usual form, the same at all times and for no other indicator or target.

    `istio/http-latency` of `checkout-api` is `HypercareIstioHttpLatencyCheckoutApi`. Names that would look like another
    one so (`a-1`, `a1`, `a.1`) end in a digest.
    """
    words = _camel(indicator) + _camel(target)
    # A name is told by its form alone if it can be had back from it.
    if re.sub(r"(?<!^)(?=[A-Z])", "-", _camel(target)).lower() == target:
        return ALERT_PREFIX + words
    return f"{ALERT_PREFIX}{words}_{hashlib.sha256(target.encode()).hexdigest()[:_DIGEST]}"


def number_text(number: float) -> str:
    """A number as PromQL reads it, without loss."""
    return repr(number).removesuffix(".0")


def _camel(text: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[^a-z0-9]+", text))


def _within_sentence(text: str) -> str:
    """The same without the capital of a beginning; abbreviations such as HTTP keep theirs."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _told(bound: float, unit: str) -> str:
    if unit == "ratio":
        return f"{number_text(round(bound * 100, 9))}%"
    if unit == "seconds" and bound == int(bound) and bound >= 1:
        return format_duration(int(bound))
    return f"{number_text(bound)} {unit}"
