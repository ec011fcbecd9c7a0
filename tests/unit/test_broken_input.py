"""A period that cannot be used as it stands, in part or at all: what it is told, what goes on, and that it heals."""

from base64 import b64encode

import pytest

from hypercare.domain.alerts.overlay import OVERLAY_PREFIX
from hypercare.domain.conditions import ConditionType
from hypercare.domain.objects import AUTOSCALERS, SECRETS, ObjectRef
from hypercare.domain.samples import FailureKind, QueryFailed
from hypercare.ports import Forbidden
from hypercare.queue import Done
from tests.unit.kstatus import kstatus
from tests.unit.lives import MINUTE
from tests.unit.loop import (
    LONG,
    OVERLAY,
    OWN_NAMESPACE,
    PERIOD,
    PERIOD_SPEC,
    PROFILE,
    PROFILE_SPEC,
    RULES,
    STATUS,
    Loop,
)

T = ConditionType


class TestRefused:
    """A period that cannot be resolved writes nothing but its status, and heals when the cause goes."""

    async def test_without_a_profile(self, loop: Loop) -> None:
        loop.server.remove(PROFILE)
        assert await loop.visit() == Done()
        assert loop.server.writes == [STATUS]
        assert loop.condition(T.STALLED) == ("True", "ProfileNotFound")
        assert kstatus(loop.server.objects[PERIOD]) == "Failed"
        assert loop.told.events == [("ProfileNotFound", True)]
        await loop.visit()
        assert loop.server.writes == [STATUS]
        loop.server.put(PROFILE, PROFILE_SPEC)
        await loop.until("Active")

    async def test_where_something_may_not_be_listed(self, loop: Loop) -> None:
        loop.cache.refuse(AUTOSCALERS, PERIOD.namespace, 'cannot list resource "horizontalpodautoscalers"')
        for _ in range(2):
            with pytest.raises(Forbidden):
                await loop.visit()
        assert loop.server.writes == [STATUS]
        assert loop.condition(T.STALLED) == ("True", "Forbidden")
        assert 'cannot list resource "horizontalpodautoscalers": apply the RBAC' in loop.status["summary"]
        assert loop.told.events == [("Forbidden", True)]
        namespace = PERIOD.namespace
        loop.cache.replace(AUTOSCALERS, loop.cache.select(AUTOSCALERS, namespace), "0", namespace)
        await loop.until("Active")

    async def test_with_a_spec_that_cannot_be_used(self) -> None:
        loop = Loop(exitCriteria=[PERIOD_SPEC["exitCriteria"][0] | {"sustainedFor": "9h"}])
        await loop.visit()
        assert loop.server.writes == [STATUS]
        assert loop.condition(T.STALLED) == ("True", "InvalidSpec")
        assert "spec.exitCriteria" in loop.status["summary"]

    async def test_another_mistake_in_the_profile_is_told_anew(self, loop: Loop) -> None:
        """Its reason is the same, and the generation of the period too."""
        loop.server.edit(PROFILE, evaluation={"step": "0s"})
        await loop.visit()
        loop.server.edit(PROFILE, evaluation={"delay": "soon"})
        await loop.visit()
        assert "spec.evaluation.delay" in loop.status["summary"]
        assert "spec.evaluation.delay" in loop.conditions[T.STALLED].condition.message
        assert loop.told.reasons == ["InvalidSpec"]

    async def test_a_mistake_with_a_long_explanation_can_be_written(self, loop: Loop) -> None:
        loop.server.edit(PERIOD, mode="x" * 3000)
        await loop.visit()
        assert len(loop.status["summary"]) == 1024

    async def test_a_running_period_stands_still(self) -> None:
        loop = Loop(**LONG)
        await loop.until("Active")
        await loop.pass_time(30)
        loop.server.remove(PROFILE)
        written, before = len(loop.server.writes), loop.status
        await loop.visit()
        assert loop.server.writes[written:] == [STATUS]
        told = {"observedGeneration", "blocked", "summary", "conditions"}
        assert {key: value for key, value in loop.status.items() if key not in told} == {
            key: value for key, value in before.items() if key not in told
        }
        loop.server.put(PROFILE, PROFILE_SPEC)
        await loop.pass_time(20)
        assert loop.condition(T.STALLED)[0] == "False"
        assert loop.condition(T.ALERTS_TIGHTENED) == ("True", "Live")

    async def test_a_period_that_is_over_keeps_its_success(self, loop: Loop) -> None:
        await loop.until("Completed")
        await loop.pass_time(5)
        summary = loop.status["summary"]
        loop.server.remove(PROFILE)
        await loop.visit()
        assert loop.condition(T.SUCCEEDED) == ("True", "Met")
        assert kstatus(loop.server.objects[PERIOD]) == "Current"
        assert "does not exist" in loop.status["summary"]
        loop.server.put(PROFILE, PROFILE_SPEC)
        await loop.visit()
        assert loop.status["summary"] == summary

    async def test_a_status_that_somebody_broke(self, loop: Loop) -> None:
        await loop.until("Active")
        loop.server.set_status(PERIOD, **{**loop.status, "phase": "Sleeping"})
        written = len(loop.server.writes)
        await loop.visit()
        assert loop.server.writes[written:] == [STATUS]
        assert loop.condition(T.STALLED) == ("True", "InvalidStatus")
        assert "status.phase" in loop.status["summary"]


class TestBadInput:
    """Each broken part is told with its field, the rest goes on, and it heals when the cause goes."""

    async def test_a_target_that_does_not_exist(self, loop: Loop) -> None:
        loop.server.edit(
            PERIOD, targets=[{"kind": "Deployment", "name": "checkout"}, {"kind": "DaemonSet", "name": "x"}]
        )
        await loop.pass_time(5)
        assert loop.condition(T.TARGETS_FOUND) == ("False", "TargetNotFound")
        assert "spec.targets[1]" in loop.conditions[T.READY].condition.message
        assert loop.floor == 4

    async def test_a_rule_that_does_not_exist(self, loop: Loop) -> None:
        loop.server.edit(PERIOD, protection={"alerts": {"from": [{"rule": "checkout-alerts"}, {"rule": "nothing"}]}})
        await loop.pass_time(10)
        assert loop.condition(T.STALLED) == ("True", "RuleNotFound")
        assert loop.condition(T.ALERTS_TIGHTENED) == ("False", "RuleNotFound")
        assert OVERLAY in loop.server.objects
        spec = loop.server.objects[RULES]["spec"]
        loop.server.put(ObjectRef(RULES.resource, "shop", "nothing"), spec)
        await loop.pass_time(10)
        assert loop.condition(T.STALLED)[0] == "False"
        assert loop.condition(T.ALERTS_TIGHTENED) == ("True", "Live")

    async def test_promql_that_does_not_parse(self, loop: Loop) -> None:
        broken = {"name": "broken", "query": "sum(", "below": 1, "sustainedFor": "30s"}
        loop.server.edit(PERIOD, exitCriteria=[*PERIOD_SPEC["exitCriteria"], broken])
        await loop.pass_time(3 * MINUTE)
        assert loop.condition(T.STALLED) == ("True", "InvalidPromQL")
        assert "spec.exitCriteria[2].query" in loop.conditions[T.STALLED].condition.message
        assert loop.condition(T.EXIT_CRITERIA_MET) == ("Unknown", "Unknown")
        assert (loop.status["phase"], loop.status["strength"]) == ("Active", 100)
        assert loop.status["blocked"] == "InvalidPromQL"

    async def test_a_prometheus_that_does_not_answer(self, loop: Loop) -> None:
        loop.prometheus.down = QueryFailed(FailureKind.UNREACHABLE, "connection refused")
        await loop.pass_time(10)
        assert loop.condition(T.ALERTS_TIGHTENED) == ("Unknown", "PrometheusUnreachable")
        assert loop.condition(T.EVIDENCE_FRESH) == ("False", "PrometheusUnreachable")
        assert loop.floor == 4
        loop.prometheus.down = None
        await loop.until("Completed")

    async def test_a_secret_that_is_not_there(self, loop: Loop) -> None:
        loop.server.edit(PROFILE, prometheus={**PROFILE_SPEC["prometheus"], "secretRef": {"name": "prom-auth"}})
        await loop.pass_time(10)
        for kind in (T.STALLED, T.EVIDENCE_FRESH):
            assert loop.condition(kind)[1] == "SecretNotFound"
            assert loop.conditions[kind].condition.message == (
                "HypercareProfile/default: spec.prometheus.secretRef: "
                "Secret hypercare-system/prom-auth does not exist: create it, or name another one"
            )
        assert loop.condition(T.ALERTS_TIGHTENED) == ("Unknown", "SecretNotFound")
        assert loop.condition(T.EXIT_CRITERIA_MET)[0] == "Unknown"
        assert (loop.prometheus.asked, loop.floor) == ([], 4)
        secret = ObjectRef(SECRETS, OWN_NAMESPACE, "prom-auth")
        loop.server.objects[secret] = {"data": {"token": b64encode(b"t0ken").decode()}}
        await loop.until("Completed")

    async def test_ready_falls_after_five_intervals_without_evidence(self) -> None:
        loop = Loop(**LONG)
        await loop.until("Active")
        await loop.pass_time(MINUTE)
        loop.prometheus.down = QueryFailed(FailureKind.TIMEOUT, "no answer in time")
        await loop.pass_time(20)
        assert loop.condition(T.EVIDENCE_FRESH)[0] == "False"
        assert loop.condition(T.READY)[0] == "True"
        await loop.pass_time(20)
        assert loop.condition(T.READY) == ("False", "EvidenceStale")
        loop.prometheus.down = None
        await loop.pass_time(20)
        assert loop.condition(T.READY)[0] == "True"

    async def test_a_cluster_without_prometheus_rules(self, loop: Loop) -> None:
        loop.server.remove(RULES)
        loop.cache.not_served(RULES.resource)
        await loop.pass_time(10)
        assert loop.condition(T.STALLED) == ("True", "PrometheusRuleNotServed")
        assert loop.floor == 4
        assert not [write for write in loop.server.writes if OVERLAY_PREFIX + "checkout" in write]
