"""A narrowed alert finds exactly what its original finds for the tenant, as a real Prometheus evaluates both.

The same series are asked for the original, whose results are then looked through for the label, and for the narrowed
expression. What may not be narrowed is narrowed all the same, to see that this would be noticed.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from hypercare.domain.alerts.narrowing import Narrowed
from hypercare.domain.alerts.source_rules import SourceAlert, source_alerts
from hypercare.domain.promql.added_matchers import with_matchers
from hypercare.domain.promql.separable import Separable, separable
from hypercare.domain.promql.syntax import parse, selectors
from tests.adapters.real_prometheus import History, backfill, prometheus
from tests.corpus.evaluation import Found, evaluate_all
from tests.corpus.odd_rules import BY_HAND, by_chance
from tests.corpus.promtool import complaints
from tests.corpus.rules import FILES, rule_objects
from tests.corpus.shared import LINES, narrowed_alerts, narrowings
from tests.corpus.worlds import END, START, STEP, Sample, Series, names_of, with_own_metrics, world

KUBE_PROMETHEUS = FILES[0]
CHANCE_SEED, CHANCE_COUNT = 20261122, 300
JOINS = (
    "a_bytes * on (x, instance) group_left (kind) b_info > 5",
    "a_bytes * on (instance) group_left b_info > 5",
    "a_bytes * on (instance) group_left (x) b_info > 5",
    "a_bytes > 5 or on (x) b_bytes > 5",
    "a_bytes > 5 or on () b_bytes > 5",
    "b_info * on (instance) group_right a_bytes > 5",
    "b_info * on (x) group_right () max by (x, instance) (a_bytes) > 5",
    "max by (x) (a_bytes) / on (x) sum by (x) (b_bytes) > 0.5",
    "a_bytes / ignoring (instance) group_left sum without (instance) (b_bytes) > 0.1",
    "a_bytes > 5 and on (instance) b_bytes > 1",
    "a_bytes > 5 unless on (x) absent(b_bytes)",
    "sum by (x) (a_bytes) / scalar(sum(b_bytes)) > 0.1",
    "a_bytes > 5 or vector(0) > 1",
    'count_values by (x) ("value", a_bytes) > 0',
    "histogram_quantile(0.9, sum by (x, le) (rate(a_bucket[5m]))) > 1",
    "sum by (x) (a_bytes) > on () group_left max(b_bytes)",
    "avg_over_time(sum by (x) (a_bytes)[5m:1m]) > 5",
    'label_replace(a_bytes, "kind", "$1", "x", "(.*)") > 5',
    'label_replace(a_bytes, "x", "$1", "instance", "(.*)") > 5',
    "sum(a_bytes) by (x) > 5 or sum(b_bytes) by (instance) > 5",
    "quantile by (x) (scalar(max(b_ratio)), a_bytes) > 5",
)
OF_TENANT = {"namespace": "namespace-0", "pod": "pod-0", "x": "x-0", "instance": "instance-0"}


@dataclass(frozen=True)
class Case:
    """An expression with metrics of its own, and the label by which it is narrowed."""

    expr: str
    label: str

    @property
    def matcher(self) -> str:
        return f'{self.label}="{OF_TENANT[self.label]}"'

    @property
    def found(self) -> Separable | None:
        found = separable(parse(self.expr), self.label)
        return found if isinstance(found, Separable) else None

    def narrowed(self) -> str:
        """As it should be, or with every selector narrowed where that is refused."""
        every = range(len(selectors(parse(self.expr))))
        return with_matchers(self.expr, dict.fromkeys(self.found.narrow if self.found else every, self.matcher))

    def differences(self, found: Mapping[str, Found]) -> tuple[int, int]:
        """How many results the tenant has, and how many are missed or too many, while both can be evaluated."""
        whole, own = found[self.expr], found[self.narrowed()]
        seen = wrong = 0
        for time in whole.at.keys() & own.at.keys():
            wanted = {each for each in whole.at[time] if (self.label, OF_TENANT[self.label]) in each}
            seen += len(wanted)
            wrong += len(wanted ^ own.at[time])
        return seen, wrong


@dataclass(frozen=True)
class Laboratory:
    """All cases, with what a Prometheus finds for them."""

    cases: Sequence[Case]
    found: Mapping[str, Found]

    def differences(self, *, separable: bool) -> dict[str, tuple[int, int]]:
        chosen = [case for case in self.cases if (case.found is not None) is separable]
        return {f"{case.label}: {case.expr}": case.differences(self.found) for case in chosen}


def cases() -> Iterator[Case]:
    alerts = [each for body in rule_objects(KUBE_PROMETHEUS) for each in source_alerts(body, 30)]
    exprs: list[tuple[str, tuple[str, ...]]] = [
        (alert.expr, ("namespace", "pod")) for alert in alerts if isinstance(alert, SourceAlert)
    ]
    exprs += [(expr, ("x", "instance")) for expr in (*JOINS, *BY_HAND, *by_chance(CHANCE_SEED, CHANCE_COUNT))]
    for number, (expr, labels) in enumerate(exprs):
        if names_of(expr) and "ALERTS" not in expr:
            own = with_own_metrics(expr, names_of(expr), f"n{number}_")
            yield from (Case(own, label) for label in labels)


def of_tenants(series: Series) -> Series:
    """Two entities share a namespace, and each has its own pod, whatever its expression names; what it pins stays."""
    name, labels, samples = series
    entity = re.fullmatch(r".*-([0-9])", labels.get("instance", ""))
    if entity is None:
        return series
    number = int(entity[1])
    own = {"namespace": f"namespace-{number // 2}", "pod": f"pod-{number}", "x": f"x-{number // 2}"}
    free = {label: value for label, value in own.items() if re.fullmatch(rf"{label}-[0-9]|", labels.get(label, ""))}
    return name, {**labels, **free}, samples


def sampled(samples: Sequence[Sample]) -> Callable[[int], Sample]:
    return lambda time: samples[(time - START) // STEP]


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    every = list(cases())
    worlds = {case.expr: world(case.expr, [5.0], f"{case.expr}{CHANCE_SEED}") for case in every}
    series = [of_tenants(each) for one in worlds.values() for each in one.series]
    distinct = {(name, frozenset(labels.items())): (name, labels, samples) for name, labels, samples in series}
    histories = [History(name, labels, sampled(samples), STEP) for name, labels, samples in distinct.values()]
    folder = tmp_path_factory.mktemp("narrowing")
    backfill(folder, histories, range(START, END))
    with prometheus(folder, {}) as server:
        found = evaluate_all(server.url, [expr for case in every for expr in (case.expr, case.narrowed())])
        yield Laboratory(every, found)


@pytest.mark.cluster
@pytest.mark.timeout(600)
def test_a_narrowed_expression_finds_what_its_original_finds_for_the_tenant(laboratory: Laboratory) -> None:
    found = laboratory.differences(separable=True)
    seen = sum(1 for count, _ in found.values() if count)

    print(f"\n{len(found)} narrowed, {seen} with results for the tenant")
    assert {case: counts for case, counts in found.items() if counts[1]} == {}
    assert seen > 0.4 * len(found)


@pytest.mark.cluster
@pytest.mark.timeout(600)
def test_narrowing_what_is_refused_would_be_noticed(laboratory: Laboratory) -> None:
    found = laboratory.differences(separable=False)
    wrong = sum(1 for _, count in found.values() if count)

    print(f"\n{len(found)} refused, {wrong} of them wrong when narrowed all the same")
    assert wrong > 0.4 * len(found)


def test_what_becomes_of_each_alert_was_reviewed() -> None:
    now = list(narrowings())

    print("", *(line for line in now if line.startswith("#")), sep="\n")
    assert now == LINES.read_text(encoding="utf-8").splitlines(), "python -m tests.corpus.shared writes it anew"


@pytest.mark.cluster
def test_every_narrowed_alert_is_accepted_by_promtool(tmp_path: Path) -> None:
    rules = [
        {"alert": alert.alertname, "expr": expr, "labels": {"position": str(position), "part": part}}
        for position, (alert, found) in enumerate(narrowed_alerts())
        if isinstance(found, Narrowed)
        for part, expr in (("condition", found.expr), ("inputs", found.inputs), ("scope", f"ALERTS{{{found.scope}}}"))
    ]
    path = tmp_path / "narrowed.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "narrowed", "rules": rules}]}), encoding="utf-8")

    assert complaints([path]) == ""
    assert len(rules) > 60
