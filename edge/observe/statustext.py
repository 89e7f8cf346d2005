"""Figures of a status as people read them, in the terminal and on the page. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from edge.observe.status import ChannelStatus, MemoryStatus
from edge.units import show_bytes, show_rate

NOTHING = "–"


def ago(seconds: float) -> str:
    """At most two units: `42s`, `3m 05s`, `2h 07m`, `9d 04h`."""
    total = max(0, round(seconds))
    if total >= 86_400:
        return f"{total // 86_400}d {total % 86_400 // 3600:02}h"
    if total >= 3600:
        return f"{total // 3600}h {total % 3600 // 60:02}m"
    return f"{total // 60}m {total % 60:02}s" if total >= 60 else f"{total}s"


def size(count: float | None) -> str:
    return NOTHING if count is None else show_bytes(count)


def rate(bits: float | None) -> str:
    return NOTHING if bits is None else show_rate(bits)


def each_second(count: float | None) -> str:
    """`0`, `0.25`, `3.2`, `1240`."""
    if count is None:
        return NOTHING
    return f"{count:.0f}" if count == 0 or count >= 9.95 else f"{count:.1f}" if count >= 0.95 else f"{count:.2f}"


def share(part: float | None) -> str:
    return NOTHING if part is None else f"{part * 100:.0f} %"


def brief(seconds: float | None) -> str:
    """`0.4 ms`, `120 ms`, `1.4 s`."""
    if seconds is None:
        return NOTHING
    if seconds >= 0.9995:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.1f} ms" if seconds < 0.00995 else f"{seconds * 1000:.0f} ms"


def outputs(counts: Mapping[str, int]) -> str:
    """`ts 3, hls 9`: those that somebody watches."""
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count)


def viewers(counts: Mapping[str, int]) -> str:
    """`12: ts 3, hls 9`."""
    total = sum(counts.values())
    return f"{total}: {outputs(counts)}" if total else "0"


def picture(channel: ChannelStatus) -> str:
    return f"{channel.width}x{channel.height}" if channel.width and channel.height else NOTHING


def why(channel: ChannelStatus) -> str:
    """Why it is not as it should be: what keeps the source away, else why the rung is lowered."""
    return channel.reason or (f"lowered: {channel.lowered}" if channel.lowered else "")


def taken(memory: MemoryStatus) -> int | None:
    """What counts against the limit: what the control group is charged where one charges, else the process's own."""
    return memory.anonymous if memory.charged is None else memory.charged


def part(used: float | None, limit: float | None) -> float | None:
    """`used` of `limit`, from 0 to 1."""
    return None if used is None or not limit else min(1.0, max(0.0, used / limit))
