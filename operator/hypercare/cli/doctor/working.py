"""Whether the operator works: what periods say of evidence, of Prometheus, and of what needs a person. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from hypercare.cli.doctor.diagnosis import Diagnosis, ok, problem, unchecked, warning
from hypercare.cli.periods.advice import advice
from hypercare.cli.periods.seen import Seen
from hypercare.cli.periods.words import counted, roughly
from hypercare.domain.samples import FailureKind

# Progress is written every five minutes at least, and evidence may lag by maxDelay.
_SILENT_SECONDS = 900
_UNSEEN_SECONDS = 120
_NAMED = 3
_SECRETS = frozenset({"SecretNotFound", "SecretInvalid", "SecretForbidden", "SecretUnreadable"})
_ENDPOINT = frozenset(kind.value for kind in FailureKind) | _SECRETS
_RULES = frozenset(
    {
        "OverlayNotSelected",
        "OverlayNotLoaded",
        "OverlayOnSomeReplicas",
        "OtherPrometheus",
        "RuleGroupFails",
        "EvaluationStopped",
    }
)


def heartbeat(periods: Sequence[Seen], now: int) -> Diagnosis:
    """Whether an operator takes up what is asked, and reads evidence."""
    area = "heartbeat"
    unseen = [each for each in periods if not each.current and _age(each, now) > _UNSEEN_SECONDS]
    if unseen:
        told = f"{_names(unseen)}: nobody has taken up the spec as it is now"
        fix = "is the operator running, and does it serve this namespace (--namespace)? Its log tells, its /healthz too"
        return problem(area, told, fix)
    open_ones = [each for each in periods if not each.over and each.window.started_at and each.phase != "Suspended"]
    through = [(min(_finals(each)), _name(each)) for each in open_ones if _finals(each)]
    if not through:
        return unchecked(area, "no open window with evidence tells whether the operator works")
    oldest, name = min(through)
    silent = max(0, now - oldest)
    if silent > _SILENT_SECONDS:
        told = f"{name}: evidence was read {roughly(silent)} ago"
        return problem(area, told, "look at the operator's log, and at what is said of Prometheus below")
    return ok(area, f"evidence of {counted(len(through), 'open window')} was read {roughly(silent)} ago or less")


def endpoint(periods: Sequence[Seen], now: int) -> Diagnosis:
    """What the operator says of its Prometheus, in the words of criteria and conditions."""
    area, found = "Prometheus as the operator sees it", _reasons(periods, _ENDPOINT)
    if found:
        reason, (told, who) = next(iter(sorted(found.items())))
        return problem(area, f"{reason} for {_names(who)}: {told}", advice(reason))
    fresh = [each for each in _heard_of(periods, now) if each.holds("EvidenceFresh")]
    if fresh:
        return ok(area, f"answers, for {counted(len(fresh), 'open period')}")
    return unchecked(area, "no open period has asked it lately")


def rules_in_force(periods: Sequence[Seen], now: int) -> Diagnosis:
    """Whether copies of alerts are evaluated where they are wanted."""
    area, found = "tightened alerts", _reasons(periods, _RULES)
    if found:
        reason, (told, who) = next(iter(sorted(found.items())))
        return problem(area, f"{reason} for {_names(who)}: {told}", advice(reason))
    live = [each for each in _heard_of(periods, now) if each.alerts.live_since and each.strength]
    if live:
        return ok(area, f"live, for {counted(len(live), 'open period')}")
    return unchecked(area, "no open period has told lately that its tightened alerts are live")


def stalled(periods: Sequence[Seen]) -> Iterator[Diagnosis]:
    """What waits for a person, by reason."""
    by_reason: defaultdict[str, list[Seen]] = defaultdict(list)
    for each in periods:
        if each.holds("Stalled") and not each.over:
            by_reason[each.conditions["Stalled"].reason].append(each)
    for reason, who in sorted(by_reason.items()):
        told = f"{reason} for {_names(who)}: {who[0].conditions['Stalled'].message}"
        yield warning("periods", told, advice(reason) or f"kubectl hypercare why {who[0].name} -n {who[0].namespace}")
    if not by_reason:
        yield ok("periods", f"{counted(len(periods), 'period')}, none needs a person")


def _reasons(periods: Sequence[Seen], wanted: frozenset[str]) -> Mapping[str, tuple[str, list[Seen]]]:
    """The wanted reasons that open periods have, each with a message and the periods."""
    found: dict[str, tuple[str, list[Seen]]] = {}
    for each in periods:
        if each.over:
            continue
        conditions = ((one.reason, one.message) for one in each.conditions.values() if one.status != "True")
        criteria = ((one.reason, one.message) for one in each.criteria)
        for reason, message in {**dict(conditions), **dict(criteria)}.items():
            if reason in wanted:
                found.setdefault(reason, (message, []))[1].append(each)
    return found


def _heard_of(periods: Sequence[Seen], now: int) -> list[Seen]:
    """The open ones whose evidence is new: what the others say was true once."""
    return [each for each in periods if not each.over and _finals(each) and now - min(_finals(each)) <= _SILENT_SECONDS]


def _finals(seen: Seen) -> list[int]:
    return [each.final_through for each in seen.criteria if each.final_through is not None]


def _age(seen: Seen, now: int) -> int:
    """For how long the spec has been waiting at least; what was never written waits since it was made."""
    since = seen.written_at or seen.made_at
    return now - since if since is not None else now


def _name(seen: Seen) -> str:
    return f"{seen.namespace}/{seen.name}"


def _names(found: Sequence[Seen]) -> str:
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(map(_name, found[:_NAMED])) + more
