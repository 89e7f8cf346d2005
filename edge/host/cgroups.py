"""Control groups, version 1 and 2: where this process is, what bounds it there, and what the group has used.

A controller (memory, cpu) lives in exactly one hierarchy; hybrid hosts have some in version 1 and some in version 2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from edge.host.procfs import Files, number, table

MAX_DEPTH = 32  # levels looked at; systemd makes 3 to 6
UNLIMITED = 2**60  # version 1 says "no limit" by 2**63 less a page; no host has an exbibyte
_ESCAPE = re.compile(r"\\([0-7]{3})")


class Place(msgspec.Struct, frozen=True):
    """This process's group in the hierarchy of one controller."""

    version: int
    mount: str
    path: str  # below the mount: "" or "/system.slice/edge.service"

    def levels(self) -> tuple[str, ...]:
        """Directories from the own group up to the mount: a limit on any of them is in force."""
        parts = self.path.split("/")[1:MAX_DEPTH]
        return tuple(self.mount + "".join(f"/{part}" for part in parts[:end]) for end in range(len(parts), -1, -1))


class Mount(msgspec.Struct, frozen=True):
    version: int
    root: str  # which group of the hierarchy is seen at `point`
    point: str
    options: tuple[str, ...]


def mounts(mountinfo: str | None) -> Iterator[Mount]:
    """The cgroup mounts of /proc/self/mountinfo (proc_pid_mountinfo(5))."""
    for line in (mountinfo or "").split("\n"):
        before, _, after = line.partition(" - ")
        left, right = before.split(" "), after.split(" ")
        if len(left) > 4 and len(right) > 2 and right[0] in ("cgroup", "cgroup2"):
            version = 2 if right[0] == "cgroup2" else 1
            yield Mount(version, _plain(left[3]), _plain(left[4]).rstrip("/"), tuple(right[2].split(",")))


def _plain(path: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), path)


def locate(controller: str, own: str | None, mountinfo: str | None) -> Place | None:
    """Where the process is, by /proc/self/cgroup and the mounts; None if that hierarchy is not to be seen."""
    version, path = _own(controller, own)
    if version is None:
        return None
    for mount in mounts(mountinfo):
        if mount.version == version and (version == 2 or controller in mount.options):
            return Place(version, mount.point, _below(path, mount.root))
    return None


def _own(controller: str, text: str | None) -> tuple[int | None, str]:
    """A line `4:memory:/x` is version 1; `0::/x` holds the controllers that version 1 has not."""
    unified: tuple[int | None, str] = (None, "")
    for line in (text or "").split("\n"):
        words = line.split(":", 2)
        if len(words) < 3:
            continue
        if controller in words[1].split(","):
            return 1, words[2]
        if words[:2] == ["0", ""]:
            unified = (2, words[2])
    return unified


def _below(path: str, root: str) -> str:
    """`path` as seen through a mount of `root`; its top where they do not fit (a namespace hides what lies above)."""
    if root != "/":
        path = path[len(root) :] if path == root or path.startswith(root + "/") else ""
    parts = [part for part in path.split("/") if part]
    return "" if ".." in parts else "".join(f"/{part}" for part in parts)


def find(controller: str, files: Files) -> Place | None:
    """As `locate`, from the files; the mount itself where the own group is not below it."""
    place = locate(controller, files.read("/proc/self/cgroup"), files.read("/proc/self/mountinfo"))
    if place is None or files.exists(place.mount + place.path):
        return place
    return Place(place.version, place.mount, "")


def limit(text: str | None) -> int | None:
    """A limit in bytes; None for `max`, for version 1's huge number, and for what is not known."""
    value = number((text or "").strip())
    return None if value is None or value >= UNLIMITED else value


def quota(text: str | None) -> float | None:
    """cpu.max, `25000 100000`, as cores; None for `max`."""
    words = (text or "").split()
    if len(words) != 2:
        return None
    share, period = number(words[0]), number(words[1])
    return share / period if share and period else None


class Throttling(msgspec.Struct, frozen=True):
    """What cpu.stat has counted since the group was made."""

    periods: int
    throttled: int  # periods in which the quota ran out
    seconds: float  # waited for the next period, added up over the cores


def throttling(text: str | None) -> Throttling | None:
    """None where no quota is possible (the root of version 2)."""
    values = table(text)
    if "nr_periods" not in values:
        return None
    waited = values["throttled_usec"] / 1e6 if "throttled_usec" in values else values.get("throttled_time", 0) / 1e9
    return Throttling(values["nr_periods"], values.get("nr_throttled", 0), waited)


class Events(msgspec.Struct, frozen=True):
    """How often memory ran short in a group since it was made. None: this kind is not counted there."""

    high: int | None = None  # held back at memory.high
    max: int | None = None  # hit the limit (version 1: failcnt)
    oom: int | None = None
    oom_kill: int | None = None  # processes killed


class Level(msgspec.Struct, frozen=True):
    """One group's memory, in bytes."""

    group: str  # its directory
    max: int | None = None
    high: int | None = None
    swap: int | None = None
    current: int | None = None  # charged: page cache and kernel included

    def room(self) -> int | None:
        """What can still be charged before a limit is met; None without a limit."""
        limits = [value for value in (self.max, self.high) if value is not None]
        return None if self.current is None or not limits else max(min(limits) - self.current, 0)


def memory_level(files: Files, group: str, version: int) -> Level:
    if version == 2:
        return Level(group, *_sizes(files, group, "memory.max", "memory.high", "memory.swap.max", "memory.current"))
    kinds = ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.usage_in_bytes")
    hard, both, current = _sizes(files, group, *kinds)
    swap = None if both is None or hard is None else max(both - hard, 0)
    return Level(group, max=hard, swap=swap, current=current)


def _sizes(files: Files, group: str, *kinds: str) -> Iterator[int | None]:
    return (limit(files.read(f"{group}/{kind}")) for kind in kinds)


def memory_levels(files: Files, place: Place | None) -> tuple[Level, ...]:
    """The own group first, up to the mount."""
    return tuple(memory_level(files, group, place.version) for group in place.levels()) if place else ()


def memory_peak(files: Files, group: str, version: int) -> int | None:
    kind = "memory.peak" if version == 2 else "memory.max_usage_in_bytes"  # memory.peak since Linux 5.19
    return number((files.read(f"{group}/{kind}") or "").strip())


def memory_events(files: Files, group: str, version: int) -> Events | None:
    if version == 2:
        values = table(files.read(f"{group}/memory.events"))
        return Events(*(values.get(kind) for kind in ("high", "max", "oom", "oom_kill"))) if values else None
    failures = [
        value for kind in _FAILURES if (value := number((files.read(f"{group}/{kind}") or "").strip())) is not None
    ]
    kills = table(files.read(f"{group}/memory.oom_control")).get("oom_kill")
    return Events(max=sum(failures), oom_kill=kills) if failures or kills is not None else None


# Where both limits are equal (no swap beside the memory) the second one is met first, and the first count stays.
_FAILURES = ("memory.failcnt", "memory.memsw.failcnt")


def cpu_quotas(files: Files, place: Place | None) -> tuple[tuple[float | None, str], ...]:
    """Cores, and the file that says so, for each level."""
    return tuple(group_quota(files, group, place.version) for group in place.levels()) if place else ()


def group_quota(files: Files, group: str, version: int) -> tuple[float | None, str]:
    if version == 2:
        return quota(files.read(f"{group}/cpu.max")), f"{group}/cpu.max"
    share = (files.read(f"{group}/cpu.cfs_quota_us") or "").strip()  # -1: none
    return quota(f"{share} {files.read(f'{group}/cpu.cfs_period_us') or ''}"), f"{group}/cpu.cfs_quota_us"
