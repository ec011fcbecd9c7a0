"""What becomes of situations that only scraping and rules in real time bring about, a stop of 45 seconds among them.

One story is lived through once, and every test reads it afterwards. Rules and overlays are those that the operator
would write. Each test is named in the table of docs/evidence.md.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from hypercare.domain.alerts.plan import AlertPlan
from hypercare.domain.evidence.context import Context
from hypercare.domain.evidence.judgement import Verdict
from hypercare.domain.evidence.quiet import NoOverlay, OverlayLive, Recording, Watch, Whose
from hypercare.domain.evidence.reading import Evaluated
from hypercare.domain.profile import Evaluation
from hypercare.domain.promql.tenancy import Tenancy
from tests.adapters.evidence_visits import judged, marks, times_of
from tests.adapters.real_prometheus import Exporter, Server, ask, exporting, prometheus
from tests.unit.alert_rules import IDENTITY, alert, plan, rule_object

pytestmark = pytest.mark.cluster

STEP = 5
COARSE = 10
FRESHNESS = 15
STOPPED_SECONDS = 45


def quick(name: str, expr: str, **labels: str) -> dict[str, Any]:
    """An alert that fires after two seconds; its copy after one."""
    return alert(name, expr=expr, for_="2s", labels={"severity": "critical"} | labels)


RULES = rule_object(
    "shop",
    quick("Flash", "errors > 1"),
    quick("Calm", "orders > 100"),
    quick("Crowded", "crowd > 1"),
    # Two results become one, which fails the rule, but not the companions that count them.
    quick("Broken", "crowd > 1", zone="all"),
    quick("Ambiguous", "crowd * on (namespace) crowd > 1"),
    quick("Unfed", "nothing_here > 5"),
    quick("Nameless", "sum(crowd) > 1"),
    quick("Levelled", "load > 1", severity="{{ $labels.level }}"),
    quick("Unread", 'sort_by_label(orders, "pod") > 100'),
    interval="1s",
)
LIMITED = rule_object("limited", quick("Limited", "crowd > 1"), interval="1s", limit=1)
# The alert of the same name in another namespace fires all the time.
OTHERS = rule_object("other", quick("Calm", "vector(1)", namespace="other"), interval="1s")
TIGHTEN = {"tighten": {"shortenFor": "50%", "minFor": "1s"}}


@dataclass(frozen=True)
class Story:
    """What happened, in Unix seconds."""

    url: str
    since: int
    flash: int
    stop: int
    restart: int
    back: int
    end: int
    plan: AlertPlan
    labelled: AlertPlan


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder: Path = tmp_path_factory.mktemp("live")
    plans = (
        plan([RULES, LIMITED], **TIGHTEN),
        plan(
            [RULES],
            {"identity": replace(IDENTITY, period="labelled")},
            **TIGHTEN,
            labels={"zone": "war-room"},
            **{"from": [{"rule": "shop", "alerts": ["Crowded"]}]},
        ),
    )
    # A file for each PrometheusRule, as prometheus-operator does it.
    for number, body in enumerate([RULES, LIMITED, OTHERS, *(each.overlay for each in plans)]):
        assert body is not None
        (folder / f"{number}.rules").write_text(yaml.safe_dump(body["spec"]))
    with ExitStack() as stack:
        shop, vanishing, failing = (stack.enter_context(exporting()) for _ in range(3))
        show(shop, vanishing, failing)
        write_targets(folder, vanishing.address)
        config = configuration(folder, shop, failing)
        yield lived(stack.enter_context(prometheus(folder, config)), (shop, failing), plans)


def show(shop: Exporter, vanishing: Exporter, failing: Exporter) -> None:
    born = time.time()
    shop.shown = {
        "orders": 10,
        "errors": 0,
        'crowd{zone="a"}': 5,
        'crowd{zone="b"}': 5,
        'load{level="warning"}': 5,
        "requests_total": lambda: time.time() - born,
    }
    vanishing.shown = {"queue": 1}
    failing.shown = {"backlog": 1}


def write_targets(folder: Path, *addresses: str) -> None:
    (folder / "targets.new").write_text(json.dumps([{"targets": list(addresses), "labels": {"namespace": "shop"}}]))
    (folder / "targets.new").rename(folder / "targets.json")


def configuration(folder: Path, shop: Exporter, failing: Exporter) -> dict[str, Any]:
    def static(job: str, exporter: Exporter) -> dict[str, Any]:
        return {
            "job_name": job,
            "static_configs": [{"targets": [exporter.address], "labels": {"namespace": "shop"}}],
        }

    discovered = {
        "job_name": "vanishing",
        "file_sd_configs": [{"files": [str(folder / "targets.json")], "refresh_interval": "1s"}],
    }
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(folder / "*.rules")],
        "scrape_configs": [static("shop", shop), static("failing", failing), discovered],
    }


def lived(server: Server, exporters: tuple[Exporter, Exporter], plans: tuple[AlertPlan, AlertPlan]) -> Story:
    shop, failing = exporters
    groups = {(index, alert.group_id) for index, each in enumerate(plans) for alert in each.watched}
    wait_for(
        server, f"count(hypercare:overlay:live) == {len(groups)} and on () orders and on () queue and on () backlog"
    )
    since = now()
    wait_until(since + STEP)
    write_targets(server.folder)
    flash = (now() // COARSE + 1) * COARSE
    wait_until(flash + 2)
    shop.shown["errors"] = 5
    failing.broken = True
    wait_until(flash + 4)
    restarted = time.time()
    shop.shown["requests_total"] = lambda: time.time() - restarted
    wait_until(flash + 8)
    shop.shown["errors"] = 0
    wait_until(flash + COARSE + STEP)
    server.stop()
    stop = now()
    wait_until(stop + STOPPED_SECONDS)
    restart = now()
    server.start()
    wait_for(server, f"min(hypercare:overlay:live) > {restart} and on () timestamp(orders) > {restart}")
    back = now()
    wait_until(back + 2 * STEP)
    return Story(server.url, since, flash, stop, restart, back, now(), *plans)


def now() -> int:
    return int(time.time())


def wait_until(moment: float) -> None:
    """The story takes place in real time."""
    while (left := moment - time.time()) > 0:
        time.sleep(left)


def wait_for(server: Server, condition: str) -> None:
    deadline = time.monotonic() + 30
    while not ask(server.url, condition, now()).rows:
        assert time.monotonic() < deadline, condition
        time.sleep(0.2)


def context(story: Story, moment: int, step: int = STEP, **changes: Any) -> Context:
    """Visit at a moment of the story, with a period whose overlay was live from the beginning."""
    common = Context(
        now=moment,
        evaluation=Evaluation(step=step, interval=1, delay=0, freshness=FRESHNESS, max_delay=600),
        tenancy=Tenancy("namespace", "shop"),
        whose=Whose("shop", "checkout", IDENTITY.run_id),
        started_at=story.since,
        floor=0,
        watch=watching(story),
    )
    return replace(common, **changes)


def watching(story: Story, recording: Recording | None = None, **changes: Any) -> Watch:
    return replace(Watch(story.plan.watched, recording or OverlayLive(story.since)), **changes)


def visit(story: Story, moment: int, **spec: Any) -> Evaluated:
    return judged(story.url, {"sustainedFor": "10s"} | spec, context(story, moment))


def alerts(story: Story, kind: Mapping[str, Any], **changes: Any) -> Evaluated:
    """Judge alerts shortly before the stop."""
    return judged(story.url, {"sustainedFor": "10s", "alerts": kind}, context(story, story.stop - 1, **changes))


def newest(found: Evaluated) -> str:
    return marks(found)[max(marks(found))]


def on_grid(begin: int, end: int, step: int = STEP) -> list[int]:
    """Points from `begin` through `end`."""
    return list(range(-(-begin // step) * step, end + 1, step))


def test_a_stop_of_45_seconds_is_seen_although_no_value_shows_it(story: Story) -> None:
    found = visit(story, story.end, query="sum(orders)", above=5)
    hidden = on_grid(story.stop + FRESHNESS + 1, story.restart)
    assert len(hidden) >= (STOPPED_SECONDS - FRESHNESS) // STEP - 1
    assert set(hidden) <= set(times_of(found, "ScrapeGap"))
    assert {marks(found)[moment] for moment in marks(found) if moment < story.stop or moment > story.back} == {"Good"}
    for moment in hidden:
        assert ask(story.url, 'sum(orders{namespace="shop"})', moment).rows


def test_while_prometheus_is_stopped_no_alert_counts_as_quiet(story: Story) -> None:
    found = judged(story.url, {"sustainedFor": "10s", "alerts": {"names": ["Calm"]}}, context(story, story.end))
    unseen = on_grid(story.stop + STEP + 1, story.restart)
    assert set(unseen) <= set(times_of(found, "RulesNotEvaluated"))
    assert (marks(found)[on_grid(story.flash, story.stop)[-1]], newest(found)) == ("Good", "Good")


@pytest.mark.parametrize("include", ["Originals", "Copies"])
def test_an_alert_that_fires_for_a_few_ticks_between_two_points_is_seen(story: Story, include: str) -> None:
    at = context(story, story.stop - 1, step=COARSE)
    found = judged(story.url, {"sustainedFor": "20s", "alerts": {"names": ["Flash"], "include": include}}, at)
    assert (times_of(found, "Bad"), set(marks(found).values())) == ([story.flash + COARSE], {"Good", "Bad"})
    for moment in (story.flash, story.flash + COARSE):
        assert not ask(story.url, 'ALERTS{alertname="Flash",alertstate="firing"}', moment).rows


def test_an_alert_that_stays_silent_with_its_rules_evaluated_and_fed_is_quiet(story: Story) -> None:
    found = alerts(story, {"names": ["Calm"]})
    assert (set(marks(found).values()), found.judgement.verdict) == ({"Good"}, Verdict.MET)


def test_an_alert_of_the_same_name_in_another_namespace_does_not_count(story: Story) -> None:
    elsewhere = ask(story.url, 'ALERTS{alertname="Calm",namespace="other",alertstate="firing"}', story.stop - 1)
    assert elsewhere.rows
    assert set(marks(alerts(story, {"names": ["Calm"], "include": "Both"})).values()) == {"Good"}


def test_a_copy_that_fails_while_its_group_lives_is_not_quiet(story: Story) -> None:
    labelled = {
        "whose": Whose("shop", "labelled", IDENTITY.run_id),
        "watch": watching(story, alerts=story.labelled.watched),
    }
    copies = alerts(story, {"include": "Copies"}, **labelled)
    assert (newest(copies), "Bad" in marks(copies).values()) == ("RuleFails", False)
    assert copies.judgement.verdict is Verdict.UNKNOWN
    assert newest(alerts(story, {"include": "Originals"}, **labelled)) == "Bad"


@pytest.mark.parametrize("name", ["Broken", "Limited"])
def test_an_original_that_fails_while_its_group_lives_is_not_quiet(story: Story, name: str) -> None:
    found = alerts(story, {"names": [name]})
    assert (newest(found), found.judgement.verdict) == ("RuleFails", Verdict.UNKNOWN)
    assert newest(alerts(story, {"names": ["Limited"], "include": "Copies"})) == "Bad"


def test_an_alert_whose_expression_fails_is_not_evaluated(story: Story) -> None:
    found = marks(alerts(story, {"names": ["Ambiguous"], "include": "Both"}))
    assert {mark for moment, mark in found.items() if moment > story.flash} == {"RulesNotEvaluated"}


def test_an_alert_without_data_behind_it_is_not_quiet(story: Story) -> None:
    assert set(marks(alerts(story, {"names": ["Unfed"]})).values()) == {"NoDataBehindAlert"}


def test_an_alert_whose_expression_is_not_read_is_not_provably_quiet(story: Story) -> None:
    assert set(marks(alerts(story, {"names": ["Unread"]})).values()) == {"QuietNotProvable"}


def test_a_choice_that_takes_no_alert_is_never_met(story: Story) -> None:
    found = alerts(story, {"names": ["Cal"], "severities": ["critical"]})
    assert (set(marks(found).values()), found.judgement.verdict) == ({"NoAlertsSelected"}, Verdict.UNKNOWN)


def test_alerts_are_chosen_by_the_labels_of_their_rules(story: Story) -> None:
    assert newest(alerts(story, {"labels": {"zone": "all", "severity": "critical"}})) == "RuleFails"
    # The only label that could be another one is a template: it fires, with another severity than is asked for.
    assert newest(alerts(story, {"labels": {"severity": "none"}, "severities": ["none"]})) == "Good"
    assert newest(alerts(story, {"labels": {"severity": "none"}})) == "Bad"


def test_the_overlay_of_another_run_proves_nothing(story: Story) -> None:
    found = alerts(story, {"names": ["Calm"]}, whose=Whose("shop", "checkout", "r0"))
    assert set(marks(found).values()) == {"RulesNotEvaluated"}


def test_an_alert_without_a_namespace_is_the_teams_own_only_where_its_name_is_unique(story: Story) -> None:
    kind = {"names": ["Nameless"]}
    assert newest(alerts(story, kind)) == "AlertNotAttributable"
    assert newest(alerts(story, kind, watch=watching(story, unique_names=frozenset({"Nameless"})))) == "Bad"


def test_a_severity_that_is_a_template_counts_as_what_it_fired_with(story: Story) -> None:
    assert newest(alerts(story, {"names": ["Levelled"], "severities": ["warning"]})) == "Bad"
    assert newest(alerts(story, {"names": ["Levelled"], "severities": ["critical"]})) == "Good"


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("Calm", "Good"),
        ("Crowded", "Bad"),
        ("Broken", "RuleFails"),
        ("Unfed", "NoDataBehindAlert"),
        ("Ambiguous", "InvalidPromQL"),
    ],
)
def test_without_an_overlay_quiet_needs_the_same_proof(story: Story, name: str, mark: str) -> None:
    assert newest(alerts(story, {"names": [name]}, watch=watching(story, NoOverlay()))) == mark


def test_a_target_that_disappears_is_missing_at_once(story: Story) -> None:
    found = visit(story, story.stop - 1, query="queue", below=5)
    assert set(marks(found).values()) == {"Good", "NoData"}
    # Discovery takes a few seconds, and two scrapes are awaited; the lookback of five minutes is not.
    assert newest(found) == "NoData"


def test_a_target_that_is_down_is_missing_and_its_up_is_bad(story: Story) -> None:
    gone = on_grid(story.flash + 2 + 3, story.stop - 1)
    assert set(gone) <= set(times_of(visit(story, story.stop - 1, query="backlog", below=5), "NoData"))
    up = visit(story, story.stop - 1, query='up{job="failing"}', equals=1)
    assert (times_of(up, "Bad"), marks(up)[story.flash]) == (gone, "Good")


def test_a_process_that_restarts_with_its_counters_at_zero_makes_no_bad_point(story: Story) -> None:
    found = visit(story, story.stop - 1, query="rate(requests_total[9s])", between=[0.3, 1.7])
    assert set(marks(found).values()) == {"Good"}
    assert "Bad" in marks(visit(story, story.stop - 1, query="delta(requests_total[9s])", above=0)).values()
