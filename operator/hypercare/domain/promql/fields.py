"""PromQL and numbers as fields of a spec: what parses here can be read as evidence."""

from math import isfinite

from hypercare.domain.fields import Field
from hypercare.domain.promql.syntax import PromQLError, check_replayable, parse
from hypercare.domain.promql.tenancy import Tenancy, confine


def parse_expression(field: Field) -> str:
    """Read a PromQL expression that means the same at every time and can be kept in a namespace.

    Raises:
        InvalidField: with the reason, beginning with the name of the error of `syntax`.
    """
    text = field.text()
    try:
        check_replayable(parse(text))
        confine(text, Tenancy("namespace", "checked"))
    except PromQLError as error:
        raise field.error(f"{type(error).__name__}: {error}") from error
    return text


def parse_finite(field: Field, default: float | None = None) -> float:
    """Read a number that is neither NaN nor infinite.

    Raises:
        InvalidField: it is not one.
    """
    number = field.number(default)
    if not isfinite(number):
        raise field.error("must be a finite number")
    return number
