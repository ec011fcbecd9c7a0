"""The effective spec of a period as typed values; cross-field rules that the API server checks are checked again here.

The API server sees the period alone. A merge with a profile can break what each of them kept, so a spec is used only
after it has passed as a whole; a period whose merged spec does not pass writes nothing at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from hypercare.domain.alerts.protection import AlertProtection, parse_alert_protection
from hypercare.domain.alerts.scope import Scope, parse_shared_rules
from hypercare.domain.capacity.disruption import DisruptionRule, parse_disruption
from hypercare.domain.capacity.scaling import ScalingRule, parse_scaling
from hypercare.domain.conditions import Problem
from hypercare.domain.durations import format_duration
from hypercare.domain.effective import effective_spec
from hypercare.domain.evidence.criteria import Criterion
from hypercare.domain.evidence.criterion_field import parse_criterion
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.life.facts import CLOSED, Plan
from hypercare.domain.life.release import parse_release
from hypercare.domain.life.rollout import Target
from hypercare.domain.life.window import Window, parse_relaxation, parse_stages, parse_window
from hypercare.domain.objects import TARGETS
from hypercare.domain.profile import DEFAULT_PROFILE, Profile, parse_profile
from hypercare.domain.promql.tenancy import tenancy_of


class Mode(StrEnum):
    """Whether anything but status, events and report is written."""

    ENFORCE = "Enforce"
    OBSERVE = "Observe"


@dataclass(frozen=True)
class Spec:
    """Everything a period asks for, defaults included, capped by its profile.

    `unreadable` are criteria that cannot be judged; the others are. A period with one of them never exits by itself.
    `unreadable_advice` are those that are only advisory: told as well, but nothing waits for them.
    """

    mode: Mode
    plan: Plan
    targets: tuple[Target, ...]
    alerts: AlertProtection
    scaling: tuple[ScalingRule, ...]
    disruption: tuple[DisruptionRule, ...]
    criteria: tuple[Criterion, ...]
    unreadable: tuple[Problem, ...]
    unreadable_advice: tuple[Problem, ...] = ()

    @property
    def subject(self) -> str:
        """What is under hypercare, for texts: `checkout 2.4.0`."""
        return f"{', '.join(target.name for target in self.targets)} {self.plan.release.version}"


@dataclass(frozen=True)
class Resolved:
    """A period that can be worked for.

    `refused` says why it is only observed although it asks for more; `accepted_generation` is the newest one of its
    spec that may be enforced, 0 for none.
    """

    spec: Spec
    profile: Profile
    refused: tuple[Problem, ...] = ()
    accepted_generation: int = 0


def profile_name(period: Mapping[str, Any]) -> str:
    """The profile that a period names, or the default one."""
    return str(period.get("spec", {}).get("profile") or DEFAULT_PROFILE)


def resolve(period: Mapping[str, Any], profile: Mapping[str, Any] | None) -> Resolved | Problem:
    """Merge and parse; a `Problem` says what keeps the whole period from being worked for."""
    name, namespace = profile_name(period), period["metadata"]["namespace"]
    if profile is None:
        message = f"HypercareProfile {name!r} does not exist: create it, or name another one"
        return Problem("spec.profile", "ProfileNotFound", message, stalls=True)
    try:
        parsed = parse_profile(name, Field(f"HypercareProfile/{name}: spec", profile.get("spec", {})))
        if _under_way(period):
            parsed = replace(parsed, limits=parsed.limits.under_way())
        if not parsed.limits.allows(namespace):
            message = f"HypercareProfile {name!r} does not allow namespace {namespace} (limits.allowNamespaces)"
            return Problem("spec.profile", "NamespaceNotAllowed", message, stalls=True)
        merged = effective_spec(period.get("spec", {}), profile.get("spec", {}).get("defaults", {}))
        spec = _parse_spec(Field("spec", merged), parsed)
        scope = _scope(
            namespace, spec.targets, parsed, Field(f"HypercareProfile/{name}: spec", profile.get("spec", {}))
        )
        return Resolved(replace(spec, alerts=replace(spec.alerts, scope=scope)), parsed)
    except InvalidField as error:
        return Problem(error.path, "InvalidSpec", error.message, stalls=True)


def _scope(namespace: str, targets: tuple[Target, ...], profile: Profile, field: Field) -> Scope:
    return Scope(
        namespace=namespace,
        targets=targets,
        tenancy=tenancy_of(profile.tenancy, namespace),
        shared=parse_shared_rules(field.get("rules").get("shared")),
    )


def _under_way(period: Mapping[str, Any]) -> bool:
    """Whether the run of this very release is open: limits decide what may begin, and never stall a window."""
    status, release = period.get("status", {}), period.get("spec", {}).get("release", {})
    begun = status.get("run", {}).get("release", {}).get("identity")
    over = status.get("phase") in {phase.value for phase in CLOSED}
    return not over and begun is not None and begun == (release.get("name") or release.get("version"))


def _parse_spec(field: Field, profile: Profile) -> Spec:
    window = parse_window(field.get("window"), profile.limits.max_seconds)
    targets = _parse_targets(field.get("targets"))
    found = _parse_criteria(field.get("exitCriteria"), profile.limits.max_criteria, targets)
    _check_fits(field.get("exitCriteria"), found.readable, window)
    return Spec(
        mode=field.get("mode").choice(Mode),
        plan=Plan(
            release=parse_release(field.get("release")),
            suspend=field.get("suspend").flag(False),
            window=window,
            stages=parse_stages(field.get("stages"), window.duration_seconds),
            relax=parse_relaxation(field.get("relax")),
        ),
        targets=targets,
        alerts=parse_alert_protection(field.get("protection").get("alerts"), targets),
        scaling=parse_scaling(field.get("protection").get("scaling")),
        disruption=parse_disruption(field.get("protection").get("disruption")),
        criteria=found.readable,
        unreadable=found.blocking,
        unreadable_advice=found.advice,
    )


def _parse_targets(field: Field) -> tuple[Target, ...]:
    targets = tuple(_parse_target(item) for item in field.items())
    if not targets:
        raise field.error("needs at least one target")
    if len({target.name for target in targets}) < len(targets):
        raise field.error("target names must be unique")
    return targets


def _parse_target(field: Field) -> Target:
    kind = field.get("kind")
    if kind.text() not in TARGETS:
        raise kind.error(f"must be one of {', '.join(TARGETS)}")
    return Target(kind.text(), field.get("name").text(), field.get("version").text(""))


def _check_fits(field: Field, criteria: tuple[Criterion, ...], window: Window) -> None:
    """A streak that is longer than the window with all its extensions could never be met."""
    longest = window.duration_seconds + window.extend_by_seconds * window.extension_limit
    for criterion in criteria:
        if criterion.sustained_seconds > longest:
            message = f"criterion {criterion.name!r} asks for more than window.duration and all extensions together"
            raise field.error(f"{message} ({format_duration(longest)})")


@dataclass(frozen=True)
class _Criteria:
    """What can be judged, and what cannot, by whether the exit waits for it."""

    readable: tuple[Criterion, ...]
    blocking: tuple[Problem, ...]
    advice: tuple[Problem, ...]


def _parse_criteria(field: Field, limit: int, targets: tuple[Target, ...]) -> _Criteria:
    items = field.items()
    if len(items) > limit:
        raise field.error(f"has {len(items)} criteria, the profile allows {limit} (limits.maxCriteria)")
    names = [item.get("name").text() for item in items]
    if len(set(names)) < len(names):
        raise field.error("criterion names must be unique")
    parsed = [(item.get("advisory").value is True, _parse_readable(item, targets)) for item in items]
    blocking = [each for advisory, each in parsed if isinstance(each, Problem) and not advisory]
    if all(advisory for advisory, _ in parsed):
        message = "no exit criterion is left that the exit waits for: name at least one, here or in the profile"
        blocking.append(Problem(field.path, "NoExitCriteria", message, stalls=True))
    return _Criteria(
        readable=tuple(each for _, each in parsed if isinstance(each, Criterion)),
        blocking=tuple(blocking),
        advice=tuple(each for advisory, each in parsed if isinstance(each, Problem) and advisory),
    )


def _parse_readable(field: Field, targets: tuple[Target, ...]) -> Criterion | Problem:
    try:
        return parse_criterion(field, targets)
    except InvalidField as error:
        reason = "InvalidPromQL" if "PromQL" in error.message else "InvalidCriterion"
        return Problem(error.path, reason, error.message, stalls=True)
