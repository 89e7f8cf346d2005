"""What `edge top` shows, as lines of text. Pure: two readings, a size, whether colours are wanted."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from edge.observe import statustext as say
from edge.observe.status import ChannelStatus, HitsStatus, Rates, Status, rates

COLOURS = {"good": "32", "wait": "33", "bad": "31", "soft": "2", "bold": "1", "head": "7"}
STATES = {
    "live": "good", "ready": "good", "starting": "wait", "stopping": "wait", "waiting": "wait", "away": "bad",
    "off": "soft",
}  # fmt: skip
_BAR = 12
_NEAR, _FULL = 0.75, 0.9  # of a limit
_WIDE = 104  # columns
_BEHIND = 2.0  # seconds that a channel is late
_LATE, _STUCK = 0.05, 0.25  # seconds that the loop is late

Span = tuple[str, str]  # text and the name of its colour, or none
Line = list[Span]


def screen(
    now: Status, before: Status | None, where: str, width: int, height: int, *, colour: bool, note: str = ""
) -> list[str]:
    """At most `height` lines of at most `width` columns; what does not fit is counted in the last of its list. `note`:
    what is the matter with the connection."""
    change = rates(before, now)
    top = [*_whole(now, change, where, note)]
    lists = [part for part in (_channels(now, change, wide=width >= _WIDE), _hits(now.hits, change)) if part]
    room = height - len(top) - sum(2 for _ in lists)
    lines = top
    for index, part in enumerate(lists):
        rest = sum(len(each) - 1 for each in lists[index + 1 :])
        most = max(1, room - min(rest, room // 2))
        shown = _cut(part[1:], most)
        room -= len(shown)
        lines += [[], part[0], *shown]
    return [_paint(line, width, colour=colour) for line in lines[:height]]


def _cut(rows: Sequence[Line], most: int) -> list[Line]:
    if len(rows) <= most:
        return list(rows)
    return [*rows[: most - 1], [(f"… and {len(rows) - most + 1} more", "soft")]]


def _paint(line: Line, width: int, *, colour: bool) -> str:
    """Cut to `width` columns; control characters, which no name should hold, are shown as a question mark."""
    left, out = width, []
    for text, kind in line:
        part = "".join(c if c.isprintable() else "?" for c in text)[:left]
        left -= len(part)
        out.append(f"\x1b[{COLOURS[kind]}m{part}\x1b[0m" if colour and kind and part else part)
    return "".join(out).rstrip() if not colour else "".join(out)


# -- the process


def _whole(now: Status, change: Rates | None, where: str, note: str) -> Iterator[Line]:
    at = time.strftime("%H:%M:%S", time.localtime(now.time))
    state: Span = (now.state, STATES.get(now.state, ""))
    yield [
        ("edge ", "bold"),
        (now.build.release or now.build.version, "bold"),
        ("  ", ""),
        state,
        (f"  up {say.ago(now.uptime)}  {at}  {where}", ""),
    ]
    if note:
        yield [(note, "bad")]
    yield _memory(now)
    yield _processor(now, change)
    loop, net = now.loop, now.network
    late = "bad" if loop.p99 >= _STUCK else "wait" if loop.p99 >= _LATE else ""
    lags: Span = (f"p50 {say.brief(loop.p50)}  p99 {say.brief(loop.p99)}", late)
    yield [_name("loop"), ("late by ", ""), lags, (f"  max {say.brief(loop.worst)} in the last minute", "")]
    bits = sum(change.bits.values()) if change else None
    requests = say.each_second(change.requests if change else None)
    month = "" if net.month is None else f"  {say.size(net.month)} this month"
    yield [
        _name("network"),
        (f"{say.rate(bits)} sent  {requests} requests/s  {net.connections} connections{month}", ""),
    ]


def _name(text: str) -> Span:
    return f"{text:10}", "soft"


def _memory(now: Status) -> Line:
    memory = now.memory
    used = say.taken(memory)
    drawn = f"  streams {say.size(sum(memory.drawn.values()))} of {say.size(memory.room)}"
    line = [
        _name("memory"),
        *_bar(say.part(used, memory.limit)),
        (f" {say.size(used)} of {say.size(memory.limit)}", ""),
    ]
    let_go = [(f"  letting go: {memory.shedding}", "bad")] if memory.shedding != "none" else []
    return [*line, *let_go, (drawn, "")]


def _processor(now: Status, change: Rates | None) -> Line:
    processor = now.processor
    of = "cores, no quota" if processor.quota is None else f"of {processor.quota:.2g} cores"
    line = [_name("processor"), *_bar(say.part(processor.used, processor.quota or 1.0))]
    line.append((f" {say.NOTHING if processor.used is None else f'{processor.used:.2f}'} {of}", ""))
    throttled = change.throttled if change else None
    steal = change.steal if change else None
    line.append((f"  throttled {say.share(throttled)}", "wait" if throttled and throttled > 0.05 else ""))
    return [*line, (f"  stolen {say.share(steal)}", "wait" if steal and steal > 0.1 else "")]


def _bar(part: float | None) -> Line:
    if part is None:
        return [("[" + " " * _BAR + "]", "soft")]
    full = round(part * _BAR)
    kind = "bad" if part >= _FULL else "wait" if part >= _NEAR else "good"
    return [("[", "soft"), ("#" * full, kind), ("." * (_BAR - full), "soft"), ("]", "soft")]


# -- channels and sites


def _channels(now: Status, change: Rates | None, *, wide: bool) -> list[Line]:
    """The heading, and a line for each; `wide`: with what the viewers take. Behind it connections to the source that
    ended, and what is the matter."""
    if not now.channels:
        return []
    long = min(16, max(7, *(len(channel.name) for channel in now.channels)))
    outputs = f"{'BY OUTPUT':24} " if wide else ""
    head = f"{'CHANNEL':{long}} {'STATE':8} {'FOR':>7} {'RUNG':11} {'LAG':>7} VIEWERS {'SENT':>9} {outputs}RECONNECTS"
    return [[(f"{head:300}", "head")], *(_channel(channel, now, change, long, wide) for channel in now.channels)]


def _channel(channel: ChannelStatus, now: Status, change: Rates | None, long: int, wide: bool) -> Line:
    late = "bad" if channel.lag_seconds is not None and channel.lag_seconds > _BEHIND else ""
    bits = change.bits.get(channel.name) if change else None
    return [
        (f"{channel.name[:long]:{long}} ", "bold"),
        (f"{channel.state:8} ", STATES.get(channel.state, "")),
        (f"{say.ago(now.time - channel.since):>7} ", ""),
        (f"{channel.rung or say.NOTHING:11} ", "wait" if channel.lowered else ""),
        (f"{say.brief(channel.lag_seconds):>7} ", late),
        (f"{sum(channel.viewers.values()):>7} {say.rate(bits):>9} ", ""),
        (f"{say.outputs(channel.viewers):24} " if wide else "", ""),
        (f"{channel.connections} ", ""),
        (channel.reason or channel.lowered or "", "wait"),
    ]


def _hits(hits: HitsStatus | None, change: Rates | None) -> list[Line]:
    if hits is None:
        return []
    head = f"{'SITE':27} {'HITS/s':>8} {'HITS':>10} {'VISITS':>9} {'VISITORS TODAY':>15}"
    rows: list[Line] = []
    for site in hits.sites:
        speed = say.each_second(change.hits.get(site.id) if change else None)
        visitors = say.NOTHING if site.visitors is None else f"≥ {site.visitors:.0f}"
        name = f"{site.id} {site.name}"[:27]
        rows.append([(f"{name:27} ", "bold"), (f"{speed:>8} {site.hits:>10} {site.visits:>9} {visitors:>15}", "")])
    store: Span = ("the database refuses hits", "bad") if hits.failing else ("kept", "good")
    told = f"  {hits.waiting} waiting  {hits.failed} failed  {hits.excluded} not counted  {hits.under_way} visits now"
    return [[(f"{head:200}", "head")], [_name("hits"), store, (f"{told}  {say.size(hits.database)}", "")], *rows]
