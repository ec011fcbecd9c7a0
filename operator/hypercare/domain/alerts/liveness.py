"""Whether Prometheus evaluates exactly the current overlay, and why not.

The proof is the heartbeat: the last rule of each group of the overlay records the time of its evaluation under the
revision of the overlay. A group whose heartbeat of that revision is fresh was evaluated with all that comes before it.
That an object was written, accepted or loaded is no proof; it only helps `diagnosis` to name the reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hypercare.domain.alerts.overlay import HEARTBEAT
from hypercare.domain.alerts.source_rules import Body, rule_seconds
from hypercare.domain.durations import format_duration
from hypercare.domain.fields import Field
from hypercare.domain.promql.text import matcher
from hypercare.domain.samples import QueryFailed, Result

_SLACK_SECONDS = 30
"""Beyond two intervals: an evaluation may itself take time, and results may be read through a second server."""
_NAMED_AT_MOST = 3


@dataclass(frozen=True)
class ExpectedHeartbeat:
    """One group of the overlay, with how often it is evaluated and how far back (`query_offset`), in seconds."""

    group_id: str
    interval_seconds: int
    offset_seconds: int


@dataclass(frozen=True)
class Live:
    """Every group was evaluated at this revision; `since` is the oldest of their newest evaluations (Unix seconds)."""

    since: float


@dataclass(frozen=True)
class NotLive:
    """The overlay is not proven to be evaluated: a condition-style reason, and what is known in words.

    `untold`: it may be evaluated where the endpoint does not read.
    """

    reason: str
    message: str
    untold: bool = False


Liveness = Live | NotLive


def expected_heartbeats(overlay: Body, default_interval_seconds: int) -> tuple[ExpectedHeartbeat, ...]:
    """One per group of an overlay that `build_overlay` made."""
    return tuple(
        ExpectedHeartbeat(
            group_id=group.get("name").text(),
            interval_seconds=rule_seconds(group.get("interval")) or default_interval_seconds,
            offset_seconds=rule_seconds(group.get("query_offset")),
        )
        for group in Field("spec", overlay["spec"]).get("groups").items()
    )


def heartbeat_query(overlay: Body) -> str:
    """The instant query whose answer proves that this very overlay is evaluated."""
    groups = Field("spec", overlay["spec"]).get("groups").items()
    labels = groups[0].get("rules").items()[-1].get("labels").text_map()
    named = ("hypercare", "hypercare_run", "hypercare_revision")
    return HEARTBEAT + "{" + ",".join(matcher(name, "=", labels[name]) for name in named) + "}"


def judge_liveness(expected: Sequence[ExpectedHeartbeat], answer: Result, now: float, delay_seconds: int) -> Liveness:
    """Judge the answer to `heartbeat_query` at `now` (Unix seconds).

    A group is live when its heartbeat is not older than two intervals, its offset, the `delay_seconds` that samples
    may take to arrive, and some slack. Where replicas answer side by side, the oldest counts.
    """
    if isinstance(answer, QueryFailed):
        return NotLive(answer.kind.value, f"whether the overlay is evaluated cannot be read: {answer.message}")
    seen: dict[str, float] = {}
    for series in answer.series:
        group_id, value = series.labels.get("hypercare_group", ""), series.samples[-1].value
        seen[group_id] = min(value, seen.get(group_id, value))
    missing = [each.group_id for each in expected if each.group_id not in seen]
    if missing:
        return _missing(missing, len(expected))
    stale = [each for each in expected if now - seen[each.group_id] > _patience(each, delay_seconds)]
    if stale:
        worst = min(stale, key=lambda each: seen[each.group_id])
        age = format_duration(int(now - seen[worst.group_id]))
        return NotLive("EvaluationStopped", f"group {worst.group_id} was last evaluated {age} ago")
    return Live(since=min((seen[each.group_id] for each in expected), default=now))


def of_all_replicas(verdicts: Mapping[str, Liveness]) -> Liveness:
    """What several servers show together that evaluate the same rules, by their URL: live is what all of them show."""
    live = [each for each in verdicts.values() if isinstance(each, Live)]
    lacking = {url: each for url, each in verdicts.items() if isinstance(each, NotLive)}
    if not lacking:
        return Live(min(each.since for each in live))
    url, worst = next(iter(lacking.items()))
    message = f"on {len(live)} of {len(verdicts)} replicas; {url}: {worst.message}"
    return NotLive("OverlayOnSomeReplicas", message, untold=all(each.untold for each in lacking.values()))


def _patience(heartbeat: ExpectedHeartbeat, delay_seconds: int) -> int:
    return 2 * heartbeat.interval_seconds + heartbeat.offset_seconds + delay_seconds + _SLACK_SECONDS


def _missing(missing: Sequence[str], expected: int) -> NotLive:
    if len(missing) == expected:
        return NotLive("OverlayNotLoaded", "Prometheus does not evaluate the current overlay yet")
    names = ", ".join(missing[:_NAMED_AT_MOST])
    message = f"{len(missing)} of {expected} groups of the current overlay are not evaluated yet: {names}"
    return NotLive("OverlayPartlyLoaded", message)
