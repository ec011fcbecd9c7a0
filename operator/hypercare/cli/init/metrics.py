"""Which indicators of the catalog have data for some workloads, asked of the Prometheus that a period would use."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from hypercare.adapters.credentials import InvalidCredentials
from hypercare.adapters.prometheus import PrometheusSource
from hypercare.cli.endpoint_flags import endpoint_spec, read_credentials
from hypercare.cli.failures import UnusableInput
from hypercare.cli.init.command import InitArguments
from hypercare.cli.init.survey import Metrics, Workload
from hypercare.domain.endpoint import parse_endpoint
from hypercare.domain.fields import Field, InvalidField
from hypercare.domain.indicators import Indicator, indicators, measured
from hypercare.domain.life.rollout import Target
from hypercare.domain.profile import Profile, parse_profile
from hypercare.domain.promql.tenancy import confine, tenancy_of
from hypercare.domain.samples import Answer, InstantQuery, QueryFailed, Result

_TIMEOUT = "10s"
_Question = tuple[str, Indicator, str]


def usable_profile(spec: Mapping[str, Any]) -> Profile:
    """The profile as the operator reads it; `spec` is empty without one, and then it is the built-in one.

    Raises:
        UnusableInput: it cannot be read.
    """
    prometheus = {"url": "http://prometheus:9090", **(spec.get("prometheus") or {})}
    try:
        return parse_profile("profile", Field("spec", {**spec, "prometheus": prometheus}))
    except InvalidField as error:
        raise UnusableInput(f"the profile cannot be used: {error}") from error


def metrics(asked: InitArguments, spec: Mapping[str, Any], namespace: str, workloads: Sequence[Workload]) -> Metrics:
    """Ask for every indicator of every workload; `spec` is the profile's, empty without one."""
    written = spec.get("prometheus") or {}
    if not asked.prometheus and not written.get("url"):
        return Metrics(unknown="no profile names a Prometheus: name one with --prometheus")
    endpoint = parse_endpoint(Field("prometheus", endpoint_spec("profile", {"timeout": _TIMEOUT, **written}, asked)))
    questions = list(_questions(spec, namespace, workloads))
    try:
        source = PrometheusSource(endpoint, read_credentials(asked))
    except InvalidCredentials as error:
        raise UnusableInput(str(error)) from error
    try:
        answers = asyncio.run(_ask(source, [expression for _, _, expression in questions]))
    finally:
        source.close()
    failed = next((each for each in answers if isinstance(each, QueryFailed)), None)
    if failed is not None:
        return Metrics(asked=endpoint.url, unknown=f"{endpoint.url} was asked and did not answer: {failed.message}")
    return Metrics(_with_data(questions, answers), endpoint.url)


def _questions(spec: Mapping[str, Any], namespace: str, workloads: Sequence[Workload]) -> list[_Question]:
    tenancy = tenancy_of(usable_profile(spec).tenancy, namespace)
    targets = [Target(each.kind, each.name) for each in workloads]
    return [
        (target.name, indicator, confine(f"count({measured(indicator, target).data})", tenancy))
        for target in targets
        for indicator in indicators().values()
    ]


async def _ask(source: PrometheusSource, expressions: Sequence[str]) -> list[Result]:
    now = time.time()
    first = await source.instant(InstantQuery("vector(1)", now))
    if isinstance(first, QueryFailed):
        # One answer says for all that nobody is there.
        return [first]
    return list(await asyncio.gather(*(source.instant(InstantQuery(each, now)) for each in expressions)))


def _with_data(questions: Sequence[_Question], answers: Sequence[Result]) -> dict[str, tuple[Indicator, ...]]:
    found: dict[str, tuple[Indicator, ...]] = {}
    for (name, indicator, _), answer in zip(questions, answers, strict=True):
        if isinstance(answer, Answer) and answer.series:
            found[name] = (*found.get(name, ()), indicator)
    return found
