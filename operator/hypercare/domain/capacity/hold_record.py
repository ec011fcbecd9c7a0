"""Holds as they are stored: the spec of a `HypercareHold`, read with suspicion and written for machines and people.

Only the operator may write holds, and a hold decides what is written to somebody's object. So a stored hold is checked
again before it is used: the kind of object, the name, the paths and the range of every value.
"""

from collections.abc import Collection
from typing import Any

from hypercare.domain.capacity.field_values import Absent, FieldValue, Present, field_value, json_of
from hypercare.domain.capacity.held_fields import MAX_UNAVAILABLE, MIN_AVAILABLE, amount, change_text, flaw
from hypercare.domain.capacity.hold import (
    Claim,
    Contest,
    HeldField,
    HeldObject,
    Hold,
    Idle,
    Pending,
    Uncontested,
    Untouched,
    hold_name,
)
from hypercare.domain.capacity.kinds import held_kind, kind_of_object
from hypercare.domain.capacity.quantity import (
    LARGEST,
    PEAK,
    UNCHANGED,
    Count,
    Quantity,
    SeenPeak,
    parse_quantity,
    render_quantity,
)
from hypercare.domain.capacity.wishes import DisruptionWish, ReplicaWish, ScaleDown, Wish
from hypercare.domain.fields import Field
from hypercare.domain.life.window import parse_time
from hypercare.domain.timestamps import timestamp

_TEXT_LIMIT = 512
_BUDGETS = {"minAvailable": MIN_AVAILABLE, "maxUnavailable": MAX_UNAVAILABLE}


def read_hold(name: str, spec: object) -> Hold:
    """Read the spec of the hold called `name`.

    Raises:
        InvalidField: it is not a hold that this operator would have written.
    """
    root = Field("spec", spec)
    held = _read_object(root.get("object"))
    if name != hold_name(held.kind, held.name):
        raise root.get("object").error(f"is not the object of a hold called {name}")
    return Hold(
        object=held,
        claims=tuple(_read_claim(claim) for claim in root.get("claims").items()),
        fields=tuple(_read_field(record, kind_of_object(held).paths) for record in root.get("fields").items()),
        contest=_read_contest(root.get("contested")),
    )


def render_hold(hold: Hold) -> dict[str, Any]:
    """Write a hold as the spec of its object, with its columns for people."""
    held = hold.object
    return {
        "object": {"apiVersion": held.api_version, "kind": held.kind, "name": held.name, "uid": held.uid},
        "claims": [_render_claim(claim) for claim in hold.claims],
        "fields": [_render_field(record) for record in hold.fields],
        **_render_contest(hold.contest),
        "summary": _summary(hold)[:_TEXT_LIMIT],
        "claimedBy": ", ".join(claim.period for claim in hold.claims)[:_TEXT_LIMIT],
    }


def _read_value(path: str, field: Field) -> FieldValue:
    if not field.get("present").flag():
        return Absent()
    if not field.get("value").present:
        raise field.get("value").error("is required")
    value = field_value(field.get("value").value)
    if said := flaw(path, value):
        raise field.get("value").error(said)
    return value


def _render_value(value: FieldValue) -> dict[str, Any]:
    return {"present": True, "value": json_of(value)} if isinstance(value, Present) else {"present": False}


def _summary(hold: Hold) -> str:
    return ", ".join(_change(record) for record in hold.fields)


def _change(record: HeldField) -> str:
    newest = record.pending.value if isinstance(record.pending, Pending) else record.base
    return change_text(record.path, record.original, newest)


def _read_object(field: Field) -> HeldObject:
    found = HeldObject(
        api_version=field.get("apiVersion").text(),
        kind=field.get("kind").text(),
        name=field.get("name").text(),
        uid=field.get("uid").text(),
    )
    if held_kind(found.api_version, found.kind) is None:
        raise field.error(f"{found.api_version} {found.kind} is nothing this operator changes")
    return found


def _read_claim(field: Field) -> Claim:
    strength = field.get("strength").integer()
    if not 0 <= strength <= 100:
        raise field.get("strength").error("must be from 0 to 100")
    return Claim(
        period=field.get("period").text(),
        uid=field.get("uid").text(),
        run=field.get("run").text(""),
        strength=strength,
        wish=_read_wish(field),
    )


def _read_wish(field: Field) -> Wish:
    for name, path in _BUDGETS.items():
        if (asked := field.get(name)).present:
            return _read_disruption(path, asked)
    ceiling = field.get("ceiling")
    return ReplicaWish(
        floor=_read_floor(field),
        max_floor=field.get("maxFloor").integer(LARGEST),
        ceiling=parse_quantity(ceiling) if ceiling.present else None,
        scale_down=field.get("scaleDown").choice(ScaleDown, ScaleDown.ENABLED),
    )


def _read_floor(field: Field) -> Quantity:
    floor = parse_quantity(field.get("floor"), UNCHANGED)
    if field.get("floorFrom").text("") != PEAK:
        return floor
    if not isinstance(floor, Count):
        raise field.get("floor").error("must be a count where it is the peak")
    return SeenPeak(floor.replicas)


def _read_disruption(path: str, field: Field) -> DisruptionWish:
    found = amount(field_value(field.value))
    if found is None:
        raise field.error("must be a number of pods or a percentage")
    return DisruptionWish(path, *found)


def _render_claim(claim: Claim) -> dict[str, Any]:
    asked = {"period": claim.period, "uid": claim.uid, "run": claim.run, "strength": claim.strength}
    match claim.wish:
        case ReplicaWish(floor, max_floor, ceiling, scale_down):
            return {
                **asked,
                "floor": render_quantity(floor),
                **({"floorFrom": PEAK} if isinstance(floor, SeenPeak) else {}),
                "maxFloor": max_floor,
                **({} if ceiling is None else {"ceiling": render_quantity(ceiling)}),
                "scaleDown": scale_down.value,
            }
        case DisruptionWish(path, pods, unit):
            name = next(name for name, each in _BUDGETS.items() if each == path)
            return {**asked, name: f"{pods}{unit}" if unit else pods}


def _read_field(field: Field, allowed: Collection[str]) -> HeldField:
    path = field.get("path").text()
    if path not in allowed:
        raise field.get("path").error(f"{path!r} is no field this operator changes")
    confirmed, intended = field.get("confirmed"), field.get("intended")
    pending = Pending(_read_value(path, intended), parse_time(field.get("intendedAt"))) if intended.present else Idle()
    return HeldField(
        path=path,
        original=_read_value(path, field.get("original")),
        confirmed=_read_value(path, confirmed) if confirmed.present else Untouched(),
        pending=pending,
    )


def _render_field(record: HeldField) -> dict[str, Any]:
    body: dict[str, Any] = {"path": record.path, "original": _render_value(record.original)}
    if not isinstance(record.confirmed, Untouched):
        body["confirmed"] = _render_value(record.confirmed)
    if isinstance(record.pending, Pending):
        body["intended"] = _render_value(record.pending.value)
        body["intendedAt"] = timestamp(record.pending.at)
    return body


def _read_contest(field: Field) -> Contest | Uncontested:
    if not field.present:
        return Uncontested()
    return Contest(
        manager=field.get("manager").text(),
        reverts=field.get("reverts").integer(),
        since=parse_time(field.get("since")),
        until=parse_time(field.get("until")),
    )


def _render_contest(contest: Contest | Uncontested) -> dict[str, Any]:
    if isinstance(contest, Uncontested):
        return {}
    return {
        "contested": {
            "manager": contest.manager[:128],
            "reverts": contest.reverts,
            "since": timestamp(contest.since),
            "until": timestamp(contest.until),
        }
    }
