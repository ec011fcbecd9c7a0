"""One period for people: sixty columns are enough, and nothing depends on colours."""

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.text import Text

from hypercare.cli.periods.advice import PROFILE_UNREADABLE
from hypercare.cli.periods.blockers import Weight
from hypercare.cli.periods.found import Found
from hypercare.cli.periods.look import PHASES, WEIGHTS, Signs, bar, curve, in_short, phase_of, signs_of, verdict_of
from hypercare.cli.periods.seen import Seen, SeenCriterion, SeenScaling
from hypercare.cli.periods.table import grid, indented, section
from hypercare.cli.periods.words import ago, ahead, counted, roughly, since
from hypercare.domain.conditions import Problem
from hypercare.domain.timestamps import timestamp

_WATCHED = frozenset({"Preparing", "Active", "Extended"})
_TIMELINE = 6
_WIDEST = 100
_BAR = 12
_SILENCE_SECONDS = 900


def status_view(found: Found, to: Console) -> RenderableType:
    """Everything about one period."""
    seen, signs = found.seen, signs_of(to)
    return Group(
        _title(found, signs),
        *_strength(found, min(to.width, _WIDEST), signs),
        *_needed(found),
        *_criteria(seen, signs),
        *_protection(found),
        *_ahead(found),
        *_timeline(seen),
    )


def _title(found: Found, signs: Signs) -> RenderableType:
    seen = found.seen
    facts = [
        ", ".join(seen.targets),
        f"profile {seen.profile}",
        f"mode {seen.mode}",
        *([f"run {seen.run}"] * bool(seen.run)),
    ]
    stage = f" in stage {seen.stage}" if seen.stage and seen.phase in _WATCHED else ""
    held = (ago if seen.over else since)(seen.phase_since, found.now)
    lines = [
        Text.assemble((f"{seen.namespace}/{seen.name}", "bold"), f" {seen.release}"),
        Text(f" {signs.dot} ".join(facts), "dim"),
        Text(),
        Text.assemble(phase_of(seen), stage, f" {held}" if seen.visited and held else ""),
    ]
    return Group(*lines, *_in_short(found), *_notes(found))


def _in_short(found: Found) -> Iterator[RenderableType]:
    """What is in the way, in a few words where the sections below have the details."""
    if not any(each.weight is Weight.PERSON for each in found.blockers):
        told = in_short(found.seen)
        yield from (told,) if told else ()


def _notes(found: Found) -> Iterator[RenderableType]:
    seen = found.seen
    if seen.deleting:
        yield Text("Being deleted: everything is restored first.", "yellow")
    if isinstance(found.asked, Problem) and found.asked.reason == PROFILE_UNREADABLE:
        yield Text(f"Bounds and times ahead are not known: {found.asked.message}", "yellow")
    through = [each.final_through for each in seen.criteria if each.final_through is not None]
    if through and not seen.over and seen.phase != "Suspended" and found.now - min(through) > _SILENCE_SECONDS:
        late = roughly(found.now - min(through))
        yield Text(f"Evidence was read {late} ago: is the operator running (kubectl hypercare doctor)?", "yellow")


def _strength(found: Found, width: int, signs: Signs) -> Iterator[RenderableType]:
    seen = found.seen
    if not seen.run or seen.over:
        return
    note = "mode Observe: it is not applied" if seen.mode == "Observe" else ""
    yield section("Strength", Text(f"{bar(seen.strength / 100, 20, signs)} {seen.strength}%"), note=note)
    levels, pointer = curve(found.course.stretches, found.now, max(20, width - 4), signs)
    if not levels:
        return
    yield indented(Text(levels, PHASES.get(seen.phase, "")))
    yield indented(Text(pointer, "dim"))
    table = grid()
    for name, strength, length, here in _stretches(found):
        table.add_row(Text(f"{strength}%"), Text(name), Text(length), Text("now" if here else "", "bold"))
    table.columns[0].justify = "right"
    yield indented(table)


def _stretches(found: Found) -> Iterator[tuple[str, str, str, bool]]:
    """Name, strength, length and whether it is now; the steps of relaxing together in one row."""
    now, stretches = found.now, found.course.stretches
    stages = [each for each in stretches if each.name != "relaxing"]
    current = next((each for each in reversed(stretches) if each.start <= now), None)
    for each in stages:
        yield each.name, str(each.strength), roughly(each.end - each.start), each is current
    steps = [each for each in stretches if each.name == "relaxing"]
    if steps:
        strengths = f"{steps[0].strength}" if len(steps) == 1 else f"{steps[0].strength}..{steps[-1].strength}"
        here = current is not None and current.name == "relaxing"
        yield "relaxing", strengths, roughly(steps[-1].end - steps[0].start), here


def _needed(found: Found) -> Iterator[RenderableType]:
    pressing = [each for each in found.blockers if each.weight is Weight.PERSON]
    if not pressing:
        return
    lines: list[RenderableType] = []
    for each in pressing:
        lines.append(Text.assemble((f"{each.what}: {each.reason}", WEIGHTS[each.weight])))
        lines.append(indented(Text(each.detail)))
        if each.advice:
            lines.append(indented(Text.assemble(("do: ", "bold"), each.advice)))
    yield section("Needs a person", *lines)


def _criteria(seen: Seen, signs: Signs) -> Iterator[RenderableType]:
    if not seen.criteria:
        return
    met = sum(each.verdict == "Met" and not each.advisory and not each.regressed for each in seen.criteria)
    whole = sum(not each.advisory for each in seen.criteria)
    parts = [part for each in seen.criteria for part in _criterion(each, signs, _widest(seen))]
    yield section("Exit criteria", *parts, note=f"{met} of {whole} met")


def _widest(seen: Seen) -> int:
    return min(24, max(len(each.name) for each in seen.criteria))


def _criterion(each: SeenCriterion, signs: Signs, width: int) -> Iterator[RenderableType]:
    whole = each.met_for + each.remaining
    progress = f"{roughly(each.met_for)} of {roughly(whole)}" if whole and each.verdict != "Met" else ""
    line = Text.assemble(f"{each.name:<{width}}  ", verdict_of(each))
    line.pad_right(max(0, width + 12 - line.cell_len))
    line.append(f" {bar(each.share, _BAR, signs)}")
    line.append(f" {progress}" if progress else "")
    line.append(" (advisory)" if each.advisory else "", "dim")
    yield line
    yield indented(Text(each.message, "dim"))


def _protection(found: Found) -> Iterator[RenderableType]:
    seen = found.seen
    if not seen.run or seen.over:
        return
    table = grid()
    alerts = seen.conditions.get("AlertsTightened")
    told = alerts.message if alerts is not None else ""
    live = f", live {since(seen.alerts.live_since, found.now)}" if seen.alerts.live_since and seen.strength else ""
    counts = f"{seen.alerts.tightened} of {counted(seen.alerts.selected, 'alert')} tightened{live}"
    table.add_row("alerts", Text(counts))
    if told and alerts is not None and alerts.status != "True":
        table.add_row("", Text(told, "yellow"))
    for row in seen.scaling:
        table.add_row("scaling", _scaling(row))
    if not seen.scaling:
        table.add_row("scaling", Text("nothing is requested", "dim"))
    yield section("Protection", table)


def _scaling(row: SeenScaling) -> Text:
    change = f" {row.original} -> {row.applied}" if row.original is not None and row.applied is not None else ""
    ready = f", {row.ready} ready" if row.ready is not None else ""
    raised = row.state in {"Raised", "Restored"}
    said = f": {row.message}" if row.message and not raised else ""
    return Text.assemble(f"{row.target}{change} replicas{ready} ", (row.state, "green" if raised else "yellow"), said)


def _ahead(found: Found) -> Iterator[RenderableType]:
    if found.seen.over:
        yield from _outcome(found)
        return
    if not found.course.moments:
        return
    table = grid()
    for each in found.course.moments:
        table.add_row(
            Text(each.what), timestamp(each.at), Text(f"{ahead(each.at, found.now)}, {each.note}".rstrip(", "))
        )
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    yield section("What ends when", table)


def _outcome(found: Found) -> Iterator[RenderableType]:
    seen = found.seen
    restored = seen.conditions.get("Restored")
    lines = [Text(restored.message)] if restored is not None and restored.message else []
    if seen.report:
        lines.append(Text(f"Report: kubectl hypercare report {seen.name} -n {seen.namespace}"))
    yield section("What is left", *lines)


def _timeline(seen: Seen) -> Iterator[RenderableType]:
    if not seen.timeline:
        return
    table = grid()
    for entry in seen.timeline[-_TIMELINE:]:
        told = "" if entry.time is None else timestamp(entry.time)
        table.add_row(told, Text.assemble((entry.reason, "bold"), f": {entry.message}"))
    table.columns[0].no_wrap = True
    yield section("What has happened", table, note=f"the last {len(seen.timeline[-_TIMELINE:])}")
