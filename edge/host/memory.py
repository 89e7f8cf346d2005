"""What the process really takes, beside what it has accounted for: read once a second, from /proc and /sys only."""

from __future__ import annotations

import msgspec

from edge.host import cgroups, procfs
from edge.host.cgroups import Level, Place
from edge.host.procfs import Files


class Taken(msgspec.Struct, frozen=True):
    """In bytes; None: not known here.

    `charged`: of the group whose limit is the tightest, less what the kernel drops when it needs room (page cache,
    reclaimable slab); `charged_limit`: that limit.
    """

    anonymous: int | None = None
    charged: int | None = None
    charged_limit: int | None = None


class MemoryMeter:
    """Three small files a reading: less than a tenth of a millisecond."""

    def __init__(self, root: str = "/") -> None:
        self._files = Files(root)
        self._place: Place | None = cgroups.find("memory", self._files)

    def available(self) -> int | None:
        """MemAvailable of the host."""
        return procfs.table(self._files.read("/proc/meminfo", 1024)).get("MemAvailable")

    def read(self) -> Taken:
        own = procfs.statm(self._files.read("/proc/self/statm"))
        anonymous = own.anonymous if own else None
        level = self._tightest()
        if level is None or self._place is None or level.current is None:
            return Taken(anonymous)
        stat = procfs.table(self._files.read(f"{level.group}/memory.stat"))
        return Taken(anonymous, charged(level.current, stat, self._place.version), _limit(level))

    def _tightest(self) -> Level | None:
        levels = [level for level in cgroups.memory_levels(self._files, self._place) if _limit(level) is not None]
        return min(levels, key=lambda level: _limit(level) or 0, default=None)


def _limit(level: Level) -> int | None:
    return min((value for value in (level.max, level.high) if value is not None), default=None)


def charged(current: int, stat: dict[str, int], version: int) -> int:
    """`current` less what can be dropped. Shared memory counts as file, and cannot be."""
    if version == 2:
        droppable = stat.get("file", 0) - stat.get("shmem", 0) + stat.get("slab_reclaimable", 0)
    else:
        droppable = stat.get("total_cache", 0) - stat.get("total_shmem", 0)
    return max(0, current - max(0, droppable))
