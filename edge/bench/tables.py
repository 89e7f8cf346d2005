"""The tables of a report, the same for the terminal, plain text and the page. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from edge.bench.compare import Row
from edge.bench.model import Bound, Hits, Host, Report, RungCost, Sent
from edge.bench.words import about, percent, picture
from edge.units import show_bytes, show_rate


class Table(msgspec.Struct, frozen=True):
    """Cells are texts; all columns but the first are figures, unless `words`."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    words: bool = False


def tables(report: Report) -> Iterator[Table]:
    """Those that there is something to fill with."""
    yield Table("Host", ("", ""), tuple(_host(report.host, report.limits)), words=True)
    yield Table("Run", ("", ""), tuple(_run(report)), words=True)
    if report.rungs:
        yield _rungs(report)
    if report.together:
        yield Table("All together", ("", ""), tuple(_together(report)), words=True)
    if report.fanout:
        yield Table("Viewers", ("", ""), tuple(_fanout(report)), words=True)
    if report.hits:
        yield from _hits(report.hits)
    if report.lags:
        yield _lags(report)


def _host(host: Host, limits: Sequence[Bound]) -> Iterator[tuple[str, str]]:
    mhz = f", {host.mhz:.0f} MHz now" if host.mhz else ""
    yield "processor", f"{host.processor or 'unknown'}{mhz}"
    yield "instructions", " ".join(host.flags) or "unknown"
    yield "cores", f"{host.cores}" + (f", {host.affinity} of them for us" if host.affinity != host.cores else "")
    yield (
        "memory",
        f"{_size(host.memory)}, {_size(host.available)} available when the run began, {_size(host.swap)} swap",
    )
    yield "kernel", host.kernel
    yield "virtualisation", host.virtualisation or "unknown"
    for bound in limits:
        if bound.value is not None and bound.name in ("cpu quota", "memory max", "memory high"):
            value = f"{bound.value:.3g} cores" if bound.name == "cpu quota" else show_bytes(bound.value)
            yield bound.name, f"{value} ({bound.source})"
    yield "versions", ", ".join(f"{name} {version}" for name, version in host.versions.items())


def _run(report: Report) -> Iterator[tuple[str, str]]:
    request, stream, wanted = report.request, report.stream, report.request.rendition
    if wanted:
        yield "rendition", f"{picture(wanted)}, {show_rate(wanted.video_rate + wanted.audio_rate)}"
    if stream:
        yield (
            "sample",
            f"{stream.origin}: {stream.video or 'no video'}, {stream.audio or 'no sound'}, {stream.seconds:.1f} s",
        )
        yield "its rate", show_rate(stream.size * 8 / stream.seconds) if stream.seconds else "unknown"
    yield "limits", request.enforced
    yield "took", f"{report.took:.0f} s of {request.seconds:.0f}" + ("" if report.complete else ", interrupted")


def _rungs(report: Report) -> Table:
    resting = report.verdict.index
    rows = tuple(_rung(n, rung, resting=n == resting) for n, rung in enumerate(report.rungs))
    head = ("rung", "% of a core", "± %", "× real time", "frames/s", "peak", "anonymous")
    note = "Processor seconds a media second, flat out; peak is VmHWM of the whole process, file pages included."
    if any(not rung.measured for rung in report.rungs):
        note += " ≈: guessed from the rungs that were measured."
    return Table("The quality ladder", head, rows, note)


def _rung(number: int, rung: RungCost, *, resting: bool) -> tuple[str, ...]:
    return (
        f"{number + 1} {rung.name}{' ←' if resting else ''}",
        f"{'' if rung.measured else '≈'}{rung.cost.value * 100:.3g}",
        spread(rung),
        f"{rung.speed:.3g}" if rung.speed else "",
        f"{rung.fps:.3g}" if rung.fps is not None else "",
        show_bytes(rung.peak) if rung.peak else "",
        show_bytes(rung.anonymous) if rung.anonymous else "",
    )


def spread(rung: RungCost) -> str:
    """Half of the distance between the quartiles, in % of the value."""
    low, high, value = rung.cost.low, rung.cost.high, rung.cost.value
    return f"{(high - low) / 2 / value * 100:.0f}" if low is not None and high is not None and value else ""


def _together(report: Report) -> Iterator[tuple[str, str]]:
    found = report.together
    assert found is not None  # noqa: S101 - for the type checker
    yield (
        "what",
        f"edge run, the sample in real time, {found.viewers} viewers, a scrape every 5 s, {found.seconds:.0f} s",
    )
    yield "speed", f"{found.speed:.3f} of real time"
    yield "processor", f"{found.cost * 100:.3g} % of a core"
    yield "rungs in force", ", ".join(found.rungs) or "not told"
    yield "loop lag", f"99th percentile {_bound(found.lag_p99)}, longest {_bound(found.lag_max)}"
    yield "longest pause at a viewer", f"{found.longest_gap:.2f} s"
    yield "memory", f"{_size(found.peak)} peak, {_size(found.anonymous)} anonymous"
    if found.charged:
        yield "charged to the cage", f"{show_bytes(found.charged)}, page cache included"
    if found.throttled is not None:
        yield "throttled", f"in {percent(found.throttled)} of the quota's periods"


def _bound(seconds: float | None) -> str:
    return f"at most {seconds * 1000:g} ms" if seconds is not None else "over 1 s, or not known"


def _fanout(report: Report) -> Iterator[tuple[str, str]]:
    found = report.fanout
    assert found is not None  # noqa: S101 - for the type checker
    yield "what", f"edge run passing {show_rate(found.rate)} on to {found.viewers} more viewers"
    yield "processor of a viewer", f"{found.processor.value * 100:.2g} % of a core"
    yield "processor of a megabit", f"{found.per_megabit * 1000:.2g} ms"
    yield "memory of a viewer", f"{_size(found.anonymous)} in the process, {_size(found.kernel)} in socket buffers"
    for word, count in report.verdict.viewer_bounds.items():
        yield f"viewers by {word}", about(count)


def _hits(found: Hits) -> Iterator[Table]:
    parts = (("alone", found.alone), ("beside the channel", found.beside))
    rows = tuple(_sent(where, sent) for where, part in parts if part for sent in part.sent)
    if rows:
        head = ("", "connections", "asked /s", "answered /s", "µs a hit", "p50 ms", "p99 ms", "refused", "failed")
        note = "µs: processor time of the worker. Waits count from when a hit was due until its answer."
        yield Table("Hits", head, rows, note)
    if more := tuple(_collector(found)):
        yield Table("The collector", ("", ""), more, words=True)


def _sent(where: str, sent: Sent) -> tuple[str, ...]:
    return (
        where, str(sent.connections), f"{sent.rate:g}" if sent.rate is not None else "all",
        f"{sent.per_second.value:.3g}", f"{sent.cost.value * 1e6:.0f}" if sent.cost else "",
        f"{sent.p50 * 1000:.1f}", f"{sent.p99 * 1000:.1f}", str(sent.refused), str(sent.failed),
    )  # fmt: skip


def _collector(found: Hits) -> Iterator[tuple[str, str]]:
    if found.alone:
        before, after = _size(found.alone.before), _size(found.alone.anonymous)
        yield "memory", f"{after} anonymous after all hits, {before} before; {_size(found.alone.peak)} peak"
    if found.beside and found.beside.speed is not None:
        yield "channel meanwhile", f"{found.beside.speed:.3f} of real time on {', '.join(found.beside.rungs) or '?'}"
    yield "an answered hit outlives", {"power": "a power cut"}.get(found.durability, "a crash of edge only")
    if disk := found.disk:
        took = f"{disk.p50 * 1000:.2g} ms median, {disk.p99 * 1000:.2g} ms 99th percentile of {disk.writes}"
        yield "a write until it is safe", f"{took} ({disk.of}, {disk.filesystem or 'unknown file system'})"


def _lags(report: Report) -> Table:
    rows = tuple(
        (lag.name, *(f"{value * 1000:.1f}" for value in (lag.p50, lag.p99, lag.max)), str(lag.calls))
        for lag in report.lags
    )
    note = "busy core: another process wants all of the same core."
    return Table(
        "How late the event loop is beside a transcoding thread",
        ("", "median ms", "p99 ms", "longest ms", "calls"),
        rows,
        note,
    )


def compared(rows: Sequence[Row], doubts: Sequence[str]) -> Table:
    """The comparison; how noise is treated is said below it."""
    cells = tuple(
        (row.name, _value(row.old, row.unit), _value(row.new, row.unit), _ratio(row), row.judged) for row in rows
    )
    note = (
        "worse: over 1.10 and, where a figure was cut into turns, its quartiles apart; memory also by more than 1 MiB; "
        "lags over 2 and by more than 5 ms. noise: over 1.10 with quartiles that overlap."
    )
    if doubts:
        note += " Not the same conditions: " + "; ".join(doubts) + "."
    return Table("Compared with the earlier run", ("figure", "then", "now", "ratio", ""), cells, note)


def _ratio(row: Row) -> str:
    return f"{row.ratio:.2f}" if row.ratio is not None else ""


def _value(value: float, unit: str) -> str:
    return show_bytes(value) if unit == "B" else f"{value * 1000:.3g} ms" if unit == "s" else f"{value:.3g} {unit}"


def _size(value: int | None) -> str:
    return show_bytes(value) if value is not None else "unknown"
