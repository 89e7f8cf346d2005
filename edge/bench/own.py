"""What a process of ours uses, read from /proc. Sizes in bytes; None where /proc does not say."""

from __future__ import annotations

import os
import time

_TICK = os.sysconf("SC_CLK_TCK")


def memory(pid: int | str = "self") -> dict[str, int]:
    """`VmHWM` (most that was ever resident), `VmRSS`, `RssAnon`; what is not known is missing."""
    found = {}
    for line in _read(f"/proc/{pid}/status").splitlines():
        name, _, rest = line.partition(":")
        if name in ("VmHWM", "VmRSS", "RssAnon"):
            found[name] = int(rest.split()[0]) * 1024
    return found


def processor(pid: int) -> float:
    """Seconds of all threads, also of those that have ended; 0 when there is no such process."""
    try:
        # clock_getcpuclockid(3), which Python has for threads only: ~pid << 3 | CPUCLOCK_SCHED
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK if len(fields) > 12 else 0.0


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - several times a second
            return file.read()
    except OSError:
        return ""


def socket_memory() -> int | None:
    """Bytes that the kernel holds for TCP sockets of this network namespace."""
    for line in _read("/proc/net/sockstat").splitlines():
        if line.startswith("TCP:"):
            return int(line.split()[-1]) * os.sysconf("SC_PAGE_SIZE")
    return None
