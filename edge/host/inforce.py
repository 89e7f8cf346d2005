"""The limits in force: the tightest of every level of cgroups, of OpenVZ's counters and of the host itself."""

from __future__ import annotations

import os
from collections.abc import Iterable

import msgspec

from edge.host import cgroups, procfs, virtualisation
from edge.host.cgroups import Level, Place
from edge.host.procfs import Beancounter, Files

Candidate = tuple[int | None, str | None]  # a bound, and where it is from


class Limits(msgspec.Struct, frozen=True):
    """Sizes in bytes, processor in cores. None: unknown, or no limit. `…_source` names the file a figure is from."""

    cores: int  # that the scheduler lets us use
    memory: int | None = None  # the tightest of `memory_max`, `memory_high` and `total`
    memory_source: str | None = None
    memory_max: int | None = None  # beyond it the kernel kills, or refuses
    memory_max_source: str | None = None
    memory_high: int | None = None  # beyond it the kernel holds back
    memory_high_source: str | None = None
    total: int | None = None  # the host's memory, as far as it is shown to us
    swap: int | None = None  # that we may use at most
    swap_source: str | None = None
    quota: float | None = None
    quota_source: str | None = None
    virtualisation: str | None = None  # systemd-detect-virt's word; "none": no hypervisor seen


class Sources(msgspec.Struct, frozen=True):
    """What was read, at one moment."""

    meminfo: dict[str, int]
    counters: dict[str, Beancounter]  # OpenVZ's
    levels: tuple[Level, ...]  # of our memory cgroup, the own group first
    memory_version: int
    quotas: tuple[tuple[float | None, str], ...]  # cores, and the file that says so
    cores: int


def read(root: str = "/") -> Limits:
    """What is in force now. Looks up a few names on the disk: not for the loop, where `Sampler` is."""
    files = Files(root)
    sources = gather(files, cgroups.find("memory", files), cgroups.find("cpu", files))
    return limits(sources, virtualisation.detect(files))


def gather(files: Files, memory: Place | None, cpu: Place | None) -> Sources:
    return Sources(
        meminfo=procfs.table(files.read("/proc/meminfo", 1024)),  # what is used here stands in the first 20 lines
        counters=procfs.beancounters(files.read("/proc/user_beancounters")),
        levels=cgroups.memory_levels(files, memory),
        memory_version=memory.version if memory else 2,
        quotas=cgroups.cpu_quotas(files, cpu),
        cores=len(os.sched_getaffinity(0)),
    )


def limits(sources: Sources, virtualisation_word: str | None) -> Limits:
    total = sources.meminfo.get("MemTotal")
    hard, high = (
        _tightest(_hard(sources)),
        _tightest((level.high, f"{level.group}/memory.high") for level in sources.levels),
    )
    every = _tightest([hard, high, (total, "/proc/meminfo: MemTotal")])
    swap = _tightest(_swap(sources))
    quota = min(((cores, file) for cores, file in sources.quotas if cores is not None), default=(None, None))
    return Limits(
        cores=sources.cores,
        memory=every[0],
        memory_source=every[1],
        memory_max=hard[0],
        memory_max_source=hard[1],
        memory_high=high[0],
        memory_high_source=high[1],
        total=total,
        swap=swap[0],
        swap_source=swap[1],
        quota=quota[0],
        quota_source=quota[1],
        virtualisation=virtualisation_word,
    )


def _tightest(candidates: Iterable[Candidate]) -> Candidate:
    """The first of the smallest."""
    found: Candidate = (None, None)
    for value, source in candidates:
        if value is not None and (found[0] is None or value < found[0]):
            found = (value, source)
    return found


def _hard(sources: Sources) -> Iterable[Candidate]:
    """privvmpages bounds what is asked for, used or not: malloc fails at its barrier. physpages bounds what is used."""
    kind = "memory.max" if sources.memory_version == 2 else "memory.limit_in_bytes"
    for level in sources.levels:
        yield level.max, f"{level.group}/{kind}"
    yield procfs.pages(sources.counters.get("privvmpages"), at_barrier=True), "/proc/user_beancounters: privvmpages"
    yield procfs.pages(sources.counters.get("physpages"), at_barrier=False), "/proc/user_beancounters: physpages"


def _swap(sources: Sources) -> Iterable[Candidate]:
    kind = "memory.swap.max" if sources.memory_version == 2 else "memory.memsw.limit_in_bytes"
    for level in sources.levels:
        yield level.swap, f"{level.group}/{kind}"
    yield procfs.pages(sources.counters.get("swappages"), at_barrier=False), "/proc/user_beancounters: swappages"
    yield sources.meminfo.get("SwapTotal"), "/proc/meminfo: SwapTotal"


def room(sources: Sources) -> int | None:
    """Bytes that can be charged before the first limit is met, or the host has no more to give."""
    available = sources.meminfo.get("MemAvailable")
    known = [value for value in (available, *(level.room() for level in sources.levels)) if value is not None]
    return min(known, default=None)


def bounding(levels: tuple[Level, ...]) -> str | None:
    """The group whose limit is the tightest; the own one if none has any."""
    limited = [(level.max, level.group) for level in levels if level.max is not None]
    return min(limited)[1] if limited else next((level.group for level in levels), None)


def refused(counters: dict[str, Beancounter]) -> int | None:
    """Allocations that OpenVZ has refused; None on other hosts."""
    known = [counters[name].failures for name in ("privvmpages", "oomguarpages", "physpages") if name in counters]
    return sum(known) if known else None
