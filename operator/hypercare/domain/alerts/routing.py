"""Where Alertmanager sends an alert: the tree of routes, and whether two alerts that are known in part go one way.

Source of the rules: Alertmanager, "Configuration" (`route`): the first child that matches takes an alert, and those
after it as well where it says `continue`; an alert that no child takes is the node's own. A child inherits what it does
not say.

Of an alert only some labels are known; the rest, those of its instances, are the same for a copy and its original. So
each matcher on a label that is not known is one question with one answer for both. Two alerts differ when answers that
lead to some route, or to some two, take them apart: one of them ends in the first, the other in the second.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from itertools import combinations

from hypercare.domain.alerts.matchers import LabelMatcher, MatchOperator, checked, written_matchers
from hypercare.domain.fields import Field

NODE_LIMIT = 2000
"""Routes that are read; of a larger tree nothing is told."""
PAIRED_LIMIT = 50
"""Of so many different ways each two are tried together; where there are more, each by itself."""


@dataclass(frozen=True)
class Delivery:
    """Who is told, in which groups (`...` is every label), and when not (names of time intervals)."""

    receiver: str
    group_by: tuple[str, ...] = ()
    intervals: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The receiver, and its groups."""
        return f"{self.receiver} grouped by {', '.join(self.group_by) or 'nothing'}"


@dataclass(frozen=True)
class Route:
    """A node of the tree, with what it has inherited."""

    delivery: Delivery
    matchers: tuple[LabelMatcher, ...] = ()
    goes_on: bool = False
    children: tuple["Route", ...] = ()


@dataclass(frozen=True)
class Apart:
    """Two alerts are delivered differently: how the first, and how the second."""

    one: tuple[Delivery, ...]
    other: tuple[Delivery, ...]
    grouped_by: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The difference, for people."""
        if self.grouped_by:
            return f"both go to {_told(self.one)}, in different groups (by {', '.join(self.grouped_by)})"
        return f"one goes to {_told(self.one)}, the other to {_told(self.other)}"


def read_routes(config: Field) -> Route:
    """Read the tree of a configuration as `/api/v2/status` shows it.

    Raises:
        InvalidField: it has another form, or a matcher that cannot be judged, or it is too large.
    """
    root = _route(config.get("route"), Delivery(""))
    if sum(1 for _ in _paths(root, ())) > NODE_LIMIT:
        raise config.get("route").error(f"has more than {NODE_LIMIT} routes")
    return root


def deliveries(route: Route, labels: Mapping[str, str]) -> tuple[Delivery, ...]:
    """How an alert with exactly these labels is delivered, as `amtool config routes test` says."""
    matchers = (matcher for path in _paths(route, ()) for matcher in path[-1].matchers)
    absent = frozenset(matcher for matcher in matchers if matcher.name not in labels and matcher.matches(""))
    return tuple(_deliveries(route, labels, absent))


def told_apart(route: Route, one: Mapping[str, str], other: Mapping[str, str]) -> Apart | None:
    """How an alert that shares all labels but the given ones with `one` is not delivered as that; None if it is.

    It may be delivered to others too: whoever hears of `one` hears of it.
    """
    known = one.keys() | other.keys()
    first, second = ({name: labels.get(name, "") for name in known} for labels in (one, other))
    different = {name for name in known if first[name] != second[name]}
    for assumed in _answers(route, known):
        ways = tuple(_deliveries(route, first, assumed)), tuple(_deliveries(route, second, assumed))
        if not set(ways[0]) <= set(ways[1]):
            return Apart(*ways)
        split = sorted({name for way in ways[0] for name in _splits(way, different)})
        if split:
            return Apart(*ways, tuple(split))
    return None


def _route(field: Field, inherited: Delivery) -> Route:
    groups = field.get("group_by")
    delivery = replace(
        inherited,
        receiver=field.get("receiver").text("") or inherited.receiver,
        group_by=tuple(sorted(groups.texts())) if groups.present else inherited.group_by,
        intervals=field.get("mute_time_intervals").texts() + field.get("active_time_intervals").texts(),
    )
    return Route(
        delivery=delivery,
        matchers=written_matchers(field.get("matchers")) + tuple(_older_matchers(field)),
        goes_on=field.get("continue").flag(False),
        children=tuple(_route(item, delivery) for item in field.get("routes").items()),
    )


def _older_matchers(field: Field) -> Iterator[LabelMatcher]:
    for key, operator in (("match", MatchOperator.EQUAL), ("match_re", MatchOperator.MATCHES)):
        for name, value in field.get(key).text_map().items():
            yield checked(field.get(key).get(name), LabelMatcher(name, operator, value))


def _deliveries(route: Route, labels: Mapping[str, str], assumed: frozenset[LabelMatcher]) -> Iterator[Delivery]:
    taken = False
    for child in route.children:
        if _takes(child, labels, assumed):
            taken = True
            yield from _deliveries(child, labels, assumed)
            if not child.goes_on:
                return
    if not taken:
        yield route.delivery


def _takes(route: Route, labels: Mapping[str, str], assumed: frozenset[LabelMatcher]) -> bool:
    """Whether a route takes an alert; of labels that are not known only what is assumed holds."""
    return all(
        matcher.matches(labels[matcher.name]) if matcher.name in labels else matcher in assumed
        for matcher in route.matchers
    )


def _answers(route: Route, known: Set[str]) -> Iterator[frozenset[LabelMatcher]]:
    """The matchers on other labels that hold where an alert is led to one route, and to either of two."""
    single = dict.fromkeys(
        frozenset(matcher for node in path for matcher in node.matchers if matcher.name not in known)
        for path in _paths(route, ())
    )
    yield from single
    if len(single) <= PAIRED_LIMIT:
        yield from (one | other for one, other in combinations(single, 2))


def _paths(route: Route, above: tuple[Route, ...]) -> Iterator[tuple[Route, ...]]:
    path = (*above, route)
    yield path
    for child in route.children:
        yield from _paths(child, path)


def _splits(delivery: Delivery, different: set[str]) -> set[str]:
    return different if "..." in delivery.group_by else different & set(delivery.group_by)


def _told(ways: tuple[Delivery, ...]) -> str:
    return " and ".join(sorted({way.receiver for way in ways})) or "nobody"
