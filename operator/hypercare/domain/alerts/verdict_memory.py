"""Verdicts of history, remembered in the objects of the overlay, so that a run asks once and not again after a restart.

Each object remembers the verdicts on its own alerts: how much that can be is bounded by how many alerts an object
holds. A verdict counts for the run that the object names, and for the question that it answers (`trials.digest`). Where
the annotation is lost, or was not written since no rule changed, the same is found again, for the history of a run
ends at its start.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from hypercare.domain.alerts.overlay import RUN_ANNOTATION, VERDICTS_ANNOTATION, Body, rule_id_of, without_memory
from hypercare.domain.alerts.preflight import NoHistory, Preflight, Tried, WouldFire
from hypercare.domain.alerts.protection import INHERITED, Inherited
from hypercare.domain.alerts.thresholds import ThresholdRule
from hypercare.domain.alerts.trials import Verdict, Verdicts
from hypercare.domain.fields import Field, InvalidField

_TEXT_LENGTH = 240
_MOST_BYTES = 128 * 1024
"""Half of what all annotations of an object may have."""
_FRACTION = re.compile(r"-?[0-9]{1,400}(/[0-9]{1,400})?")


def frozen(found: Preflight) -> Preflight:
    """The verdict as it can be remembered: with texts that are not too long."""
    match found:
        case Tried(told=text):
            return replace(found, told=_clipped(text))
        case WouldFire(message=text) | NoHistory(message=text):
            return replace(found, message=_clipped(text))


def with_verdicts(objects: Sequence[Body], verdicts: Verdicts) -> tuple[Body, ...]:
    """The objects of an overlay, each remembering the verdicts on its alerts; those that may change are not."""
    return tuple(_with_verdicts(body, verdicts) for body in objects)


def remembered_verdicts(parts: Iterable[Body], run_id: str) -> dict[str, Verdict]:
    """What the objects of an overlay remember of a run; an annotation that somebody has spoilt says nothing."""
    found: dict[str, Verdict] = {}
    for part in parts:
        annotations = part["metadata"].get("annotations", {})
        if annotations.get(RUN_ANNOTATION) == run_id:
            found.update(_read(annotations.get(VERDICTS_ANNOTATION, "{}")))
    return found


def _clipped(text: str) -> str:
    return text if len(text) <= _TEXT_LENGTH else text[: _TEXT_LENGTH - 1] + "…"


def _with_verdicts(body: Body, verdicts: Verdicts) -> dict[str, Any]:
    forgetful = without_memory(body)
    text = _written(_of_object(body, verdicts))
    if text:
        forgetful["metadata"]["annotations"][VERDICTS_ANNOTATION] = text
    return forgetful


def _of_object(body: Body, verdicts: Verdicts) -> Iterator[tuple[str, Verdict]]:
    rules = (rule for group in body["spec"]["groups"] for rule in group["rules"])
    for rule_id in sorted({rule_id_of(rule) for rule in rules} & verdicts.keys()):
        found = verdicts[rule_id].found
        if not (isinstance(found, NoHistory) and found.again):
            yield rule_id, verdicts[rule_id]


def _written(verdicts: Iterable[tuple[str, Verdict]]) -> str:
    """As JSON; empty without any. What does not fit is asked for again after a restart."""
    kept: list[str] = []
    size = 0
    for rule_id, verdict in verdicts:
        text = f"{json.dumps(rule_id)}: {json.dumps(_body(verdict), ensure_ascii=False)}"
        size += len(text.encode()) + 2
        if size > _MOST_BYTES:
            break
        kept.append(text)
    return "{" + ", ".join(kept) + "}" if kept else ""


def _body(verdict: Verdict) -> dict[str, Any]:
    asked = {"asked": verdict.asked}
    match verdict.found:
        case Tried(threshold, strongest, fires, span, told):
            how = {"share": str(threshold.share)}
            if not isinstance(threshold.override, Inherited):
                how["bound"] = str(threshold.override)
            return {**asked, **how, "strongest": strongest, "fires": fires, "span": span, "told": told}
        case WouldFire(fires, span, message):
            return {**asked, "noise": message, "fires": fires, "span": span}
        case NoHistory(message):
            return {**asked, "unknown": message}


@lru_cache(maxsize=1024)
def _read(text: str) -> Verdicts:
    try:
        known = Field("verdicts", json.loads(text))
        names = known.value if isinstance(known.value, Mapping) else {}
        return {name: _verdict(known.get(name)) for name in names}
    except (ValueError, RecursionError, InvalidField):
        return {}


def _verdict(field: Field) -> Verdict:
    return Verdict(field.get("asked").text(), frozen(_found(field)))


def _found(field: Field) -> Preflight:
    if field.get("unknown").present:
        return NoHistory(field.get("unknown").text())
    fires, span = field.get("fires").integer(), field.get("span").integer()
    if field.get("noise").present:
        return WouldFire(fires, span, field.get("noise").text())
    bound = field.get("bound")
    rule = ThresholdRule(_fraction(field.get("share")), _fraction(bound) if bound.present else INHERITED)
    strongest = field.get("strongest").integer()
    if not 0 <= strongest <= 100:
        raise field.error("strongest is from 0 to 100")
    return Tried(rule, strongest, fires, span, field.get("told").text())


def _fraction(field: Field) -> Fraction:
    text = field.text()
    if not _FRACTION.fullmatch(text):
        raise field.error("is not a fraction")
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise field.error("is not a fraction") from None
