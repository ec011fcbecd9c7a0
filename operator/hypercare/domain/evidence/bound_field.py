"""Bounds as fields of a spec: `above`, `below`, `between` and `equals`, of which an object has exactly one."""

from hypercare.domain.evidence.bounds import Above, Below, Between, Bound, Equals
from hypercare.domain.fields import Field
from hypercare.domain.promql.fields import parse_finite

BOUNDS = ("above", "below", "between", "equals")


def parse_bound(field: Field) -> Bound:
    """Read the one bound that an object has.

    Raises:
        InvalidField: it has none or several, or a number that is not finite.
    """
    written = [key for key in BOUNDS if field.get(key).present]
    if len(written) != 1:
        raise field.error("exactly one of above, below, between and equals must be set")
    value = field.get(written[0])
    match written[0]:
        case "above":
            return Above(parse_finite(value))
        case "below":
            return Below(parse_finite(value))
        case "equals":
            return Equals(parse_finite(value))
    ends = [parse_finite(end) for end in value.items()]
    if len(ends) != 2 or ends[0] > ends[1]:
        raise value.error("must be two numbers, the lower one first")
    return Between(ends[0], ends[1])


def parse_side(field: Field) -> Above | Below:
    """Read a bound that has to be `above` or `below`.

    Raises:
        InvalidField: it has neither or both, or a number that is not finite.
    """
    above, below = field.get("above"), field.get("below")
    if above.present == below.present:
        raise field.error("exactly one of above and below must be set")
    return Above(parse_finite(above)) if above.present else Below(parse_finite(below))
