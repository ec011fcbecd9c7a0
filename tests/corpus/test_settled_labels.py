"""The labels that an expression settles: no result, of any alert of the corpus or by chance, ever has another one.

A label too few would let a copy mute the original of another instance. A real Prometheus evaluates the expressions on
generated series.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from hypercare.domain.alerts.closed_labels import closed_labels
from hypercare.domain.promql.syntax import PromQLError, parse
from tests.adapters.real_prometheus import backfill, prometheus
from tests.corpus.cases import Case, bounds, corpus_alerts, histories, odd_alerts
from tests.corpus.evaluation import Found, evaluate_all
from tests.corpus.odd_rules import BY_HAND, by_chance
from tests.corpus.worlds import END, START, names_of, world

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]
SEED, COUNT = 20261121, 300


@dataclass(frozen=True)
class Settled:
    """An expression in a world of its own, and the labels that it settles."""

    expr: str
    labels: frozenset[str]


def settled() -> Iterator[tuple[Case, Settled]]:
    alerts = [*corpus_alerts(), *odd_alerts([*BY_HAND, *by_chance(SEED, COUNT)])]
    for number, alert in enumerate(alerts):
        case = Case(alert, f"s{number}_")
        try:
            labels = closed_labels(parse(alert.expr))
        except PromQLError:
            continue
        if labels is not None and names_of(alert.expr):
            yield case, Settled(case.own(alert.expr), labels)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[Settled, Found]]:
    cases = list(settled())
    worlds = [world(each.expr, bounds(case.alert.expr), f"{case.prefix}{SEED}") for case, each in cases]
    folder = tmp_path_factory.mktemp("settled")
    backfill(folder, histories([series for each in worlds for series in each.series]), range(START, END))
    with prometheus(folder, {}) as server:
        found = evaluate_all(server.url, [each.expr for _, each in cases])
        yield {each: found[each.expr] for _, each in cases}


def shown(found: Found) -> frozenset[str]:
    return frozenset(name for results in found.at.values() for result in results for name, _ in result)


def test_no_result_has_a_label_that_is_not_settled(evaluated: Mapping[Settled, Found]) -> None:
    beyond = {each.expr: shown(found) - each.labels for each, found in evaluated.items() if shown(found) - each.labels}
    assert beyond == {}


def test_the_worlds_would_show_one(evaluated: Mapping[Settled, Found]) -> None:
    """Of each label that is settled, results have it somewhere: leaving any out would have been noticed."""
    with_labels = {each: found for each, found in evaluated.items() if each.labels and any(found.at.values())}
    complete = [each for each, found in with_labels.items() if shown(found) == each.labels]
    print(f"{len(evaluated)} settled, {len(with_labels)} with labels in results, {len(complete)} with all of them")
    assert len(with_labels) > 100
    assert len(complete) > 0.8 * len(with_labels)
