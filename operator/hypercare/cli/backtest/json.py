"""A backtest as JSON; the keys are documented in docs/backtest.md."""

import json
from typing import Any

from hypercare.cli.backtest.result import Backtest, CriterionResult
from hypercare.domain.backtest.bound_choice import Choice
from hypercare.domain.backtest.criterion import Stretch
from hypercare.domain.evidence.bounds import describe
from hypercare.domain.evidence.judgement import Regressed, Verdict
from hypercare.domain.report.facts import asked_of
from hypercare.domain.timestamps import timestamp


def json_text(found: Backtest) -> str:
    """The whole backtest."""
    return json.dumps(_document(found), indent=2, ensure_ascii=False, allow_nan=False)


def _document(found: Backtest) -> dict[str, Any]:
    given, life = found.given, found.life
    return {
        "namespace": given.identity.namespace,
        "name": given.identity.name,
        "release": str(given.resolved.spec.plan.release),
        "from": timestamp(found.span.start),
        "to": timestamp(found.span.end),
        "stepSeconds": given.resolved.profile.evaluation.step,
        "answer": found.answer,
        "relaxes": found.relaxes,
        "relaxingSince": _moment(life.relaxing_since),
        "overAt": _moment(life.over_at),
        "phase": life.life.phase.value,
        "stage": life.life.stage,
        "strength": life.life.strength,
        "blocked": life.evidence.blocked,
        "timeline": [
            {"time": timestamp(entry.time), "reason": entry.reason, "message": entry.message} for entry in life.timeline
        ],
        "criteria": [_criterion(each) for each in found.criteria],
        "notes": list(found.notes),
    }


def _criterion(result: CriterionResult) -> dict[str, Any]:
    criterion = result.criterion
    expression, bound = asked_of(criterion)
    return {
        "name": criterion.name,
        "kind": criterion.kind_name,
        "advisory": criterion.advisory,
        "expression": expression,
        "bound": bound,
        "sustainedForSeconds": criterion.sustained_seconds,
        "verdict": result.last.verdict.value,
        "reason": result.last.reason,
        "message": result.last.message,
        **_regressed(result.last.regressed),
        "firstMet": _moment(result.first_met),
        "blockedSeconds": result.blocked_seconds,
        "seconds": {verdict.value: result.seconds(verdict) for verdict in Verdict},
        "intervals": [_interval(each) for each in result.stretches],
        "bounds": [_choice(each) for each in result.choices],
    }


def _regressed(regressed: Regressed) -> dict[str, str]:
    return {} if regressed is Regressed.NOT_ASKED else {"regressed": regressed.value}


def _interval(stretch: Stretch) -> dict[str, Any]:
    return {
        "verdict": stretch.judgement.verdict.value,
        "from": timestamp(stretch.start),
        "to": timestamp(stretch.end),
        "reason": stretch.judgement.reason,
        "message": stretch.judgement.message,
        "reasonSeconds": dict(stretch.reasons),
    }


def _choice(choice: Choice) -> dict[str, Any]:
    return {
        "bound": describe(choice.bound),
        "limit": choice.bound.limit,
        "own": choice.own,
        "badShare": round(choice.bad_share, 6),
        "firstMet": _moment(choice.first_met),
    }


def _moment(seconds: int | None) -> str | None:
    return None if seconds is None else timestamp(seconds)
