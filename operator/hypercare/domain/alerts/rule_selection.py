"""Who loads a PrometheusRule: the selectors of Prometheus and ThanosRuler objects, and what each of them misses."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hypercare.domain.alerts.source_rules import Body, object_labels, object_name
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.label_selectors import LabelSelector, parse_label_selector


@dataclass(frozen=True)
class RuleLoaders:
    """The objects that say who loads rules (Prometheus and ThanosRuler), and the namespace whose rules it is about."""

    bodies: Sequence[Body]
    namespace: str
    namespace_labels: Mapping[str, str]

    def refusals(self, rules: Body) -> tuple[str, ...]:
        """Why each of them does not select a PrometheusRule; empty when one does, or when there is none."""
        found = [_refusal(rules, body, self) for body in self.bodies]
        return tuple(found) if all(found) else ()

    def selecting(self, rules: Body) -> tuple[str, ...]:
        """Those that select a PrometheusRule, by kind and name."""
        return tuple(_name(body) for body in self.bodies if not _refusal(rules, body, self))


def _name(loader: Body) -> str:
    home = Field("metadata", loader.get("metadata", {})).get("namespace").text("")
    return f"{loader.get('kind', 'Prometheus')} {home}/{object_name(loader)}"


def _refusal(rules: Body, loader: Body, loaders: RuleLoaders) -> str:
    """Why this one does not select the rules; empty if it does."""
    home, name = Field("metadata", loader.get("metadata", {})).get("namespace").text(""), _name(loader)
    spec = Field("spec", loader.get("spec", {}))
    try:
        reasons = list(_mismatches(rules, spec, home, loaders))
    except InvalidField as error:
        return f"{name} has selectors that cannot be read: {error}"
    return f"{name} {' and '.join(reasons)}" if reasons else ""


def _mismatches(rules: Body, spec: Field, home: str, loaders: RuleLoaders) -> Iterator[str]:
    selector, namespaces = spec.get("ruleSelector"), spec.get("ruleNamespaceSelector")
    if not selector.present:
        yield "selects no rules at all (no ruleSelector)"
    else:
        lacking = _lacking(parse_label_selector(selector), object_labels(rules))
        if lacking:
            yield f"selects rules with {lacking}: add that to rules.labels of the HypercareProfile"
    if not namespaces.present:
        if home != loaders.namespace:
            yield f"selects rules of its own namespace only (no ruleNamespaceSelector), not of {loaders.namespace}"
        return
    labels = {"kubernetes.io/metadata.name": loaders.namespace, **loaders.namespace_labels}
    lacking = _lacking(parse_label_selector(namespaces), labels)
    if lacking:
        yield f"selects rules of namespaces with {lacking}: label the namespace {loaders.namespace} so"


def _lacking(selector: LabelSelector, labels: Mapping[str, str]) -> str:
    return ", ".join(str(requirement) for requirement in selector.unmet(labels))
