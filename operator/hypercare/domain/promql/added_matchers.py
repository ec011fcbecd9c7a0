"""Adding matchers to single selectors of an expression, and nothing else.

The new text is parsed again and compared node by node with the old tree: whatever the way of writing it down might have
changed, it is noticed and refused. Comments and layout are lost.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import count

import promql_parser as pp

from hypercare.domain.promql.number_literals import node_entry
from hypercare.domain.promql.syntax import UnsupportedPromQL, nodes, parse, selector_text

_Matchers = Counter[tuple[str, str, str]]


def with_matchers(text: str, added: Mapping[int, str]) -> str:
    """Return the expression with matchers added to some selectors, each by its index in `selectors(tree)`.

    Raises:
        InvalidPromQL: it does not parse.
        UnsupportedPromQL: the matchers cannot be put there for sure.
    """
    tree, index = parse(text), count()

    def narrow(node: pp.Expr) -> pp.Expr | None:
        if not isinstance(node, pp.VectorSelector):
            return None
        found, matchers = selector_text(node), added.get(next(index), "")
        return _selector(found.matching(matchers) + found.time) if matchers else None

    narrowed: str = pp.transform(tree, None, narrow).prettify()
    if list(_outline(parse(narrowed), {})) != list(_outline(tree, added)):
        raise UnsupportedPromQL("matchers cannot be added to this expression for sure")
    return narrowed


def _selector(text: str) -> pp.VectorSelector:
    try:
        tree = pp.parse(text)
    except ValueError as error:
        raise UnsupportedPromQL(f"{text} is no selector: {error}") from error
    if not isinstance(tree, pp.VectorSelector):
        raise UnsupportedPromQL(f"{text} is no selector")
    return tree


def _outline(tree: pp.Expr, added: Mapping[int, str]) -> Iterator[tuple[object, ...]]:
    index = count()
    for node in nodes(tree):
        match node:
            case pp.VectorSelector():
                matchers = added.get(next(index), "")
                more = _matchers(_selector("{" + matchers + "}")) if matchers else Counter()
                yield node.name, selector_text(node).time, frozenset((_matchers(node) + more).items())
            case pp.MatrixSelector():
                yield "range", node.range
            case pp.SubqueryExpr():
                # What comes after the last bracket: offset and @.
                yield "subquery", node.range, node.step, node.prettify().rpartition("]")[2]
            case _:
                yield node_entry(node)


def _matchers(selector: pp.VectorSelector) -> _Matchers:
    return Counter((str(each.op), each.name, each.value) for each in selector.matchers.matchers)
