"""Rates between two readings of counters: pure."""

from __future__ import annotations

import msgspec

from edge.host.cgroups import Throttling
from edge.host.procfs import Ticks


class Counters(msgspec.Struct, frozen=True):
    """What only rises, at one moment."""

    at: float
    processor: float  # seconds
    major_faults: int
    throttling: dict[str, Throttling]  # by group
    ticks: Ticks | None


class Rates(msgspec.Struct, frozen=True):
    """What happened between two moments; the first moment of all has no rates."""

    seconds: float = 0.0
    cores: float | None = None
    throttled: float | None = None  # share of periods
    throttled_seconds: float = 0.0
    steal: float | None = None  # share of all processor time
    steal_seconds: float = 0.0


def rates(before: Counters | None, after: Counters) -> Rates:
    """Of several throttled groups the worst: they stop us at the same time. Counters that fell say nothing."""
    if before is None or after.at <= before.at:
        return Rates()
    seconds = after.at - before.at
    shared = [(before.throttling[group], new) for group, new in after.throttling.items() if group in before.throttling]
    steal, stolen = _steal(before.ticks, after.ticks)
    return Rates(
        seconds,
        cores=max(after.processor - before.processor, 0.0) / seconds,
        throttled=max((_share(old, new) for old, new in shared), default=None),
        throttled_seconds=max(
            (new.seconds - old.seconds for old, new in shared if new.seconds > old.seconds), default=0.0
        ),
        steal=steal,
        steal_seconds=stolen,
    )


def _share(before: Throttling, after: Throttling) -> float:
    """A group without a quota, or at rest, has no periods."""
    periods = after.periods - before.periods
    return min(max((after.throttled - before.throttled) / periods, 0.0), 1.0) if periods > 0 else 0.0


def _steal(before: Ticks | None, after: Ticks | None) -> tuple[float | None, float]:
    """Share and seconds. After a migration some hypervisors let steal jump back."""
    if before is None or after is None or after.total <= before.total:
        return None, 0.0
    stolen = max(after.steal - before.steal, 0.0)
    return min(stolen / (after.total - before.total), 1.0), stolen
