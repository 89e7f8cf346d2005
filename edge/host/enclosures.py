"""What every way of holding processes in has in common, and the way that holds nothing and says why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from edge.host import cgroups
from edge.host.procfs import Files, number, table
from edge.units import show_bytes

SHORTEST_QUOTA = 0.001  # seconds a period; the kernel refuses less
LONGEST_PERIOD = 1.0


class Refused(Exception):
    """This way is not open here; says why."""


class Want(msgspec.Struct, frozen=True):
    memory: int | None  # bytes
    swap: int  # bytes beside it
    cpu: float | None  # cores
    period: float  # seconds

    def words(self) -> str:
        """`64.0 MiB, 0.25 cores`."""
        memory = [show_bytes(self.memory)] if self.memory is not None else []
        cpu = [f"{self.cpu:g} cores"] if self.cpu is not None else []
        return ", ".join(memory + cpu) or "no limit"

    def quota(self) -> tuple[int | None, int]:
        """Quota and period in microseconds. The period grows where the quota would be shorter than the kernel takes."""
        period = self.period if not self.cpu else max(self.period, SHORTEST_QUOTA / self.cpu)
        period = min(period, LONGEST_PERIOD)
        return (None if self.cpu is None else round(self.cpu * period * 1e6)), round(period * 1e6)


class CageUsage(msgspec.Struct, frozen=True):
    """Sizes in bytes, since the cage was made. None: not counted there."""

    current: int | None = None  # charged now: anonymous, page cache, kernel
    peak: int | None = None
    anonymous: int | None = None
    file: int | None = None  # page cache that was first read from within
    swap: int | None = None
    major_faults: int | None = None
    refaults: int | None = None  # file pages that had been dropped too early: thrashing
    limit_hits: int | None = None
    kills: int | None = None
    periods: int | None = None
    throttled_periods: int | None = None
    throttled_seconds: float | None = None
    processor: float | None = None  # seconds


class Enclosure(Protocol):
    @property
    def enforced(self) -> bool: ...
    @property
    def how(self) -> str: ...
    def command(self, argv: Sequence[str]) -> list[str]: ...
    def set_memory(self, want: Want) -> None: ...
    def set_cpu(self, want: Want) -> None: ...
    def usage(self) -> CageUsage: ...
    def remove(self) -> None: ...


class Nothing:
    """Holds nothing, and says why."""

    enforced = False

    def __init__(self, why: str) -> None:
        self.how = f"not enforced: {why}"

    def command(self, argv: Sequence[str]) -> list[str]:
        return list(argv)

    def set_memory(self, want: Want) -> None: ...

    def set_cpu(self, want: Want) -> None: ...

    def usage(self) -> CageUsage:
        return CageUsage()

    def remove(self) -> None: ...


class Group(msgspec.Struct, frozen=True):
    """A directory of a hierarchy."""

    version: int
    directory: str


class Groups(msgspec.Struct, frozen=True):
    """The groups of one cage: in version 2 one for everything, in version 1 one for each controller."""

    memory: Group | None
    cpu: Group | None
    accounting: Group | None  # of processor seconds

    def directories(self) -> list[str]:
        """Each once."""
        return list({group.directory: None for group in (self.memory, self.cpu, self.accounting) if group})


def usage(groups: Groups) -> CageUsage:
    """What the kernel has counted."""
    files = Files()
    return CageUsage(**_memory(files, groups.memory), **_cpu(files, groups.cpu), processor=_seconds(files, groups))


def _memory(files: Files, group: Group | None) -> dict[str, int | None]:
    if group is None:
        return {}
    stat = table(files.read(f"{group.directory}/memory.stat"))
    names = _STAT[group.version]
    events = cgroups.memory_events(files, group.directory, group.version) or cgroups.Events()
    return {kind: stat.get(name) for kind, name in names.items()} | {
        "current": cgroups.memory_level(files, group.directory, group.version).current,
        "peak": cgroups.memory_peak(files, group.directory, group.version),
        "swap": _swap(files, group, stat),
        "limit_hits": events.max,
        "kills": events.oom_kill,
    }


# Where memory.stat has it. Version 1 counts the group alone, and with `total_` what is below it too.
_STAT = {
    1: {
        "anonymous": "total_rss",
        "file": "total_cache",
        "major_faults": "total_pgmajfault",
        "refaults": "total_workingset_refault_file",
    },
    2: {
        "anonymous": "anon",
        "file": "file",
        "major_faults": "pgmajfault",
        "refaults": "workingset_refault_file",
    },
}


def _swap(files: Files, group: Group, stat: dict[str, int]) -> int | None:
    if group.version == 1:
        return stat.get("total_swap")
    return number((files.read(f"{group.directory}/memory.swap.current") or "").strip())


def _cpu(files: Files, group: Group | None) -> dict[str, Any]:
    counts = cgroups.throttling(files.read(f"{group.directory}/cpu.stat")) if group else None
    if counts is None:
        return {}
    return {
        "periods": counts.periods,
        "throttled_periods": counts.throttled,
        "throttled_seconds": counts.seconds,
    }


def _seconds(files: Files, groups: Groups) -> float | None:
    group = groups.accounting
    if group is None:
        return None
    if group.version == 2:
        used = table(files.read(f"{group.directory}/cpu.stat")).get("usage_usec")
        return None if used is None else used / 1e6
    spent = number((files.read(f"{group.directory}/cpuacct.usage") or "").strip())
    return None if spent is None else spent / 1e9
