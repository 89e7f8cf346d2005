"""The host as far as it shows itself: figures mean nothing without it."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata

from edge import __version__
from edge.bench.model import Bound, Host
from edge.host.limits import Limits

# What x264, the H.264 decoder and swscale have code for; a processor without the later ones is several times slower.
FLAGS = (
    "sse2", "ssse3", "sse4_1", "sse4_2", "avx", "avx2", "fma", "bmi2", "avx512f", "avx512bw",
    "neon", "asimd", "asimddp", "sve", "hypervisor",
)  # fmt: skip
PACKAGES = ("av", "msgspec", "uvloop", "httptools", "prometheus-client")


def describe(limits: Limits) -> Host:
    """What can be read without loading anything large."""
    cpu, memory = table("/proc/cpuinfo"), table("/proc/meminfo")
    flags = set((cpu.get("flags") or cpu.get("Features") or "").split())
    return Host(
        processor=cpu.get("model name") or cpu.get("Model") or cpu.get("Hardware") or platform.machine() or None,
        mhz=_number(cpu.get("cpu MHz")),
        flags=tuple(flag for flag in FLAGS if flag in flags),
        cores=os.cpu_count() or 1,
        affinity=limits.cores,
        kernel=f"{platform.system()} {platform.release()} {platform.machine()}",
        virtualisation=limits.virtualisation,
        memory=_kilobytes(memory.get("MemTotal")),
        available=_kilobytes(memory.get("MemAvailable")),
        swap=_kilobytes(memory.get("SwapTotal")),
        versions=versions(),
    )


def bounds(limits: Limits) -> tuple[Bound, ...]:
    """Each limit with the file that says so."""
    unknown = "no limit seen"
    return (
        Bound("cores", limits.cores, "sched_getaffinity"),
        Bound("cpu quota", limits.quota, limits.quota_source or unknown),
        Bound("memory", limits.memory, limits.memory_source or unknown),
        Bound("memory max", limits.memory_max, limits.memory_max_source or unknown),
        Bound("memory high", limits.memory_high, limits.memory_high_source or unknown),
        Bound("swap", limits.swap, limits.swap_source or unknown),
    )


def versions() -> dict[str, str]:
    """Of edge, Python and what is installed beside it; nothing is imported."""
    found = {"edge": __version__, "python": platform.python_version(), "libc": "-".join(platform.libc_ver()).strip("-")}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    found["implementation"] = sys.implementation.name
    return found


def table(path: str) -> dict[str, str]:
    """`name : value` lines; of a name that comes several times, the first."""
    found: dict[str, str] = {}
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - /proc
            for line in file:
                name, colon, value = line.partition(":")
                if colon:
                    found.setdefault(name.strip(), value.strip())
    except OSError:
        return {}
    return found


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _kilobytes(text: str | None) -> int | None:
    number = _number((text or "").split(" ")[0])
    return int(number * 1024) if number is not None else None
