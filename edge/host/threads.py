"""How a media thread behaves beside the event loop and the rest of the host."""

from __future__ import annotations

import os

MAX_NICE = 5


def settle() -> str:
    """Makes the calling thread a batch job and returns what it did: `batch`, `nice 1` to `nice 5`, or `unchanged`.

    SCHED_BATCH keeps its share of the processor but does not preempt, so the loop's lag stays at 4 ms beside a flat-out
    encoder. Never SCHED_IDLE, never nice above 5: a thread that is descheduled while it holds the GIL stalls the
    loop with it (1168 ms and 50 ms were measured).
    """
    return _batch() or _nicer() or "unchanged"


def _batch() -> str | None:
    """Linux applies it to the calling thread alone, whose id 0 stands for."""
    try:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    except (OSError, AttributeError):  # refused by seccomp or a container (EPERM, ENOSYS), or not Linux
        return None
    return "batch"


def _nicer() -> str | None:
    """One step, on Linux likewise for the calling thread alone."""
    try:
        now = os.getpriority(os.PRIO_PROCESS, 0)
        if now >= MAX_NICE:
            return None
        os.setpriority(os.PRIO_PROCESS, 0, max(now, 0) + 1)
        return f"nice {os.getpriority(os.PRIO_PROCESS, 0)}"
    except OSError:
        return None
