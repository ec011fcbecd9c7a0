"""Whether a copy ever misses what its original finds, as a real Prometheus evaluates both."""

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.corpus.worlds import END, START

INTERVAL = 60
OFFSET = 13
"""Evaluations lie between samples, as those of rules do."""
TIMES = range(START + 5 * INTERVAL + OFFSET, END + 5 * INTERVAL, INTERVAL)

LabelSet = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Failed:
    """An expression that Prometheus could not evaluate, here or at some time of a range."""

    error: str


@dataclass(frozen=True)
class Found:
    """By time, the label sets of the results without their metric name. `doubled` are those found more than once."""

    at: Mapping[int, frozenset[LabelSet]]
    doubled: Mapping[int, frozenset[LabelSet]]


@dataclass(frozen=True)
class Rule:
    """What decides when an alert fires, and the labels that its rule sets."""

    expr: str
    for_seconds: int
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Verdict:
    """What a comparison of a copy with its original showed, in results and in firing alerts, over all times.

    Attributes:
        missed: Those of the original that the copy lacks; all of them at times when only the copy fails.
        seen: Those of the original.
        earlier: Those of the copy beyond these.
    """

    missed: int
    seen: int
    earlier: int


def evaluate(url: str, expr: str) -> Found:
    """Evaluate at every time; where the range fails as a whole, time by time: a failed time has no results.

    Of equal values `topk` takes any in a range, and always the same at one time, as for rules.
    """
    if "topk" not in expr:
        found = _range(url, expr, TIMES.start, TIMES[-1])
        if isinstance(found, Found):
            return found
    each = [(time, _range(url, expr, time, time)) for time in TIMES]
    good = [(time, result) for time, result in each if isinstance(result, Found)]
    return Found(
        {time: result.at.get(time, frozenset()) for time, result in good},
        {time: result.doubled.get(time, frozenset()) for time, result in good},
    )


def evaluate_all(url: str, exprs: Iterable[str]) -> dict[str, Found]:
    """Evaluate many expressions, each once."""
    distinct = list(dict.fromkeys(exprs))
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(distinct, pool.map(lambda expr: evaluate(url, expr), distinct), strict=True))


def compare(original: Rule, copy: Rule, found: Mapping[str, Found]) -> Verdict:
    """Hold a copy against its original: the results of their expressions, and the alerts that fire after their `for`.

    A time at which two results differ in nothing but their name and labels that the rule sets is one at which it fails.
    """
    results = _usable(found[original.expr], original.labels), _usable(found[copy.expr], copy.labels)
    fires = _firing(results[0], original.for_seconds), _firing(results[1], copy.for_seconds)
    missed = seen = earlier = 0
    for wanted_at, got_at in (results, fires):
        for time, wanted in wanted_at.items():
            got = got_at.get(time, frozenset())
            seen += len(wanted)
            missed += len(wanted - got)
            earlier += len(got - wanted)
    return Verdict(missed, seen, earlier)


def same_alerts(rules: Iterable[Rule], found: Mapping[str, Found]) -> int:
    """How often two of several rules make alerts with equal labels, which then disturb each other."""
    several = 0
    made = [(dict(rule.labels), found[rule.expr].at) for rule in rules]
    for time in TIMES:
        alerts = [frozenset((dict(each) | labels).items()) for labels, at in made for each in at.get(time, ())]
        several += len(alerts) - len(set(alerts))
    return several


def _firing(results: Mapping[int, frozenset[LabelSet]], for_seconds: int) -> dict[int, frozenset[LabelSet]]:
    since: dict[LabelSet, int] = {}
    firing = {}
    for time in sorted(results):
        since = {each: since.get(each, time) for each in results[time]}
        firing[time] = frozenset(each for each, begun in since.items() if time - begun >= for_seconds)
    return firing


def _usable(found: Found, labels: Iterable[str]) -> dict[int, frozenset[LabelSet]]:
    overridden = frozenset(labels)
    usable = {}
    for time, results in found.at.items():
        kept = [frozenset(pair for pair in each if pair[0] not in overridden) for each in results]
        if not found.doubled.get(time) and len(set(kept)) == len(kept):
            usable[time] = frozenset(kept)
    return usable


def _range(url: str, expr: str, start: int, end: int) -> Found | Failed:
    body = urlencode({"query": expr, "start": start, "end": end, "step": INTERVAL}).encode()
    try:
        with urlopen(f"{url}/api/v1/query_range", data=body, timeout=60) as response:
            rows = json.load(response)["data"]["result"]
    except HTTPError as error:
        answer = json.load(error)
        # What cannot even be read is no matter of data: neither an original nor a copy may be like that.
        assert answer["errorType"] != "bad_data", f"{expr}: {answer['error']}"
        return Failed(str(answer["error"]))
    at: dict[int, set[LabelSet]] = {}
    doubled: dict[int, set[LabelSet]] = {}
    for row in rows:
        labels = frozenset((name, value) for name, value in row["metric"].items() if name != "__name__")
        for moment, _ in row["values"]:
            seen = at.setdefault(int(moment), set())
            (doubled.setdefault(int(moment), set()) if labels in seen else seen).add(labels)
    return Found(
        {time: frozenset(at.get(time, ())) for time in range(start, end + 1, INTERVAL)},
        {time: frozenset(results) for time, results in doubled.items()},
    )
