"""Whatever rules a namespace holds, the overlay that is built from them is one that Prometheus accepts as a whole."""

import random
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from hypercare.domain.alerts.overlay import rule_id_of
from hypercare.domain.alerts.overlay_plan import Basis, plan_overlay
from hypercare.domain.alerts.rule_templates import as_text, parses
from tests.corpus.odd_rules import BY_HAND, by_chance
from tests.corpus.promtool import complaints
from tests.corpus.templates import BROKEN, WRITTEN, made_up
from tests.unit.alert_rules import CONTEXT, alert, protection, rule_object

ODD_EXPRESSIONS = (
    *BY_HAND,
    "(" * 3000 + "up == 0" + ")" * 3000,
    "up == 0" + " or up == 0" * 9000,
    "up == 0 # a comment at the end",
    "# first\nup == 0 # {{ $value",
    "up{job=`back\\tick`} == 0",
    'up{job="quoted \\" brace }"} == 0',
    "SUM(rate(errors_total[5m])) BY (job) > 5 AND ON (job) up == 1",
    "errors > 5 @ 1700000000 offset -5m",
    '{"odd metric", "odd label"="ü"} > 5',
    'errors{job="Ω≈ç√∫"} > 5',
    'absent(up{job=~"((("}) == 1',
    "\x00\ufeffup == 0",
    "up ==",
    "",
    "💥",
    "rate(up) > 1",
    "up == 0" + " " * 100_000,
)
ODD_LABELS: tuple[dict[str, Any], ...] = (
    {},
    {"severity": "critical"},
    {"severity": "{{ $labels.severity }}"},
    {"team": "ünïcødé ☃", "severity": ""},
    {"höhe": "10"},
    {"a b": "c"},
    {"alertname": "Other"},
    {"__name__": "x"},
    {"namespace": "other", "hypercare": "mine", "hypercare_rule": "x"},
    {"team": "{{ $value"},
    {"": "empty"},
)
FORS = ("5m", "0s", "", "1y", "90s", "1h30m", "5", "-5m", "500ms", "1d2h3m")


def odd_rules(seed: int, count: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    expressions = [*ODD_EXPRESSIONS, *by_chance(seed, count)]
    templates = [*WRITTEN, *BROKEN, *made_up(count, seed)]
    return [
        alert(
            chance.choice(("Same", "Same", f"Alert{number}", "ünï", "a b", "{{ $value }}")),
            expr=expr,
            for_=chance.choice(FORS),
            labels=chance.choice(ODD_LABELS),
            annotations={"summary": chance.choice(templates), "ü {{": chance.choice(templates)},
            keep_firing_for=chance.choice(("", "5m")),
        )
        for number, expr in enumerate(expressions)
    ]


@pytest.mark.parametrize(("seed", "strength"), [(1, 100), (2, 50), (3, 1)])
def test_no_alert_takes_the_others_down(seed: int, strength: int, tmp_path: Path) -> None:
    rules = [rule_object(f"o{number}", *odd_rules(seed + number, 60)) for number in range(3)]
    began = time.process_time()

    plan = plan_overlay(Basis(protection(), replace(CONTEXT, strength=strength), rules, {}))

    assert time.process_time() - began < 20
    paths = []
    for part in plan.objects:
        paths.append(tmp_path / f"{part['metadata']['name']}.yaml")
        paths[-1].write_text(yaml.safe_dump({"groups": part["spec"]["groups"]}))
    assert complaints(paths) == ""
    copied = {rule_id_of(rule) for part in plan.objects for group in part["spec"]["groups"] for rule in group["rules"]}
    assert len(copied) > 100


def test_a_template_that_is_kept_parses_for_prometheus(tmp_path: Path) -> None:
    templates = [*WRITTEN, *BROKEN, *made_up(6000, seed=9)]
    kept = [template for template in templates if parses(template)]
    shown = [as_text(template) for template in templates if not parses(template)]
    assert min(len(kept), len(shown)) > 1000
    assert refused(tmp_path, [*kept, *shown]) == []
    # Not everything that parses has to be kept, but everything that people write.
    assert set(refused(tmp_path, BROKEN)) == set(BROKEN)


def refused(folder: Path, templates: Sequence[str]) -> list[str]:
    """The templates that Prometheus does not accept."""
    rules = [{"alert": f"A{n}", "expr": "up == 0", "annotations": {"x": text}} for n, text in enumerate(templates)]
    path = folder / "templates.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]}))
    said = complaints([path])
    return [templates[int(number)] for number in sorted(set(re.findall(r'rule \d+, "A(\d+)"', said)), key=int)]
