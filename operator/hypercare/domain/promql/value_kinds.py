"""What the values of an expression evidently are: counted or measured, never negative, read from the clock.

Names of metrics are conventions, not proofs. Where soundness depends on it (`never_negative`), only the conventions
count that hold for every exporter that keeps to the naming rules of Prometheus; elsewhere a wrong guess costs only
usefulness.
"""

import re

import promql_parser as pp

from hypercare.domain.promql.syntax import metric_name, nodes, selectors

_CALENDAR = frozenset(
    {"minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year"}
)
_COUNTING_CALLS = frozenset({"changes", "resets", "count_over_time", "present_over_time", "ceil", "floor"})
_KEEPING_COUNTS = frozenset(
    {"max_over_time", "min_over_time", "last_over_time", "sum_over_time", "abs", "label_replace", "label_join", "round"}
)
_COUNTING_NAMES = re.compile(
    r"up|.*_up|.*replicas.*|.*:up|kube_.*_(?:number|count|condition|phase|active|failed)(?:_.*)?"
)
_MEASURING_CALLS = frozenset(
    {"rate", "irate", "increase", "delta", "idelta", "deriv", "predict_linear", "avg_over_time", "stddev_over_time"}
    | {"stdvar_over_time", "quantile_over_time", "histogram_quantile", "histogram_avg", "histogram_fraction", "time"}
    | {"double_exponential_smoothing", "exp", "ln", "log2", "log10", "sqrt", "timestamp"}
)
_MEASURING_AGGREGATIONS = frozenset({"avg", "stddev", "stdvar", "quantile"})
_MEASURING_NAME = re.compile(
    r"(?:.*[_:.])?(?:seconds?|milliseconds?|ms|microseconds?|minutes|hours|days|bytes?|[kmg]i?b|bits|ratio|percent(?:age)?"
    r"|pct|rate[0-9a-z]*|burnrate.*|avg|average|mean|median|p[0-9]+|.*percentile|quantile|duration|latency|delay|lag|age"
    r"|time|load[0-9]*|usage|utili[sz]ation|cpuutilization|pressure|temperature|celsius|volts?|voltage|amperes?|watts?"
    r"|joules|hertz|weight|skew|offset|freq.*|speed|storage|memory|mem|disk|free|used|available|size|capacity)"
    r"(?:[_:.].*)?",
    re.IGNORECASE,
)
_CODES = re.compile(r"(?:.*[_:.])?(?P<what>code|state|status|mode|role|version|severity|reason|id)")
_SIZES = re.compile(r".*(?:bytes?|storage|memory|mem|disk|size|bits|capacity).*", re.IGNORECASE)

_COUNTER = re.compile(r".+_(?:total|count|bucket)")
_NEVER_NEGATIVE_NAME = re.compile(r"up|.+_bytes|.+_(?:total|count|bucket)|kube_(?!.*priority).+")
_MEASURED_BUCKETS = re.compile(r".+_(?:seconds|bytes|duration|latency|size|milliseconds|ms)_bucket")
_NOT_NEGATIVE_OF_NOT_NEGATIVE = frozenset(
    {"max_over_time", "min_over_time", "avg_over_time", "sum_over_time", "last_over_time", "quantile_over_time"}
    | {"ceil", "floor", "sqrt", "scalar", "label_replace", "label_join", "sort", "sort_desc"}
)
_NEVER_NEGATIVE_CALLS = frozenset(
    {"abs", "changes", "resets", "count_over_time", "present_over_time", "stddev_over_time", "stdvar_over_time"}
)
_INCREASES = frozenset({"rate", "irate", "increase"})


def reads_calendar(node: pp.Expr) -> bool:
    """Whether it is about the clock alone, or about hours, weekdays and the like."""
    calls = {each.func.name for each in nodes(node) if isinstance(each, pp.Call)}
    return bool(calls & _CALENDAR) or not selectors(node)


def is_code(node: pp.Expr) -> bool:
    """Whether the values evidently name something, such as a status or a state, and are no amounts."""
    return not measured(node) and not counts(node) and any(_names_codes(each) for each in selectors(node))


def is_size(node: pp.Expr) -> bool:
    """Whether it is evidently an amount of data, which no time is mistaken for."""
    return any(_SIZES.fullmatch(metric_name(each)) for each in selectors(node))


def is_scalar(node: pp.Expr) -> bool:
    """Whether it is one number, not a vector of series."""
    match node:
        case pp.NumberLiteral():
            return True
        case pp.ParenExpr() | pp.UnaryExpr():
            return is_scalar(node.expr)
        case pp.BinaryExpr():
            return is_scalar(node.lhs) and is_scalar(node.rhs)
        case pp.Call():
            return bool(node.func.return_type == pp.ValueType.Scalar)
    return False


def counts(node: pp.Expr) -> bool:
    """Whether the values are evidently whole numbers of things, or 0 and 1 for no and yes."""
    match node:
        case pp.VectorSelector():
            return _COUNTING_NAMES.fullmatch(metric_name(node)) is not None
        case pp.MatrixSelector():
            return counts(node.vector_selector)
        case pp.NumberLiteral():
            return node.val == int(node.val) if abs(node.val) < 2**53 else False
        case pp.ParenExpr() | pp.UnaryExpr() | pp.SubqueryExpr():
            return counts(node.expr)
        case pp.AggregateExpr():
            return str(node.op) in ("count", "count_values", "group") or (
                str(node.op) not in _MEASURING_AGGREGATIONS and counts(node.expr)
            )
        case pp.Call():
            return node.func.name in _COUNTING_CALLS or (node.func.name in _KEEPING_COUNTS and counts(node.args[0]))
        case pp.BinaryExpr() if str(node.op) in ("+", "-", "*", "or"):
            return counts(node.lhs) and counts(node.rhs)
        case pp.BinaryExpr() if str(node.op) not in ("/", "^", "%", "atan2"):
            # Comparisons and set operators keep the values of one side.
            return counts(node.rhs if is_scalar(node.lhs) else node.lhs)
    return False


def measured(node: pp.Expr) -> bool:
    """Whether the values evidently lie anywhere between whole numbers: rates, shares, times, sizes."""
    return any(_measures(each) for each in nodes(node))


def never_negative(node: pp.Expr) -> bool:
    """Whether no value can be below zero; NaN and infinity may occur."""
    match node:
        case pp.NumberLiteral():
            return bool(node.val >= 0)
        case pp.VectorSelector():
            return _NEVER_NEGATIVE_NAME.fullmatch(metric_name(node)) is not None
        case pp.MatrixSelector():
            return never_negative(node.vector_selector)
        case pp.ParenExpr() | pp.SubqueryExpr():
            return never_negative(node.expr)
        case pp.AggregateExpr():
            return str(node.op) in ("count", "group", "stddev", "stdvar") or (
                str(node.op) != "count_values"
                and never_negative(node.expr)
                and (node.param is None or str(node.op) != "quantile" or never_negative(node.param))
            )
        case pp.Call():
            return _call_never_negative(node)
        case pp.BinaryExpr():
            return _operation_never_negative(node)
    return False


def _names_codes(selector: pp.VectorSelector) -> bool:
    found = _CODES.fullmatch(metric_name(selector))
    # `threads_state{state="blocked"}` is how many there are in that state.
    return found is not None and not any(matcher.name == found["what"] for matcher in selector.matchers.matchers)


def _measures(node: pp.Expr) -> bool:
    match node:
        case pp.VectorSelector():
            return _MEASURING_NAME.fullmatch(metric_name(node)) is not None
        case pp.AggregateExpr():
            return str(node.op) in _MEASURING_AGGREGATIONS
        case pp.Call():
            return node.func.name in _MEASURING_CALLS
        case pp.BinaryExpr():
            return str(node.op) in ("/", "^", "atan2")
        case pp.NumberLiteral():
            return bool(node.val != node.val // 1)
    return False


def _call_never_negative(node: pp.Call) -> bool:
    name, arguments = node.func.name, node.args
    if name in _NEVER_NEGATIVE_CALLS or name == "time":
        return True
    if name in _INCREASES:
        # Samples above zero only rise or start anew, so what is added up is never below zero.
        return all(_COUNTER.fullmatch(metric_name(each)) for each in selectors(node))
    if name == "histogram_quantile":
        # Below the first bound the bound itself is the answer, so negative ones must be out of the question.
        return bool(never_negative(arguments[0])) and all(
            _MEASURED_BUCKETS.fullmatch(metric_name(each)) for each in selectors(arguments[1])
        )
    return name in _NOT_NEGATIVE_OF_NOT_NEGATIVE and all(
        never_negative(each) for each in arguments if not isinstance(each, pp.StringLiteral)
    )


def _operation_never_negative(node: pp.BinaryExpr) -> bool:
    match str(node.op):
        case "and" | "unless":
            return never_negative(node.lhs)
        case "+" | "*" | "/" | "or":
            return never_negative(node.lhs) and never_negative(node.rhs)
    return False
