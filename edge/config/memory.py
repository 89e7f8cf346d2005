"""The memory that a configuration needs on a host, and what is left for viewers. Pure, but for `Planner.of_host`.

What counts is what a cgroup would count: anonymous memory, the pages of the libraries (which can be dropped, but are
read again at once while media is worked on), and what the kernel holds for the process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from edge.channel import memory
from edge.channel.memory import Picture
from edge.config.model import Settings
from edge.flow.bounds import Bounds
from edge.flow.plan import MAX_RING, BudgetPlan, Line
from edge.flow.window import MAX_BYTES
from edge.hits import memory as hits
from edge.host import zram
from edge.host.limits import Limits, read
from edge.host.memory import MemoryMeter
from edge.host.zram import Zram
from edge.units import show_bytes

# CPython 3.11, PyAV 18.1 (FFmpeg 8.1.2), x86-64, the judged source to 352x240 at 15 frames/s.
BASE = 17_300_000  # anonymous, the worker without a channel: where it cannot be measured
_AV = 4_900_000  # anonymous, once
_SCRAPE = 500_000  # prometheus_client, from the first scrape on
# In a memory cgroup of 45 MiB from a cold page cache, 33 MB anonymous, with 10.3 MiB of page cache: full speed and 0.25
# major faults/s; 9 MiB in 44 MiB: full speed and 43 faults/s (bench/results/memory.json).
_PAGES = 11 << 20
_PAGES_WITHOUT_AV = 8 << 20  # of 13 MB that are mapped
_KERNEL = 1_500_000  # page tables, stacks, descriptors: 1.0 to 1.4 MB were charged
# A worker of 33 MB anonymous kept full speed with 8.6 MB in compressed swap (36 MiB and zram, in the same results).
_COLD = 4  # so a quarter of what is anonymous may be there
_RESERVE = 2 << 20  # or 1/32 of the limit, if that is more
_LEAST_VIEWERS = 16
_NOT_SAID = "nothing bounds it: no cgroup, no figure of the host could be read, and the configuration sets no `memory`"


class Bound(msgspec.Struct, frozen=True):
    """What the process may take in all, in bytes, and who says so. `spared`: how much of a byte in compressed swap does
    not count in it: all of it in a cgroup, on the host what compression saves."""

    bytes: int
    source: str
    spared: float = 0.0


def host_bound(limits: Limits, compressed: Zram | None = None) -> Bound | None:
    """The tightest of cgroups, OpenVZ and the host's size."""
    if limits.memory is None:
        return None
    source = limits.memory_source or "the host"
    return Bound(limits.memory, source, _spared(compressed, of_group=not source.startswith("/proc/")))


def _spared(compressed: Zram | None, *, of_group: bool) -> float:
    if compressed is None:
        return 0.0
    return 1.0 if of_group else 1.0 - compressed.ratio


def swappable(limits: Limits, compressed: Zram | None) -> int:
    """Bytes that may go to compressed swap. Other swap does not count: a disk's is too slow to work from."""
    if compressed is None:
        return 0
    return compressed.free if limits.swap is None else min(compressed.free, limits.swap)


class Planner:
    """Plans for one host: at the start, and again as the sources become known. What a host gives is read once."""

    def __init__(self, settings: Settings, known: tuple[Bound, ...], own: int | None, swap: int = 0) -> None:
        self._settings, self._known, self._own, self._swap = settings, known, own, swap

    @classmethod
    def of_host(cls, settings: Settings, own: int | None, root: str = "/") -> Planner:
        """Reads limits and MemAvailable now; not for the loop. `own`: anonymous bytes that the worker holds now; None:
        this is not the worker."""
        limits, compressed = read(root), zram.read(root)
        available = MemoryMeter(root).available()
        known = bounds(settings, host_bound(limits, compressed), available, own or 0, compressed)
        return cls(settings, known, own, swappable(limits, compressed))

    def plan(self, pictures: Mapping[str, Picture] | None = None) -> BudgetPlan:
        return plan(self._settings, self._known, self._own, pictures, self._swap)


def bounds(
    settings: Settings, host: Bound | None, available: int | None, own: int, compressed: Zram | None = None
) -> tuple[Bound, ...]:
    """All that is known. `host`: the tightest of cgroups, OpenVZ and the host's size; `available`: MemAvailable now;
    `own`: anonymous bytes held now, which are not in it any more."""
    found = [host] if host else []
    if available is not None:
        source = "MemAvailable at start" if own else "MemAvailable now"
        found.append(Bound(available + own, source, _spared(compressed, of_group=False)))
    if settings.memory:
        found.append(Bound(settings.memory, "`memory` in the configuration"))
    return tuple(found)


def plan(
    settings: Settings,
    known: tuple[Bound, ...],
    own: int | None = None,
    pictures: Mapping[str, Picture] | None = None,
    swap: int = 0,
) -> BudgetPlan:
    """The tightest of the `known` bounds, spent. `pictures`: the sources' by channel, as far as they are known; `swap`:
    bytes that may go to compressed swap."""
    anonymous, pages = tuple(_anonymous(settings, own, pictures or {})), _pages(settings)
    swapped = min(swap, sum(line.bytes for line in anonymous) // _COLD)
    tightest = min(known, key=lambda bound: bound.bytes + int(swapped * bound.spared), default=None)
    limit = tightest.bytes if tightest else None
    spared = _in_swap(swapped, tightest)
    lines = (*anonymous, *_kernel())
    reserve = Line("reserve", max(_RESERVE, (limit or 0) // 32), "what no estimate knows")
    least = tuple(_least(settings))
    hard = sum(line.bytes for line in (*lines, reserve))
    needed = sum(line.bytes for line in least)
    given = None if limit is None else limit + spared.bytes
    missing = 0 if given is None else max(0, _enough(hard - reserve.bytes + pages.bytes + needed) - given)
    room = None if given is None else max(needed, given - hard - pages.bytes)
    verdict = _verdict(limit, missing, pages.bytes)
    return BudgetPlan(
        limit=limit,
        source=tightest.source if tightest else _NOT_SAID,
        lines=(*lines, reserve, pages),
        least=least,
        room=room,
        verdict=verdict,
        missing=missing,
        pages=pages.bytes,
        expected=hard + (room or 0) - spared.bytes,
        spared=spared,
        ring=Bounds().within(_ring(settings, room)),
        playlists={c.name: _playlist(memory.playlist(c), room, len(settings.channels)) for c in settings.channels},
        advice=tuple(_advice(settings, missing, lines)) if missing else (),
    )


def _in_swap(swapped: int, bound: Bound | None) -> Line:
    spared = int(swapped * bound.spared) if bound else 0
    return Line("compressed swap", spared, f"{show_bytes(swapped)} that are rarely used may go there (zram)")


def _enough(without_reserve: int) -> int:
    """The limit that leaves a reserve beside so much."""
    return max(without_reserve + _RESERVE, without_reserve * 32 // 31 + 1)


def _verdict(limit: int | None, missing: int, pages: int) -> Literal["unknown", "fits", "slow", "full"]:
    if limit is None:
        return "unknown"
    if not missing:
        return "fits"
    return "slow" if missing <= pages // 2 else "full"  # with half of its pages it takes nine times the processor


def _anonymous(settings: Settings, own: int | None, pictures: Mapping[str, Picture]) -> Iterator[Line]:
    why = "as measured elsewhere" if own is None else "measured at start"
    yield Line("interpreter and libraries", BASE if own is None else own, why)
    yield Line("metrics", _SCRAPE, "the library that renders them, from the first scrape on")
    if settings.channels:
        yield Line("av and codecs", _AV, "once, for the first channel")
    for channel in settings.channels:
        yield from memory.fixed(channel, pictures.get(channel.name))
    yield from hits.fixed(settings.sites, settings.hits)


def _kernel() -> Iterator[Line]:
    yield Line("kernel", _KERNEL, "page tables, stacks, descriptors")


def _pages(settings: Settings) -> Line:
    if settings.channels:
        return Line("pages of libraries", _PAGES, "what full speed needs to stay in memory of 35 MB that are mapped")
    return Line("pages of libraries", _PAGES_WITHOUT_AV, "without channels")


def _least(settings: Settings) -> Iterator[Line]:
    for channel in settings.channels:
        seconds = int(memory.playlist(channel) / memory.rate(channel))
        yield Line(f"{channel.name}: playlist and ring", memory.playlist(channel), f"{seconds} s of HLS, TS shares it")
        yield Line(f"{channel.name}: another ring", memory.ring(channel), "of FLV or MP4, while somebody watches one")
    yield Line("viewers", _LEAST_VIEWERS * memory.VIEWER, f"{_LEAST_VIEWERS} of them")


def _ring(settings: Settings, room: int | None) -> int:
    """Bytes that a ring may take at most; every container of every channel may have one."""
    if room is None or not settings.channels:
        return MAX_RING
    needed = 2 * max(memory.ring(channel) for channel in settings.channels)
    return min(MAX_RING, max(needed, room // (8 * len(settings.channels))))


def _playlist(needed: int, room: int | None, channels: int) -> int:
    """At least one and a half times what is needed, as a piece over an eighth is cut without a keyframe."""
    return MAX_BYTES if room is None else min(MAX_BYTES, max(needed * 3 // 2, room // (2 * channels)))


def _advice(settings: Settings, missing: int, lines: tuple[Line, ...]) -> Iterator[str]:
    more = f"{show_bytes(missing)} more memory for edge would do"
    yield f"{more} (zram counts for at most a quarter of what is anonymous)"
    sizes = {line.name: line.bytes for line in lines}
    for index, channel in enumerate(settings.channels):
        name, path = channel.name, f"channel[{index}]"
        whole = sum(size for line, size in sizes.items() if line.startswith(f"{name}: "))
        if len(settings.channels) > 1:
            yield f"without channel {name}: {show_bytes(whole)} less"
        coded = sizes.get(f"{name}: decoder", 0) + sizes.get(f"{name}: encoder", 0)
        if coded:
            yield f'{path}.video.codec = "copy", if viewers can take the source as it is: {show_bytes(coded)} less'
        if channel.audio.codec in ("auto", "aac"):
            yield f'{path}.audio.codec = "copy", if it is AAC already: {show_bytes(sizes[f"{name}: audio"])} less'
