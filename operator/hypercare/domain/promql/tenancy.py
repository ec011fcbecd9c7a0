"""Keeping a tenant's queries in its namespace: the namespace matcher goes into every selector, by the syntax tree.

Matchers that are there stay, ours is added: `x{namespace="other"}` then asks for both and gives nothing. The result is
parsed again, and each of its selectors compared with the original one, so what a query says cannot be an escape.

Metrics of an exception are found by name only: a selector that fixes no name gets the default label, and a matcher that
leaves them out. Their default label names where they were scraped (an ingress controller, a sidecar), not whose they
are, so it would let a tenant read what its own proxies, or the controllers in its namespace, saw of others.

Limit: a metric that carries the namespace in another label than the profile says is not seen, or is somebody else's.
That is for the profile's author to get right; a period cannot change it.
"""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import promql_parser as pp

from hypercare.domain.profile import TenancyRules, TenantException
from hypercare.domain.promql.syntax import (
    PromQLError,
    UnsupportedPromQL,
    metric_name,
    nodes,
    parse,
    selector_text,
    selectors,
)
from hypercare.domain.promql.text import matcher


@dataclass(frozen=True)
class Tenancy:
    """Where the series of one namespace are found.

    `label` holds the namespace, unless the metric's name matches an exception (fully anchored, the first one counts),
    whose label holds it instead. Metrics named in `shared` belong to everybody and get no matcher.
    """

    label: str
    namespace: str
    exceptions: tuple[TenantException, ...] = ()
    shared: frozenset[str] = frozenset()

    def label_of(self, name: str) -> str:
        """The label that holds the namespace of the metric of this name; empty for a shared metric."""
        if name in self.shared:
            return ""
        return next((each.label for each in self.exceptions if each.metrics.fullmatch(name)), self.label)

    def matchers(self, name: str) -> str:
        """What goes into a selector of this metric; empty for a shared one. An empty name stands for any metric."""
        if not name:
            others = (matcher("__name__", "!~", each.metrics.pattern) for each in self.exceptions)
            return ",".join([matcher(self.label, "=", self.namespace), *others])
        label = self.label_of(name)
        return matcher(label, "=", self.namespace) if label else ""


def tenancy_of(rules: TenancyRules, namespace: str) -> Tenancy:
    """The profile's rules, for one namespace."""
    return Tenancy(rules.label, namespace, rules.exceptions, rules.shared)


def confine(text: str, tenancy: Tenancy) -> str:
    """Return the expression with the tenant's matcher in every selector.

    Raises:
        InvalidPromQL: it does not parse.
        UnsupportedPromQL: it cannot be confined for sure.
    """
    match _confined(text, tenancy):
        case str() as confined:
            return confined
        case error:
            raise error


@lru_cache(maxsize=16384)
def _confined(text: str, tenancy: Tenancy) -> str | PromQLError:
    # Errors are cached too: a broken query of a tenant must not cost a parse on every visit.
    try:
        return _confine(text, tenancy)
    except PromQLError as error:
        return error


def _confine(text: str, tenancy: Tenancy) -> str:
    tree = parse(text)
    if any(isinstance(node, pp.Call) and node.func.name == "info" for node in nodes(tree)):
        raise UnsupportedPromQL("info() reads series that no selector names, so it cannot be kept in the namespace")

    def narrow(node: pp.Expr) -> pp.Expr | None:
        return _narrowed(node, tenancy) if isinstance(node, pp.VectorSelector) else None

    confined = pp.transform(tree, None, narrow).prettify()
    _verify(selectors(tree), selectors(parse(confined)), tenancy)
    return confined


def _narrowed(selector: pp.VectorSelector, tenancy: Tenancy) -> pp.Expr:
    text = selector_text(selector)
    return _parse(text.matching(tenancy.matchers(metric_name(selector))) + text.time)


def _parse(text: str) -> pp.Expr:
    try:
        return pp.parse(text)
    except ValueError as error:
        raise UnsupportedPromQL(f"the profile's tenancy cannot be put into {text}: {error}") from error


def _verify(before: tuple[pp.VectorSelector, ...], after: tuple[pp.VectorSelector, ...], tenancy: Tenancy) -> None:
    pairs_up = len(before) == len(after) and all(
        new.name == old.name and new.offset == old.offset and _matchers(new) == _matchers(old) + _expected(old, tenancy)
        for old, new in zip(before, after, strict=True)
    )
    if not pairs_up:
        raise UnsupportedPromQL("the namespace cannot be put into every selector of this expression for sure")


def _matchers(selector: pp.VectorSelector) -> Counter[tuple[str, str, str]]:
    return Counter((str(m.op), m.name, m.value) for m in selector.matchers.matchers)


def _expected(selector: pp.VectorSelector, tenancy: Tenancy) -> Counter[tuple[str, str, str]]:
    added = tenancy.matchers(metric_name(selector))
    if not added:
        return Counter()
    ours = _parse("{" + added + "}")
    return _matchers(ours) if isinstance(ours, pp.VectorSelector) else Counter()
