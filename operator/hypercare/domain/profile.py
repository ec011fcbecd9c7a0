"""The platform team's side: which Prometheus, which tenant label, how often, and within which limits."""

import re
from dataclasses import dataclass, replace

from hypercare.domain.endpoint import Endpoint, parse_endpoint, parse_replicas
from hypercare.domain.fields import Field

DEFAULT_PROFILE = "default"


@dataclass(frozen=True)
class TenantException:
    """Metrics whose names match `metrics` (fully anchored) carry the namespace in `label` instead."""

    metrics: re.Pattern[str]
    label: str


@dataclass(frozen=True)
class TenancyRules:
    """Which label of a series names its namespace; metrics named in `shared` belong to everybody."""

    label: str
    exceptions: tuple[TenantException, ...]
    shared: frozenset[str]


@dataclass(frozen=True)
class Evaluation:
    """The grid and its delays, in seconds.

    `step` is the distance of points, `interval` how often they are read, `delay` how long samples may take to arrive,
    `freshness` how old the newest scrape behind a point may be, `max_delay` how long a hole may still fill up.
    """

    step: int = 30
    interval: int = 60
    delay: int = 30
    freshness: int = 120
    max_delay: int = 600


@dataclass(frozen=True)
class Limits:
    """What a period may ask for at most; lowering one caps running windows, it never breaks them."""

    max_seconds: int = 28 * 86400
    max_criteria: int = 20
    max_floor: int = 50
    namespaces: tuple[str, ...] = ("*",)

    def under_way(self) -> "Limits":
        """What is left of the limits for a run that has begun: those that cap, none that refuse."""
        begun = Limits()
        return replace(self, max_criteria=begun.max_criteria, namespaces=begun.namespaces)

    def allows(self, namespace: str) -> bool:
        """Whether periods of this namespace may use the profile; `*` allows all, `team-*` a prefix."""
        return any(
            namespace == allowed or (allowed.endswith("*") and namespace.startswith(allowed[:-1]))
            for allowed in self.namespaces
        )


@dataclass(frozen=True)
class NoAlertmanager:
    """The profile names none."""


@dataclass(frozen=True)
class AlertmanagerAccess:
    """The Alertmanager that delivers the alerts; `labels` are what its `alertmanagerConfigSelector` asks for."""

    endpoint: Endpoint
    labels: dict[str, str]


@dataclass(frozen=True)
class Profile:
    """One parsed `HypercareProfile`. `replicas` are the servers that evaluate the rules, where the endpoint is none."""

    name: str
    endpoint: Endpoint
    tenancy: TenancyRules
    rule_labels: dict[str, str]
    evaluation: Evaluation
    limits: Limits
    replicas: tuple[Endpoint, ...] = ()
    alertmanager: AlertmanagerAccess | NoAlertmanager = NoAlertmanager()


def parse_profile(name: str, field: Field) -> Profile:
    """Read the spec of a profile; paths in errors start with `HypercareProfile/<name>`."""
    endpoint = parse_endpoint(field.get("prometheus"))
    return Profile(
        name=name,
        endpoint=endpoint,
        replicas=parse_replicas(field.get("prometheus").get("replicas"), endpoint),
        tenancy=_parse_tenancy(field.get("tenancy")),
        rule_labels=field.get("rules").get("labels").text_map(),
        evaluation=_parse_evaluation(field.get("evaluation")),
        limits=_parse_limits(field.get("limits")),
        alertmanager=_parse_alertmanager(field.get("alertmanager")),
    )


def _parse_alertmanager(field: Field) -> AlertmanagerAccess | NoAlertmanager:
    if not field.present:
        return NoAlertmanager()
    return AlertmanagerAccess(parse_endpoint(field), field.get("labels").text_map())


def _parse_tenancy(field: Field) -> TenancyRules:
    return TenancyRules(
        label=field.get("label").text("namespace"),
        exceptions=tuple(parse_exception(item) for item in field.get("exceptions").items()),
        shared=frozenset(field.get("shared").texts()),
    )


def parse_exception(field: Field) -> TenantException:
    """Read one exception of `tenancy`.

    Raises:
        InvalidField: `metrics` is no pattern that Prometheus and this process understand alike.
    """
    return TenantException(_pattern(field.get("metrics")), field.get("label").text())


def _pattern(field: Field) -> re.Pattern[str]:
    """A pattern that this process and Prometheus (RE2) understand alike: both decide what an exception is."""
    text = field.text()
    if re.search(r"\[:\^?[a-z]+:\]", text):
        raise field.error("POSIX classes such as [[:alpha:]] are not supported: write [a-zA-Z]")
    try:
        return re.compile(text, re.ASCII | re.DOTALL)
    except re.error as error:
        raise field.error(f"is not a regular expression: {error}") from error


def _parse_evaluation(field: Field) -> Evaluation:
    fallback = Evaluation()
    step = field.get("step").seconds(fallback.step)
    if step <= 0:
        raise field.get("step").error("must be longer than zero")
    return Evaluation(
        step=step,
        interval=max(1, field.get("interval").seconds(fallback.interval)),
        delay=field.get("delay").seconds(fallback.delay),
        freshness=max(step, field.get("freshness").seconds(fallback.freshness)),
        max_delay=field.get("maxDelay").seconds(fallback.max_delay),
    )


def _parse_limits(field: Field) -> Limits:
    fallback = Limits()
    return Limits(
        max_seconds=field.get("maxDuration").seconds(fallback.max_seconds),
        max_criteria=field.get("maxCriteria").integer(fallback.max_criteria),
        max_floor=field.get("maxFloor").integer(fallback.max_floor),
        namespaces=field.get("allowNamespaces").texts() or fallback.namespaces,
    )
