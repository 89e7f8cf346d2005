"""What the governor looks at and what it answers: plain values, made anew for every sample."""

from __future__ import annotations

from typing import Literal

import msgspec

Reason = Literal["lag", "quota", "throttled", "steal", "room"]
REASONS: tuple[Reason, ...] = ("lag", "quota", "throttled", "steal", "room")


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
        return max(self.rungs[self.rung].cost, 0.0)


class Pressure(msgspec.Struct, frozen=True):
    """The process and its host. Shares are 0 to 1; None: unknown."""

    cores: int
    quota: float | None = None  # cores; the tightest known
    used: float = 0.0  # cores, this process, the last second
    throttled: float = 0.0  # of quota periods, the last second
    steal: float | None = None  # of all processor time, the last second
    loop_lag: float = 0.0  # seconds, worst of the last second
    egress_spare: float | None = None  # bit/s

    @property
    def bound(self) -> float:
        """Cores that the quota leaves; infinite where none is known or it is no bound."""
        return self.quota if self.quota is not None and self.quota < self.cores else float("inf")


class Change(msgspec.Struct, frozen=True):
    """To be applied now: `load` goes from rung `was` to `rung`."""

    load: str
    rung: str
    was: str
    reason: Reason
