"""No copy ever misses what its original finds: every alert of the corpus, odd ones by hand, and many by chance.

A real Prometheus evaluates originals and copies on generated series. The same is done with rewriters that are wrong on
purpose, so that it is known to notice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import pytest

from hypercare.domain.alerts.copies import CopyStyle, copy_rule
from hypercare.domain.alerts.protection import Deliver, Tighten
from hypercare.domain.alerts.rewriting import CopyLabels, Levers, tighten_alert
from hypercare.domain.alerts.selection import SelectedAlert
from hypercare.domain.alerts.syntax import AlertSyntax
from hypercare.domain.alerts.thresholds import ThresholdRule, move_threshold
from hypercare.domain.alerts.tightening import ForRule, MovedThreshold, Tightened
from hypercare.domain.promql.number_literals import number_literals, spliced
from hypercare.domain.promql.syntax import parse
from tests.adapters.real_prometheus import backfill, prometheus
from tests.corpus.cases import WIDE, Case, Rewriter, bounds, corpus_alerts, histories, odd_alerts
from tests.corpus.evaluation import Found, Rule, Verdict, compare, evaluate_all, same_alerts
from tests.corpus.odd_rules import BY_HAND, LOSES, by_chance
from tests.corpus.worlds import END, START, world
from tests.unit.alert_rules import IDENTITY

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

CHANCE_SEED, CHANCE_COUNT = 20261121, 500
LABELS = CopyLabels({}, frozenset({"namespace"}))


@dataclass
class Laboratory:
    """A Prometheus with the worlds of all cases; what it has evaluated once is kept."""

    url: str
    corpus: Sequence[Case]
    odd: Sequence[Case]
    wrong: Sequence[tuple[Case, str, str]]
    found: dict[str, Found]

    def verdicts(self, cases: Sequence[Case], rewriter: Rewriter) -> dict[str, Verdict]:
        pairs = [(case, copy) for case in cases if (copy := case.copy(rewriter)) is not None]
        self.evaluate([rule for case, copy in pairs for rule in (case.rule(), copy)])
        return {
            f"{case.prefix}{case.alert.alertname}: {case.alert.expr}": compare(case.rule(), copy, self.found)
            for case, copy in pairs
        }

    def evaluate(self, rules: Sequence[Rule]) -> None:
        missing = [rule.expr for rule in rules if rule.expr not in self.found]
        self.found |= evaluate_all(self.url, missing)


def moved(rule: ThresholdRule, strength: int = 100) -> Rewriter:
    def rewrite(expr: str) -> str | None:
        result = move_threshold(expr, rule, strength)
        return result.expr if isinstance(result, MovedThreshold) else None

    return rewrite


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    moves = moved(WIDE)
    corpus = [Case(alert, f"c{n}_") for n, alert in enumerate(corpus_alerts()) if moves(alert.expr)]
    odd_exprs = [expr for expr in (*BY_HAND, *by_chance(CHANCE_SEED, CHANCE_COUNT)) if moves(expr)]
    odd = [Case(alert, f"o{n}_") for n, alert in enumerate(odd_alerts(odd_exprs))]
    wrong_alerts = odd_alerts([original for original, _, _ in LOSES])
    wrong = [
        (Case(alert, f"w{n}_"), copy, why)
        for n, (alert, (_, copy, why)) in enumerate(zip(wrong_alerts, LOSES, strict=True))
    ]
    cases = [*corpus, *odd, *(case for case, _, _ in wrong)]
    # By name, so that what one alert is tried on does not change with the others.
    worlds = [
        world(case.own(case.alert.expr), bounds(case.alert.expr), f"{case.prefix}{CHANCE_SEED}") for case in cases
    ]
    folder = tmp_path_factory.mktemp("laboratory")
    backfill(folder, histories([series for each in worlds for series in each.series]), range(START, END))
    with prometheus(folder, {}) as server:
        yield Laboratory(server.url, corpus, odd, wrong, {})


def total(verdicts: dict[str, Verdict]) -> str:
    caught = sum(1 for each in verdicts.values() if each.missed)
    seen, earlier = sum(1 for each in verdicts.values() if each.seen), sum(1 for v in verdicts.values() if v.earlier)
    return f"{len(verdicts)} copies: {seen} originals with results, {earlier} copies with more, {caught} with less"


@pytest.mark.parametrize(
    ("rule", "strength"),
    [
        pytest.param(WIDE, 100, id="by half"),
        pytest.param(ThresholdRule(Fraction(1, 5)), 100, id="by a fifth"),
        pytest.param(ThresholdRule(Fraction(1, 5)), 25, id="by a fifth at a quarter of the strength"),
    ],
)
def test_no_copy_of_the_corpus_misses_a_result(laboratory: Laboratory, rule: ThresholdRule, strength: int) -> None:
    verdicts = laboratory.verdicts(laboratory.corpus, moved(rule, strength))

    print(f"\n{total(verdicts)}")
    assert {name: each for name, each in verdicts.items() if each.missed} == {}
    if rule is WIDE:
        # Otherwise nothing is shown. The rest joins what cannot match, or looks back for days.
        assert sum(1 for each in verdicts.values() if each.seen) > 0.95 * len(verdicts)
        assert sum(1 for each in verdicts.values() if each.earlier) > 0.7 * len(verdicts)


def test_no_odd_copy_misses_a_result(laboratory: Laboratory) -> None:
    verdicts = laboratory.verdicts(laboratory.odd, moved(WIDE))

    print(f"\n{total(verdicts)}")
    assert {name: each for name, each in verdicts.items() if each.missed} == {}
    assert sum(1 for each in verdicts.values() if each.seen) > 0.5 * len(verdicts)
    assert sum(1 for each in verdicts.values() if each.earlier) > 0.25 * len(verdicts)


def test_copies_with_both_levers_fire_whenever_their_originals_do(laboratory: Laboratory) -> None:
    levers = Levers(ForRule(Tighten(min_for_seconds=0)), WIDE)
    pairs = []
    for case in laboratory.corpus:
        outcome, _ = tighten_alert(SelectedAlert(case.alert, Deliver.NOTIFY), levers, LABELS, 100)
        if isinstance(outcome, Tightened) and isinstance(outcome.threshold, MovedThreshold):
            pairs.append((case, case.rule(outcome.threshold.expr, outcome.copy_for_seconds)))
    laboratory.evaluate([rule for case, copy in pairs for rule in (case.rule(), copy)])

    missed = {case.alert.expr for case, copy in pairs if compare(case.rule(), copy, laboratory.found).missed}

    assert missed == set()
    assert len(pairs) > 500


@pytest.mark.parametrize("index", range(len(LOSES)), ids=[why for _, _, why in LOSES])
def test_a_copy_that_is_wrong_by_hand_is_caught(laboratory: Laboratory, index: int) -> None:
    case, wrong, _ = laboratory.wrong[index]

    (verdict,) = laboratory.verdicts([case], lambda _: wrong).values()

    assert verdict.missed


def changed_literals(expr: str, copy: str) -> list[int]:
    before, after = (number_literals(each, parse(each)) for each in (expr, copy))
    return [index for index, (one, other) in enumerate(zip(before, after, strict=True)) if one.value != other.value]


def wrong_direction(expr: str) -> str | None:
    """Each bound as far on the other side."""
    copy = moved(WIDE)(expr)
    if copy is None:
        return None
    before, after = (number_literals(each, parse(each)) for each in (expr, copy))
    mirrored = {
        index: f"{float(2 * (before[index].value or 0) - (after[index].value or 0)):.12g}"
        for index in changed_literals(expr, copy)
    }
    return spliced(expr, parse(expr), before, mirrored)


def wrong_literal(expr: str) -> str | None:
    """Another number than the bound, halved."""
    copy = moved(WIDE)(expr)
    if copy is None:
        return None
    literals, bound = number_literals(expr, parse(expr)), changed_literals(expr, copy)
    others = [index for index, each in enumerate(literals) if index not in bound and each.value]
    if not others:
        return None
    return spliced(expr, parse(expr), literals, {others[0]: f"{float(literals[others[0]].value or 0) / 2:.12g}"})


def wrong_polarity(expr: str) -> str | None:
    """What is moved as for >, whatever the operator is."""
    copy = moved(WIDE)(expr)
    result = move_threshold(expr, WIDE, 100)
    if copy is None or not isinstance(result, MovedThreshold) or result.bounds[0].operator.startswith(">"):
        return None
    return wrong_direction(expr)


@pytest.mark.parametrize(
    ("rewriter", "share"),
    [
        pytest.param(wrong_direction, 0.5, id="wrong direction"),
        pytest.param(wrong_literal, 0.4, id="wrong literal"),
        pytest.param(wrong_polarity, 0.5, id="wrong polarity"),
    ],
)
def test_a_wrong_rewriter_is_caught(laboratory: Laboratory, rewriter: Rewriter, share: float) -> None:
    verdicts = laboratory.verdicts(laboratory.corpus, rewriter)

    print(f"\n{total(verdicts)}")
    assert sum(1 for each in verdicts.values() if each.missed) > share * len(verdicts)


def test_a_longer_for_is_caught(laboratory: Laboratory) -> None:
    cases = laboratory.corpus[:100]
    laboratory.evaluate([case.rule() for case in cases])
    longer = [(case.rule(), case.rule(for_seconds=case.alert.for_seconds + 120)) for case in cases]

    caught = [original for original, copy in longer if compare(original, copy, laboratory.found).missed]

    assert len(caught) > 0.5 * len(cases)


def test_copies_without_their_identity_are_caught(laboratory: Laboratory) -> None:
    """Two alerts of one name with two severities become one when both inform: that is what `hypercare_rule` is for."""
    case = laboratory.corpus[0]
    stricter = replace(case.alert, position=case.alert.position + 1, labels={"severity": "critical"})
    rules = []
    for alert in (replace(case.alert, labels={"severity": "warning"}), stricter):
        selected = SelectedAlert(alert, Deliver.NOTIFY)
        outcome, syntax = tighten_alert(selected, Levers(ForRule(Tighten()), WIDE), LABELS, 100)
        assert isinstance(outcome, Tightened)
        assert isinstance(syntax, AlertSyntax)
        made = copy_rule(selected, syntax, outcome, CopyStyle(IDENTITY, {}, "checkout"))
        rules.append(Rule(case.own(made.expr), 0, {"alertname": made.alertname, **made.labels}))
    laboratory.evaluate(rules)
    without = [replace(each, labels={k: v for k, v in each.labels.items() if k != "hypercare_rule"}) for each in rules]

    assert same_alerts(rules, laboratory.found) == 0
    assert same_alerts(without, laboratory.found) > 0
