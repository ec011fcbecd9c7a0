"""When originals and copies fired, and how much earlier a copy did: what the report tells about alerts.

Read on a grid as `max_over_time(ALERTS{…}[step])`, so that a firing shorter than a step is not missed. Times are grid
points, so a gain is exact to one step. All instances of an alert count as one: the alert fires while any of them does.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from hypercare.domain.alerts.watched import Making, WatchedAlert
from hypercare.domain.promql.tenancy import Tenancy
from hypercare.domain.promql.text import matcher, one_of
from hypercare.domain.samples import Answer


@dataclass(frozen=True)
class Episode:
    """A time of uninterrupted firing; first and last grid point of it, in Unix seconds."""

    start: int
    end: int


@dataclass(frozen=True)
class AlertHistory:
    """What one watched alert did.

    Episodes of original and copy belong together when they touch: groups are evaluated at different moments, so what
    happens together may be one point of the grid apart.
    """

    alert: WatchedAlert
    originals: tuple[Episode, ...]
    copies: tuple[Episode, ...]
    step_seconds: int

    @property
    def gains(self) -> tuple[int, ...]:
        """Per episode of the original that a copy shared: by how many seconds the copy fired earlier."""
        shared = ((each, self.copies_with(each)) for each in self.originals)
        return tuple(each.start - min(copy.start for copy in copies) for each, copies in shared if copies)

    @property
    def warnings_only(self) -> tuple[Episode, ...]:
        """Episodes of the copy during which the original stayed quiet: the early warning that was all there was."""
        return tuple(copy for copy in self.copies if not any(self._together(copy, each) for each in self.originals))

    def copies_with(self, original: Episode) -> tuple[Episode, ...]:
        """The copy's episodes that belong together with one of the original."""
        return tuple(copy for copy in self.copies if self._together(copy, original))

    def _together(self, copy: Episode, original: Episode) -> bool:
        return copy.start <= original.end + self.step_seconds and original.start <= copy.end + self.step_seconds


def copies_query(owner_text: str, step_seconds: int) -> str:
    """The range query's expression for the firing copies of one period, named `<namespace>/<name>`."""
    return f"max_over_time({_firing_alerts(matcher('hypercare', '=', owner_text))}[{step_seconds}s])"


def originals_query(watched: Iterable[WatchedAlert], tenancy: Tenancy, step_seconds: int) -> str:
    """The range query's expression for the firing originals of the watched alerts.

    Alerts without the tenant's label count as well: their names are all that they can be told by. Of shared alerts
    only what is in their scope counts.
    """
    ours = matcher(tenancy.label, "=~", f"{one_of([tenancy.namespace])}|")
    names: dict[str, list[str]] = {"": []}
    for alert in watched:
        if alert.making is not Making.ADDED:
            names.setdefault(alert.scope, []).append(alert.alertname)
    asked = (
        (matcher("hypercare", "=", ""), matcher("alertname", "=~", one_of(some)), scope or ours)
        for scope, some in names.items()
    )
    return " or ".join(f"max_over_time({_firing_alerts(*matchers)}[{step_seconds}s])" for matchers in asked)


def alert_episodes(
    watched: Iterable[WatchedAlert], originals: Answer, copies: Answer, step_seconds: int
) -> tuple[AlertHistory, ...]:
    """Fold the answers for originals and copies into episodes; alerts that never fired are left out."""
    by_name = _firing(originals, lambda labels: labels.get("alertname", ""))
    by_rule = _firing(copies, lambda labels: labels.get("hypercare_rule", ""))
    histories = (
        AlertHistory(
            alert,
            # An added alert has no original; one of its name belongs to somebody else.
            _episodes(by_name.get(alert.alertname, set()) if alert.making is not Making.ADDED else (), step_seconds),
            _episodes(by_rule.get(alert.rule_id, set()), step_seconds),
            step_seconds,
        )
        for alert in watched
    )
    return tuple(history for history in histories if history.originals or history.copies)


def ended_by_removal(histories: Iterable[AlertHistory], removing_since: int, step_seconds: int) -> Iterator[str]:
    """Notes on copies that fired last when tightened alerts were taken away, while their originals were quiet.

    Args:
        histories: What the watched alerts did.
        removing_since: When strength reached 0, in Unix seconds.
        step_seconds: The grid of the histories.
    """
    for history in histories:
        last = max((copy.end for copy in history.copies), default=0)
        if last >= removing_since - step_seconds and all(each.end < last for each in history.originals):
            yield (
                f"The copy of {history.alert.alertname} was last seen firing when tightened alerts were being removed: "
                "that it resolved then may have come from its removal, not from recovery"
            )


def _firing_alerts(*matchers: str) -> str:
    return "ALERTS{" + ",".join(('alertstate="firing"', *matchers)) + "}"


def _firing(answer: Answer, key: Callable[[Mapping[str, str]], str]) -> dict[str, set[int]]:
    times: dict[str, set[int]] = {}
    for series in answer.series:
        times.setdefault(key(series.labels), set()).update(int(sample.time) for sample in series.samples)
    return times


def _episodes(times: Iterable[int], step: int) -> tuple[Episode, ...]:
    found: list[Episode] = []
    for time in sorted(times):
        if found and time - found[-1].end <= step:
            found[-1] = Episode(found[-1].start, time)
        else:
            found.append(Episode(time, time))
    return tuple(found)
