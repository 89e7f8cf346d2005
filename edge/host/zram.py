"""Swap in compressed memory: what it may still take, and what of the host's memory that costs."""

from __future__ import annotations

import re

import msgspec

from edge.host.procfs import Files, number

# Memory that a byte takes there, where it cannot be read: the worst that bench/results/memory.json has. On an emulated
# host of 128 MB with 18 to 24 MB in it, it was 0.33.
RATIO = 0.85
_ENOUGH = 4 << 20  # bytes in it before its own ratio says something
_MAX_DEVICES = 16
_DEVICE = re.compile(r"/dev/(zram\d+)")


class Zram(msgspec.Struct, frozen=True):
    """Of all devices that are in use as swap. `free`: bytes that may still be swapped to them; `ratio`: memory that a
    swapped byte takes, 0 to 1."""

    free: int
    ratio: float


def read(root: str = "/") -> Zram | None:
    """As it is now; None where no zram is in use as swap."""
    files = Files(root)
    devices = dict(_devices(files.read("/proc/swaps")))
    if not devices:
        return None
    stats = [_stat(files.read(f"/sys/block/{name}/mm_stat")) for name in devices]
    kept, taken = sum(stat[0] for stat in stats), sum(stat[1] for stat in stats)
    return Zram(sum(devices.values()), min(1.0, taken / kept) if kept >= _ENOUGH else RATIO)


def _devices(swaps: str | None) -> list[tuple[str, int]]:
    """Name and free bytes, of /proc/swaps: file name, type, size and used in KiB, priority."""
    found = []
    for line in (swaps or "").split("\n"):
        words = line.split()
        if len(words) == 5 and (device := _DEVICE.fullmatch(words[0])):
            found.append((device[1], 1024 * max(0, (number(words[2]) or 0) - (number(words[3]) or 0))))
    return found[:_MAX_DEVICES]


def _stat(text: str | None) -> tuple[int, int]:
    """What is kept, and the memory that takes, in bytes. mm_stat: orig_data_size, compr_data_size, mem_used_total, …"""
    words = (text or "").split()
    return (number(words[0]) or 0, number(words[2]) or 0) if len(words) > 2 else (0, 0)
