"""How many cores the loads may use: by the limits that are told, and by what a thread gets of its core. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge.host.load import LoadView, Pressure, sane

# A thread that runs into the quota stalls the loop with it (50 to 70 ms); one that stays below it does not (3 ms).
PACE = 0.85  # of the quota, for the whole process
FLOOR = 0.3  # of the quota, for the loads, whatever the rest of the process takes
ALONE = 0.9  # share of a core from which nobody else counts
SPARE = 1.25  # times what the channels need, before jobs get anything
LEAST = 0.002  # cores: a pace of nothing could never be measured


def visible(pressure: Pressure, other: float) -> float:
    """Cores for all loads, as far as limits tell; `other`: what the process uses beside them."""
    cores = max(float(pressure.cores), LEAST)
    if pressure.bound == float("inf"):
        return max(cores - max(other, 0.0), cores * FLOOR)
    return max(pressure.bound * PACE - max(other, 0.0), pressure.bound * FLOOR, LEAST)


def core(share: float | None) -> float:
    """Of one core, what one thread may get, by the share it got at work."""
    return share if share is not None and share < ALONE else 1.0


def paces(loads: Sequence[LoadView], pressure: Pressure, other: float) -> dict[str, float | None]:
    """Cores that each load may use; None: no bound. Channels share by what they need, so that all catch up alike; jobs
    get what is left over."""
    if pressure.bound == float("inf"):
        return {load.name: None for load in loads}
    total = visible(pressure, other)
    needs = {kind: _needs(sane(loads), kind) for kind in ("channel", "job")}
    left = max(total - SPARE * sum(needs["channel"].values()), LEAST)
    return {
        **_idle(loads, total),
        **_split(needs["channel"], total),
        **_split(needs["job"], left),
    }


def _needs(loads: Sequence[LoadView], kind: str) -> dict[str, float]:
    return {load.name: max(load.cost, LEAST) for load in loads if load.kind == kind and load.running}


def _idle(loads: Sequence[LoadView], total: float) -> Mapping[str, float | None]:
    """What does not run yet will soon: it must not begin unbounded."""
    return {load.name: total for load in loads}


def _split(needs: Mapping[str, float], total: float) -> dict[str, float | None]:
    whole = sum(needs.values())
    return {name: total * need / whole for name, need in needs.items()}
