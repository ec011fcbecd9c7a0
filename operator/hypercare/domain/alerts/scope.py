"""Whose alerts a period may take: those of its own namespace, and those that its profile shares with others.

Which rules are shared is the platform team's word alone: a period that says `shared: true` cannot name a namespace.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from hypercare.domain.alerts.source_rules import Body, made_by_hypercare, object_labels, object_namespace
from hypercare.domain.fields import Field
from hypercare.domain.label_selectors import LabelSelector, parse_label_selector
from hypercare.domain.life.rollout import Target
from hypercare.domain.promql.tenancy import Tenancy


@dataclass(frozen=True)
class SharedRules:
    """PrometheusRules of a namespace that every period may have copies of, narrowed to its own namespace."""

    namespace: str
    selector: LabelSelector

    def include(self, body: Body) -> bool:
        """Whether a PrometheusRule is one of them."""
        here = object_namespace(body) == self.namespace
        return here and not self.selector.unmet(object_labels(body)) and not made_by_hypercare(body)

    def __str__(self) -> str:
        """Where they are, for messages."""
        labels = str(self.selector)
        return f"{self.namespace} (labels {labels})" if labels else self.namespace


@dataclass(frozen=True)
class Scope:
    """The namespace and the targets of a period, where its series are, and what is shared with it."""

    namespace: str = ""
    targets: tuple[Target, ...] = ()
    tenancy: Tenancy = field(default_factory=lambda: Tenancy("namespace", ""))
    shared: tuple[SharedRules, ...] = ()

    def own(self, rules: Iterable[Body]) -> list[Body]:
        """The PrometheusRules of the period's namespace. One that names none is such a one."""
        return [body for body in rules if object_namespace(body) in ("", self.namespace) or not self.namespace]

    def shared_with(self, rules: Iterable[Body]) -> list[Body]:
        """The shared ones, those of its own namespace excepted: they are taken like any other there."""
        others = [body for body in rules if object_namespace(body) not in ("", self.namespace)]
        return [body for body in others if any(each.include(body) for each in self.shared)]


def parse_shared_rules(spec: Field) -> tuple[SharedRules, ...]:
    """Read `rules.shared` of a profile.

    Raises:
        InvalidField: a value cannot be used, with its path.
    """
    return tuple(
        SharedRules(each.get("namespace").text(), parse_label_selector(each.get("selector"))) for each in spec.items()
    )
