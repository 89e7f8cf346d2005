"""What the governor looks at and what it answers: plain values, made anew for every sample."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec.structs import replace

Reason = Literal["lag", "quota", "throttled", "steal", "room"]
REASONS: tuple[Reason, ...] = ("lag", "quota", "throttled", "steal", "room")
MOST = 1e6  # of anything: beyond it a number is a mistake


class Rung(msgspec.Struct, frozen=True):
    """One step of a quality ladder. `cost`: processor seconds a media second, as far as is known now; `seen`: it was
    measured on this load, not guessed from other rungs."""

    name: str
    cost: float
    seen: bool = True


class LoadView(msgspec.Struct, frozen=True):
    """One load at one moment. To wait for the processor, or for the pace that it was given, is to work: `behind`,
    `speed` and `share` count such time. `effort.Gauge` makes them from a meter."""

    name: str
    kind: Literal["channel", "job"]
    rungs: tuple[Rung, ...]  # best first; allowed and possible now
    rung: int  # index of the one in force
    running: bool  # brings media now: what is off or away is left as it is
    behind: float = 0.0  # seconds since it last waited for its source; 0: it waits, it has caught up
    speed: float | None = None  # media seconds a wall second of that time, at most the last second of it
    share: float | None = None  # processor seconds a wall second at work; 0.5: half of a core is somebody else's
    used: float | None = None  # cores, the last second

    @property
    def cost(self) -> float:
        """Cores that it needs on the rung in force."""
        return self.rungs[self.rung].cost


class Pressure(msgspec.Struct, frozen=True):
    """The process and its host. Shares are 0 to 1; None: unknown."""

    cores: int
    quota: float | None = None  # cores; the tightest known
    used: float = 0.0  # cores, this process, the last second
    throttled: float = 0.0  # of quota periods, the last second
    steal: float | None = None  # of all processor time, the last second
    loop_lag: float = 0.0  # seconds, worst of the last second

    @property
    def bound(self) -> float:
        """Cores that the quota leaves; infinite where none is known or it is no bound."""
        return self.quota if self.quota is not None and self.quota < self.cores else float("inf")


def sane(loads: Iterable[LoadView]) -> list[LoadView]:
    """One of each name, with a rung in force (they may have disappeared since it was told) and numbers to reckon with;
    without those that have no rungs at all."""
    return list({load.name: _sane(load) for load in loads if load.rungs}.values())


def _sane(load: LoadView) -> LoadView:
    return replace(
        load,
        rungs=tuple(
            rung if 0.0 <= rung.cost <= MOST else replace(rung, cost=_number(rung.cost)) for rung in load.rungs
        ),
        rung=min(max(load.rung, 0), len(load.rungs) - 1),
        behind=_number(load.behind),
        speed=None if load.speed is None else _number(load.speed),
        share=None if load.share is None else _number(load.share),
        used=None if load.used is None else _number(load.used),
    )


def _number(value: float) -> float:
    return min(max(value, 0.0), MOST)


class Change(msgspec.Struct, frozen=True):
    """To be applied now: `load` goes from rung `was` to `rung`."""

    load: str
    rung: str
    was: str
    reason: Reason
