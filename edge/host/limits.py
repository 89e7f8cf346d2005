"""What bounds this process, really, and how much of it is used: `read` at the start, a `Sampler` once a second.

Nothing here is an error: what a host hides or does not have is None, "unknown".
"""

from __future__ import annotations

import resource

import msgspec

from edge.host import cgroups, inforce, procfs, virtualisation
from edge.host.cgroups import Events, Place
from edge.host.inforce import Limits, read
from edge.host.procfs import Files
from edge.host.rates import Counters, Rates, rates

__all__ = ["Events", "Limits", "Sampler", "Usage", "read"]


class Usage(msgspec.Struct, frozen=True):
    """One moment, and the time since the sample before it. Rates are None in the first sample; sizes are bytes."""

    at: float
    seconds: float  # since the sample before; 0 in the first
    limits: Limits  # as they are now: a quota may be lifted while we run
    processor: float  # seconds this process has used since it started
    cores: float | None  # used since the sample before
    throttled: float | None  # share of quota periods in which the quota ran out (0 to 1)
    throttled_seconds: float  # of waiting for a new period, cores added up; since the first sample, only rises
    steal: float | None  # share of the host's processor time that the hypervisor gave to others
    steal_seconds: float  # all cores together; since the first sample, only rises
    resident: int | None  # of this process, like the next three
    anonymous: int | None
    resident_peak: int | None  # VmHWM
    major_faults: int  # pages that had to be read from disk, since the process started
    memory_current: int | None  # charged to the own cgroup, page cache and kernel included
    memory_peak: int | None
    headroom: int | None  # what the tightest level can still be charged before it is full; page cache counts as used
    available: int | None  # MemAvailable of the host, as far as it is shown
    swap_free: int | None
    cpu_stall: float | None  # pressure: share of the last 10 s in which some task waited (own cgroup, else the host)
    memory_stall: float | None
    io_stall: float | None
    events: Events | None  # of the group whose memory limit is the tightest
    refused: int | None  # allocations that OpenVZ has refused (failcnt of privvmpages, oomguarpages, physpages)


class Sampler:
    """Reads some twenty files of /proc and /sys, never a disk, in less than half a millisecond: for the loop."""

    def __init__(self, root: str = "/") -> None:
        self._files = Files(root)
        self._word = virtualisation.detect(self._files)
        self._own: str | None = None
        self._memory: Place | None = None
        self._cpu: Place | None = None
        self._before: Counters | None = None
        self._throttled = 0.0
        self._stolen = 0.0

    def sample(self, now: float) -> Usage:
        """`now` is of any clock that only rises, in seconds."""
        self._look()
        after = self._count(now)
        change = rates(self._before, after)
        self._before = after
        self._throttled += change.throttled_seconds
        self._stolen += change.steal_seconds
        return self._usage(change, after)

    def _look(self) -> None:
        """Where we are, anew when a manager has moved us."""
        own = self._files.read("/proc/self/cgroup")
        if own != self._own:
            self._own = own
            self._memory = cgroups.find("memory", self._files)
            self._cpu = cgroups.find("cpu", self._files)

    def _count(self, now: float) -> Counters:
        used = resource.getrusage(resource.RUSAGE_SELF)
        groups = self._cpu.levels() if self._cpu else ()
        found = {group: cgroups.throttling(self._files.read(f"{group}/cpu.stat")) for group in groups}
        return Counters(
            at=now,
            processor=used.ru_utime + used.ru_stime,
            major_faults=used.ru_majflt,
            throttling={group: counts for group, counts in found.items() if counts is not None},
            ticks=procfs.ticks(self._files.read("/proc/stat", 512)),
        )

    def _usage(self, change: Rates, after: Counters) -> Usage:
        sources = inforce.gather(self._files, self._memory, self._cpu)
        own = procfs.statm(self._files.read("/proc/self/statm"))
        return Usage(
            at=after.at,
            seconds=change.seconds,
            limits=inforce.limits(sources, self._word),
            processor=after.processor,
            cores=change.cores,
            throttled=change.throttled,
            throttled_seconds=self._throttled,
            steal=change.steal,
            steal_seconds=self._stolen,
            resident=own.resident if own else None,
            anonymous=own.anonymous if own else None,
            resident_peak=procfs.table(self._files.read("/proc/self/status")).get("VmHWM"),
            major_faults=after.major_faults,
            memory_current=sources.levels[0].current if sources.levels else None,
            memory_peak=self._peak(),
            headroom=inforce.room(sources),
            available=sources.meminfo.get("MemAvailable"),
            swap_free=sources.meminfo.get("SwapFree"),
            cpu_stall=self._stall("cpu"),
            memory_stall=self._stall("memory"),
            io_stall=self._stall("io"),
            events=self._events(inforce.bounding(sources.levels)),
            refused=inforce.refused(sources.counters),
        )

    def _peak(self) -> int | None:
        place = self._memory
        return cgroups.memory_peak(self._files, place.levels()[0], place.version) if place else None

    def _events(self, group: str | None) -> Events | None:
        place = self._memory
        return cgroups.memory_events(self._files, group, place.version) if place and group else None

    def _stall(self, kind: str) -> float | None:
        """The own group's, where version 2 counts it; the host's otherwise."""
        text = None
        if self._memory and self._memory.version == 2:
            text = self._files.read(f"{self._memory.levels()[0]}/{kind}.pressure")
        stall = procfs.stall(text or self._files.read(f"/proc/pressure/{kind}"))
        return stall.some if stall else None
