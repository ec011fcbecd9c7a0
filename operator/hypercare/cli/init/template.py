"""The period as a file for people: each part says what it is for, and what is not asked for stands as a comment."""

import json
import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from hypercare.cli.init.survey import Offer, Rules, Survey, Workload
from hypercare.cli.periods.words import counted
from hypercare.domain.indicators import Indicator

_SUSTAINED, _LONGEST_NAME = "6h", 40
_COMMENT_WIDTH = 110
# Of the twenty that a period may have, beside `quiet` and `pods`.
_MOST_CRITERIA, _ASKED_FOR = 18, ""
_PODS = "kubernetes"
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
# Too coarse for a release, or told by the criterion `pods` already.
_NOT_CRITERIA = frozenset({_PODS, "cadvisor"})


def period_file(survey: Survey) -> str:
    """The whole file."""
    return "\n".join([*_head(survey), *_release(survey), *_protection(survey), *_criteria(survey)]) + "\n"


def _head(survey: Survey) -> Iterator[str]:
    file = f"{survey.name}.yaml"
    yield f"# A period for namespace {survey.namespace}, from what was there on {survey.date}."
    yield "# Read it, change it, try it:"
    yield f"#   kubectl hypercare lint {file} --server"
    yield f"#   kubectl hypercare backtest -f {file} --prometheus http://localhost:9090"
    yield f"#   kubectl apply -f {file} && kubectl hypercare wait {survey.name} -n {survey.namespace} --for protected"
    yield "apiVersion: hypercare.dev/v1alpha1"
    yield "kind: HypercarePeriod"
    yield "metadata:"
    yield f"  name: {_text(survey.name)}"
    yield f"  namespace: {_text(survey.namespace)}"
    yield "spec:"
    yield "  # What the platform team has settled: which Prometheus, defaults, limits."
    if survey.profile_there is False:
        yield f"  # There is no HypercareProfile {survey.profile} yet, and without it nothing begins."
    yield f"  profile: {_text(survey.profile)}"


def _release(survey: Survey) -> Iterator[str]:
    versions = list(dict.fromkeys(each.version for each in survey.workloads if each.version))
    yield "  release:"
    yield "    # As it stands in the image tag, or in the label app.kubernetes.io/version of the pods. Another version"
    yield "    # begins a new run; let the pipeline write it."
    if not versions:
        yield "    # No version can be read from the workloads: this one is made up."
    yield f"    version: {json.dumps(versions[0] if versions else '1.0.0')}"
    yield "  targets:"
    for each in survey.workloads:
        runs = f"runs {each.version}" if each.version else "runs an unknown version"
        yield f"    # {counted(each.replicas, 'replica')}, {runs}"
        yield f"    - {_target(each, versions)}"
    for out in survey.left_out:
        yield f"    # Left out: {out.why}."
        yield f"    # - {_target(out.workload, versions)}"
    yield "  window:"
    yield "    # Opens when every target runs the release. Protections are there before: the rollout itself is risky."
    yield "    start: {when: RolloutComplete, timeout: 1h}"
    yield "    # Planned length. Relaxing begins then at the latest, if the exit criteria are met; else it is extended."
    yield "    duration: 3d"
    yield "    extension: {by: 1d, limit: 3}"


def _target(workload: Workload, versions: Sequence[str]) -> str:
    version = workload.version
    own = f", version: {json.dumps(version)}" if version and version != versions[0] else ""
    return f"{{kind: {workload.kind}, name: {_text(workload.name)}{own}}}"


def _protection(survey: Survey) -> Iterator[str]:
    if survey.rules:
        yield "  protection:"
        yield "    alerts:"
        yield "      # Copies of these fire earlier while the window is open; kubectl hypercare tighten shows how."
        yield "      from:"
        for each in survey.rules:
            yield f"        # {_alerts(each)}"
            yield f"        - rule: {_text(each.name)}"
        yield "      tighten: {shortenFor: 50%}"
    else:
        yield "  # The namespace has no PrometheusRule with alerts, so there are none to tighten."
        yield "  # New ones can be added: protection.alerts.add, see docs/indicators.md."
    yield from _capacity(survey)


def _capacity(survey: Survey) -> Iterator[str]:
    """What could be raised, as comments that become rules when their signs are taken away: the last of the part."""
    found = survey.capacity
    margin = "    " if survey.rules else "  "
    for told in found.told:
        yield from (f"{margin}# {line}" for line in textwrap.wrap(told, _COMMENT_WIDTH))
    parts = [*_part("scaling", found.scaling), *_part("disruption", found.disruption)]
    if parts:
        reason = "replicas cost money, and a strict budget slows down the draining of nodes"
        yield f"{margin}# None of this is asked for: {reason}."
        yield f"{margin}# To have it while the window is open, take '# ' away from here to the empty line:"
        yield from (f"{margin}# {line}" for line in ([] if survey.rules else ["protection:"]))
        yield from (f"{margin}# {'' if survey.rules else '  '}{line}" for line in parts)
    yield ""


def _part(name: str, offers: Sequence[Offer]) -> Iterator[str]:
    if offers:
        yield f"{name}:"
    for each in offers:
        yield from (f"  # {line}" for line in textwrap.wrap(each.told, _COMMENT_WIDTH))
        fields = {"target": each.target, **each.rule}
        yield f"  - {{{', '.join(f'{key}: {_value(value)}' for key, value in fields.items())}}}"


def _criteria(survey: Survey) -> Iterator[str]:
    yield "  # Hypercare ends when all of these have held for as long as they say. Unknown never counts as good."
    yield "  exitCriteria:"
    severities = Counter(severity for each in survey.rules for severity in each.severities)
    if severities["critical"]:
        yield "    # No critical alert fires, proven by rules that are seen to be evaluated."
        yield "    - {name: quiet, alerts: {severities: [critical]}, sustainedFor: 12h}"
    elif survey.rules:
        yield "    # None of the alerts is critical; these are the severities there are."
        known = json.dumps(sorted(filter(None, severities)) or ["warning"])
        yield f"    # - {{name: quiet, alerts: {{severities: {known}}}, sustainedFor: 12h}}"
    yield "    # Every pod is there and none has restarted (kube-state-metrics)."
    if survey.metrics.indicators and not _has_pods(survey):
        yield "    # There was nothing of kube-state-metrics for these workloads: without it this stays unknown."
    yield "    - {name: pods, workload: {available: true, maxRestarts: 0}, sustainedFor: 12h}"
    yield from _indicators(survey)


def _indicators(survey: Survey) -> Iterator[str]:
    if survey.metrics.unknown:
        yield f"    # Which metrics there are is not known: {' '.join(survey.metrics.unknown.split())}"
        yield "    # docs/indicators.md has criteria that are ready to be used; or any query of your own:"
        yield "    # - {name: errors, query: 'sum(rate(errors_total[5m]))', below: 1, sustainedFor: 6h}"
        return
    seen: Counter[str] = Counter()
    found = False
    for workload in survey.workloads:
        for each in survey.metrics.indicators.get(workload.name, ()):
            if each.name.partition("/")[0] not in _NOT_CRITERIA:
                found = True
                yield from _indicator(each, workload, seen, alone=len(survey.workloads) == 1)
    if not found:
        yield f"    # {survey.metrics.asked} has no metrics of the indicator catalog for these workloads."
        yield "    # - {name: errors, query: 'sum(rate(errors_total[5m]))', below: 1, sustainedFor: 6h}"


def _indicator(each: Indicator, workload: Workload, seen: Counter[str], *, alone: bool) -> Iterator[str]:
    """A criterion for a share of errors; the others stand as comments, for their bounds are nobody's but the team's."""
    end = each.name.partition("/")[2]
    stem = _name(end if alone else f"{workload.name}-{end}")
    seen[stem] += 1
    name = stem if seen[stem] == 1 else _name(f"{stem[: _LONGEST_NAME - 3]}-{seen[stem]}")
    bound = f"{each.criterion_bound}: {each.default_bound:g}"
    sure = each.unit == "ratio" and seen[_ASKED_FOR] < _MOST_CRITERIA
    seen[_ASKED_FOR] += sure
    told = f"{each.description} ({each.unit})" + ("." if sure else ": find a bound with kubectl hypercare backtest.")
    yield from (f"    # {line}" for line in textwrap.wrap(told, _COMMENT_WIDTH))
    asked = f"indicator: {each.name}, target: {_text(workload.name)}, {bound}, sustainedFor: {_SUSTAINED}"
    criterion = f"{{name: {name}, {asked}}}"
    yield f"    - {criterion}" if sure else f"    # - {criterion}"


def _has_pods(survey: Survey) -> bool:
    return any(each.name.startswith(f"{_PODS}/") for found in survey.metrics.indicators.values() for each in found)


def _alerts(rules: Rules) -> str:
    counts = Counter(rules.severities)
    told = ", ".join(f"{count} {severity or 'without severity'}" for severity, count in sorted(counts.items()))
    return f"{counted(len(rules.severities), 'alert')}: {told}"


def _name(text: str) -> str:
    return re.sub(r"[^a-z0-9-]", "-", text.lower())[:_LONGEST_NAME].strip("-")


def _text(value: str) -> str:
    """A name as YAML: in quotes where it could be taken for something else."""
    plain = re.fullmatch(r"[a-z]([-a-z0-9.]*[a-z0-9])?", value) and value not in _WORDS
    return value if plain else json.dumps(value)


def _value(value: int | str) -> str:
    """A value as YAML; a percentage is a text without quotes."""
    return str(value) if isinstance(value, int) or re.fullmatch(r"[0-9]+%", value) else _text(value)
