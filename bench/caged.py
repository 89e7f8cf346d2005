"""A measured program in a control group (`edge.host.cage`), as the scripts need it: enforced, or they say why not."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from edge.host.cage import Cage, CageUsage

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1 << 20


@contextlib.contextmanager
def held(*, memory: int | None = None, cpu: float | None = None, swap: int = 0) -> Iterator[Cage]:
    """Bytes with page cache, cores, bytes of swap. Everything in it ends with the block."""
    with Cage("bench", memory=memory, cpu=cpu, swap=swap) as cage:
        if not cage.enforced:
            raise SystemExit(f"this comparison needs a control group, so run it as root: {cage.how}")
        yield cage


def used(usage: CageUsage) -> dict[str, Any]:
    """What the group says, in megabytes (MiB) and seconds."""
    sizes = {"cgroup_now_mb": usage.current, "cgroup_peak_mb": usage.peak, "cgroup_anonymous_mb": usage.anonymous}
    sizes |= {"cgroup_file_mb": usage.file, "cgroup_swap_mb": usage.swap}
    return {name: None if size is None else size / MIB for name, size in sizes.items()} | {
        "major_faults": usage.major_faults,
        "limit_hits": usage.limit_hits,
        "kills": usage.kills,
        "throttled_seconds": usage.throttled_seconds,
        "throttled_share": (usage.throttled_periods or 0) / max(1, usage.periods or 0),
    }
