"""What the collector takes, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge.bench.model import Alone, Beside, Disk, Hits, Sent
from edge.bench.words import about, percent
from edge.units import show_bytes

EVERY = 30  # seconds, in which a reader opens a page
VPS = 0.02  # seconds: what the disk of a small rented server may take
IN_MEMORY = ("tmpfs", "ramfs")


def saturated(sent: Sequence[Sent]) -> float:
    """Most hits a second that came through."""
    return max((each.per_second.value for each in sent if each.rate is None), default=0.0)


def sentences(found: Hits, verdict: int | None) -> Iterator[str]:
    """`verdict`: hits a second, None: not known."""
    if verdict is not None:
        where = " beside the channel" if found.beside else ""
        yield (
            f"About {about(verdict)} hits a second{where}: as many as {about(verdict)} visitors who open a page every "
            f"second send, or {about(verdict * EVERY)} with one every {EVERY} s."
        )
    yield from _alone(found.alone)
    yield from _beside(found.beside)
    yield from _waits(found)
    if found.disk:
        yield _disk(found.disk, found.durability)


def _alone(alone: Alone | None) -> Iterator[str]:
    full = [each for each in alone.sent if each.rate is None] if alone else []
    if alone is None or not full:
        return
    best = max(full, key=lambda each: each.per_second.value)
    cost = f", {best.cost.value * 1e6:.0f} µs of processor time each" if best.cost else ""
    memory = f"; the worker has {show_bytes(alone.anonymous)} of anonymous memory then" if alone.anonymous else ""
    yield (
        f"Hits alone, on {best.connections} connections, asked for all it can: {about(int(best.per_second.value))} a "
        f"second{cost}{memory}. Who sends them shared this host."
    )


def _beside(beside: Beside | None) -> Iterator[str]:
    if beside is None:
        return
    on = f" on {', then '.join(beside.rungs)}" if beside.rungs else ""
    made = f" while the channel made {percent(beside.speed)} of real time{on}" if beside.speed is not None else ""
    rate = about(int(saturated(beside.sent)))
    yield f"Asked for all it can beside the channel, {rate} hits a second came through{made}."


def _waits(found: Hits) -> Iterator[str]:
    where, sent = (" beside the channel", found.beside.sent) if found.beside else ("", ())
    if not sent and found.alone:
        where, sent = "", found.alone.sent
    paced = [each for each in sent if each.rate is not None]
    if paced:
        yield f"A hit is answered{where} after {', '.join(_wait(each) for each in paced)}."


def _wait(sent: Sent) -> str:
    return f"{sent.p50 * 1e3:.1f} ms at {sent.rate:g} a second (99th percentile {sent.p99 * 1e3:.1f})"


def _disk(disk: Disk, durability: str) -> str:
    of = f"The disk of {disk.of}" + (f" ({disk.filesystem})" if disk.filesystem else "")
    if disk.filesystem in IN_MEMORY:
        return f"Hits were kept in memory here ({disk.filesystem}): waiting for a disk is not in these figures."
    takes = f"{of} takes {disk.p50 * 1e3:.2g} ms to make a write safe (99th percentile {disk.p99 * 1e3:.2g})"
    if durability != "power":
        return f'{takes}; with durability = "{durability}" no answer waits for it.'
    most = about(int(1 / max(disk.p50, 1e-5)))
    return (
        f"{takes}: by that alone a client that waits for each answer sends at most {most} hits a second; many clients "
        f"share a write. A small rented server's disk may take {VPS * 1e3:.0f} ms: {1 / VPS:.0f} a second for such a "
        "client."
    )
